"""Batches: runs of consecutive rows of one segment list.

Rows are counted before any filter. A stricter filter therefore removes clips from batches but moves none to another
batch. Rows appended to a list change its last batch and add new ones.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.files import whole_folder, write_text
from soundsift.metadata.columns import BATCH_COLUMNS, FILE_COLUMN
from soundsift.tables import read_csv, write_csv


@dataclass(frozen=True)
class Clip:
    """One clip to fetch, with the fields of :data:`BATCH_COLUMNS`; times in seconds from the start of the video.

    ``file`` is the path of its file if the list names files.
    """

    clip_id: str
    video_id: str
    start_seconds: float
    end_seconds: float
    file: str = ""


def batch_names(list_name: str, rows: npt.NDArray[np.integer], batch_size: int) -> pa.Array:
    """Name the batch of each row position of a list: ``{list_name}-{number:05d}``.

    Parameters
    ----------
    rows
        Positions from 0, shape (n,), counted before any filter.
    batch_size
        Rows of a list per batch.

    Examples
    --------
    >>> batch_names("train", np.array([0, 99, 100]), 100).to_pylist()
    ['train-00000', 'train-00000', 'train-00001']
    """
    numbers, inverse = np.unique(rows // batch_size, return_inverse=True)
    return pa.array([f"{list_name}-{number:05d}" for number in numbers], pa.string()).take(pa.array(inverse))


def write_batches(clips: pa.Table, batches_dir: Path, names_path: Path) -> int:
    """Write ``{batch}.csv`` for every batch of a clip table, and the list of all batches in the order of the table.

    The rows of each batch must be consecutive. A line of the list has the name of a batch and the size of its file in
    bytes.

    Returns
    -------
    Number of batches.
    """
    runs = pc.run_end_encode(clips["batch"].combine_chunks())
    names, ends = runs.values.to_pylist(), runs.run_ends.to_pylist()
    extra = [FILE_COLUMN.name] if FILE_COLUMN.name in clips.column_names else []
    columns = clips.select([c.name for c in BATCH_COLUMNS] + extra)
    with whole_folder(batches_dir) as folder:
        for name, start, end in zip(names, [0, *ends], ends, strict=False):
            write_csv(columns.slice(start, end - start), folder / f"{name}.csv")
        sizes = [(folder / f"{name}.csv").stat().st_size for name in names]
    write_text("".join(f"{name} {size}\n" for name, size in zip(names, sizes, strict=True)), names_path)
    return len(names)


def read_batch(path: Path) -> list[Clip]:
    """Read the clips of one batch."""
    with open(path, encoding="utf-8") as file:
        names_files = f'"{FILE_COLUMN.name}"' in file.readline()
    columns = (*BATCH_COLUMNS, FILE_COLUMN) if names_files else BATCH_COLUMNS
    return [Clip(**row) for row in read_csv(path, columns).to_pylist()]
