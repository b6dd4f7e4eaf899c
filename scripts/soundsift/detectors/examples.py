"""The examples that a detector is trained on: training clips and their augmented versions, with truth and videos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.arrays import BoolArray, Float32Array, Int64Array
from soundsift.detectors.drawing import sample
from soundsift.detectors.sequences import NO_SEQUENCES, Sequences, read_sequences
from soundsift.detectors.split import sources_of, train_and_eval, truth_of
from soundsift.features.inputs import matrices

# The networks on frames get at most this many sequences, which take 1.6 GB for clips of ten seconds.
MAX_SEQUENCES = 100_000


class Batches(NamedTuple):
    """The tables of all batches, which hold the sequences of their clips and of the augmented versions."""

    features: Sequence[Path]
    augmented: Sequence[Path]

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> "Batches":
        """Take the inputs of a rule: ``of_batches`` and ``augmented_of_batches``."""
        return cls(*([Path(name) for name in inputs.get(f"{key}of_batches", [])] for key in ("", "augmented_")))


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
        Number of rows that are clips themselves.
    version
        Number of the version of the clip, 0 if it is unchanged, shape (n,). Only unchanged rows serve for calibration.
    is_window
        Whether the row is a window of a few seconds, shape (n,).
    sequence
        Number of the row's sequence, -1 for none, shape (n,).
    sequences
        Of the networks on frames; None without them.
    """

    x: Float32Array
    truth: Int64Array
    video: Int64Array
    partner: Int64Array
    n_clips: int
    version: Int64Array
    is_window: BoolArray
    sequence: Int64Array
    sequences: Sequences

    def of_videos(self, share: float, seed: int) -> Int64Array:
        """Choose the examples of a share of the videos, stratified by class; a larger share contains a smaller one.

        Parameters
        ----------
        share
            0 to 1; at least two videos of each class are taken.

        Returns
        -------
        Their rows, in order.
        """
        rng = np.random.default_rng(seed)
        positive = np.bincount(self.video[: self.n_clips], weights=self.truth[: self.n_clips]) > 0
        taken = np.zeros(int(self.video.max()) + 1, dtype=bool)
        for side in (True, False):
            videos = rng.permutation(np.flatnonzero(positive == side))
            taken[videos[: max(2, round(share * len(videos)))]] = True
        return np.flatnonzero(taken[self.video] & ((self.partner < 0) | taken[self.partner]))


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
    batches: Batches | None = None,
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
    batches
        The tables of all batches with the sequences; None if there is no network on frames.
    """
    table = read_split_columns(features, detector)
    train, _ = train_and_eval(table, detector, test_fraction, seed)
    encoded = sources_of(table).combine_chunks().dictionary_encode()
    video = encoded.indices.to_numpy().astype(np.int64)
    is_training = np.zeros(len(encoded.dictionary), dtype=bool)
    is_training[video[train]] = True
    truth = truth_of(table, detector)[train]
    videos, partners, usable = video[train], np.full(len(train), -1), np.arange(0)
    version, is_window = np.zeros(len(train), dtype=np.int64), np.zeros(len(train), dtype=bool)
    clip_ids = table["clip_id"].take(train)
    if augmented is not None:
        names = ["video_id", "partner_video_id", "clip_id", "version", "is_window", f"is_{detector}"]
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
        version = np.concatenate([version, versions["version"].to_numpy()[usable]]).astype(np.int64)
        is_window = np.concatenate([is_window, versions["is_window"].to_numpy()[usable]]).astype(bool)
        clip_ids = pa.chunked_array([*clip_ids.chunks, *versions["clip_id"].take(usable).chunks], pa.string())
    x = np.empty((len(truth), len(columns)), dtype=np.float32)
    read_rows(features, columns, train, x[: len(train)])
    if len(usable):
        assert augmented is not None
        read_rows(augmented, columns, usable, x[len(train) :])
    # number the training videos without gaps
    number = np.cumsum(is_training) - 1
    sequence, sequences = _sequences_of(clip_ids, truth, version, is_window, batches, seed)
    return Examples(
        x, truth, number[videos], np.where(partners >= 0, number[partners], -1), len(train), version, is_window,
        sequence, sequences,
    )  # fmt: skip


def _sequences_of(
    clip_ids: pa.ChunkedArray, truth: Int64Array, version: Int64Array, is_window: BoolArray, batches: Batches | None,
    seed: int,
) -> tuple[Int64Array, Sequences]:  # fmt: skip
    """Read the sequences of the rows, of a random sample of them on long lists."""
    numbers = np.full(len(version), -1)
    if batches is None:
        return numbers, NO_SEQUENCES
    rows = np.flatnonzero(~is_window | (version == 0))
    rows = rows[sample(truth[rows], MAX_SEQUENCES, np.random.default_rng(seed))]
    keys = zip(
        clip_ids.take(rows).to_pylist(), version[rows].tolist(), is_window[rows].tolist(), strict=True
    )  # fmt: skip
    numbers[rows] = np.arange(len(rows))
    return numbers, read_sequences(batches.features, batches.augmented, {key: i for i, key in enumerate(keys)})


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
