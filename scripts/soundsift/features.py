"""From frames to the table that detectors learn from: a row of statistics a clip, and the inputs of a model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.errors import InputError, TrainingError
from soundsift.frames import PITCH_CLASSES, definition_of, frame_columns
from soundsift.reductions import STATISTICS, Course, Floats, summarize
from soundsift.tables import Column, read_parquet, schema_of


def summary_columns(n_mfcc: int, statistics: Sequence[str]) -> tuple[Column, ...]:
    """Columns of a features row: every frame column but the time, each with all its statistics together."""
    return tuple(
        Column(
            f"{column.name}_{name}",
            pa.float32(),
            "" if STATISTICS[name].is_share else column.unit,
            f"{column.meaning}: {STATISTICS[name].meaning}",
        )
        for column in frame_columns(n_mfcc)[1:]
        for name in statistics
    )


def summary_table(frames: Sequence[Path], statistics: Sequence[str]) -> pa.Table:
    """Reduce frames files to one row each: clip_id, then :func:`summary_columns`; definition in the metadata.

    Raises
    ------
    InputError
        If the files were made with different parameters.
    """
    rows: list[Floats] = []
    clip_ids: list[str] = []
    made_with: dict[str, str] = {}
    for path in frames:
        try:
            table = read_parquet(path)
        except InputError as error:
            raise InputError(f"{path} cannot be read: run again with --forcerun extract_features") from error
        found = definition_of(table)
        if made_with and found != made_with:
            raise InputError(
                f"{path} was made with other parameters than its neighbours: run again with --forcerun extract_features"
            )
        made_with = found
        values = np.stack([column.to_numpy() for column in table.columns[1:]], axis=1)
        frame_rate_hz = int(found["sample_rate_hz"]) / int(found["hop_length"])
        rows.append(summarize(Course(values, frame_rate_hz), statistics))
        clip_ids.append(path.stem)
    n_mfcc = int(made_with.get("n_mfcc", 0))
    columns = (
        Column("clip_id", pa.string(), "", "video id and start in milliseconds"),
        *summary_columns(n_mfcc, statistics),
    )
    values = np.stack(rows) if rows else np.zeros((0, len(columns) - 1), dtype=np.float32)
    arrays = [pa.array(clip_ids, pa.string()), *(pa.array(values[:, i]) for i in range(values.shape[1]))]
    return pa.Table.from_arrays(arrays, schema=schema_of(columns, made_with))


def original_columns() -> list[str]:
    """The 25 inputs of the first version of this method, by name: means, with chroma over all pitch classes as one."""
    names = [
        "chroma",
        "rms",
        "spectral_centroid_hz",
        "spectral_bandwidth_hz",
        "spectral_rolloff_hz",
        "zero_crossing_rate",
    ]
    return [f"{name}_mean" for name in [*names, *(f"mfcc_{i:02d}" for i in range(1, 20))]]


def input_columns(table: pa.Table, feature_set: str) -> list[str]:
    """Names of a model's inputs: ``all`` feature columns of a table, or the ``original`` 25."""
    if feature_set == "original":
        return original_columns()
    frame_names = tuple(f"{column.name}_" for column in frame_columns(int(definition_of(table)["n_mfcc"]))[1:])
    return [name for name in table.column_names if name.startswith(frame_names)]


def feature_matrix(table: pa.Table, columns: Sequence[str]) -> Floats:
    """Take model inputs from a table of features.

    Parameters
    ----------
    columns
        Names of columns; ``chroma_mean`` is the mean over the twelve pitch classes.

    Returns
    -------
    Shape (n_rows, n_columns), float32.

    Raises
    ------
    TrainingError
        If a column is missing or holds a value that is not finite.
    """

    def values(name: str) -> npt.NDArray[Any]:
        if name == "chroma_mean":
            return np.asarray(np.mean([values(f"chroma_{pitch}_mean") for pitch in PITCH_CLASSES], axis=0))
        if name not in table.column_names:
            raise TrainingError(
                f"the features table lacks the column {name}: make the table again with the settings of the model"
            )
        return np.asarray(table[name])

    matrix = np.stack([values(name) for name in columns], axis=1).astype(np.float32)
    bad = ~np.isfinite(matrix)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise TrainingError(
            f"the features table holds {matrix[row, column]} in column {columns[column]}, "
            f"clip {table['clip_id'][row]}: "
            "run again with --forcerun extract_features"
        )
    return matrix
