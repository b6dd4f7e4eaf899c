"""Split of the clips into training and evaluation, by source: two clips of one source are never on different sides.

A source is a video or file. With ``metadata.group`` it is all clips of one value, with the values that share a file.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.model_selection import train_test_split

from soundsift.arrays import Int64Array
from soundsift.detectors.metrics import can_be_judged
from soundsift.errors import TrainingError
from soundsift.metadata.sources import connected

# Random splits that are tried where the split cannot be stratified.
N_DRAWS = 100


def train_and_eval(
    table: pa.Table, detector: str, test_fraction: float | None, seed: int
) -> tuple[Int64Array, Int64Array]:
    """Return the row numbers of a features table for training and for evaluation.

    Rows whose truth is unknown (null) are in neither.

    Parameters
    ----------
    test_fraction
        Share of the videos held out for evaluation, stratified by truth. None if there is an eval list: its clips are
        the eval clips.

    Returns
    -------
    The two sides. On the second one, a class may be missing: see
    :func:`soundsift.detectors.metrics.can_be_judged`.

    Raises
    ------
    TrainingError
        If fewer than two training clips are with the class, or without it.
    """
    truth = truth_of(table, detector)
    known = np.flatnonzero(truth >= 0)
    if not len(known):
        raise TrainingError(
            f"detector {detector}: no clip has a known truth: download more clips or lower metadata.min_label_accuracy"
        )
    if test_fraction is None:
        is_eval = pc.equal(table["split"], "eval").to_numpy()
        sides = known[~is_eval[known]], known[is_eval[known]]
    else:
        sides = split_by_video(known, sources_of(table).to_pylist(), truth, test_fraction, seed)
    for value, word in ((1, "with"), (0, "without")):
        n = int((truth[sides[0]] == value).sum())
        if n < 2:
            raise TrainingError(
                f"detector {detector}: {n} clips {word} {detector} for training, at least 2 are needed: give a longer "
                f"list, see results/coverage.parquet for clips that are missing, or set detectors.{detector} to null"
            )
    return sides


def sources_of(table: pa.Table) -> pa.ChunkedArray:
    """Return the source of every row, whose clips are kept together, by the name of one of its videos.

    Without a column ``group`` it is the video. With it, clips are kept together that share a group or a video, and so
    are groups that share a video.
    """
    if "group" not in table.column_names:
        return table["video_id"]
    source = connected(table["video_id"].combine_chunks(), table["group"].combine_chunks())
    _, first = np.unique(source, return_index=True)
    return table["video_id"].take(pa.array(first)).take(pa.array(source))


def truth_of(table: pa.Table, detector: str) -> Int64Array:
    """Return the truth of every row: 1 (present), 0 (absent) or -1 (unknown), shape (n_rows,)."""
    truth: Int64Array = pc.fill_null(pc.cast(table[f"is_{detector}"], pa.int64()), -1).to_numpy()
    return truth


def split_by_video(
    rows: Int64Array, video_ids: list[str], truth: Int64Array, test_fraction: float, seed: int
) -> tuple[Int64Array, Int64Array]:
    """Split rows by video, stratified by whether any clip of the video is positive.

    In a few long recordings, all videos may have positive clips. Then the split is the first of several random ones
    whose sides both have clips enough to judge a detector.

    Parameters
    ----------
    rows
        Row numbers, shape (n,).
    video_ids, truth
        Of every row of the table, indexed by ``rows``.
    test_fraction
        Share of the videos on the second side, 0 to 1; at least one video.

    Returns
    -------
    The two sides. The second is empty if no such split was found.
    """
    videos, video_of = np.unique([video_ids[row] for row in rows], return_inverse=True)
    n_with = np.bincount(video_of, weights=truth[rows]).astype(np.int64)
    n_test = round(len(videos) * test_fraction)
    if min((n_with > 0).sum(), (n_with == 0).sum()) >= 2 and 2 <= n_test <= len(videos) - 2:
        _, test = train_test_split(np.arange(len(videos)), test_size=n_test, stratify=n_with > 0, random_state=seed)
    else:
        n_clips = np.bincount(video_of)
        test = _random_videos(n_clips, n_with, min(max(n_test, 1), len(videos) - 1), seed)
    is_test = np.isin(video_of, test)
    return rows[~is_test], rows[is_test]


def _random_videos(n_clips: Int64Array, n_with: Int64Array, n_test: int, seed: int) -> Int64Array:
    """Choose videos so that both sides have clips enough with and without the class; none if no draw gives that."""
    rng = np.random.default_rng(seed)
    for _ in range(N_DRAWS):
        test = rng.permutation(len(n_clips))[:n_test]
        sides = (
            (n_clips[test].sum(), n_with[test].sum()),
            (np.delete(n_clips, test).sum(), np.delete(n_with, test).sum()),
        )
        if all(can_be_judged(int(n), int(n_positive)) for n, n_positive in sides):
            return test
    return np.zeros(0, np.int64)
