"""Figures of a detector: its training, its probabilities and its performance."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.ticker import LogLocator, NullFormatter
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from soundsift.arrays import Float64Array, Int64Array
from soundsift.detectors.metrics import Confusion
from soundsift.report.figures.style import BLUE, GREEN, GREY, ORANGE, save


def confusion(counts: Confusion, name: str, path: Path) -> None:
    """Draw right and wrong predictions for clips with and without the class, as bars and as a confusion matrix."""
    figure, (bars, matrix) = plt.subplots(1, 2, figsize=(9.5, 3.8), width_ratios=(1.2, 1))
    groups = [f"with {name}", f"without {name}"]
    answers = np.array([[counts.tp, counts.fn], [counts.fp, counts.tn]])
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
    matrix.set(xlabel="predicted by the detector", title="confusion matrix")
    figure.colorbar(image, ax=matrix, label="% of the row", shrink=0.8)
    description = (
        f"Of {counts.n_positive:,} clips with {name} {counts.tp:,} are detected and {counts.fn:,} missed; "
        f"in {counts.fp:,} of {counts.n_negative:,} clips without it there is a false alarm"
    )
    save(figure, path, description)


def answers(confusions: Mapping[str, Confusion], path: Path) -> None:
    """Draw the percentage of right and wrong predictions for clips with and without each detector's class."""
    figure, axes = plt.subplots(figsize=(7, 1.1 + 0.7 * len(confusions)))
    names, shares = [], []
    for detector, n in confusions.items():
        names += [f"with {detector}", f"without {detector}"]
        shares += [n.tp / max(n.n_positive, 1), n.tn / max(n.n_negative, 1)]
    right = 100 * np.array(shares)
    bars = axes.barh(names, right, color=BLUE, label="right")
    axes.bar_label(bars, [f"{v:.0f}" for v in right], label_type="center", color="white")
    bars = axes.barh(names, 100 - right, left=right, color=ORANGE, label="wrong")
    axes.bar_label(bars, [f"{100 - v:.0f}" for v in right], padding=4)
    axes.invert_yaxis()
    axes.set(xlabel="of 100 eval clips", title="Right and wrong answers in a hundred clips", xlim=(0, 100))
    axes.legend(loc="upper left", bbox_to_anchor=(1.1, 1))
    save(figure, path, "; ".join(f"{n}: {v:.0f} right, {100 - v:.0f} wrong" for n, v in zip(names, right, strict=True)))


def curves(truth: Int64Array, probability: Mapping[str, Float64Array], name: str, path: Path) -> None:
    """Draw the ROC curve and the precision-recall curve of the detector and its baselines.

    Parameters
    ----------
    truth
        Of the eval clips, 0 or 1, shape (n,).
    probability
        {model: of the same clips, shape (n,)}, the detector first.
    """
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
    """Draw the loss of mixed training clips and of held-out clips over the training (:data:`HISTORY_COLUMNS`)."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    epoch = table["epoch"].to_pylist()
    described = []
    for column, colour, label in (("loss", BLUE, "mixed training clips"), ("val_loss", ORANGE, "held-out clips")):
        if table[column].null_count == 0:
            values = table[column].to_pylist()
            axes.plot(epoch, values, color=colour, label=label)
            described.append(f"{label}: from {values[0]:.3f} to {values[-1]:.3f}")
    axes.set(xlabel="part of the training", ylabel="cross-entropy (nat)", title=f"{name}: training", yscale="log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend()
    save(figure, path, f"Cross-entropy of {', '.join(described)} nat")


def probabilities(truth: Int64Array, probability: Float64Array, threshold: float, name: str, path: Path) -> None:
    """Draw histograms of the detector's probability for clips with and without the class."""
    figure, axes = plt.subplots(figsize=(7.5, 3.6))
    bins = list(np.linspace(0, 1, 21))
    groups = [probability[truth == 1], probability[truth == 0]]
    labels = [f"with {name}", f"without {name}"]
    axes.hist(groups, bins, color=[BLUE, ORANGE], label=labels)
    axes.axvline(threshold, color=GREY, linestyle="--", label="threshold")
    axes.set(xlabel=f"probability of {name}", ylabel="eval clips", title=f"{name}: probabilities by the detector")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    medians = [f"{label}: {np.median(group):.3f}" for label, group in zip(labels, groups, strict=True)]
    save(figure, path, f"Median probability of clips {', '.join(medians)}; the threshold is {threshold:.3f}")


def calibration(truth: Int64Array, probability: Mapping[str, Float64Array], name: str, path: Path) -> None:
    """Draw the share of clips with the class over the predicted probability, for groups of clips of equal size.

    Parameters
    ----------
    truth
        Of the eval clips, 0 or 1, shape (n,).
    probability
        {"before" and "after" calibration: of the same clips, shape (n,)}
    """
    figure, axes = plt.subplots(figsize=(5.5, 4.5))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="perfectly calibrated")
    n_groups = max(2, min(10, len(truth) // 15))
    described = []
    for (label, values), colour, marker in zip(probability.items(), (ORANGE, BLUE), ("D", "o"), strict=True):
        groups = np.array_split(np.argsort(values, kind="stable"), n_groups)
        predicted = [float(values[group].mean()) for group in groups]
        share = np.array([float(truth[group].mean()) for group in groups])
        n = np.array([len(group) for group in groups])
        spread = 1.96 * np.sqrt((share * (1 - share) + 1 / n) / n)
        inside = [share - np.maximum(share - spread, 0), np.minimum(share + spread, 1) - share]
        brier = float(np.mean((values - truth) ** 2))
        described.append(f"{brier:.4f} {label}")
        axes.errorbar(
            predicted, share, inside, color=colour, marker=marker, capsize=2, elinewidth=0.8, alpha=0.9,
            label=f"{label} (Brier score {brier:.4f})",
        )  # fmt: skip
    axes.set(
        xlabel=f"probability of {name} by the detector", ylabel=f"share of clips with {name}",
        title=f"{name}: calibration on {len(truth):,} eval clips", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03),
    )  # fmt: skip
    axes.legend(loc="lower right")
    save(figure, path, f"Brier score {', '.join(described)} calibration")


def learning_curve(table: pa.Table, name: str, path: Path) -> None:
    """Draw the metrics over the number of training clips (:data:`CURVE_COLUMNS`)."""
    figure, axes = plt.subplots(figsize=(6, 4))
    described = []
    for metric, label, colour, marker in (
        ("roc_auc", "ROC AUC", BLUE, "o"), ("average_precision", "average precision", ORANGE, "D"),
    ):  # fmt: skip
        rows = table.filter(pc.equal(table["metric"], metric)).to_pylist()
        n, value = [row["n_clips"] for row in rows], [row["value"] for row in rows]
        described.append(f"{label}: " + ", ".join(f"{v:.3f} with {c:,} clips" for c, v in zip(n, value, strict=True)))
        axes.plot(n, value, color=colour, marker=marker, label=label)
        axes.fill_between(n, [r["low"] for r in rows], [r["high"] for r in rows], color=colour, alpha=0.15, linewidth=0)
        axes.set_xscale("log")
        axes.set_xticks(n, [f"{count:,}" for count in n])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(top=min(axes.get_ylim()[1], 1.01))  # no metric is above 1
    axes.set(xlabel="training clips", ylabel="metric on the eval clips", title=f"{name}: would more clips help?")
    axes.legend(loc="lower right")
    save(figure, path, "; ".join(described))
