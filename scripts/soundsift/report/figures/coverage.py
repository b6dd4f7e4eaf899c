"""Figure of the wanted clips by outcome."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from soundsift.report.figures.style import BLUE, ORANGE, save


def coverage(counts: Mapping[str, Mapping[str, int]], path: Path) -> None:
    """Draw the number of wanted clips by outcome; ``counts`` is {split: {outcome: clips}}."""
    total: Counter[str] = Counter()
    for of_split in counts.values():
        total.update(of_split)
    outcomes = [outcome for outcome, _ in total.most_common()]
    figure, axes = plt.subplots(figsize=(7, 0.6 + 0.4 * len(outcomes) * len(counts)))
    height = 0.8 / len(counts)
    for i, (split, colour) in enumerate(zip(counts, (BLUE, ORANGE), strict=False)):
        at = np.arange(len(outcomes)) + (i - (len(counts) - 1) / 2) * height
        values = [counts[split].get(outcome, 0) for outcome in outcomes]
        axes.bar_label(axes.barh(at, values, height, color=colour, label=split), fmt="{:,.0f}", padding=3)
    axes.set_yticks(range(len(outcomes)), outcomes)
    axes.invert_yaxis()
    axes.set(xlabel="clips", title="Wanted clips by outcome")
    axes.margins(x=0.1)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    description = "; ".join(
        f"{split}: " + ", ".join(f"{n:,} {outcome}" for outcome, n in of_split.items())
        for split, of_split in counts.items()
    )
    save(figure, path, description)
