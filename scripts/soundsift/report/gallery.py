"""The gallery: one clip for each of two classes, as a figure of its features with a player."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten

import numpy as np
import pyarrow.parquet as pq
from markupsafe import Markup

from soundsift.detectors.split import truth_of
from soundsift.media.clip_file import read_samples
from soundsift.report.figures import features as feature_figures
from soundsift.report.page import audio_figure
from soundsift.report.sound import sound_for_page
from soundsift.tables import read_parquet
from soundsift.templates import render


def choose(features: Path, detectors: Sequence[str]) -> list[tuple[str, str, str, list[str]]]:
    """Choose one clip for each detector: (detector, batch, clip id, labels).

    Candidates are the clips that have the detector's class and none of the other detectors' classes. If there are none,
    all clips with the class are candidates. The candidate of median loudness is chosen. A detector whose class no clip
    has is left out.
    """
    names = [f"is_{name}" for name in detectors]
    known = pq.read_table(features, columns=["loudness_dbfs", *names], partitioning=None)
    truths = np.stack([truth_of(known, name) for name in detectors])
    loudness = known["loudness_dbfs"].to_numpy()
    rows = []
    for i in range(len(detectors)):
        present = truths[i] == 1
        alone = present & (np.delete(truths, i, axis=0) == 0).all(axis=0)
        candidates = np.flatnonzero(alone if alone.any() else present)
        if len(candidates):
            by_loudness = candidates[np.argsort(loudness[candidates], kind="stable")]
            rows.append((i, int(by_loudness[len(candidates) // 2])))
    table = pq.read_table(features, columns=["batch", "clip_id", "labels"], partitioning=None)
    columns = table.take([row for _, row in rows]).to_pydict().values()
    return [(detectors[i], *clip) for (i, _), clip in zip(rows, zip(*columns, strict=True), strict=True)]


def clip_figure(clip_id: str, labels: Sequence[str], sound: Path, frames: Path) -> Markup:
    """Draw a clip and its frame features, with a cursor and a player."""
    samples, sample_rate_hz = read_samples(sound)
    title = shorten(f"{clip_id}: {', '.join(labels)}", 70, placeholder=" ...")
    svg = feature_figures.clip(samples, sample_rate_hz, read_parquet(frames), title)
    seconds = len(samples) / sample_rate_hz
    return audio_figure(clip_id, svg, feature_figures.CLIP_SPAN, sound_for_page(sound), seconds)


def side_by_side(clips: Sequence[tuple[str, Markup]]) -> Markup:
    """Arrange (heading, figure) in columns under a short guide to the players."""
    return Markup(render(__file__, "clips_side_by_side.html", clips=clips))
