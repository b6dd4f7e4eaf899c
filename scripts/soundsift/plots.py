"""Figures: SVG, colour-blind-safe (Okabe and Ito 2008), units on every axis, and what they show in words."""

import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from soundsift.frames import definition_of
from soundsift.tables import write_text

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8c8c8c"

plt.rcParams |= {
    "figure.constrained_layout.use": True, "axes.spines.top": False, "axes.spines.right": False, "font.size": 11,
    "axes.titlesize": 12, "text.parse_math": False, "axes.titlelocation": "left", "legend.frameon": False,
    # the same figure gives the same file, letters stay letters
    "svg.hashsalt": "soundsift", "svg.fonttype": "none", "font.family": "sans-serif",
}  # fmt: skip


def svg(figure: "Figure", description: str) -> str:
    """Turn a figure into SVG and forget it; its title and ``description`` are read to those who do not see it."""
    drawn = io.StringIO()
    title = figure.get_suptitle() or figure.axes[0].get_title(loc="left")
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Title": title})
    plt.close(figure)
    described = drawn.getvalue().replace("<svg ", '<svg role="img" ', 1)
    return described.replace("</title>", f"</title>\n <desc>{escape(description)}</desc>", 1)


def save(figure: "Figure", path: Path, description: str) -> None:
    """Write a figure as SVG and forget it."""
    write_text(svg(figure, description), path)


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
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    said = "; ".join(f"{of}: " + ", ".join(f"{n:,} {o}" for o, n in found.items()) for of, found in counts.items())
    save(figure, path, said)


def class_counts(table: pa.Table, path: Path, n_shown: int = 20) -> None:
    """Draw how many clips of each split carry the most frequent classes; ``table`` is overview.class_counts."""
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
    said = "; ".join(
        f"{n}, " + " and ".join(f"{c:,} {of}" for c, of in zip(of_n, splits, strict=True)) for n, *of_n in first
    )
    save(figure, path, f"Most frequent: {said}")


def truths(table: pa.Table, path: Path) -> None:
    """Draw how many clips are known to have each detector's class, and not to; ``table`` is overview.truth_counts."""
    names = [f"{row['detector']}, {row['split']}" for row in table.to_pylist()]
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.4 * len(names)))
    left = np.zeros(len(names))
    for name, colour in (("with", BLUE), ("without", ORANGE)):
        values = np.array(table[name].to_pylist())
        bars = axes.barh(names, values, left=left, color=colour, label=name)
        on = "white" if colour == BLUE else "black"
        axes.bar_label(bars, [f"{v:,}" if v else "" for v in values], label_type="center", color=on)
        left += values
    bars = axes.barh(names, table["unknown"].to_pylist(), left=left, color=GREY, label="unknown")
    axes.bar_label(bars, [f"{n:,} unknown" for n in table["unknown"].to_pylist()], padding=3)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel="wanted clips", title="What is true of the wanted clips", xlim=(0, 1.25 * left.max()))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    rows = zip(names, table.to_pylist(), strict=True)
    said = "; ".join(f"{n}: {r['with']:,} with, {r['without']:,} without, {r['unknown']:,} unknown" for n, r in rows)
    save(figure, path, said)


def together(names: Sequence[str], counts: npt.NDArray[np.int64], starts: Sequence[int], path: Path) -> None:
    """Draw how often classes stand on the same clip, counts over shares of the row's class; see overview.together."""
    of_row = counts / np.maximum(np.diag(counts), 1)[:, None]
    # not higher than a laptop's screen
    side = min(2.5 + 0.45 * len(names), 7.5)
    figure, axes = plt.subplots(figsize=(side + 1.2, side))
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
    save(figure, path, f"How many clips carry two of {len(names)} classes: {', '.join(names)}")


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


def distributions(values: Mapping[str, npt.NDArray[Any]], truth: npt.NDArray[Any], name: str, path: Path) -> None:
    """Draw how features are spread among clips with and without a class.

    Parameters
    ----------
    values
        {what it is, with its unit: shape (n,)}, at most six.
    truth
        1 with the class, 0 without it, shape (n,).
    """
    n_rows = -(-len(values) // 3)
    figure, axes = plt.subplots(n_rows, 3, figsize=(10, 0.9 + 2.5 * n_rows), squeeze=False)
    said = []
    for panel, (label, of_clips) in zip(axes.flat, values.items(), strict=False):
        finite = np.isfinite(of_clips)
        low, high = np.percentile(of_clips[finite], [0.5, 99.5])
        bins = np.linspace(low, high if high > low else low + 1, 31)
        for side, colour, style, group in ((1, BLUE, "-", f"with {name}"), (0, ORANGE, "--", f"without {name}")):
            of_side = of_clips[finite & (truth == side)]
            share = 100 * np.histogram(np.clip(of_side, low, high), bins)[0] / max(len(of_side), 1)
            panel.stairs(share, bins, color=colour, linestyle=style, linewidth=1.8, label=group)
            panel.stairs(share, bins, color=colour, alpha=0.15, fill=True)
        # either way round: a low value may tell as much as a high one
        area = roc_auc_score(truth[finite], of_clips[finite])
        alone = 100 * max(area, 1 - area)
        panel.set(xlabel=label, ylabel="% of clips")
        panel.set_title(f"tells {alone:.0f} of 100 pairs apart", fontsize=10)
        said.append(f"{label}: {alone:.0f} of 100")
    for panel in axes.flat[len(values) :]:
        panel.set_axis_off()
    figure.suptitle(f"{name}: features of clips with and without it", x=0.01, ha="left", fontsize=12)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    save(figure, path, f"Pairs of clips with and without {name} that a feature alone tells apart: {'; '.join(said)}")


# where time begins and ends in the picture of a clip, as shares of its width
CLIP_SPAN = (0.11, 0.86)


def clip(samples: npt.NDArray[np.float32], sample_rate_hz: int, frames: pa.Table, title: str) -> str:
    """Draw one clip as SVG: waveform with what is measured in Hz over it, mel spectrogram, MFCC and chroma.

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
    span = (0.0, len(samples) / sample_rate_hz)
    left, right = CLIP_SPAN
    place = {"left": left, "right": right, "bottom": 0.06, "top": 0.92, "hspace": 0.35}
    figure, axes = plt.subplots(
        4, 1, figsize=(7, 8.5), sharex=True, layout="none", gridspec_kw=place, height_ratios=(1.3, 1, 1, 1)
    )
    axes[0].plot(np.arange(len(samples)) / sample_rate_hz, samples, color=GREY, linewidth=0.3, rasterized=True)
    peak = max(float(np.abs(samples).max()), 1e-3)
    axes[0].set(ylabel="amplitude", ylim=(-peak, peak), xlim=span)
    axes[0].set_title(title, pad=24)
    frequency = axes[0].twinx()
    lines = (
        ("spectral_centroid_hz", 1.0, BLUE, "-", "spectral centroid"),
        ("spectral_rolloff_hz", 1.0, ORANGE, "--", "roll-off"),
        ("zero_crossing_rate", sample_rate_hz / 2, GREEN, ":", "zero crossings (the tone with as many)"),
    )
    for name, factor, colour, style, label in lines:
        values = column[name] * factor
        frequency.plot(column["time_seconds"], values, color=colour, linestyle=style, linewidth=1.4, label=label)
    frequency.set(ylabel="Hz", ylim=(0, sample_rate_hz / 2))
    frequency.spines["right"].set_visible(True)
    frequency.legend(loc="lower left", bbox_to_anchor=(-0.01, 0.98), ncols=3, fontsize=9, columnspacing=1, borderpad=0)
    images = (
        (librosa.power_to_db(mel, ref=np.max), (-80, 0), (0.5, n_mels + 0.5), "mel band", "mel spectrogram (dB)"),
        # the first coefficient is the level, and many times the others
        (mfcc, np.percentile(mfcc[1:], [1, 99]), (0.5, len(mfcc) + 0.5), "coefficient", "MFCC (dB)"),
        (chroma, (0, 1), (-0.5, 11.5), "pitch class", "chroma (of the strongest)"),
    )
    for row, (values, colours, (low, high), unit, name) in zip(axes[1:], images, strict=True):
        shown = row.imshow(values, origin="lower", aspect="auto", extent=(*span, low, high), cmap="cividis")
        shown.set_clim(*colours)
        row.set(ylabel=unit)
        row.set_title(name, fontsize=10)
        box = row.get_position()
        figure.colorbar(shown, cax=figure.add_axes((right + 0.02, box.y0, 0.02, box.height)))
    axes[3].set_yticks(range(12), ["C", "", "D", "", "E", "", "", "G", "", "A", "", ""])
    axes[3].set(xlabel="time in the clip (s)")
    means = ", ".join(f"{label} {column[name].mean() * factor:,.0f} Hz" for name, factor, *_, label in lines)
    return svg(figure, f"{span[1]:.1f} s of sound: waveform, mel spectrogram, MFCC and chroma. In the mean: {means}")


def clock(seconds: float) -> str:
    """A time as people write it: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


# where time begins and ends in the picture of a recording, as shares of its width
TIMELINE_SPAN = (0.09, 0.985)


def timeline(
    power: npt.NDArray[np.float32], duration_seconds: float, probability: Mapping[str, npt.NDArray[np.float64]],
    segments: pa.Table, thresholds: Mapping[str, float], name: str,
) -> str:  # fmt: skip
    """Draw as SVG what is heard in a recording over its spectrogram.

    Parameters
    ----------
    power
        In mel bands, shape (n_columns, n_bands), evenly over the recording.
    probability
        {detector: of each second, shape (n_seconds,)}
    segments
        Where each class is heard: :data:`soundsift.detector.SEGMENT_COLUMNS`.
    """
    left, right = TIMELINE_SPAN
    height = 2.6 + 0.9 * len(probability)
    place = {"left": left, "right": right, "bottom": 0.55 / height, "top": 1 - 0.35 / height, "hspace": 0.25}
    figure, axes = plt.subplots(
        1 + len(probability), 1, figsize=(10, height), sharex=True, layout="none", gridspec_kw=place,
        height_ratios=[2.2, *[1] * len(probability)], squeeze=False,
    )  # fmt: skip
    first, *others = axes[:, 0]
    level = 10 * np.log10(np.maximum(power, 1e-10))
    loudest = level.max(initial=-100.0)
    first.imshow(
        level.T, origin="lower", aspect="auto", cmap="cividis", vmin=loudest - 80, vmax=loudest,
        extent=(0, duration_seconds, 0.5, power.shape[1] + 0.5),
    )  # fmt: skip
    first.set(ylabel="mel band", title=name)
    looks = (BLUE, ORANGE, GREEN)
    said = []
    for i, (panel, (detector, p)) in enumerate(zip(others, probability.items(), strict=True)):
        colour = looks[i % len(looks)]
        heard = [row for row in segments.to_pylist() if row["detector"] == detector]
        for row in heard:
            panel.axvspan(row["start_seconds"], row["end_seconds"], color=colour, alpha=0.25, linewidth=0)
        edges = np.minimum(np.arange(len(p) + 1), duration_seconds)
        panel.stairs(p, edges, color=colour, linewidth=1.2)
        panel.axhline(thresholds[detector], color=GREY, linestyle="--", linewidth=0.8)
        panel.set(ylim=(0, 1.02), xlim=(0, duration_seconds), yticks=(0, 0.5, 1))
        panel.set_ylabel(detector)
        stretches = [f"{clock(row['start_seconds'])} to {clock(row['end_seconds'])}" for row in heard]
        more = f" and {len(stretches) - 20} times more" if len(stretches) > 20 else ""
        said.append(f"{detector}: {', '.join(stretches[:20]) or 'nowhere'}{more}")
    last = axes[-1, 0]
    last.set_xlabel("time (h:mm:ss)" if duration_seconds >= 3600 else "time (m:ss)")
    last.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 1.5, 2, 3, 6, 10], min_n_ticks=2))
    last.xaxis.set_major_formatter(lambda seconds, _: clock(seconds))
    return svg(figure, f"Probability in each second; shaded where it is heard. {'; '.join(said)}")


def no_timeline(reason: str) -> str:
    """Draw as SVG that there is nothing to draw."""
    figure, axes = plt.subplots(figsize=(10, 1))
    axes.set_axis_off()
    axes.set_title(shorten(reason, 110, placeholder=" ..."))
    return svg(figure, "This recording could not be heard")
