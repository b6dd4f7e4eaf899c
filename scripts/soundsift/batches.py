"""Batches: runs of consecutive rows of one segment list, counted before any filter.

So a stricter filter only thins batches, and rows appended to a list touch its last batch and add new ones.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.tables import Column, read_csv, whole_folder, write_csv

BATCH_COLUMNS = (
    Column("clip_id", pa.string(), "", "video id and start in milliseconds"),
    Column("video_id", pa.string(), "", "the video's id at its site"),
    Column("start_seconds", pa.float64(), "s", "where the labelled stretch begins in the video"),
    Column("end_seconds", pa.float64(), "s", "where it ends"),
)


def batch_names(list_name: str, rows: npt.NDArray[np.int64], batch_size: int) -> list[str]:
    """Names of the batches that hold these row positions of a list, ``{list_name}-{number:05d}``.

    Examples
    --------
    >>> batch_names("train", np.array([0, 99, 100]), 100)
    ['train-00000', 'train-00000', 'train-00001']
    """
    numbers, inverse = np.unique(rows // batch_size, return_inverse=True)
    names = [f"{list_name}-{number:05d}" for number in numbers]
    return [names[i] for i in inverse]


def write_batches(clips: pa.Table, batches_dir: Path) -> int:
    """Write ``{batch}.csv`` for every batch of a clip table whose batches stand together; return how many."""
    names = np.asarray(clips["batch"].to_pylist())
    starts = np.flatnonzero(np.r_[len(names) > 0, names[1:] != names[:-1]])
    columns = clips.select([c.name for c in BATCH_COLUMNS])
    with whole_folder(batches_dir) as folder:
        for start, end in zip(starts, np.r_[starts, len(names)][1:], strict=True):
            write_csv(columns.slice(start, end - start), folder / f"{names[start]}.csv")
    return len(starts)


def read_batch(path: Path) -> list[dict[str, object]]:
    """Read the clips of one batch, a dictionary each with the keys of :data:`BATCH_COLUMNS`."""
    rows: list[dict[str, object]] = read_csv(path, BATCH_COLUMNS).to_pylist()
    return rows
