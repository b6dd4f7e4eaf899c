"""The features table of a batch: one row of statistics per clip."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from soundsift.arrays import Float32Array
from soundsift.errors import InputError
from soundsift.features.definition import definition_of, frame_columns, params_of
from soundsift.features.sequence import SEQUENCE_COLUMN, packed, sequence_of
from soundsift.features.statistics import FrameSeries, summarize, summary_columns
from soundsift.tables import Column, read_parquet, schema_of


def summary_table(frames: Sequence[Path], statistics: Sequence[str]) -> pa.Table:
    """Reduce frames files to one row each.

    Parameters
    ----------
    frames
        Parquet files named by clip id.
    statistics
        Names in :data:`~soundsift.features.statistics.STATISTICS`.

    Returns
    -------
    ``clip_id``, :func:`~soundsift.features.statistics.summary_columns`, and
    :data:`~soundsift.features.sequence.SEQUENCE_COLUMN`; the metadata hold the definition.

    Raises
    ------
    InputError
        If a file cannot be read, or the files have different definitions.
    """
    rows: list[Float32Array] = []
    clip_ids: list[str] = []
    sequences: list[bytes] = []
    made_with: dict[str, str] = {}
    for path in frames:
        try:
            table = read_parquet(path)
        except InputError as error:
            raise InputError(f"{path} cannot be read: run again with --forcerun extract_features") from error
        found = definition_of(table.schema)
        if made_with and found != made_with:
            raise InputError(
                f"{path} was made with other parameters than its neighbours: run again with --forcerun extract_features"
            )
        made_with = found
        params, sample_rate_hz = params_of(found)
        names = [column.name for column in frame_columns(params.n_mfcc)[1:]]
        values = np.stack([table[name].to_numpy() for name in names], axis=1)
        rate_hz = sample_rate_hz / params.hop_length
        rows.append(summarize(FrameSeries(values, rate_hz), statistics))
        sequences.append(packed(sequence_of(values, rate_hz)))
        clip_ids.append(path.stem)
    n_mfcc = int(made_with.get("n_mfcc", 0))
    columns = (
        Column("clip_id", pa.string(), "", "video id and start in milliseconds"),
        *summary_columns(n_mfcc, statistics),
        SEQUENCE_COLUMN,
    )
    values = np.stack(rows) if rows else np.zeros((0, len(columns) - 2), dtype=np.float32)
    arrays = [pa.array(clip_ids, pa.string()), *(pa.array(values[:, i]) for i in range(values.shape[1]))]
    arrays.append(pa.array(sequences, SEQUENCE_COLUMN.type))
    return pa.Table.from_arrays(arrays, schema=schema_of(columns, made_with))
