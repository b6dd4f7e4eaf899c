"""Batches: runs of consecutive rows of one segment list, counted before any filter.

So a stricter filter only thins batches, and rows appended to a list touch its last batch and add new ones.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.tables import Column, read_csv, whole_folder, write_csv

BATCH_COLUMNS = (
    Column("clip_id", pa.string(), "", "video id and start in milliseconds"),
    Column("video_id", pa.string(), "", "the video's id at its site"),
    Column("start_seconds", pa.float64(), "s", "where the labelled stretch begins in the video"),
    Column("end_seconds", pa.float64(), "s", "where it ends"),
)


def batch_names(list_name: str, rows: npt.NDArray[np.integer], batch_size: int) -> pa.Array:
    """Names of the batches that hold these row positions of a list, ``{list_name}-{number:05d}``.

    Examples
    --------
    >>> batch_names("train", np.array([0, 99, 100]), 100).to_pylist()
    ['train-00000', 'train-00000', 'train-00001']
    """
    numbers, inverse = np.unique(rows // batch_size, return_inverse=True)
    return pa.array([f"{list_name}-{number:05d}" for number in numbers], pa.string()).take(pa.array(inverse))


def write_batches(clips: pa.Table, batches_dir: Path) -> int:
    """Write ``{batch}.csv`` for every batch of a clip table whose batches stand together; return how many."""
    runs = pc.run_end_encode(clips["batch"].combine_chunks())
    names, ends = runs.values.to_pylist(), runs.run_ends.to_pylist()
    columns = clips.select([c.name for c in BATCH_COLUMNS])
    with whole_folder(batches_dir) as folder:
        for name, start, end in zip(names, [0, *ends], ends, strict=False):
            write_csv(columns.slice(start, end - start), folder / f"{name}.csv")
    return len(names)


def read_batch(path: Path) -> list[dict[str, object]]:
    """Read the clips of one batch, a dictionary each with the keys of :data:`BATCH_COLUMNS`."""
    rows: list[dict[str, object]] = read_csv(path, BATCH_COLUMNS).to_pylist()
    return rows
