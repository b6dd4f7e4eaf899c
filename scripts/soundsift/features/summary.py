"""The table of a batch: one row of statistics a clip."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from soundsift.errors import InputError
from soundsift.features.definition import definition_of
from soundsift.features.statistics import Course, Floats, summarize, summary_columns
from soundsift.tables import Column, read_parquet, schema_of


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
        found = definition_of(table.schema)
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
