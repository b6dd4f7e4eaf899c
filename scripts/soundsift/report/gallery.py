"""Clips to look at and listen to: one of each of two kinds, and features of those with and without a class."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from soundsift.detectors.split import truth_of
from soundsift.media.clip_file import read_samples
from soundsift.report.figures import features
from soundsift.report.listening import sound_for_page
from soundsift.report.page import stage
from soundsift.tables import read_parquet

# what tells music from speech at a glance, with how a reader knows it
TELLING = {
    "spectral_centroid_hz_mean": "spectral centroid, mean (Hz)",
    "zero_crossing_rate_mean": "zero-crossing rate, mean (per sample)",
    "rms_mean": "level, mean (dB of full scale)",
    "rms_modulation_syllable": "share of the level's movement at 2-8 Hz",
    "mfcc_01_mean": "MFCC 1, mean (dB)",
    "mfcc_02_mean": "MFCC 2, mean (dB)",
}


def choose(features: Path, detectors: Sequence[str]) -> list[tuple[str, str, str, list[str]]]:
    """Choose a clip for each of two detectors: (detector, batch, clip id, labels).

    Of the clips whose class is heard and the other's is not (or, where there is none, whose class is heard) the one of
    middling loudness.
    """
    names = [f"is_{name}" for name in detectors]
    known = pq.read_table(features, columns=["loudness_dbfs", *names], partitioning=None)
    truths = np.stack([truth_of(known, name) for name in detectors])
    loudness = known["loudness_dbfs"].to_numpy()
    rows = []
    for i in range(len(detectors)):
        heard = truths[i] == 1
        alone = heard & (np.delete(truths, i, axis=0) == 0).all(axis=0)
        of_kind = np.flatnonzero(alone if alone.any() else heard)
        if len(of_kind):
            rows.append((i, int(of_kind[np.argsort(loudness[of_kind], kind="stable")[len(of_kind) // 2]])))
    table = pq.read_table(features, columns=["batch", "clip_id", "labels"], partitioning=None)
    columns = table.take([row for _, row in rows]).to_pydict().values()
    return [(detectors[i], *clip) for (i, _), clip in zip(rows, zip(*columns, strict=True), strict=True)]


def show(clip_id: str, labels: Sequence[str], sound: Path, frames: Path) -> str:
    """One clip as markup: its picture with a cursor, and its player."""
    samples, sample_rate_hz = read_samples(sound)
    title = shorten(f"{clip_id}: {', '.join(labels)}", 70, placeholder=" ...")
    svg = features.clip(samples, sample_rate_hz, read_parquet(frames), title)
    return stage(clip_id, svg, features.CLIP_SPAN, sound_for_page(sound), len(samples) / sample_rate_hz)


def telling(features: Path, detector: str) -> tuple[dict[str, npt.NDArray[np.float32]], npt.NDArray[np.int64]]:
    """Read the features of :data:`TELLING` (or the first six there are) of clips with known truth, level in dB.

    Returns
    -------
    values
        {what it is, with its unit: shape (n,)}
    truth
        0 or 1, shape (n,).
    """
    there = [field.name for field in pq.read_schema(features) if field.type == pa.float32()]
    shown = {name: label for name, label in TELLING.items() if name in there} or {name: name for name in there[:6]}
    table = pq.read_table(features, columns=[f"is_{detector}", *shown], partitioning=None)
    truth = truth_of(table, detector)
    values = {label: table[name].to_numpy()[truth >= 0] for name, label in shown.items()}
    if "rms_mean" in shown:
        values[shown["rms_mean"]] = 20 * np.log10(np.maximum(values[shown["rms_mean"]], 1e-5))
    return values, truth[truth >= 0]
