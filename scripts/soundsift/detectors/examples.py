"""What a detector learns from: clips that teach, and their changed versions, with truth and videos."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.detectors.split import train_and_eval, truth_of
from soundsift.features.inputs import matrices

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """What a detector learns from, a row per example; the changed versions of clips follow the clips.

    Attributes
    ----------
    x
        Inputs, shape (n, n_columns).
    truth
        0 or 1, shape (n,).
    video
        Number of the video, shape (n,).
    partner
        Number of the video that was mixed in, -1 for none, shape (n,).
    n_clips
        So many of the rows are clips as they are; only they judge.
    """

    x: Floats
    truth: Indices
    video: Indices
    partner: Indices
    n_clips: int

    def of_videos(self, share: float, seed: int) -> "Examples":
        """Those of a share of the videos, with as many of each class as that; a larger share holds a smaller one."""
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


def read_facts(path: Path, detector: str) -> pa.Table:
    """Everything of a features table but the features that deciding who teaches and who judges takes."""
    return pq.read_table(path, columns=["clip_id", "video_id", "split", f"is_{detector}"], partitioning=None)


def read_examples(
    features: Path,
    augmented: Path | None,
    detector: str,
    columns: Sequence[str],
    test_fraction: float | None,
    seed: int,
) -> Examples:
    """Read what a detector learns from, row group by row group, into one matrix.

    Versions of clips that judge are left out, and those in which a clip is mixed that judges or whose truth is unknown.

    Parameters
    ----------
    features, augmented
        The merged tables; the second may be left out.
    columns
        The inputs: :func:`soundsift.features.inputs.input_columns`.
    """
    table = read_facts(features, detector)
    learn, _ = train_and_eval(table, detector, test_fraction, seed)
    encoded = table["video_id"].combine_chunks().dictionary_encode()
    video = encoded.indices.to_numpy().astype(np.int64)
    teaches = np.zeros(len(encoded.dictionary), dtype=bool)
    teaches[video[learn]] = True
    truth = truth_of(table, detector)[learn]
    videos, partners, usable = video[learn], np.full(len(learn), -1), np.arange(0)
    if augmented is not None:
        names = ["video_id", "partner_video_id", f"is_{detector}"]
        versions = pq.read_table(augmented, columns=names, partitioning=None)
        own, other = (
            pc.fill_null(pc.index_in(versions[name].combine_chunks(), encoded.dictionary), -1).to_numpy()
            for name in names[:2]
        )
        alone = versions["partner_video_id"].is_null().to_numpy()
        said = truth_of(versions, detector)
        usable = np.flatnonzero((said >= 0) & (own >= 0) & teaches[own] & (alone | ((other >= 0) & teaches[other])))
        truth = np.concatenate([truth, said[usable]])
        videos = np.concatenate([videos, own[usable]]).astype(np.int64)
        partners = np.concatenate([partners, np.where(alone, -1, other)[usable]]).astype(np.int64)
    x = np.empty((len(truth), len(columns)), dtype=np.float32)
    read_rows(features, columns, learn, x[: len(learn)])
    if len(usable):
        assert augmented is not None
        read_rows(augmented, columns, usable, x[len(learn) :])
    # numbers without gaps, by the videos that teach
    number = np.cumsum(teaches) - 1
    return Examples(x, truth, number[videos], np.where(partners >= 0, number[partners], -1), len(learn))


def read_rows(path: Path, columns: Sequence[str], rows: Indices, into: Floats | None = None) -> Floats:
    """Read the inputs of some rows of a Parquet file, ascending, into a matrix (a new one where none is given)."""
    into = np.empty((len(rows), len(columns)), dtype=np.float32) if into is None else into
    first = done = 0
    for matrix in matrices(path, columns):
        n = int(np.searchsorted(rows, first + len(matrix))) - done
        into[done : done + n] = matrix[rows[done : done + n] - first]
        first, done = first + len(matrix), done + n
    return into
