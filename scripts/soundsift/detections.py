"""What is written of recordings: label tracks, one record each, and a page and a table over all."""

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from soundsift import pages, plots


def label_track(segments: pa.Table) -> str:
    """Segments as Audacity reads them: start, end and name, by tabs, a line each."""
    rows = sorted(segments.to_pylist(), key=lambda row: (row["start_seconds"], row["detector"]))
    return "".join(f"{row['start_seconds']:.3f}\t{row['end_seconds']:.3f}\t{row['detector']}\n" for row in rows)


def record(
    recording: str, outcome: str, reason: str, duration_seconds: float | None, segments: pa.Table,
    detectors: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """What became of a recording, and for how many seconds each detector's class is heard in it."""
    seconds = pc.subtract(segments["end_seconds"], segments["start_seconds"])
    heard = {
        name: round(pc.sum(seconds.filter(pc.equal(segments["detector"], name))).as_py() or 0.0, 3)
        for name in detectors
    }
    return {
        "recording": recording, "outcome": outcome, "reason": reason, "duration_seconds": duration_seconds,
        "heard_seconds": heard,
    }  # fmt: skip


def overview(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """One row per recording: its path, outcome, reason, length, and seconds of each detector's class."""
    detectors = list(dict.fromkeys(name for row in records for name in row["heard_seconds"]))
    columns: dict[str, pa.Array] = {
        name: pa.array([row[name] for row in records], pa.string()) for name in ("recording", "outcome", "reason")
    }
    columns["duration_seconds"] = pa.array([row["duration_seconds"] for row in records], pa.float64())
    for name in detectors:
        seconds = [None if row["duration_seconds"] is None else row["heard_seconds"].get(name) for row in records]
        columns[f"{name}_seconds"] = pa.array(seconds, pa.float64())
    return pa.table(columns)


def shown(record: Mapping[str, Any], figure: Path, page: Path) -> str:
    """A recording on the page over all: in words, its timeline with a cursor, and a player of the file itself."""
    if record["duration_seconds"] is None:
        return f"<p>{escape(record['outcome'])}: {escape(record['reason'])}.</p>"
    heard = ", ".join(f"{name} {plots.clock(seconds)}" for name, seconds in record["heard_seconds"].items())
    lacking = f" {escape(record['reason'])}." if record["reason"] else ""
    # relative, so that the page still plays when the whole project is moved
    source = quote(os.path.relpath(record["recording"], page.parent))
    drawn = pages.stage(
        Path(record["recording"]).name, figure.read_text(encoding="utf-8"), plots.TIMELINE_SPAN, source,
        record["duration_seconds"],
    )  # fmt: skip
    return f"<p>{escape(heard)} of {plots.clock(record['duration_seconds'])}.{lacking}</p>\n{drawn}"
