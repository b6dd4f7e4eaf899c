from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from soundsift.errors import TrainingError
from soundsift.split import balance, split_by_video, train_and_eval, truth_of


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
def test_no_video_teaches_and_judges(seed: int) -> None:
    clips = many(seed)
    learn, test = train_and_eval(clips, "music", 0.25, seed)
    videos = np.array(clips["video_id"].to_pylist())
    assert not set(videos[learn]) & set(videos[test])
    assert len(set(videos[test])) == pytest.approx(0.25 * len(set(videos[learn]) | set(videos[test])), abs=0.51)


@pytest.mark.parametrize("seed", range(3))
def test_each_clip_of_known_truth_is_on_one_side_and_no_other_is(seed: int) -> None:
    clips = many(seed)
    learn, test = train_and_eval(clips, "music", 0.25, seed)
    known = [i for i, truth in enumerate(clips["is_music"].to_pylist()) if truth is not None]
    assert sorted([*learn, *test]) == known


def test_truth_is_one_zero_or_unknown() -> None:
    assert truth_of(table("abc", [True, None, False]), "music").tolist() == [1, -1, 0]


def test_the_eval_list_judges_where_there_is_one() -> None:
    split = ["train", "eval"] * 5
    truth = [True, True, False, False, None, None, True, True, False, False]
    learn, test = train_and_eval(table([f"video{i}" for i in range(10)], truth, split), "music", 0.5, 1)
    assert learn.tolist() == [0, 2, 6, 8]
    assert test.tolist() == [1, 3, 7, 9]


def test_both_sides_hold_positives_in_the_same_proportion() -> None:
    learn, test = train_and_eval(table([f"v{i}" for i in range(100)], [i < 20 for i in range(100)]), "music", 0.25, 7)
    assert (len(learn), len(test)) == (75, 25)
    assert (int((learn < 20).sum()), int((test < 20).sum())) == (15, 5)


def test_the_same_seed_gives_the_same_sides_and_another_seed_others() -> None:
    clips = many(1)
    first, again, other = (train_and_eval(clips, "music", 0.25, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("truth", "split", "line"),
    [
        ([None] * 8, ["train"] * 8, "detector music: no clip has a known truth"),
        ([], [], "detector music: no clip has a known truth"),
        ([True] * 8, ["train"] * 8, "detector music: 0 clips without music to train on"),
        ([False] * 8, ["train"] * 8, "detector music: 0 clips with music to train on"),
        ([True, False, True, False], ["train"] * 4, "detector music: 0 clips with music to judge by"),
        ([True] + [False] * 5, ["train"] * 3 + ["eval"] * 3, "detector music: 1 clips with music to train on"),
        ([True, False] * 3, ["train"] * 4 + ["eval"] * 2, "detector music: 1 clips with music to judge by"),
        ([True, False] * 2 + [None] * 2, ["train"] * 4 + ["eval"] * 2, "0 clips with music to judge by"),
        ([True, False] * 3, ["eval"] * 6, "0 clips with music to train on"),
    ],
)
def test_too_few_clips_are_refused_in_one_line(truth: list[bool | None], split: list[str], line: str) -> None:
    with pytest.raises(TrainingError) as refused:
        train_and_eval(table([f"video{i}" for i in range(len(truth))], truth, split), "music", 0.2, 1)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_many_clips_of_one_video_cannot_be_parted() -> None:
    rows = np.arange(6)
    learn, test = split_by_video(rows, ["one"] * 6, np.array([1, 0, 1, 0, 1, 0]), 0.5, 1)
    assert learn.tolist() == rows.tolist()
    assert test.tolist() == []


def test_equal_leaves_out_clips_of_the_larger_class_until_both_are_equal() -> None:
    truth = np.array([1] * 7 + [0] * 30 + [-1] * 5)
    rows, weights = balance(np.arange(37), truth, "equal", 1)
    assert (truth[rows] == 1).sum() == (truth[rows] == 0).sum() == 7
    assert rows[:7].tolist() == list(range(7))
    assert len(set(rows.tolist())) == 14
    assert weights == {0: 1.0, 1: 1.0}
    swapped, _ = balance(np.arange(37), 1 - truth, "equal", 1)
    assert (truth[swapped] == 1).sum() == (truth[swapped] == 0).sum() == 7


def test_equal_takes_only_from_the_rows_it_is_given_and_follows_the_seed() -> None:
    truth = np.array([1, 0] * 50)
    given = np.flatnonzero(np.arange(100) % 5 > 0)[:61]
    chosen = [balance(given, truth, "equal", seed)[0].tolist() for seed in (1, 1, 2)]
    assert set(chosen[0]) <= set(given.tolist())
    assert chosen[0] == chosen[1] != chosen[2]


def test_weights_keep_every_clip_and_give_both_classes_the_same_total() -> None:
    truth = np.array([1] * 5 + [0] * 15)
    rows, weights = balance(np.arange(20), truth, "weights", 1)
    assert rows.tolist() == list(range(20))
    assert weights == {0: pytest.approx(2 / 3), 1: 2.0}
    assert 5 * weights[1] == pytest.approx(15 * weights[0])


def test_none_changes_nothing() -> None:
    rows, weights = balance(np.arange(20), np.array([1] * 5 + [0] * 15), "none", 1)
    assert rows.tolist() == list(range(20))
    assert weights == {0: 1.0, 1: 1.0}
