"""Figures of the metadata: clips by class, clips with each truth, and classes that label the same clip."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.ticker import LogLocator, NullFormatter

from soundsift.report.figures.style import BLUE, GREY, ORANGE, save


def class_counts(table: pa.Table, path: Path, n_shown: int = 20) -> None:
    """Draw the number of clips with each of the most frequent classes.

    Parameters
    ----------
    table
        As :func:`soundsift.report.metadata.class_counts` returns it.
    """
    carried = table.filter(pc.greater(pc.add(table["train clips"], table["eval clips"]), 0))
    shown = carried.slice(0, n_shown)
    splits = [name for name in ("train", "eval") if pc.max(table[f"{name} clips"]).as_py()]
    names = shown["class"].to_pylist()
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.28 * len(names)))
    for split, colour, marker in zip(splits, (BLUE, ORANGE), ("o", "D"), strict=False):
        axes.plot(shown[f"{split} clips"].to_pylist(), names, marker, color=colour, label=split)
    axes.grid(axis="y", color=GREY, alpha=0.3)
    axes.invert_yaxis()
    axes.set(xlabel="clips that carry the label", xscale="log", ylim=(len(names) - 0.4, -0.6))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title("Clips by class" + (f": the {n_shown} most frequent" if carried.num_rows > n_shown else ""))
    axes.legend(loc="lower right")
    first = zip(names[:5], *(shown[f"{split} clips"].to_pylist() for split in splits), strict=False)
    description = "; ".join(
        f"{n}, " + " and ".join(f"{c:,} {of}" for c, of in zip(of_n, splits, strict=True)) for n, *of_n in first
    )
    save(figure, path, f"Most frequent: {description}")


def truths(table: pa.Table, path: Path) -> None:
    """Draw the number of clips with each detector's class, without it, and of unknown truth.

    Parameters
    ----------
    table
        As :func:`soundsift.report.metadata.truth_counts` returns it.
    """
    names = [f"{row['detector']}, {row['split']}" for row in table.to_pylist()]
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.4 * len(names)))
    left = np.zeros(len(names))
    totals = max(map(sum, zip(*(table[name].to_pylist() for name in ("with", "without", "unknown")), strict=True)))
    beside = [""] * len(names)
    for name, colour in (("with", BLUE), ("without", ORANGE)):
        values = np.array(table[name].to_pylist())
        bars = axes.barh(names, values, left=left, color=colour, label=name)
        on = "white" if colour == BLUE else "black"
        fits = values > 0.07 * totals
        axes.bar_label(
            bars, [f"{v:,}" if fit else "" for v, fit in zip(values, fits, strict=True)], label_type="center", color=on
        )
        beside = [
            f"{text}{v:,} {name}, " if v and not fit else text
            for text, v, fit in zip(beside, values, fits, strict=True)
        ]
        left += values
    bars = axes.barh(names, table["unknown"].to_pylist(), left=left, color=GREY, label="unknown")
    unknown = table["unknown"].to_pylist()
    axes.bar_label(bars, [f"{text}{n:,} unknown" for text, n in zip(beside, unknown, strict=True)], padding=3)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(
        xlabel="wanted clips", title="Wanted clips with and without each detector's class",
        xlim=(0, 1.4 * left.max()), ylim=(len(names) - 0.4, -0.6),
    )  # fmt: skip
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    rows = zip(names, table.to_pylist(), strict=True)
    description = "; ".join(
        f"{n}: {r['with']:,} with, {r['without']:,} without, {r['unknown']:,} unknown" for n, r in rows
    )
    save(figure, path, description)


def co_occurrence(names: Sequence[str], counts: npt.NDArray[np.int64], starts: Sequence[int], path: Path) -> None:
    """Draw how often classes label the same clip. The number is a count; the colour is its share of the row's class.

    The parameters are the results of :func:`soundsift.report.metadata.co_occurrence`.
    """
    of_row = counts / np.maximum(np.diag(counts), 1)[:, None]
    # Inches; a taller figure would not fit on the screen of a laptop.
    side = min(2.5 + 0.45 * len(names), 7.5)
    figure, axes = plt.subplots(figsize=(side + 1.2, side))
    is_small = len(names) > 16
    line = 0.5 if is_small else 2
    image = axes.imshow(100 * of_row, cmap="cividis", vmin=0, vmax=100)
    for (row, column), n in np.ndenumerate(counts):
        if n:
            colour = "black" if of_row[row, column] > 0.6 else "white"
            axes.text(
                column,
                row,
                str(n) if n < 1000 else f"{n / 1000:.0f}k",
                ha="center",
                va="center",
                fontsize=6 if is_small else 7,
                color=colour,
            )
    for start in starts[1:]:
        axes.axhline(start - 0.5, color="white", linewidth=line)
        axes.axvline(start - 0.5, color="white", linewidth=line)
    shown = [shorten(name, 24, placeholder=" ...") for name in names]
    axes.set_xticks(range(len(names)), shown, rotation=90 if is_small else 45, ha="center" if is_small else "right")
    axes.set_yticks(range(len(names)), shown)
    axes.tick_params(labelsize=8 if is_small else None)
    axes.set_title("Clips that carry both labels")
    figure.colorbar(image, ax=axes, label="% of the clips with the row's label", shrink=0.6)
    save(figure, path, f"How many clips carry two of {len(names)} classes: {', '.join(names)}")
