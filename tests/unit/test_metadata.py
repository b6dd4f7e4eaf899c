import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundsift import metadata
from soundsift.errors import ConfigError, InputError
from soundsift.metadata import Classes

OFFICIAL = """# Segments csv created Sun Mar  5 10:54:31 2017
# num_ytids=3, num_segs=3
# YTID, start_seconds, end_seconds, positive_labels
--PJHxphWEs, 30.000, 40.000, "/m/speech,/m/child"
-0abcdefghi, 0.000, 9.500, "/m/dog"
zzzzzzzzzzz, 5.000, 15.000, "/m/rock"
"""
MIRROR = """# YTID, start_seconds, end_seconds, positive_labels
--PJHxphWEs,30,40,"/m/speech,/m/child"
-0abcdefghi,0,9.5,/m/dog
zzzzzzzzzzz,5,15,/m/rock
"""
CHILDREN = {"/m/speech": ["/m/child"], "/m/music": ["/m/rock"]}


def classes(accurate: dict[str, bool] | None = None) -> Classes:
    ids = ["/m/speech", "/m/child", "/m/music", "/m/rock", "/m/dog"]
    good = np.array([(accurate or {}).get(i, True) for i in ids])
    return Classes(
        ids,
        ["Speech", "Child speech, kid speaking", "Music", "Rock", "Dog"],
        np.full(5, 10),
        np.where(good, 1.0, 0.5),
        good,
    )


def select(text: str, tmp_path: Path, known: Classes | None = None, **kwargs) -> pa.Table:
    path = tmp_path / "list.csv"
    path.write_text(text)
    known = known or classes()
    members = metadata.detector_members({"music": ["Music"], "speech": ["/m/speech"]}, known, CHILDREN)
    return metadata.select_clips({"train": metadata.read_segments(path)}, known, members, **{"batch_size": 2, **kwargs})


def test_both_published_forms_of_a_list_read_alike(tmp_path: Path) -> None:
    official = select(OFFICIAL, tmp_path)
    assert official.equals(select(MIRROR, tmp_path))
    assert official["clip_id"].to_pylist() == ["--PJHxphWEs_30000", "-0abcdefghi_0", "zzzzzzzzzzz_5000"]
    assert official["end_seconds"].to_pylist() == [40.0, 9.5, 15.0]
    assert official["labels"].to_pylist()[0] == ["Speech", "Child speech, kid speaking"]


def test_a_descendant_counts_as_the_class(tmp_path: Path) -> None:
    clips = select(OFFICIAL, tmp_path)
    assert clips["is_music"].to_pylist() == [False, False, True]
    assert clips["is_speech"].to_pylist() == [True, False, False]


def test_truth_is_unknown_where_the_only_evidence_is_below_the_bar(tmp_path: Path) -> None:
    text = 'aaaaaaaaaaa,0,10,"/m/rock,/m/dog"\nbbbbbbbbbbb,0,10,/m/dog\nccccccccccc,0,10,"/m/rock,/m/music"\n'
    clips = select(text, tmp_path, classes({"/m/rock": False}))
    assert clips["is_music"].to_pylist() == [None, False, True]
    assert clips["labels"].to_pylist() == [["Dog"], ["Dog"], ["Music"]]


def test_a_row_without_an_accurate_label_is_dropped_and_moves_no_other_row_to_another_batch(tmp_path: Path) -> None:
    rows = [f"{i:011d},0,10,{'/m/rock' if i == 1 else '/m/dog'}" for i in range(5)]
    clips = select("\n".join(rows), tmp_path, classes({"/m/rock": False}))
    assert clips["batch"].to_pylist() == ["train-00000", "train-00001", "train-00001", "train-00002"]


def test_max_clips_takes_the_first_rows(tmp_path: Path) -> None:
    assert select(OFFICIAL, tmp_path, max_clips=2).num_rows == 2


def test_a_clip_that_teaches_and_tests_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(OFFICIAL)
    segments = metadata.read_segments(tmp_path / "a.csv")
    members = metadata.detector_members({"music": ["Music"]}, classes(), CHILDREN)
    with pytest.raises(InputError, match="--PJHxphWEs_30000"):
        metadata.select_clips({"train": segments, "eval": segments}, classes(), members, 10)


def test_a_test_video_does_not_teach(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("aaaaaaaaaaa,0,10,/m/dog\nbbbbbbbbbbb,0,10,/m/dog\n")
    (tmp_path / "eval.csv").write_text("aaaaaaaaaaa,50,60,/m/dog\n")
    lists = {name: metadata.read_segments(tmp_path / f"{name}.csv") for name in ("train", "eval")}
    clips = metadata.select_clips(lists, classes(), {}, 10)
    assert clips["clip_id"].to_pylist() == ["bbbbbbbbbbb_0", "aaaaaaaaaaa_50000"]
    assert clips["split"].to_pylist() == ["train", "eval"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("aaaaaaaaaaa,0,10\n", "line 1: a segment is written as"),
        ("# a list\naaaaaaaaaaa,0,10,/m/dog\naaaa,0,10,/m/dog\n", "line 3: a segment is written as"),
        ("aaaaaaaaaaa,-1,10,/m/dog\n", "line 1: a segment is written as"),
        ("aaaaaaaaaaa,0,10,/m/dog\nbbbbbbbbbbb,20,10,/m/dog\n", "line 2: the end must lie after the start"),
        ("# nothing\n", "has no segment in it"),
        ("<!doctype html>\n<title>Sign in</title>\n", "line 1: a segment is written as"),
        ("aaaaaaaaaaa,0,10,/m/unheard\n", "uses the label '/m/unheard'"),
    ],
)
def test_a_bad_list_is_refused_in_one_line(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        select(text, tmp_path)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_or_binary_list_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        metadata.read_segments(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="no text file"):
        metadata.read_segments(tmp_path / "binary.csv")


def test_a_detector_of_an_unknown_class_is_refused() -> None:
    with pytest.raises(ConfigError, match="detectors.dog names 'Musik'.* set it in config.yaml to Music$"):
        metadata.detector_members({"dog": ["Musik"]}, classes(), CHILDREN)


def test_accuracy_comes_from_the_listeners_and_unrated_classes_follow_the_setting(tmp_path: Path) -> None:
    (tmp_path / "classes.csv").write_text('index,mid,display_name\n0,/m/a,"A, one"\n1,/m/b,B\n2,/m/c,C\n')
    (tmp_path / "quality.csv").write_text("label_id,num_rated,num_true\n/m/a,10,8\n/m/b,10,7\n/m/c,0,0\n")
    for keep, expected in ((True, [True, False, True]), (False, [True, False, False])):
        found = metadata.read_classes(tmp_path / "classes.csv", tmp_path / "quality.csv", 0.8, keep)
        assert found.accurate.tolist() == expected
    assert found.names[0] == "A, one"
    assert found.accuracy[:2].tolist() == [0.8, 0.7]
    assert np.isnan(found.accuracy[2])


@pytest.mark.skipif("SOUNDSIFT_AUDIOSET" not in os.environ, reason="SOUNDSIFT_AUDIOSET names no folder")
def test_the_balanced_list_agrees_with_an_independent_count(audioset: Path) -> None:
    from soundsift.ontology import read_ontology

    known = metadata.read_classes(audioset / "class_labels_indices.csv", audioset / "qa_true_counts.csv", 0.8, True)
    children = read_ontology(audioset / "ontology.json")
    members = metadata.detector_members({"music": ["Music"], "speech": ["Speech"]}, known, children)
    rows = metadata.read_segments(audioset / "balanced_train_segments.csv")
    assert rows.num_rows == 22_160
    all_kept = metadata.read_classes(audioset / "class_labels_indices.csv", None, 0.8, True)
    everything = metadata.select_clips({"train": rows}, all_kept, members, 100)
    assert sum(everything["is_music"].to_pylist()) == 8_836
    assert sum(everything["is_speech"].to_pylist()) == 5_842
    assert metadata.select_clips({"train": rows}, known, members, 100).num_rows == 18_117
    strict = metadata.read_classes(audioset / "class_labels_indices.csv", audioset / "qa_true_counts.csv", 0.8, False)
    assert metadata.select_clips({"train": rows}, strict, members, 100).num_rows == 17_667
    assert metadata.read_segments(audioset / "eval_segments.csv").num_rows == 20_371
