"""The table of all recordings."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from soundsift.tables import Column

RECORDING_COLUMNS = (
    Column("recording", pa.string(), "", "path of the file"),
    Column("outcome", pa.string(), "", "ok, silent, or why it cannot be analysed: too_short, no_audio, corrupt"),
    Column("reason", pa.string(), "", "details; for an ok recording, what part of it is missing"),
    Column(
        "duration_seconds",
        pa.float64(),
        "s",
        "duration of the part that could be decoded; empty if no part could be decoded",
    ),
)
NAME_COLUMN = Column("name", pa.string(), "", "name of the files of results, without their endings")


def overview(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Make one row per recording: :data:`RECORDING_COLUMNS`, ``{detector}_seconds`` for every detector, and the name.

    Parameters
    ----------
    records
        As :func:`soundsift.detection.formats.record` makes them, with ``name``.
    """
    detectors = list(dict.fromkeys(name for row in records for name in row["heard_seconds"]))
    columns = {c.name: pa.array([row[c.name] for row in records], c.type) for c in RECORDING_COLUMNS}
    for name in detectors:
        seconds = [None if row["duration_seconds"] is None else row["heard_seconds"].get(name) for row in records]
        columns[f"{name}_seconds"] = pa.array(seconds, pa.float64())
    columns[NAME_COLUMN.name] = pa.array([row[NAME_COLUMN.name] for row in records], NAME_COLUMN.type)
    return pa.table(columns)
