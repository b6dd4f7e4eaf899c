"""The examples that a detector is trained on: training clips and their augmented versions, with truth and videos."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.arrays import Float32Array, Int64Array
from soundsift.detectors.split import sources_of, train_and_eval, truth_of
from soundsift.features.inputs import matrices


@dataclass(frozen=True)
class Examples:
    """Training examples, one per row: the clips first, then their augmented versions.

    Attributes
    ----------
    x
        Inputs, shape (n, n_inputs).
    truth
        0 or 1, shape (n,).
    video
        Number of the video, shape (n,).
    partner
        Number of the video of the mixed-in clip, -1 for none, shape (n,).
    n_clips
        Number of rows that are clips themselves. Only these serve for calibration.
    """

    x: Float32Array
    truth: Int64Array
    video: Int64Array
    partner: Int64Array
    n_clips: int

    def of_videos(self, share: float, seed: int) -> "Examples":
        """Take the examples of a share of the videos, stratified by class; a larger share contains a smaller one.

        Parameters
        ----------
        share
            0 to 1; at least two videos of each class are taken.
        """
        rng = np.random.default_rng(seed)
        positive = np.bincount(self.video[: self.n_clips], weights=self.truth[: self.n_clips]) > 0
        taken = np.zeros(int(self.video.max()) + 1, dtype=bool)
        for side in (True, False):
            videos = rng.permutation(np.flatnonzero(positive == side))
            taken[videos[: max(2, round(share * len(videos)))]] = True
        rows = taken[self.video] & ((self.partner < 0) | taken[self.partner])
        return Examples(
            self.x[rows], self.truth[rows], self.video[rows], self.partner[rows], int(rows[: self.n_clips].sum())
        )


def read_split_columns(path: Path, detector: str) -> pa.Table:
    """Read the columns of a features table by which clips are split into training and evaluation."""
    columns = ["clip_id", "video_id", "group", "split", f"is_{detector}"]
    there = pq.read_schema(path).names
    return pq.read_table(path, columns=[name for name in columns if name in there], partitioning=None)


def read_examples(
    features: Path,
    augmented: Path | None,
    detector: str,
    columns: Sequence[str],
    test_fraction: float | None,
    seed: int,
) -> Examples:
    """Read the training examples of a detector, row group by row group, into one matrix.

    An augmented version is left out if its truth is unknown, or if its clip or its mixed-in clip is not of a training
    video.

    Parameters
    ----------
    features, augmented
        The merged tables; the second may be None.
    columns
        The inputs: :func:`soundsift.features.inputs.input_columns`.
    test_fraction
        As :func:`soundsift.detectors.split.train_and_eval` takes it.
    """
    table = read_split_columns(features, detector)
    train, _ = train_and_eval(table, detector, test_fraction, seed)
    encoded = sources_of(table).combine_chunks().dictionary_encode()
    video = encoded.indices.to_numpy().astype(np.int64)
    is_training = np.zeros(len(encoded.dictionary), dtype=bool)
    is_training[video[train]] = True
    truth = truth_of(table, detector)[train]
    videos, partners, usable = video[train], np.full(len(train), -1), np.arange(0)
    if augmented is not None:
        names = ["video_id", "partner_video_id", f"is_{detector}"]
        versions = pq.read_table(augmented, columns=names, partitioning=None)
        known = table["video_id"].combine_chunks()
        at = (pc.fill_null(pc.index_in(versions[n].combine_chunks(), known), -1).to_numpy() for n in names[:2])
        own, other = (np.where(rows >= 0, video[rows], -1) for rows in at)
        alone = versions["partner_video_id"].is_null().to_numpy()
        version_truth = truth_of(versions, detector)
        usable = np.flatnonzero(
            (version_truth >= 0) & (own >= 0) & is_training[own] & (alone | ((other >= 0) & is_training[other]))
        )
        truth = np.concatenate([truth, version_truth[usable]])
        videos = np.concatenate([videos, own[usable]]).astype(np.int64)
        partners = np.concatenate([partners, np.where(alone, -1, other)[usable]]).astype(np.int64)
    x = np.empty((len(truth), len(columns)), dtype=np.float32)
    read_rows(features, columns, train, x[: len(train)])
    if len(usable):
        assert augmented is not None
        read_rows(augmented, columns, usable, x[len(train) :])
    # number the training videos without gaps
    number = np.cumsum(is_training) - 1
    return Examples(x, truth, number[videos], np.where(partners >= 0, number[partners], -1), len(train))


def read_rows(path: Path, columns: Sequence[str], rows: Int64Array, into: Float32Array | None = None) -> Float32Array:
    """Read the inputs of some rows of a Parquet file into a matrix.

    Parameters
    ----------
    rows
        Row numbers, ascending, shape (n,).
    into
        The matrix, shape (n, n_columns); a new one if it is None.
    """
    into = np.empty((len(rows), len(columns)), dtype=np.float32) if into is None else into
    first = done = 0
    for matrix in matrices(path, columns):
        n = int(np.searchsorted(rows, first + len(matrix))) - done
        into[done : done + n] = matrix[rows[done : done + n] - first]
        first, done = first + len(matrix), done + n
    return into
