"""What is heard in a recording, under its spectrogram."""

from collections.abc import Mapping
from textwrap import shorten
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from soundsift.detection.formats import clock, legible
from soundsift.report.figures.style import BLUE, GREEN, GREY, ORANGE, svg

if TYPE_CHECKING:
    from soundsift.detection.listen import Heard
# Where time begins and ends in a timeline, as shares of its width.
SPAN = (0.09, 0.985)
# Stretches that a timeline names to those who do not see it.
N_NAMED = 20


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
    first.set(ylabel="kHz", title=shorten(legible(name), 110, placeholder=" ..."))
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
    axes.set_title(shorten(legible(reason), 110, placeholder=" ..."))
    return svg(figure, "This recording could not be heard")
