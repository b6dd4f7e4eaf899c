"""Timeline of a recording: its spectrogram, and each detector's probability over time."""

from textwrap import shorten
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
from matplotlib.ticker import MaxNLocator

from soundsift.report.clock import clock
from soundsift.report.figures.spans import TIMELINE_SPAN
from soundsift.report.figures.style import BLUE, GREEN, GREY, ORANGE, svg

if TYPE_CHECKING:
    from soundsift.detection.timeline_data import TimelineData

# Segments of a detector that the description for screen readers lists.
N_LISTED = 20
MAX_TITLE_LETTERS = 110


def timeline(data: "TimelineData", segments: pa.Table, name: str) -> str:
    """Draw the timeline of a recording as SVG.

    Parameters
    ----------
    segments
        :data:`~soundsift.detection.columns.SEGMENT_COLUMNS`; they are shaded.
    name
        File name of the recording as printable text.
    """
    left, right = TIMELINE_SPAN
    duration_seconds, n_detectors = float(data.duration_seconds), len(data.detectors)
    height = 2.6 + 0.9 * n_detectors
    figure, axes = plt.subplots(
        1 + n_detectors, 1, figsize=(10, height), sharex=True, layout="none",
        height_ratios=[2.2, *[1] * n_detectors],
        gridspec_kw={
            "left": left, "right": right, "bottom": 0.55 / height, "top": 1 - 0.35 / height, "hspace": 0.25
        },
    )  # fmt: skip
    first, *others = axes
    level_db = 10 * np.log10(np.maximum(data.power, 1e-10))
    bands_hz, loudest = data.frequencies_hz, level_db.max(initial=-100.0)
    first.imshow(
        level_db.T, origin="lower", aspect="auto", cmap="cividis", vmin=loudest - 80, vmax=loudest,
        extent=(0, duration_seconds, -0.5, len(bands_hz) - 0.5),
    )  # fmt: skip
    marks_hz = [hz for hz in (500, 1000, 2000, 4000, 8000, 16000) if hz < bands_hz[-1]]
    first.set_yticks(np.interp(marks_hz, bands_hz, np.arange(len(bands_hz))), [f"{hz / 1000:g}" for hz in marks_hz])
    first.set(ylabel="kHz", title=shorten(name, MAX_TITLE_LETTERS, placeholder=" ..."))
    rows = segments.to_pylist()
    descriptions = []
    for i, (panel, detector) in enumerate(zip(others, data.detectors.tolist(), strict=True)):
        colour, p = (BLUE, ORANGE, GREEN)[i % 3], data.probability[i]
        spans = [(row["start_seconds"], row["end_seconds"]) for row in rows if row["detector"] == detector]
        for start, end in spans:
            panel.axvspan(start, end, color=colour, alpha=0.25, linewidth=0)
        panel.stairs(p, np.minimum(np.arange(len(p) + 1), duration_seconds), color=colour, linewidth=1.2)
        panel.axhline(data.thresholds[i], color=GREY, linestyle="--", linewidth=0.8)
        panel.set(ylabel=detector, ylim=(0, 1.02), xlim=(0, duration_seconds), yticks=(0, 0.5, 1))
        listed = ", ".join(f"{clock(start)} to {clock(end)}" for start, end in spans[:N_LISTED])
        more = f" and {len(spans) - N_LISTED} more segments" if len(spans) > N_LISTED else ""
        descriptions.append(f"{detector}: {listed or 'no segments'}{more}")
    last = axes[-1]
    last.set_xlabel("time (h:mm:ss)" if duration_seconds >= 3600 else "time (m:ss)")
    last.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 1.5, 2, 3, 6, 10], min_n_ticks=2, integer=True))
    last.xaxis.set_major_formatter(lambda seconds, _: clock(seconds))
    return svg(figure, f"Probability in each second; detected segments are shaded. {'; '.join(descriptions)}")


def no_timeline(reason: str) -> str:
    """Draw as SVG the reason why a recording could not be read."""
    figure, axes = plt.subplots(figsize=(10, 1))
    axes.set_axis_off()
    axes.set_title(shorten(reason, MAX_TITLE_LETTERS, placeholder=" ..."))
    return svg(figure, "This recording could not be read")
