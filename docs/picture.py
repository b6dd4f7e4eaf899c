"""Draw the picture of the README, docs/detection.png, with the detectors of the demo: python docs/picture.py.

The recording is composed of the demo's synthetic sounds, so the truth of every second is known. The detectors are those
of a finished run of the demo, ``results/detectors/combined.keras``. ``make picture`` does both.
"""

import argparse
import io
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

from soundsift.demo import sound, write_media
from soundsift.detection.listen import load
from soundsift.detection.result import Detections
from soundsift.features.spectrogram import Spectrogram

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).resolve().parent
# Kind of sound and its length in seconds. The detectors of the demo have been trained on other draws of these kinds.
PIECES = (("wind", 12), ("speech", 24), ("both", 20), ("music", 26), ("bird", 14), ("speech", 16), ("engine", 8))
TITLES = {"both": "speech and music", "bird": "birds"}
CLASSES = {"both": ("music", "speech")}
COLOURS = {"music": "#0072B2", "speech": "#D55E00"}
SEED = 7


def compose() -> np.ndarray:
    """Put the pieces one after the other at similar levels; shape (n_samples,), at the demo's sample rate."""
    rng = np.random.default_rng(SEED)
    pieces = [sound(kind, rng, n_seconds) for kind, n_seconds in PIECES]
    return np.concatenate([0.15 * piece / max(float(piece.std()), 0.15) for piece in pieces])


def draw(found: Detections, spectrogram: Spectrogram, thresholds: dict[str, float], path: Path) -> None:
    """Draw the spectrogram, what is played, and the probability and the segments of every detector."""
    plt.rcParams |= {"font.size": 12, "axes.spines.top": False, "axes.spines.right": False}
    figure, (top, *panels) = plt.subplots(
        3, 1, figsize=(10, 4.6), sharex=True, height_ratios=[1.7, 1, 1], layout="constrained"
    )
    bands_hz, power_db = spectrogram.frequencies_hz, 10 * np.log10(spectrogram.power().T + 1e-10)
    end = found.duration_seconds
    top.imshow(
        power_db, origin="lower", aspect="auto", cmap="cividis", vmin=power_db.max() - 70, vmax=power_db.max(),
        extent=(0, end, -0.5, len(bands_hz) - 0.5),
    )  # fmt: skip
    marks_hz = (500, 2000, 8000)
    top.set_yticks(np.interp(marks_hz, bands_hz, np.arange(len(bands_hz))), [f"{hz / 1000:g}" for hz in marks_hz])
    top.set_ylabel("kHz")
    starts = np.cumsum([0, *(n_seconds for _, n_seconds in PIECES)])
    for (kind, _), (first, last) in zip(PIECES, pairwise(starts), strict=True):
        top.text((first + last) / 2, len(bands_hz) + 1, TITLES.get(kind, kind), ha="center", va="bottom")
        top.axvline(last, color="white", linewidth=1)
    for panel, (name, probability) in zip(panels, sorted(found.probability.items()), strict=True):
        for row in found:
            if row.detector == name:
                panel.axvspan(row.start_seconds, row.end_seconds, color=COLOURS[name], alpha=0.25, linewidth=0)
        for (kind, _), (first, last) in zip(PIECES, pairwise(starts), strict=True):
            if name in CLASSES.get(kind, (kind,)):
                panel.plot((first, last), (1.1, 1.1), color="black", linewidth=3, solid_capstyle="butt", clip_on=False)
        panel.stairs(probability, np.minimum(np.arange(len(probability) + 1), end), color=COLOURS[name], linewidth=1.6)
        panel.axhline(thresholds[name], color="#8c8c8c", linestyle="--", linewidth=1)
        panel.set(ylim=(0, 1.1), yticks=(0, 0.5, 1), ylabel=name, xlim=(0, end))
    panels[-1].set_xlabel(
        "time (s)      line: probability      dashed: threshold      shaded: detected      black bar: truth"
    )
    figure.align_ylabels()
    # A palette of 128 colours makes the file a third as large.
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=140)
    plt.close(figure)
    Image.open(drawn).convert("RGB").quantize(128).save(path, optimize=True)


def picture(model: Path, path: Path) -> None:
    """Compose the recording, run the detectors on it and draw the result."""
    detector = load(model)
    if set(detector.definition.thresholds) != set(COLOURS) or not detector.definition.synthetic:
        sys.exit(f"{model} is not the model of the demo: run it with the config.yaml as shipped, then this again")
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording.m4a"
        write_media(recording, compose(), picture=False)
        spectrogram = Spectrogram(detector.definition.feature_params()[1])
        found = detector.detect(recording, on_block=spectrogram.add)
    draw(found, spectrogram, dict(detector.definition.thresholds), path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("results/detectors/combined.keras"))
    parser.add_argument("--output", type=Path, default=DOCS / "detection.png")
    options = parser.parse_args()
    picture(options.model, options.output)


if __name__ == "__main__":
    main()
