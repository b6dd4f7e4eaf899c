"""Figures of features: the features of one clip, and their distributions over clips with and without a class."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.metrics import roc_auc_score

from soundsift.features.definition import definition_of, params_of
from soundsift.numba_cache import compile_librosa_once
from soundsift.report.figures.style import BLUE, GREEN, GREY, ORANGE, save, svg


def distributions(values: Mapping[str, npt.NDArray[Any]], truth: npt.NDArray[Any], name: str, path: Path) -> None:
    """Draw the distributions of features over clips with and without a class.

    Parameters
    ----------
    values
        {name and unit of the feature: shape (n,)}; NaN where a clip has no value.
    truth
        1 with the class, 0 without it, shape (n,).
    name
        The class.
    """
    n_rows = -(-len(values) // 3)
    figure, axes = plt.subplots(n_rows, 3, figsize=(10, 0.9 + 2.5 * n_rows), squeeze=False)
    descriptions = []
    for panel, (label, of_clips) in zip(axes.flat, values.items(), strict=False):
        finite = np.isfinite(of_clips)
        low, high = np.percentile(of_clips[finite], [0.5, 99.5])
        bins = np.linspace(low, high if high > low else low + 1, 31)
        for side, colour, style, group in ((1, BLUE, "-", f"with {name}"), (0, ORANGE, "--", f"without {name}")):
            of_side = of_clips[finite & (truth == side)]
            share = 100 * np.histogram(np.clip(of_side, low, high), bins)[0] / max(len(of_side), 1)
            panel.stairs(share, bins, color=colour, linestyle=style, linewidth=1.8, label=group)
            panel.stairs(share, bins, color=colour, alpha=0.15, fill=True)
        # a feature that is low for the class separates as well as one that is high
        area = roc_auc_score(truth[finite], of_clips[finite])
        separated = 100 * max(area, 1 - area)
        panel.set(xlabel=label, ylabel="% of clips")
        panel.set_title(f"separates {separated:.0f} of 100 pairs", fontsize=10)
        descriptions.append(f"{label}: {separated:.0f} of 100")
    for panel in axes.flat[len(values) :]:
        panel.set_axis_off()
    figure.suptitle(f"{name}: features of clips with and without it", x=0.01, ha="left", fontsize=12)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    listed = "; ".join(descriptions)
    save(figure, path, f"Pairs of a clip with and a clip without {name} that a single feature separates: {listed}")


# The part of a clip figure's width that its time axis covers; the page places the playback cursor by it.
CLIP_SPAN = (0.11, 0.86)


def clip(samples: npt.NDArray[np.float32], sample_rate_hz: int, frames: pa.Table, title: str) -> str:
    """Draw one clip as SVG: waveform with the features in Hz over it, mel spectrogram, MFCC and chroma.

    Parameters
    ----------
    samples
        Shape (n,), in [-1, 1].
    frames
        The clip's frames table; its metadata hold the definition.
    """
    compile_librosa_once()
    import librosa

    params, _ = params_of(definition_of(frames.schema))
    n_fft, hop, n_mels = params.n_fft, params.hop_length, params.n_mels
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
        ("zero_crossing_rate", sample_rate_hz / 2, GREEN, ":", "zero crossings (Hz of a tone with as many)"),
    )
    for name, factor, colour, style, label in lines:
        values = column[name] * factor
        frequency.plot(column["time_seconds"], values, color=colour, linestyle=style, linewidth=1.4, label=label)
    frequency.set(ylabel="Hz", ylim=(0, sample_rate_hz / 2))
    frequency.spines["right"].set_visible(True)
    frequency.legend(loc="lower left", bbox_to_anchor=(-0.01, 0.98), ncols=3, fontsize=9, columnspacing=1, borderpad=0)
    images = (
        (librosa.power_to_db(mel, ref=np.max), (-80, 0), (0.5, n_mels + 0.5), "mel band", "mel spectrogram (dB)"),
        # the first coefficient is the level, which is many times larger than the others
        (mfcc, np.percentile(mfcc[1:], [1, 99]), (0.5, len(mfcc) + 0.5), "coefficient", "MFCC (dB)"),
        (chroma, (0, 1), (-0.5, 11.5), "pitch class", "chroma (relative to the strongest)"),
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
    description = "waveform, mel spectrogram, MFCC and chroma"
    return svg(figure, f"{span[1]:.1f} s of sound: {description}. Mean over the clip: {means}")
