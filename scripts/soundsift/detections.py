"""What is written of recordings: label tracks, timelines, one record each, and a page and a table over all."""

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.ticker import MaxNLocator

from soundsift import pages
from soundsift.plots import BLUE, GREEN, GREY, ORANGE, svg
from soundsift.recordings import decoded
from soundsift.tables import Column

if TYPE_CHECKING:
    from soundsift.detector import Heard

# Where time begins and ends in a timeline, as shares of its width.
SPAN = (0.09, 0.985)
# Stretches that a timeline names to those who do not see it.
N_NAMED = 20

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


def timeline(heard: "Heard", thresholds: Mapping[str, float], name: str) -> str:
    """Draw as SVG what is heard in a recording, under its spectrogram."""
    left, right = SPAN
    height = 2.6 + 0.9 * len(heard.probability)
    figure, axes = plt.subplots(
        1 + len(heard.probability), 1, figsize=(10, height), sharex=True, layout="none",
        height_ratios=[2.2, *[1] * len(heard.probability)],
        gridspec_kw={
            "left": left, "right": right, "bottom": 0.55 / height, "top": 1 - 0.35 / height, "hspace": 0.25
        },
    )  # fmt: skip
    first, *others = axes
    level_db = 10 * np.log10(np.maximum(heard.spectrogram.power(), 1e-10))
    bands_hz, loudest = heard.spectrogram.frequencies_hz, level_db.max(initial=-100.0)
    first.imshow(
        level_db.T, origin="lower", aspect="auto", cmap="cividis", vmin=loudest - 80, vmax=loudest,
        extent=(0, heard.duration_seconds, -0.5, len(bands_hz) - 0.5),
    )  # fmt: skip
    marks_hz = [hz for hz in (500, 1000, 2000, 4000, 8000, 16000) if hz < bands_hz[-1]]
    first.set_yticks(np.interp(marks_hz, bands_hz, np.arange(len(bands_hz))), [f"{hz / 1000:g}" for hz in marks_hz])
    first.set(ylabel="kHz", title=shorten(_legible(name), 110, placeholder=" ..."))
    said = []
    for i, (panel, (detector, p)) in enumerate(zip(others, heard.probability.items(), strict=True)):
        colour = (BLUE, ORANGE, GREEN)[i % 3]
        stretches = [
            (row["start_seconds"], row["end_seconds"])
            for row in heard.segments.to_pylist()
            if row["detector"] == detector
        ]
        for start, end in stretches:
            panel.axvspan(start, end, color=colour, alpha=0.25, linewidth=0)
        panel.stairs(p, np.minimum(np.arange(len(p) + 1), heard.duration_seconds), color=colour, linewidth=1.2)
        panel.axhline(thresholds[detector], color=GREY, linestyle="--", linewidth=0.8)
        panel.set(ylabel=detector, ylim=(0, 1.02), xlim=(0, heard.duration_seconds), yticks=(0, 0.5, 1))
        named = ", ".join(f"{clock(start)} to {clock(end)}" for start, end in stretches[:N_NAMED])
        more = f" and {len(stretches) - N_NAMED} times more" if len(stretches) > N_NAMED else ""
        said.append(f"{detector}: {named or 'nowhere'}{more}")
    last = axes[-1]
    last.set_xlabel("time (h:mm:ss)" if heard.duration_seconds >= 3600 else "time (m:ss)")
    last.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 1.5, 2, 3, 6, 10], min_n_ticks=2))
    last.xaxis.set_major_formatter(lambda seconds, _: clock(seconds))
    return svg(figure, f"Probability in each second; shaded where it is heard. {'; '.join(said)}")


def no_timeline(reason: str) -> str:
    """Draw as SVG that there is nothing to draw."""
    figure, axes = plt.subplots(figsize=(10, 1))
    axes.set_axis_off()
    axes.set_title(shorten(_legible(reason), 110, placeholder=" ..."))
    return svg(figure, "This recording could not be heard")


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
        "recording": _legible(recording), "path": quote(os.fsencode(recording)), "outcome": outcome,
        "reason": _legible(reason),
        "duration_seconds": duration_seconds, "heard_seconds": heard,
    }  # fmt: skip


def _legible(said: str | Path) -> str:
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


def shown(record: Mapping[str, Any], figure: Path, page: Path) -> str:
    """A recording on the page over all: in words, its timeline with a cursor, and a player of the file itself."""
    if record["duration_seconds"] is None:
        return f"<p>{escape(record['outcome'])}: {escape(record['reason'])}.</p>"
    heard = ", ".join(f"{name} {clock(seconds)}" for name, seconds in record["heard_seconds"].items())
    lacking = f" {escape(record['reason'])}." if record["reason"] else ""
    # relative, so that the page still plays when the whole project is moved
    paths = (decoded(record["path"]), figure)
    sound, drawn = (quote(os.fsencode(os.path.relpath(path, page.parent.resolve()))) for path in paths)
    name, drawing = Path(record["recording"]).name, figure.read_text(encoding="utf-8")
    stage = pages.stage(name, drawing, SPAN, sound, record["duration_seconds"], drawn)
    return f"<p>{escape(heard)} of {clock(record['duration_seconds'])}.{lacking}</p>\n{stage}"
