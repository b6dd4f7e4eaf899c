import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundsift.config.metadata import LayoutParams, SelectionParams
from soundsift.errors import ConfigError, InputError
from soundsift.metadata import clip_checks, columns, selection
from soundsift.metadata.classes import Classes, detector_members, read_classes
from soundsift.metadata.lists import read_lists, read_segments
from soundsift.metadata.ontology import NO_ONTOLOGY, Ontology, read_ontology
from soundsift.metadata.reasons import REASONS

IDS = ["/m/speech", "/m/child", "/m/robot", "/m/music", "/m/rock", "/m/dog"]
NAMES = ["Speech", "Child speech, kid speaking", "Speech synthesizer", "Music", "Rock", "Dog"]
ONTOLOGY = Ontology(
    Path("ontology.json"),
    dict(zip(IDS, NAMES, strict=True)),
    {**{key: [] for key in IDS}, "/m/speech": ["/m/child", "/m/robot"], "/m/music": ["/m/rock"]},
    {},
)
BOTH = {"music": {"classes": ["Music"]}, "speech": {"classes": ["/m/speech"]}}

# no row was left out
NONE = pa.chunked_array([[]], pa.string())


def classes(inaccurate: tuple[str, ...] = ()) -> Classes:
    good = np.array([i not in inaccurate for i in IDS])
    return Classes(IDS, NAMES, np.full(6, 10), np.where(good, 1.0, 0.5), good, [""] * 6)


def select(
    folder: Path,
    *,
    inaccurate: tuple[str, ...] = (),
    detectors: dict | None = None,
    batch_size: int = 2,
    choice: SelectionParams = selection.ALL_CLIPS,
    **texts: str,
) -> tuple[pa.Table, pa.Table]:
    known = classes(inaccurate)
    lists = {}
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
        lists[name] = read_segments(folder / f"{name}.csv", known)
    members = detector_members(BOTH if detectors is None else detectors, known, ONTOLOGY)
    return selection.select_clips(lists, known, members, batch_size, choice)


def reasons(excluded: pa.Table) -> list[tuple[str, str, int, str]]:
    return [tuple(row.values()) for row in excluded.to_pylist()]


def test_a_clip_has_its_segment_its_batch_and_its_labels(tmp_path: Path) -> None:
    clips, excluded = select(tmp_path, train='--PJHxphWEs, 30.000, 40.000, "/m/speech,/m/child"\n')
    assert clips.to_pylist() == [
        {
            "clip_id": "--PJHxphWEs_30000", "video_id": "--PJHxphWEs", "start_seconds": 30.0, "end_seconds": 40.0,
            "split": "train", "batch": "train-00000", "labels": ["Speech", "Child speech, kid speaking"],
            "label_ids": ["/m/speech", "/m/child"], "is_music": False, "is_speech": True,
        }
    ]  # fmt: skip
    assert excluded.num_rows == 0
    declared = (*columns.CLIP_COLUMNS, *columns.truth_columns(["music", "speech"]))
    assert [(c.name, c.type) for c in declared] == [(field.name, field.type) for field in clips.schema]
    assert [(c.name, c.type) for c in columns.EXCLUDED_COLUMNS] == [(f.name, f.type) for f in excluded.schema]


def test_a_descendant_counts_as_the_class(tmp_path: Path) -> None:
    clips, _ = select(tmp_path, train="aaaaaaaaaaa,0,10,/m/rock\nbbbbbbbbbbb,0,10,/m/dog\n")
    assert clips["is_music"].to_pylist() == [True, False]
    assert clips["is_speech"].to_pylist() == [False, False]


def test_truth_is_unknown_if_the_only_evidence_is_below_the_accuracy_limit(tmp_path: Path) -> None:
    text = 'aaaaaaaaaaa,0,10,"/m/rock,/m/dog"\nbbbbbbbbbbb,0,10,/m/dog\nccccccccccc,0,10,"/m/rock,/m/music"\n'
    clips, _ = select(tmp_path, train=text, inaccurate=("/m/rock",))
    assert clips["is_music"].to_pylist() == [None, False, True]
    assert clips["labels"].to_pylist() == [["Dog"], ["Dog"], ["Music"]]


def test_an_excepted_class_is_no_evidence_and_neither_is_a_label_above_it_on_the_same_row(tmp_path: Path) -> None:
    rows = ["/m/robot", '"/m/robot,/m/speech"', '"/m/robot,/m/child"', "/m/speech", "/m/dog"]
    text = "".join(f"{i:011d},0,10,{labels}\n" for i, labels in enumerate(rows))
    wanted = {"speech": {"classes": ["Speech"], "except": ["Speech synthesizer"]}}
    clips, _ = select(tmp_path, train=text, detectors=wanted)
    assert clips["is_speech"].to_pylist() == [False, None, True, True, False]


def test_a_row_without_an_accurate_label_is_excluded_and_the_batches_of_other_rows_stay(tmp_path: Path) -> None:
    rows = [f"{i:011d},0,10,{'/m/rock' if i == 1 else '/m/dog'}" for i in range(5)]
    clips, excluded = select(tmp_path, train="# list\n" + "\n".join(rows), inaccurate=("/m/rock",))
    assert clips["batch"].to_pylist() == ["train-00000", "train-00001", "train-00001", "train-00002"]
    assert reasons(excluded) == [("00000000001_0", "train", 3, "inaccurate")]


def test_max_clips_takes_the_first_rows_of_each_list(tmp_path: Path) -> None:
    text = "".join(f"{i:011d},0,10,/m/dog\n" for i in range(3))
    clips, excluded = select(
        tmp_path, train=text, more=text.replace("0000000", "1000000"), choice=SelectionParams(max_clips=2)
    )
    assert clips["batch"].to_pylist() == ["train-00000"] * 2 + ["more-00000"] * 2
    assert {row[3] for row in reasons(excluded)} == {"beyond_max_clips"}


def test_a_repeated_clip_is_one_clip_with_the_labels_of_all_its_rows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = 'aaaaaaaaaaa,0,10,/m/dog\nbbbbbbbbbbb,0,10,/m/dog\naaaaaaaaaaa,0.0,10,"/m/rock,/m/dog"\n'
    clips, excluded = select(tmp_path, train=text, more="bbbbbbbbbbb,0,10,/m/speech\n")
    assert clips["labels"].to_pylist() == [["Dog", "Rock"], ["Dog", "Speech"]]
    assert clips["is_music"].to_pylist() == [True, False]
    assert reasons(excluded) == [("aaaaaaaaaaa_0", "train", 3, "repeated"), ("bbbbbbbbbbb_0", "more", 1, "repeated")]
    assert "2 rows repeat a clip (aaaaaaaaaaa_0, bbbbbbbbbbb_0); their labels were added" in caplog.text


def test_rows_of_one_clip_with_different_ends_are_refused_in_one_list_and_merged_between_lists(tmp_path: Path) -> None:
    short, long = "aaaaaaaaaaa,0,5,/m/dog\n", "aaaaaaaaaaa,0,300,/m/rock\n"
    with pytest.raises(InputError, match="the list train, line 2: aaaaaaaaaaa_0 is in an earlier row with another end"):
        select(tmp_path, train=short + long)
    clips, _ = select(tmp_path, train=short, strong=long)
    assert clips["end_seconds"].to_pylist() == [5.0]


def test_segments_of_one_video_are_separate_clips_but_videos_of_the_eval_list_are_not_trained_on(
    tmp_path: Path,
) -> None:
    train = "aaaaaaaaaaa,0,10,/m/dog\nbbbbbbbbbbb,0,10,/m/dog\nbbbbbbbbbbb,10,20,/m/dog\n"
    clips, excluded = select(tmp_path, train=train, eval="aaaaaaaaaaa,50,60,/m/dog\n")
    assert clips["clip_id"].to_pylist() == ["bbbbbbbbbbb_0", "bbbbbbbbbbb_10000", "aaaaaaaaaaa_50000"]
    assert clips["split"].to_pylist() == ["train", "train", "eval"]
    assert reasons(excluded) == [("aaaaaaaaaaa_0", "train", 1, "eval_video")]


def test_a_clip_in_the_training_and_the_eval_list_is_refused_by_its_id(tmp_path: Path) -> None:
    text = "".join(f"{i:011d},0,10,/m/dog\n" for i in range(4))
    for lists in ({"train": text, "eval": text}, {"eval": text, "train": text}):
        with pytest.raises(InputError, match=r"^4 clips .*\(00000000000_0, 00000000001_0, 00000000002_0, ...\)"):
            select(tmp_path, **lists)


def test_lists_without_a_selected_row_are_refused_with_the_most_frequent_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no label of the row passes metadata.min_label_accuracy"):
        select(tmp_path, train="aaaaaaaaaaa,0,10,/m/rock\n", inaccurate=("/m/rock",))


def many(n: int, first: int = 0) -> str:
    labels = ["/m/rock", "/m/dog", '"/m/speech,/m/music"', "/m/child", "/m/robot"]
    return "".join(f"{i:011d},0,10,{labels[(i * 7919) % 13 % 5]}\n" for i in range(first, first + n))


def chosen(folder: Path, n: int, each: int, seed: int = 0) -> pa.Table:
    return select(folder, train=many(n), choice=SelectionParams(per_detector=each, seed=seed))[0]


def test_a_balanced_choice_has_as_many_with_and_without_each_class(tmp_path: Path) -> None:
    clips, excluded = select(tmp_path, train=many(2000), choice=SelectionParams(per_detector=50))
    for detector in ("music", "speech"):
        assert min(clips[f"is_{detector}"].to_pylist().count(side) for side in (True, False)) >= 50
    assert clips.num_rows <= 200
    assert clips.num_rows + excluded.num_rows == 2000
    one, _ = select(
        tmp_path, train=many(2000), detectors={"it": {"classes": ["Music"]}}, choice=SelectionParams(per_detector=50)
    )
    assert [one["is_it"].to_pylist().count(side) for side in (True, False)] == [50, 50]


def test_a_balanced_choice_depends_on_ids_and_seed_and_not_on_the_order_of_rows(tmp_path: Path) -> None:
    first = set(chosen(tmp_path, 500, 20)["clip_id"].to_pylist())
    rows = many(500).splitlines(keepends=True)
    turned, _ = select(tmp_path, train="".join(rows[::-1]), choice=SelectionParams(per_detector=20))
    assert set(turned["clip_id"].to_pylist()) == first
    assert set(chosen(tmp_path, 500, 20, seed=1)["clip_id"].to_pylist()) != first


def test_rows_appended_after_the_first_ten_thousand_do_not_change_the_choice(tmp_path: Path) -> None:
    before = chosen(tmp_path, selection.CHOICE_ROWS, 100)
    after = chosen(tmp_path, selection.CHOICE_ROWS + 3000, 100)
    assert before.equals(after)


def test_a_choice_takes_every_clip_if_there_are_fewer_than_wanted(tmp_path: Path) -> None:
    clips, _ = select(tmp_path, train=many(40), choice=SelectionParams(per_detector=1000))
    assert clips.num_rows == 40


def test_a_detector_with_only_positive_or_only_negative_training_clips_is_refused(tmp_path: Path) -> None:
    train = "aaaaaaaaaaa,0,10,/m/dog\nbbbbbbbbbbb,10,20,/m/dog\n"
    clips, excluded = select(tmp_path, train=train, eval="bbbbbbbbbbb,0,10,/m/music\n")
    clips = clips.append_column("is_noise", pa.nulls(clips.num_rows, pa.bool_()))
    with pytest.raises(ConfigError) as error:
        clip_checks.check_trainable(clips, excluded["reason"], ["music", "speech", "noise"])
    assert str(error.value).startswith(
        "detectors.music (0 with it, 1 without, 0 unknown), detectors.speech (0 with it, 1 without, 0 unknown), "
        "detectors.noise (0 with it, 0 without, 1 unknown) cannot be trained: of the 1 training clips (1 more share a file or "
        "group with the test data) at least 2 must have the class and 2 must not"
    )


@pytest.mark.parametrize(("n_dogs", "n_others", "warned"), [(2, 2, False), (1, 2, True), (3, 1, True), (0, 0, False)])
def test_a_detector_that_cannot_be_evaluated_is_warned_of(
    n_dogs: int, n_others: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    truths = [True, True, False, False, *[True] * n_dogs, *[False] * n_others, None]
    splits = ["train"] * 4 + ["eval"] * (n_dogs + n_others) + ["train"]
    clip_checks.check_trainable(pa.table({"split": splits, "is_dog": truths}), NONE, ["dog"])
    message = f"detectors.dog ({n_dogs} with it, {n_others} without, 0 unknown) will be trained, but not judged: of the"
    assert [record.getMessage().startswith(message) for record in caplog.records] == [True] * warned


def test_two_clips_of_one_trimmed_file_are_refused() -> None:
    ids = ["aaaaaaaaaaa_0", "bbbbbbbbbbb_0", "bbbbbbbbbbb_10000"]
    clips = pa.table({"clip_id": ids, "video_id": [i[:11] for i in ids]})
    clip_checks.check_one_clip_a_video(clips.slice(0, 2))
    with pytest.raises(
        InputError, match=r"bbbbbbbbbbb_0 and bbbbbbbbbbb_10000 would be read from the same file: put \{clip_id\} or"
    ):
        clip_checks.check_one_clip_a_video(clips)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.sets(st.sampled_from(IDS), min_size=1)), min_size=1),
    st.sets(st.sampled_from(IDS)),
    st.sampled_from([SelectionParams(), SelectionParams(max_clips=3), SelectionParams(per_detector=2)]),
    st.integers(1, 4),
)
def test_every_row_is_selected_or_excluded_for_a_reason(tmp_path: Path, rows, bad, choice, batch_size) -> None:
    text = "".join(f'{video:011d},{start},{start + 9},"{",".join(sorted(ids))}"\n' for video, start, ids in rows)
    try:
        clips, excluded = select(
            tmp_path, train=text, eval="zzzzzzzzzzz,0,10,/m/dog\n00000000006,50,60,/m/dog\n",
            inaccurate=tuple(bad), choice=choice, batch_size=batch_size,
        )  # fmt: skip
    except InputError as error:
        assert "no row of the lists was selected" in str(error)
        return
    assert clips.num_rows + excluded.num_rows == len(rows) + 2
    ids = clips["clip_id"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert set(excluded["reason"].to_pylist()) < set(REASONS) - {"kept"} or not excluded.num_rows
    by_split = {
        s: {v for v, x in zip(clips["video_id"].to_pylist(), clips["split"].to_pylist(), strict=True) if x == s}
        for s in ("train", "eval")
    }
    assert not by_split["train"] & by_split["eval"]
    labels_of = {}
    for video, start, labels in rows[: choice.max_clips or len(rows)]:
        labels_of.setdefault(f"{video:011d}_{start * 1000}", set()).update(labels)
    for row in clips.to_pylist():
        if row["split"] == "train":
            carried = labels_of[row["clip_id"]]
            assert set(row["label_ids"]) == carried - bad
            music = carried & {"/m/music", "/m/rock"}
            assert row["is_music"] == (True if music - bad else None if music else False)


@pytest.mark.skipif("SOUNDSIFT_AUDIOSET" not in os.environ, reason="SOUNDSIFT_AUDIOSET names no folder")
def test_audiosets_lists_agree_with_an_independent_count(audioset: Path) -> None:
    tables = (
        audioset / "class_labels_indices.csv",
        read_ontology(audioset / "ontology.json"),
        audioset / "qa_true_counts.csv",
    )
    known = read_classes(*tables, 0.8, True)
    assert known.accurate[:527].sum() - (known.n_rated[:527] == 0).sum() == 221
    members = detector_members({"music": {"classes": ["Music"]}, "speech": {"classes": ["Speech"]}}, known, tables[1])
    rows = {"train": read_segments(audioset / "balanced_train_segments.csv", known)}
    assert len(rows["train"]) == 22_160
    everything, _ = selection.select_clips(rows, read_classes(*tables, 0.0, True), members, 100)
    assert sum(everything["is_music"].to_pylist()) == 8_836
    assert sum(everything["is_speech"].to_pylist()) == 5_842
    assert selection.select_clips(rows, known, members, 100)[0].num_rows == 18_117
    assert selection.select_clips(rows, read_classes(*tables, 0.8, False), members, 100)[0].num_rows == 17_667
    assert len(read_segments(audioset / "eval_segments.csv", known)) == 20_371


def select_files(text: str, folder: Path, layout: LayoutParams) -> tuple[pa.Table, pa.Table]:
    (folder / "list.csv").write_text(text)
    lists, classes = read_lists({"train": folder / "list.csv"}, None, layout=layout)
    members = detector_members({"dog": {"classes": ["dog"]}}, classes, NO_ONTOLOGY)
    return selection.select_clips(lists, classes, members, 100, test_fold=layout.fold)


def test_clips_that_will_be_too_short_are_said_before_anything_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = "file,start,end,labels\na.wav,0,0.5,dog\na.wav,1,4,cat\na.wav,5,6.25,dog\nb.wav,0,5,cat\n"
    clips, _ = select_files(text, tmp_path, LayoutParams())
    clip_checks.check_trainable(clips, NONE, ["dog"], 3.0)
    assert "2 of 4 clips are shorter than clips.min_seconds (3 s) and will be left out as too_short: " in caplog.text
    assert "(the shortest clip has 0.5 s)" in caplog.text
    caplog.clear()
    clip_checks.check_trainable(clips, NONE, ["dog"], 0.5)
    assert not caplog.text


def test_clips_of_files_are_told_apart_by_start_and_end_and_show_their_file(tmp_path: Path) -> None:
    text = "file,start,end,labels\na.wav,0,2,dog\na.wav,0,3,cat\na.wav,0,3,dog\nb.wav,,,cat\n"
    clips, excluded = select_files(text, tmp_path, LayoutParams())
    assert [i.partition("_")[2] for i in clips["clip_id"].to_pylist()] == ["0-2000", "0-3000"]
    assert clips["file"].to_pylist() == [f"{tmp_path}/a.wav"] * 2
    assert clips["labels"].to_pylist() == [["dog"], ["cat", "dog"]]
    assert clips["is_dog"].to_pylist() == [True, True]
    # b.wav has no duration: nobody has read it
    assert excluded.select(["line", "reason"]).to_pylist() == [
        {"line": 4, "reason": "repeated"}, {"line": 5, "reason": "unreadable_file"},
    ]  # fmt: skip


def test_one_fold_is_held_out_and_none_of_its_groups_is_trained_on(tmp_path: Path) -> None:
    text = "file,start,end,labels,fold,speaker\n" + "".join(
        f"{i}.wav,0,5,{'dog' if i % 2 else 'cat'},{i % 3 + 1},{'S' if i in (0, 1) else i}\n" for i in range(9)
    )
    clips, excluded = select_files(text, tmp_path, LayoutParams(fold="1", group="speaker"))
    split = dict(zip((Path(f).stem for f in clips["file"].to_pylist()), clips["split"].to_pylist(), strict=True))
    assert split == {**dict.fromkeys("036", "eval"), **dict.fromkeys("24578", "train")}
    assert excluded["reason"].to_pylist() == ["eval_video"], "file 1 has the speaker of file 0"
    assert set(clips["batch"].to_pylist()) == {"train-00000"}, "another fold downloads nothing again"
    with pytest.raises(
        ConfigError, match="is '9', but no row of the lists has it in its column fold: set one of 1, 2, 3"
    ):
        select_files(text, tmp_path, LayoutParams(fold="9"))
    with pytest.raises(ConfigError, match="is '9', .*: the lists have no such column"):
        select_files(text.replace("fold", "part"), tmp_path, LayoutParams(fold="9"))
    with pytest.raises(
        InputError, match=r"1 clips are in the test fold and in the training data \(0-.*: give all rows"
    ):
        select_files(f"{text}0.wav,0,5,dog,2,S\n", tmp_path, LayoutParams(fold="1"))


def test_ends_that_programs_write_differently_are_one_clip(tmp_path: Path) -> None:
    text = "file,start,end,labels\na.wav,0,0.3,dog\na.wav,0,0.30000000000000004,cat\nb.wav,0,5,cat\n"
    clips, _ = select_files(text, tmp_path, LayoutParams())
    assert clips["labels"].to_pylist() == [["dog", "cat"], ["cat"]]


def test_no_group_that_shares_a_file_with_the_test_data_is_trained_on(tmp_path: Path) -> None:
    text = "file,start,end,labels,fold,speaker\n" + "".join(
        f"{file}.wav,{start},{start + 10},{label},{fold},{speaker}\n"
        for file, start, label, fold, speaker in (
            ("anna", 0, "dog", 1, "anna"), ("other", 0, "cat", 1, "carl"), ("talk", 0, "dog", 2, "anna"),
            ("talk", 10, "cat", 2, "ben"), ("ben", 0, "dog", 2, "ben"), ("dora", 0, "dog", 2, "dora"),
            ("emil", 0, "cat", 2, "emil"),
        )
    )  # fmt: skip
    clips, excluded = select_files(text, tmp_path, LayoutParams(fold="1", group="speaker"))
    assert sorted(Path(file).stem for file in clips["file"].to_pylist()) == ["anna", "dora", "emil", "other"]
    assert excluded["reason"].to_pylist() == ["eval_video"] * 3


@pytest.mark.parametrize("fold_of_talk", [1, 2])
def test_a_clip_with_two_groups_keeps_both_groups_together(fold_of_talk: int, tmp_path: Path) -> None:
    text = "file,start,end,labels,fold,speaker\n" + "".join(
        f"{file}.wav,0,10,{label},{fold},{speaker}\n"
        for file, label, fold, speaker in (
            ("talk", "dog", fold_of_talk, "anna"), ("talk", "cat", fold_of_talk, "ben"),
            ("ben", "dog", 3 - fold_of_talk, "ben"), ("dora", "dog", 2, "dora"), ("emil", "cat", 1, "emil"),
            ("dora", "cat", 2, ""),
        )
    )  # fmt: skip
    clips, excluded = select_files(text, tmp_path, LayoutParams(fold="1", group="speaker"))
    left = {"talk", "dora", "emil"} if fold_of_talk == 1 else {"ben", "dora", "emil"}
    assert {Path(file).stem for file in clips["file"].to_pylist()} == left
    assert sorted(excluded["reason"].to_pylist()) == ["eval_video", "repeated", "repeated"]
    groups = dict(zip((Path(file).stem for file in clips["file"].to_pylist()), clips["group"].to_pylist(), strict=True))
    # also for a split of the training list
    assert groups == {next(iter(left - {"dora", "emil"})): "anna + ben", "dora": "dora", "emil": "emil"}


def test_rows_without_a_group_are_groups_of_their_own(tmp_path: Path) -> None:
    text = "file,start,end,labels,speaker\na.wav,0,5,dog,\nb.wav,0,5,cat,\nc.wav,0,5,cat,S\na.wav,5,9,dog,\n"
    clips, _ = select_files(text, tmp_path, LayoutParams(group="speaker"))
    groups = clips["group"].to_pylist()
    assert groups[2] == "S" and groups[0] == groups[3]
    assert len(set(groups)) == 3


def test_a_group_is_the_same_in_both_ways_to_write_an_accent(tmp_path: Path) -> None:
    names = ("Zo\u00eb", "Zoe\u0308")
    rows = [f"{n}.wav,0,5,{('dog', 'cat')[n % 2]},{names[n // 2]}" for n in range(4)]
    clips, _ = select_files(
        "\n".join(["file,start,end,labels,speaker", *rows]), tmp_path, LayoutParams(group="speaker")
    )
    assert clips["group"].to_pylist() == ["Zo\u00eb"] * 4
