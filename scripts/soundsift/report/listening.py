"""Clips to judge by ear: what a detector got most wrong, and whether the labels hold."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.media.clip_file import read_samples
from soundsift.media.encode import encode

# A page holds its sound: 40 kB for ten seconds, whatever the clips are kept as.
BIT_RATE = "32k"
N_WORST = 20
N_OF_EACH = 6


def sound_for_page(path: Path) -> bytes:
    """A clip file as a small MP3."""
    samples, sample_rate_hz = read_samples(path)
    whole = np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
    encoded = io.BytesIO()
    with av.open(encoded, "w", format="mp3") as container:
        encode(container, "libmp3lame", {"b": BIT_RATE}, whole, sample_rate_hz)
    return encoded.getvalue()


def worst(predictions: pa.Table, n: int = N_WORST) -> pa.Table:
    """The eval clips whose probability is furthest from their labels, furthest first.

    Parameters
    ----------
    predictions
        :data:`soundsift.detectors.columns.PREDICTION_COLUMNS`; so are the rows that are returned.
    """
    judged = predictions.filter(pc.equal(predictions["split"], "eval"))
    off = np.abs(judged["truth"].to_numpy().astype(float) - judged["probability"].to_numpy())
    return judged.take(np.argsort(-off, kind="stable")[:n])


def draw(predictions: pa.Table, seed: int, n: int = N_OF_EACH) -> list[pa.Table]:
    """Draw so many clips with the class and without it, by their labels: two tables in the order of the list."""
    rng = np.random.default_rng(seed)
    truth = predictions["truth"].to_numpy()
    sides = (np.flatnonzero(truth == wanted) for wanted in (True, False))
    return [predictions.take(np.sort(rng.permutation(side)[:n])) for side in sides]


def spell_out(chosen: pa.Table, features: Path, clips_dir: Path, clip_format: str) -> pa.Table:
    """Show clips with their sound where they are kept, their labels, and what the detector says of them.

    Parameters
    ----------
    chosen
        Rows of a detector's predictions.
    features
        The merged table, which knows their batches and labels.
    """
    clips = pq.read_table(features, columns=["clip_id", "batch", "labels"], partitioning=None)
    clips = clips.take(pc.index_in(chosen["clip_id"], clips["clip_id"].combine_chunks()))
    rows: list[dict[str, Any]] = []
    for said, clip in zip(chosen.to_pylist(), clips.to_pylist(), strict=True):
        path = clips_dir / clip["batch"] / f"{said['clip_id']}.{clip_format}"
        rows.append(
            {
                "clip": said["clip_id"],
                "sound": sound_for_page(path) if path.is_file() else None,
                "labels": ", ".join(clip["labels"]),
                "heard by its labels": said["truth"],
                "probability": round(said["probability"], 3),
                "detected": said["predicted"],
                "split": said["split"],
            }
        )
    return pa.Table.from_pylist(rows)
