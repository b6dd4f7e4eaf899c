"""What is written of a recording: a label track and a record; and one row each in the table over all."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from soundsift.tables import Column

RECORDING_COLUMNS = (
    Column("recording", pa.string(), "", "path of the file"),
    Column("outcome", pa.string(), "", "ok, silent, or why it cannot be heard: too_short, no_audio, corrupt"),
    Column("reason", pa.string(), "", "more about it; of an ok recording, what of it is lacking"),
    Column("duration_seconds", pa.float64(), "s", "of what could be decoded; empty where nothing was heard"),
)


def clock(seconds: float) -> str:
    """A time as people write it: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def label_track(segments: pa.Table) -> str:
    """Segments as Audacity reads them: start, end and name, by tabs, a line each."""
    rows = sorted(segments.to_pylist(), key=lambda row: (row["start_seconds"], row["detector"]))
    return "".join(f"{row['start_seconds']:.3f}\t{row['end_seconds']:.3f}\t{row['detector']}\n" for row in rows)


def record(
    recording: Path, outcome: str, reason: str, duration_seconds: float | None, segments: pa.Table,
    detectors: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """What became of a recording, and for how many seconds each detector's class is heard in it."""
    seconds = pc.subtract(segments["end_seconds"], segments["start_seconds"])
    heard = {
        name: round(pc.sum(seconds.filter(pc.equal(segments["detector"], name))).as_py() or 0.0, 3)
        for name in detectors
    }
    return {
        "recording": legible(recording), "path": quote(os.fsencode(recording)), "outcome": outcome,
        "reason": legible(reason),
        "duration_seconds": duration_seconds, "heard_seconds": heard,
    }  # fmt: skip


def legible(said: str | Path) -> str:
    """A path, or what is said of one, for tables and pages, which hold no bytes that are no text."""
    return os.fsencode(said).decode("utf-8", "replace")


def overview(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """One row per recording: :data:`RECORDING_COLUMNS`, and the seconds in which each detector's class is heard."""
    detectors = list(dict.fromkeys(name for row in records for name in row["heard_seconds"]))
    columns = {c.name: pa.array([row[c.name] for row in records], c.type) for c in RECORDING_COLUMNS}
    for name in detectors:
        seconds = [None if row["duration_seconds"] is None else row["heard_seconds"].get(name) for row in records]
        columns[f"{name}_seconds"] = pa.array(seconds, pa.float64())
    return pa.table(columns)
