"""Formats in which the segments of a recording are written, and the record of its result."""

import io
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.csv as pacsv

from soundsift.detection.paths import encode_path
from soundsift.detection.result import Detections
from soundsift.detection.segments import Segment

# Columns of a Raven selection table that Raven itself reads, in its order.
RAVEN_COLUMNS = (
    "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)",
)  # fmt: skip


class Answer(NamedTuple):
    """A recording with its result and the model's names of detectors and sample rate."""

    recording: Path
    result: Detections
    detectors: Sequence[str]
    sample_rate_hz: int

    @property
    def in_order(self) -> list[Segment]:
        """The segments by time."""
        return sorted(self.result, key=lambda segment: (segment.start_seconds, segment.detector))


def csv(answer: Answer) -> str:
    """Format segments as CSV with :data:`~soundsift.detection.columns.SEGMENT_COLUMNS`, by detector and time."""
    text = io.BytesIO()
    pacsv.write_csv(answer.result.to_arrow(), text)
    return text.getvalue().decode()


def audacity(answer: Answer) -> str:
    """Format segments as an Audacity label track: one line each, with start, end and name separated by tabs."""
    return "".join(f"{start:.3f}\t{end:.3f}\t{detector}\n" for start, end, detector, _ in answer.in_order)


def rttm(answer: Answer) -> str:
    """Format segments as Rich Transcription Time Marked, whose file name must not contain white space."""
    name = re.sub(r"\s+", "_", printable(answer.recording.stem)) or "_"
    return "".join(
        f"SPEAKER {name} 1 {start:.3f} {end - start:.3f} <NA> <NA> {detector} <NA> <NA>\n"
        for start, end, detector, _ in answer.in_order
    )


def raven(answer: Answer) -> str:
    """Format segments as a selection table of Raven. Frequencies span the whole range that the model hears."""
    rows = ["\t".join((*RAVEN_COLUMNS, "Detector", "Probability"))]
    for number, (start, end, detector, probability) in enumerate(answer.in_order, start=1):
        place = f"{number}\tSpectrogram 1\t1\t{start:.3f}\t{end:.3f}\t0\t{answer.sample_rate_hz / 2:g}"
        rows.append(f"{place}\t{detector}\t{probability:.4f}")
    return "\n".join(rows) + "\n"


def json_record(answer: Answer) -> str:
    """Format :func:`record` as JSON."""
    return json.dumps(record(answer), indent=1) + "\n"


class Format(NamedTuple):
    """How a format ends the name of its files, and the function that makes their text."""

    ending: str
    text: Callable[[Answer], str]


FORMATS = {
    "csv": Format(".csv", csv),
    "audacity": Format(".txt", audacity),
    "json": Format(".json", json_record),
    "rttm": Format(".rttm", rttm),
    "raven": Format(".selections.txt", raven),
}


def record(answer: Answer) -> dict[str, Any]:
    """Summarise the result of one recording.

    Returns
    -------
    ``recording`` is the path as printable text, ``path`` the exact path, percent-encoded. ``duration_seconds`` is None
    if the recording could not be read. ``heard_seconds`` is {detector: seconds in which its class is present}.
    """
    result = answer.result
    return {
        "recording": printable(answer.recording), "path": encode_path(answer.recording), "outcome": result.outcome,
        "reason": printable(result.reason),
        "duration_seconds": round(result.duration_seconds, 3) if result.was_read else None,
        "heard_seconds": {
            name: round(sum(end - start for start, end, detector, _ in result if detector == name), 3)
            for name in answer.detectors
        },
        "segments": [segment._asdict() for segment in result],
    }  # fmt: skip


def printable(text: str | Path) -> str:
    """Replace bytes that are not valid UTF-8, which tables, JSON and HTML cannot hold."""
    return os.fsencode(text).decode("utf-8", "replace")
