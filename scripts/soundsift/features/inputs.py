"""The inputs of a model, taken from a table of features."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from soundsift.errors import TrainingError
from soundsift.features.definition import PITCH_CLASSES, frame_columns
from soundsift.features.statistics import Floats

# What is taken of the twelve pitch classes together.
POOLS: dict[str, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
    "mean": lambda values: np.mean(values, axis=0),
    "std": lambda values: np.std(values, axis=0),
    "min": lambda values: np.min(values, axis=0),
    "max": lambda values: np.max(values, axis=0),
}


def original_columns() -> list[str]:
    """The 25 inputs of the first version of this method, by name: means, with chroma over all pitch classes as one."""
    names = [
        "rms",
        "spectral_centroid_hz",
        "spectral_bandwidth_hz",
        "spectral_rolloff_hz",
        "zero_crossing_rate",
    ]
    return [
        pooled_name("mean", "mean"),
        *(f"{name}_mean" for name in [*names, *(f"mfcc_{i:02d}" for i in range(1, 20))]),
    ]


def has_original(names: Sequence[str]) -> bool:
    """Whether the original 25 can be made from a table with columns of these names."""
    return set(_columns_behind(original_columns())) <= set(names)


def pooled_name(how: str, statistic: str) -> str:
    """Name of an input that takes a statistic of all twelve pitch classes together."""
    return f"chroma_{how}_of_{statistic}"


def input_columns(names: Sequence[str], feature_set: str) -> list[str]:
    """Names of a model's inputs.

    With ``all`` every feature column of a table but those of single pitch classes: a song is music in any key, so what
    is said of them is pooled over the twelve (:data:`POOLS`). ``original`` is :func:`original_columns`.

    Parameters
    ----------
    names
        Columns of the features table.
    """
    if feature_set == "original":
        return original_columns()
    others = (column.name for column in frame_columns(0)[1:] if not column.name.startswith("chroma_"))
    plain = ("mfcc_", *(f"{name}_" for name in others))
    of_c = [name.removeprefix("chroma_c_") for name in names if name.startswith("chroma_c_")]
    return [
        *(name for name in names if name.startswith(plain)),
        *(pooled_name(how, statistic) for statistic in of_c for how in POOLS),
    ]


def _columns_behind(columns: Sequence[str]) -> list[str]:
    """The table's columns that model inputs are made of."""
    behind: list[str] = []
    for name in columns:
        how, _, statistic = name.removeprefix("chroma_").partition("_of_")
        behind += [f"chroma_{pitch}_{statistic}" for pitch in PITCH_CLASSES] if statistic and how in POOLS else [name]
    return behind


def feature_matrix(table: pa.Table, columns: Sequence[str]) -> Floats:
    """Take model inputs from a table of features.

    Parameters
    ----------
    columns
        Names of columns, or of pooled ones (:func:`pooled_name`).

    Returns
    -------
    Shape (n_rows, n_columns), float32.

    Raises
    ------
    TrainingError
        If a column is missing or holds a value that is not finite.
    """
    matrix = np.empty((table.num_rows, len(columns)), dtype=np.float32)
    for i, name in enumerate(columns):
        behind = _columns_behind([name])
        for missing in (one for one in behind if one not in table.column_names):
            raise TrainingError(
                f"the features table lacks the column {missing}: make the table again with the settings of the model"
            )
        values = [np.asarray(table[one]) for one in behind]
        matrix[:, i] = values[0] if behind == [name] else POOLS[name.split("_")[1]](np.stack(values))
    bad = ~np.isfinite(matrix)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise TrainingError(
            f"the features table holds {matrix[row, column]} in column {columns[column]}, "
            f"clip {table['clip_id'][row]}: "
            "run again with --forcerun extract_features"
        )
    return matrix


def matrices(path: Path, columns: Sequence[str]) -> Iterator[Floats]:
    """Take model inputs from a Parquet file of any length, one row group after another."""
    with pq.ParquetFile(path) as file:
        wanted = ["clip_id", *dict.fromkeys(_columns_behind(columns))]
        there = [name for name in wanted if name in file.schema_arrow.names]
        # iter_batches would keep every row group it has read in memory until the end
        for number in range(file.num_row_groups):
            yield feature_matrix(file.read_row_group(number, columns=there), columns)
