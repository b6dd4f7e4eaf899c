"""Model inputs, taken from a table of features."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from soundsift.arrays import Float32Array
from soundsift.errors import TrainingError
from soundsift.features.definition import PITCH_CLASSES, frame_columns
from soundsift.tables import named_errors

# Functions that pool the twelve pitch classes, shape (12, n), to shape (n,).
POOLS: dict[str, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
    "mean": lambda values: np.mean(values, axis=0),
    "std": lambda values: np.std(values, axis=0),
    "min": lambda values: np.min(values, axis=0),
    "max": lambda values: np.max(values, axis=0),
}


def original_columns() -> list[str]:
    """Return the names of the 25 inputs of the first version: 24 means, and the mean over all pitch classes."""
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
    """Return whether a table with these columns has everything that :func:`original_columns` needs."""
    return set(_source_columns(original_columns())) <= set(names)


def pooled_name(how: str, statistic: str) -> str:
    """Return the name of an input that pools a statistic over the twelve pitch classes; ``how`` is in :data:`POOLS`."""
    return f"chroma_{how}_of_{statistic}"


def input_columns(names: Sequence[str], feature_set: str) -> list[str]:
    """Return the names of a model's inputs.

    Parameters
    ----------
    names
        Columns of the features table.
    feature_set
        ``original`` for :func:`original_columns`. ``all`` for all feature columns, with the pitch classes pooled
        (:data:`POOLS`), so that inputs do not depend on the key of the music.
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


def _source_columns(columns: Sequence[str]) -> list[str]:
    """Return the table columns from which model inputs are computed."""
    sources: list[str] = []
    for name in columns:
        how, _, statistic = name.removeprefix("chroma_").partition("_of_")
        sources += [f"chroma_{pitch}_{statistic}" for pitch in PITCH_CLASSES] if statistic and how in POOLS else [name]
    return sources


def feature_matrix(table: pa.Table, columns: Sequence[str]) -> Float32Array:
    """Take model inputs from a table of features.

    Parameters
    ----------
    columns
        Names of table columns, or of pooled inputs (:func:`pooled_name`).

    Returns
    -------
    Shape (n_rows, n_columns), float32.

    Raises
    ------
    TrainingError
        If a column is missing or holds a value that is not finite.
    """
    matrix = np.empty((table.num_rows, len(columns)), dtype=np.float32)
    there = set(table.column_names)
    for i, name in enumerate(columns):
        sources = _source_columns([name])
        for missing in (one for one in sources if one not in there):
            raise TrainingError(
                f"the features table lacks the column {missing}: make the table again with the settings of the model"
            )
        values = [np.asarray(table[one]) for one in sources]
        matrix[:, i] = values[0] if sources == [name] else POOLS[name.split("_")[1]](np.stack(values))
    bad = ~np.isfinite(matrix)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise TrainingError(
            f"the features table holds {matrix[row, column]} in column {columns[column]}, "
            f"clip {table['clip_id'][row]}: "
            "run again with --forcerun extract_features"
        )
    return matrix


def matrices(path: Path, columns: Sequence[str]) -> Iterator[Float32Array]:
    """Take model inputs from a Parquet file of any length, one row group at a time, shape (n_rows, n_columns) each."""
    with named_errors(path), pq.ParquetFile(path) as file:
        wanted = ["clip_id", *dict.fromkeys(_source_columns(columns))]
        there = [name for name in wanted if name in file.schema_arrow.names]
        # iter_batches would keep all row groups in memory until the end
        for number in range(file.num_row_groups):
            yield feature_matrix(file.read_row_group(number, columns=there), columns)
