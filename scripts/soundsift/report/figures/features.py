"""Figures of features: of one clip, and of clips with and without a class."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.metrics import roc_auc_score

from soundsift.features.definition import definition_of
from soundsift.report.figures.style import BLUE, GREEN, GREY, ORANGE, save, svg


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
