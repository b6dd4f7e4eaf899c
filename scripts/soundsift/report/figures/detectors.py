"""Figures of a detector: how it learned, what it answers, how good it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.ticker import LogLocator, NullFormatter
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from soundsift.report.figures.style import BLUE, GREEN, GREY, ORANGE, save


def confusion(counts: Mapping[str, int], name: str, path: Path) -> None:
    """Draw right and wrong answers among clips with and without the class, as bars and as a matrix."""
    figure, (bars, matrix) = plt.subplots(1, 2, figsize=(9.5, 3.8), width_ratios=(1.2, 1))
    groups = [f"with {name}", f"without {name}"]
    answers = np.array([[counts["tp"], counts["fn"]], [counts["fp"], counts["tn"]]])
    right, wrong = answers.diagonal(), answers[:, ::-1].diagonal()
    for shift, values, colour, label in ((-0.2, right, BLUE, "right"), (0.2, wrong, ORANGE, "wrong")):
        bars.bar_label(bars.bar(np.arange(2) + shift, values, 0.38, color=colour, label=label), padding=2)
    bars.set_xticks(range(2), groups)
    bars.set(ylabel="eval clips", title=f"{name}: right and wrong answers")
    bars.margins(y=0.25)
    bars.legend(loc="upper center", ncols=2)
    percent = 100 * answers / np.maximum(answers.sum(axis=1, keepdims=True), 1)
    image = matrix.imshow(percent, cmap="cividis", vmin=0, vmax=100)
    for (row, column), n in np.ndenumerate(answers):
        colour = "black" if percent[row, column] > 60 else "white"
        matrix.text(column, row, f"{n:,}\n{percent[row, column]:.0f} %", ha="center", va="center", color=colour)
    matrix.set_xticks(range(2), ["yes", "no"])
    matrix.set_yticks(range(2), groups)
    matrix.set(xlabel="the detector says", title="as a matrix")
    figure.colorbar(image, ax=matrix, label="% of the row", shrink=0.8)
    said = f"Of {answers[0].sum():,} clips with {name} {counts['tp']:,} are detected and {counts['fn']:,} missed; "
    said += f"of {answers[1].sum():,} without it {counts['fp']:,} are wrongly claimed"
    save(figure, path, said)


def answers(confusions: Mapping[str, Mapping[str, int]], path: Path) -> None:
    """Draw of a hundred clips with and without each detector's class how many are answered right and wrong."""
    figure, axes = plt.subplots(figsize=(7, 1.1 + 0.7 * len(confusions)))
    names, shares = [], []
    for detector, n in confusions.items():
        names += [f"with {detector}", f"without {detector}"]
        shares += [n["tp"] / max(n["tp"] + n["fn"], 1), n["tn"] / max(n["tn"] + n["fp"], 1)]
    right = 100 * np.array(shares)
    bars = axes.barh(names, right, color=BLUE, label="right")
    axes.bar_label(bars, [f"{v:.0f}" for v in right], label_type="center", color="white")
    bars = axes.barh(names, 100 - right, left=right, color=ORANGE, label="wrong")
    axes.bar_label(bars, [f"{100 - v:.0f}" for v in right], padding=4)
    axes.invert_yaxis()
    axes.set(xlabel="of 100 eval clips", title="Right and wrong answers in a hundred clips", xlim=(0, 100))
    axes.legend(loc="upper left", bbox_to_anchor=(1.1, 1))
    said = "; ".join(f"{n}: {v:.0f} right, {100 - v:.0f} wrong" for n, v in zip(names, right, strict=True))
    save(figure, path, said)


def curves(
    truth: npt.NDArray[np.int64], probability: Mapping[str, npt.NDArray[np.float64]], name: str, path: Path
) -> None:
    """Draw ROC and precision over recall for the detector and its baselines; ``probability`` is {model: per clip}."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    looks = ((BLUE, "-", 2.5), (ORANGE, "--", 1.5), (GREEN, "-.", 1.5))
    for (model, values), (colour, style, width) in zip(probability.items(), looks, strict=False):
        false_rate, hit_rate, _ = roc_curve(truth, values)
        left.plot(false_rate, hit_rate, color=colour, linestyle=style, linewidth=width, label=model)
        precision, recall, _ = precision_recall_curve(truth, values)
        right.plot(recall, precision, color=colour, linestyle=style, linewidth=width, label=model)
    left.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
    right.axhline(float(truth.mean()), color=GREY, linestyle=":", label="always yes")
    left.set(xlabel="false alarm rate", ylabel="recall", title=f"{name}: ROC")
    right.set(xlabel="recall", ylabel="precision", title=f"{name}: precision and recall", ylim=(0, 1.03))
    for axes in (left, right):
        axes.legend(loc="lower center")
    areas = ", ".join(f"{model} {roc_auc_score(truth, values):.3f}" for model, values in probability.items())
    save(figure, path, f"Area under the ROC curve: {areas}")


def history(table: pa.Table, name: str, path: Path) -> None:
    """Draw loss over the training for the mixed clips learned from and the clips left out."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    epoch = table["epoch"].to_pylist()
    said = []
    for column, colour, label in (("loss", BLUE, "mixtures learned from"), ("val_loss", ORANGE, "clips left out")):
        if table[column].null_count == 0:
            values = table[column].to_pylist()
            axes.plot(epoch, values, color=colour, label=label)
            said.append(f"{label}: from {values[0]:.3f} to {values[-1]:.3f}")
    axes.set(xlabel="part of the training", ylabel="cross-entropy (nat)", title=f"{name}: training", yscale="log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend()
    save(figure, path, f"Cross-entropy of {', '.join(said)} nat")


def probabilities(
    truth: npt.NDArray[np.int64], probability: npt.NDArray[Any], threshold: float, name: str, path: Path
) -> None:
    """Draw how the detector's probability is spread among clips with and without the class."""
    figure, axes = plt.subplots(figsize=(7.5, 3.6))
    bins = list(np.linspace(0, 1, 21))
    groups = [probability[truth == 1], probability[truth == 0]]
    labels = [f"with {name}", f"without {name}"]
    axes.hist(groups, bins, color=[BLUE, ORANGE], label=labels)
    axes.axvline(threshold, color=GREY, linestyle="--", label="threshold")
    axes.set(xlabel=f"probability of {name}", ylabel="eval clips", title=f"{name}: what the detector says")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    medians = [f"{label}: {np.median(group):.3f}" for label, group in zip(labels, groups, strict=True)]
    said = f"Median probability of clips {', '.join(medians)}; the threshold is {threshold:.3f}"
    save(figure, path, said)


def calibration(
    truth: npt.NDArray[np.int64], probability: Mapping[str, npt.NDArray[Any]], name: str, path: Path
) -> None:
    """Draw how often the class is heard where the detector says so much; ``probability`` is {before or after: p}."""
    figure, axes = plt.subplots(figsize=(5.5, 4.5))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="as it says")
    n_groups = max(2, min(10, len(truth) // 15))
    said = []
    for (label, values), colour, marker in zip(probability.items(), (ORANGE, BLUE), ("D", "o"), strict=True):
        # groups of equal size, each at what it says and at what is so
        groups = np.array_split(np.argsort(values, kind="stable"), n_groups)
        says = [float(values[group].mean()) for group in groups]
        share = np.array([float(truth[group].mean()) for group in groups])
        n = np.array([len(group) for group in groups])
        spread = 1.96 * np.sqrt((share * (1 - share) + 1 / n) / n)
        inside = [share - np.maximum(share - spread, 0), np.minimum(share + spread, 1) - share]
        brier = float(np.mean((values - truth) ** 2))
        said.append(f"{brier:.4f} {label}")
        axes.errorbar(
            says, share, inside, color=colour, marker=marker, capsize=2, elinewidth=0.8, alpha=0.9,
            label=f"{label} (Brier score {brier:.4f})",
        )  # fmt: skip
    axes.set(
        xlabel=f"probability of {name} that the detector says", ylabel=f"share of clips with {name}",
        title=f"{name}: calibration on {len(truth):,} eval clips", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03),
    )  # fmt: skip
    axes.legend(loc="lower right")
    save(figure, path, f"Brier score {', '.join(said)} calibration")


def learning_curve(table: pa.Table, name: str, path: Path) -> None:
    """Draw the metrics over the number of training clips; ``table`` is evaluation.learning_curve."""
    figure, axes = plt.subplots(figsize=(6, 4))
    said = []
    for metric, label, colour, marker in (
        ("roc_auc", "ROC AUC", BLUE, "o"), ("average_precision", "average precision", ORANGE, "D"),
    ):  # fmt: skip
        rows = table.filter(pc.equal(table["metric"], metric)).to_pylist()
        n, value = [row["n_clips"] for row in rows], [row["value"] for row in rows]
        said.append(f"{label}: " + ", ".join(f"{v:.3f} with {c:,} clips" for c, v in zip(n, value, strict=True)))
        axes.plot(n, value, color=colour, marker=marker, label=label)
        axes.fill_between(n, [r["low"] for r in rows], [r["high"] for r in rows], color=colour, alpha=0.15, linewidth=0)
        axes.set_xscale("log")
        axes.set_xticks(n, [f"{count:,}" for count in n])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="training clips", ylabel="on the eval clips", title=f"{name}: would more clips help?")
    axes.legend(loc="lower right")
    save(figure, path, "; ".join(said))
