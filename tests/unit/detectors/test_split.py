from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from soundsift.detectors.split import sources_of, split_by_video, train_and_eval, truth_of
from soundsift.detectors.training import class_weights, draw_epoch
from soundsift.errors import TrainingError


def table(videos: Sequence[str], truth: Sequence[bool | None], split: Sequence[str] | None = None) -> pa.Table:
    return pa.table(
        {
            "video_id": pa.array(videos, pa.string()),
            "split": pa.array(split or ["train"] * len(videos), pa.string()),
            "is_music": pa.array(truth, pa.bool_()),
        }
    )


def many(seed: int, n_videos: int = 40) -> pa.Table:
    """One to four clips of each video, a third of them unknown."""
    rng = np.random.default_rng(seed)
    videos = rng.permutation(np.repeat(np.arange(n_videos), rng.integers(1, 5, size=n_videos)))
    return table([f"video{i:06d}" for i in videos], rng.choice([True, False, None], size=len(videos)).tolist())


@pytest.mark.parametrize("seed", range(10))
def test_no_video_is_in_training_and_evaluation(seed: int) -> None:
    clips = many(seed)
    train, test = train_and_eval(clips, "music", 0.25, seed)
    videos = np.array(clips["video_id"].to_pylist())
    assert not set(videos[train]) & set(videos[test])
    assert len(set(videos[test])) == pytest.approx(0.25 * len(set(videos[train]) | set(videos[test])), abs=0.51)


@pytest.mark.parametrize("seed", range(3))
def test_each_clip_of_known_truth_is_on_one_side_and_no_other_is(seed: int) -> None:
    clips = many(seed)
    train, test = train_and_eval(clips, "music", 0.25, seed)
    known = [i for i, truth in enumerate(clips["is_music"].to_pylist()) if truth is not None]
    assert sorted([*train, *test]) == known


def test_truth_is_one_zero_or_unknown() -> None:
    assert truth_of(table("abc", [True, None, False]), "music").tolist() == [1, -1, 0]


def test_the_eval_list_is_used_for_evaluation_where_there_is_one() -> None:
    split = ["train", "eval"] * 5
    truth = [True, True, False, False, None, None, True, True, False, False]
    train, test = train_and_eval(table([f"video{i}" for i in range(10)], truth, split), "music", None, 1)
    assert train.tolist() == [0, 2, 6, 8]
    assert test.tolist() == [1, 3, 7, 9]


def test_both_sides_hold_positives_in_the_same_proportion() -> None:
    train, test = train_and_eval(table([f"v{i}" for i in range(100)], [i < 20 for i in range(100)]), "music", 0.25, 7)
    assert (len(train), len(test)) == (75, 25)
    assert (int((train < 20).sum()), int((test < 20).sum())) == (15, 5)


def test_the_same_seed_gives_the_same_sides_and_another_seed_others() -> None:
    clips = many(1)
    first, again, other = (train_and_eval(clips, "music", 0.25, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_an_eval_list_of_which_nothing_is_there_is_not_replaced_by_training_clips() -> None:
    clips = table([f"video{i}" for i in range(20)], [True, False] * 10, ["train"] * 20)
    train, held_out = train_and_eval(clips, "music", None, 1)
    assert (len(train), len(held_out)) == (20, 0)


def test_a_class_without_eval_clips_keeps_no_detector_from_training() -> None:
    split = ["train"] * 4 + ["eval"] * 2
    train, held_out = train_and_eval(
        table([f"v{i}" for i in range(6)], [True, False] * 2 + [False] * 2, split), "music", None, 1
    )
    assert (train.tolist(), held_out.tolist()) == ([0, 1, 2, 3], [4, 5])


@pytest.mark.parametrize(
    ("truth", "split", "line"),
    [
        ([None] * 8, ["train"] * 8, "detector music: no clip has a known truth"),
        ([], [], "detector music: no clip has a known truth"),
        ([True] * 8, ["train"] * 8, "detector music: 0 clips without music for training"),
        ([False] * 8, ["train"] * 8, "detector music: 0 clips with music for training"),
        ([True] + [False] * 5, ["train"] * 3 + ["eval"] * 3, "detector music: 1 clips with music for training"),
        ([True, False] * 3, ["eval"] * 6, "0 clips with music for training"),
    ],
)
def test_too_few_training_clips_are_refused_in_one_line(truth: list[bool | None], split: list[str], line: str) -> None:
    test_fraction = None if "eval" in split else 0.2
    with pytest.raises(TrainingError) as refused:
        train_and_eval(table([f"video{i}" for i in range(len(truth))], truth, split), "music", test_fraction, 1)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_many_clips_of_one_video_cannot_be_split() -> None:
    rows = np.arange(6)
    train, test = split_by_video(rows, ["one"] * 6, np.array([1, 0, 1, 0, 1, 0]), 0.5, 1)
    assert train.tolist() == rows.tolist()
    assert test.tolist() == []


@pytest.mark.parametrize("n_files", [2, 3, 6, 20])
def test_long_recordings_that_all_have_the_class_are_split(n_files: int) -> None:
    """Each of a few recordings has clips with and without the class, so nothing can be stratified."""
    files = np.repeat([f"file{i}" for i in range(n_files)], 12).tolist()
    clips = table(files, [True, True, False] * (4 * n_files))
    train, held_out = train_and_eval(clips, "music", 0.2, 1)
    assert len(held_out) == 12 * max(1, n_files // 5)
    assert not {files[row] for row in train} & {files[row] for row in held_out}
    assert held_out.tolist() == train_and_eval(clips, "music", 0.2, 1)[1].tolist()


def test_clips_that_would_judge_nothing_stay_in_the_training() -> None:
    clips = table([f"file{i // 2}" for i in range(10)], [True, False] * 5)  # two clips a file, one with the class
    train, held_out = train_and_eval(clips, "music", 0.2, 1)
    assert (len(train), len(held_out)) == (10, 0)


def test_equal_draws_equal_numbers_and_in_the_end_every_clip() -> None:
    truth = np.array([1] * 7 + [0] * 30)
    rng = np.random.default_rng(1)
    epochs = [draw_epoch(truth, "equal", rng) for _ in range(60)]
    for drawn in epochs:
        assert (truth[drawn] == 1).sum() == (truth[drawn] == 0).sum() == 7
        assert len(set(drawn.tolist())) == 14
    assert set(np.concatenate(epochs).tolist()) == set(range(37))
    assert class_weights(truth, "equal") == {0: 1.0, 1: 1.0}


def test_weights_take_every_clip_and_let_both_classes_count_alike() -> None:
    truth = np.array([1] * 5 + [0] * 15)
    assert sorted(draw_epoch(truth, "weights", np.random.default_rng(1)).tolist()) == list(range(20))
    weights = class_weights(truth, "weights")
    assert weights[1] * 5 == weights[0] * 15 == 10


def test_none_takes_every_clip_as_it_is() -> None:
    truth = np.array([1] * 5 + [0] * 15)
    assert sorted(draw_epoch(truth, "none", np.random.default_rng(1)).tolist()) == list(range(20))
    assert class_weights(truth, "none") == {0: 1.0, 1: 1.0}


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_in_training_and_evaluation(seed: int) -> None:
    number = np.random.default_rng(seed).permutation(60)
    clips = table([f"video{i}" for i in number], [bool(i // 3 % 2) for i in number])
    groups = [f"speaker{i // 3}" for i in number]
    train, held_out = train_and_eval(clips.append_column("group", pa.array(groups)), "music", 0.25, seed)
    assert len(train) and len(held_out)
    assert not {groups[row] for row in train} & {groups[row] for row in held_out}


def test_groups_that_share_a_file_are_kept_together() -> None:
    # every file has two speakers: 0 and 1, 1 and 2, 2 and 3; 4 and 5, ...
    videos = [f"video{i // 2}" for i in range(60)]
    groups = [f"speaker{(i // 2 + i % 2) + i // 6}" for i in range(60)]
    clips = table(videos, [bool(i // 6 % 2) for i in range(60)]).append_column("group", pa.array(groups))
    assert len(set(sources_of(clips).to_pylist())) == 10
    for seed in range(5):
        train, held_out = train_and_eval(clips, "music", 0.25, seed)
        assert len(train) and len(held_out)
        for names in (videos, groups):
            assert not {names[row] for row in train} & {names[row] for row in held_out}
