"""Files written for each recording: the label track and the record of the result."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from soundsift.detection.paths import encode_path


def label_track(segments: pa.Table) -> str:
    """Format segments as an Audacity label track: one line each, with start, end and name separated by tabs."""
    rows = sorted(segments.to_pylist(), key=lambda row: (row["start_seconds"], row["detector"]))
    return "".join(f"{row['start_seconds']:.3f}\t{row['end_seconds']:.3f}\t{row['detector']}\n" for row in rows)


def record(
    recording: Path, outcome: str, reason: str, duration_seconds: float | None, segments: pa.Table,
    detectors: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """Summarise the result of one recording for its JSON file.

    Parameters
    ----------
    duration_seconds
        None if the recording could not be read.
    segments
        :data:`~soundsift.detection.columns.SEGMENT_COLUMNS`.

    Returns
    -------
    ``recording`` is the path as printable text, ``path`` the exact path, percent-encoded. ``heard_seconds`` is
    {detector: seconds in which its class is present}.
    """
    seconds = pc.subtract(segments["end_seconds"], segments["start_seconds"])
    present_seconds = {
        name: round(pc.sum(seconds.filter(pc.equal(segments["detector"], name))).as_py() or 0.0, 3)
        for name in detectors
    }
    return {
        "recording": printable(recording), "path": encode_path(recording), "outcome": outcome,
        "reason": printable(reason),
        "duration_seconds": duration_seconds, "heard_seconds": present_seconds,
    }  # fmt: skip


def printable(text: str | Path) -> str:
    """Replace bytes that are not valid UTF-8, which tables, JSON and HTML cannot hold."""
    return os.fsencode(text).decode("utf-8", "replace")
