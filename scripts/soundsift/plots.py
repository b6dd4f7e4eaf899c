"""Figures: SVG, colour-blind-safe (Okabe and Ito 2008), units on every axis."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.metrics import precision_recall_curve, roc_curve

from soundsift.frames import definition_of
from soundsift.tables import whole_file

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8c8c8c"

plt.rcParams |= {
    "figure.constrained_layout.use": True, "axes.spines.top": False, "axes.spines.right": False, "font.size": 11,
    "axes.titlesize": 12, "text.parse_math": False, "axes.titlelocation": "left", "legend.frameon": False,
    # the same figure gives the same file, letters stay letters
    "svg.hashsalt": "soundsift", "svg.fonttype": "none", "font.family": "sans-serif",
}  # fmt: skip


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as SVG and forget it."""
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})
    plt.close(figure)


def coverage(counts: Mapping[str, Mapping[str, int]], path: Path) -> None:
    """Draw how many wanted clips came to which outcome; ``counts`` is {split: {outcome: clips}}."""
    outcomes = sorted({o for c in counts.values() for o in c}, key=lambda o: -sum(c.get(o, 0) for c in counts.values()))
    figure, axes = plt.subplots(figsize=(7, 0.6 + 0.4 * len(outcomes) * len(counts)))
    height = 0.8 / len(counts)
    for i, (split, colour) in enumerate(zip(counts, (BLUE, ORANGE), strict=False)):
        at = np.arange(len(outcomes)) + (i - (len(counts) - 1) / 2) * height
        values = [counts[split].get(o, 0) for o in outcomes]
        axes.bar_label(axes.barh(at, values, height, color=colour, label=split), padding=3)
    axes.set_yticks(range(len(outcomes)), outcomes)
    axes.invert_yaxis()
    axes.set(xlabel="clips", title="What became of the wanted clips")
    axes.margins(x=0.1)
    axes.legend(loc="lower right")
    save(figure, path)


def class_counts(table: pa.Table, path: Path, n_shown: int = 30) -> None:
    """Draw how many clips of each split carry the most frequent classes; ``table`` is overview.class_counts."""
    shown = table.slice(0, n_shown)
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
    axes.set_title("Clips by class" + (f": the {n_shown} most frequent" if table.num_rows > n_shown else ""))
    axes.legend(loc="lower right")
    save(figure, path)


def truths(table: pa.Table, path: Path) -> None:
    """Draw how many clips are known to have each detector's class, and not to; ``table`` is overview.truth_counts."""
    names = [f"{row['detector']}, {row['split']}" for row in table.to_pylist()]
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.4 * len(names)))
    left = np.zeros(len(names))
    for name, colour in (("with", BLUE), ("without", ORANGE)):
        values = np.array(table[name].to_pylist())
        bars = axes.barh(names, values, left=left, color=colour, label=name)
        axes.bar_label(bars, [f"{v:,}" if v else "" for v in values], label_type="center", color="white")
        left += values
    bars = axes.barh(names, table["unknown"].to_pylist(), left=left, color=GREY, label="unknown")
    axes.bar_label(bars, [f"{n:,} unknown" for n in table["unknown"].to_pylist()], padding=3)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel="wanted clips", title="What is true of the wanted clips", xlim=(0, 1.25 * left.max()))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)


def together(names: Sequence[str], counts: npt.NDArray[np.int64], starts: Sequence[int], path: Path) -> None:
    """Draw how often classes stand on the same clip, counts over shares of the row's class; see overview.together."""
    of_row = counts / np.maximum(np.diag(counts), 1)[:, None]
    side = 2.5 + 0.45 * len(names)
    figure, axes = plt.subplots(figsize=(side + 1.2, side))
    image = axes.imshow(100 * of_row, cmap="cividis", vmin=0, vmax=100)
    for (row, column), n in np.ndenumerate(counts):
        if n:
            colour = "black" if of_row[row, column] > 0.6 else "white"
            axes.text(
                column,
                row,
                f"{n:,}" if n < 10_000 else f"{n / 1000:.0f}k",
                ha="center",
                va="center",
                fontsize=7,
                color=colour,
            )
    for start in starts[1:]:
        axes.axhline(start - 0.5, color="white", linewidth=2)
        axes.axvline(start - 0.5, color="white", linewidth=2)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_title("Clips that carry both labels")
    figure.colorbar(image, ax=axes, label="% of the clips with the row's label", shrink=0.6)
    save(figure, path)


def confusion(counts: Mapping[str, int], name: str, path: Path) -> None:
    """Draw right and wrong answers among clips with and without the class."""
    figure, axes = plt.subplots(figsize=(5.5, 3.6))
    groups = [f"with {name}", f"without {name}"]
    right, wrong = [counts["tp"], counts["tn"]], [counts["fn"], counts["fp"]]
    for shift, values, colour, label in ((-0.2, right, BLUE, "right"), (0.2, wrong, ORANGE, "wrong")):
        bars = axes.bar(np.arange(2) + shift, values, 0.38, color=colour, label=label)
        axes.bar_label(bars, padding=2)
    axes.set_xticks(range(2), groups)
    axes.set(ylabel="eval clips", title=f"{name}: right and wrong answers")
    axes.margins(y=0.12)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)


def curves(truth: npt.NDArray[np.int64], probability: Mapping[str, Sequence[float]], name: str, path: Path) -> None:
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
    save(figure, path)


def history(table: pa.Table, name: str, path: Path) -> None:
    """Draw loss over the training for the mixed clips learned from and the clips left out."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    epoch = table["epoch"].to_pylist()
    for column, colour, label in (("loss", BLUE, "mixtures learned from"), ("val_loss", ORANGE, "clips left out")):
        if table[column].null_count == 0:
            axes.plot(epoch, table[column].to_pylist(), color=colour, label=label)
    axes.set(xlabel="part of the training", ylabel="cross-entropy (nat)", title=f"{name}: training", yscale="log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend()
    save(figure, path)


def probabilities(
    truth: npt.NDArray[np.int64], probability: npt.NDArray[Any], threshold: float, name: str, path: Path
) -> None:
    """Draw how the detector's probability is spread among clips with and without the class."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    bins = list(np.linspace(0, 1, 21))
    groups = [probability[truth == 1], probability[truth == 0]]
    axes.hist(groups, bins, color=[BLUE, ORANGE], label=[f"with {name}", f"without {name}"])
    axes.axvline(threshold, color=GREY, linestyle="--", label="threshold")
    axes.set(xlabel=f"probability of {name}", ylabel="eval clips", title=f"{name}: what the detector says")
    axes.legend(loc="upper center")
    save(figure, path)


def calibration(
    truth: npt.NDArray[np.int64], probability: Mapping[str, npt.NDArray[Any]], name: str, path: Path
) -> None:
    """Draw how often the class is heard where the detector says so much; ``probability`` is {before or after: p}."""
    figure, axes = plt.subplots(figsize=(5.5, 4.5))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="as it says")
    n_groups = max(2, min(10, len(truth) // 15))
    for (label, values), colour, marker in zip(probability.items(), (ORANGE, BLUE), ("D", "o"), strict=True):
        # groups of equal size, each at what it says and at what is so
        groups = np.array_split(np.argsort(values, kind="stable"), n_groups)
        says = [float(values[group].mean()) for group in groups]
        share = np.array([float(truth[group].mean()) for group in groups])
        n = np.array([len(group) for group in groups])
        spread = 1.96 * np.sqrt((share * (1 - share) + 1 / n) / n)
        inside = [share - np.maximum(share - spread, 0), np.minimum(share + spread, 1) - share]
        brier = float(np.mean((values - truth) ** 2))
        axes.errorbar(
            says, share, inside, color=colour, marker=marker, capsize=2, elinewidth=0.8, alpha=0.9,
            label=f"{label} (Brier score {brier:.4f})",
        )  # fmt: skip
    axes.set(
        xlabel=f"probability of {name} that the detector says", ylabel=f"share of clips with {name}",
        title=f"{name}: calibration on {len(truth):,} eval clips", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03),
    )  # fmt: skip
    axes.legend(loc="lower right")
    save(figure, path)


def learning_curve(table: pa.Table, name: str, path: Path) -> None:
    """Draw the metrics over the number of training clips; ``table`` is evaluation.learning_curve."""
    figure, axes = plt.subplots(figsize=(6, 4))
    for metric, label, colour, marker in (
        ("roc_auc", "ROC AUC", BLUE, "o"), ("average_precision", "average precision", ORANGE, "D"),
    ):  # fmt: skip
        rows = table.filter(pc.equal(table["metric"], metric)).to_pylist()
        n, value = [row["n_clips"] for row in rows], [row["value"] for row in rows]
        axes.plot(n, value, color=colour, marker=marker, label=label)
        axes.fill_between(n, [r["low"] for r in rows], [r["high"] for r in rows], color=colour, alpha=0.15, linewidth=0)
        axes.set_xscale("log")
        axes.set_xticks(n, [f"{count:,}" for count in n])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="training clips", ylabel="on the eval clips", title=f"{name}: would more clips help?")
    axes.legend(loc="lower right")
    save(figure, path)


def example(samples: npt.NDArray[np.float32], sample_rate_hz: int, frames: pa.Table, title: str, path: Path) -> None:
    """Draw one clip: waveform, mel spectrogram, MFCC, centroid with roll-off, zero-crossing rate and chroma.

    Parameters
    ----------
    samples
        Shape (n,), in [-1, 1].
    frames
        The clip's frames table; n_fft, hop_length and n_mels are in its metadata.
    """
    import librosa

    made_with = definition_of(frames.schema)
    n_fft, hop, n_mels = (int(made_with[key]) for key in ("n_fft", "hop_length", "n_mels"))
    mel = librosa.feature.melspectrogram(y=samples, sr=sample_rate_hz, n_fft=n_fft, hop_length=hop, n_mels=n_mels)
    column = {name: frames[name].to_numpy() for name in frames.column_names}
    mfcc, chroma = (np.stack([v for k, v in column.items() if k.startswith(p)]) for p in ("mfcc_", "chroma_"))
    time = column["time_seconds"]
    span = (0.0, len(samples) / sample_rate_hz)
    figure, axes = plt.subplots(6, 1, figsize=(8, 11), sharex=True)
    axes[0].plot(np.arange(len(samples)) / sample_rate_hz, samples, color=BLUE, linewidth=0.3, rasterized=True)
    axes[0].set(ylabel="amplitude", title=title, ylim=(-1, 1))
    images = (
        (axes[1], librosa.power_to_db(mel, ref=np.max), (0.5, n_mels + 0.5), "mel band", "mel spectrogram (dB)"),
        (axes[2], mfcc, (0.5, len(mfcc) + 0.5), "coefficient", "MFCC (dB)"),
        (axes[5], chroma, (-0.5, 11.5), "pitch class", "chroma (of the strongest)"),
    )
    for row, values, (low, high), unit, name in images:
        shown = row.imshow(values, origin="lower", aspect="auto", extent=(*span, low, high), cmap="cividis")
        row.set(ylabel=unit, title=name)
        figure.colorbar(shown, ax=row)
    axes[5].set_yticks(range(12), ["C", "", "D", "", "E", "F", "", "G", "", "A", "", "B"])
    axes[3].plot(time, column["spectral_centroid_hz"], color=BLUE, label="centroid")
    axes[3].plot(time, column["spectral_rolloff_hz"], color=ORANGE, linestyle="--", label="roll-off")
    axes[3].set(ylabel="Hz", title="spectral centroid and roll-off")
    axes[3].legend(loc="upper right")
    axes[4].plot(time, column["zero_crossing_rate"], color=GREEN)
    axes[4].set(ylabel="per sample", title="zero-crossing rate")
    axes[5].set(xlabel="time in the clip (s)", xlim=span)
    save(figure, path)
