"""Augmented versions of clips as additional training data: other rooms, microphones, speeds, codecs, and mixtures.

Clips of one source share its room, its microphone and its background noise. A detector trained only on the original
clips learns these instead of the class. Statistics of short windows differ from those of whole clips, so windows are
training data too. ``benchmarks/generalisation.py`` measures the effect of both.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import soxr
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from soundsift.arrays import Float32Array
from soundsift.config.features import FeatureParams
from soundsift.errors import MediaError
from soundsift.features.augmented_columns import VERSION_COLUMNS
from soundsift.features.coding import coded
from soundsift.features.definition import definition
from soundsift.features.frames import frame_features
from soundsift.features.sequence import SEQUENCE_COLUMN, packed, sequence_of
from soundsift.features.statistics import FrameSeries, summarize, summary_columns
from soundsift.media.clip_file import read_samples
from soundsift.tables import schema_of

# Probability of each change, and the range of its random parameters. Ratios in dB compare levels without pauses.
SPEED, SPEED_RANGE = 0.5, (0.88, 1.13)
ROOM, ROOM_SECONDS, ROOM_SHARE = 0.3, (0.1, 0.8), (0.1, 0.7)
COLOUR, COLOUR_DB = 0.7, 8.0
MIX, MIX_DB = 0.4, (-10.0, 10.0)
NOISE, NOISE_DB = 0.4, (5.0, 35.0)
BAND, BAND_LOW_HZ, BAND_HIGH_HZ = 0.3, (20.0, 300.0), (3000.0, 12000.0)
PEAK_DB = (-25.0, 0.0)
CODED = 0.5
# Length of the windows. Detection listens to windows of two seconds.
WINDOW_SECONDS = (2.0, 4.0)
# Frequencies at which the gain of a random microphone is drawn; between them it is interpolated.
CORNERS_HZ = (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12800.0)


def change(
    samples: Float32Array, partner: Float32Array | None, sample_rate_hz: int, rng: np.random.Generator
) -> tuple[Float32Array, bool]:
    """Change a clip at random.

    Each change is applied with its own probability, in this order: speed, room, frequency response, a mixed-in clip,
    noise, a band-pass filter, and a codec. The peak level is always drawn anew.

    Parameters
    ----------
    samples
        Shape (n,), float32, full scale at 1.
    partner
        The clip that may be mixed in, shape (m,), or None.

    Returns
    -------
    changed
        Shape (k,), float32, rounded to 16 bits; k is about n divided by the speed.
    mixed
        Whether the partner was mixed in.
    """
    y = _at_random_speed(samples, rng)
    if rng.random() < ROOM:
        y = _with_reverberation(y, sample_rate_hz, rng)
    if rng.random() < COLOUR:
        gains_db = rng.uniform(-COLOUR_DB, COLOUR_DB, len(CORNERS_HZ))
        y = _filtered(y, lambda hz: 10 ** (np.interp(np.log(hz), np.log(CORNERS_HZ), gains_db) / 20), sample_rate_hz)
    mixed = partner is not None and rng.random() < MIX
    if mixed:
        assert partner is not None
        y = _mixed(y, _with_length(_at_random_speed(partner, rng), len(y), rng), rng.uniform(*MIX_DB), sample_rate_hz)
    if rng.random() < NOISE:
        slope = rng.uniform(-1.0, 0.2)  # from brown noise to slightly blue noise
        white = rng.standard_normal(len(y)).astype(np.float32)
        noise = _filtered(white, lambda hz: np.maximum(hz, 50.0) ** slope, sample_rate_hz)
        y = _mixed(y, noise, rng.uniform(*NOISE_DB), sample_rate_hz)
    if rng.random() < BAND:
        low, high = (np.exp(rng.uniform(*np.log(ends))) for ends in (BAND_LOW_HZ, BAND_HIGH_HZ))
        y = _filtered(y, lambda hz: 1 / np.sqrt((1 + (low / hz) ** 8) * (1 + (hz / high) ** 16)), sample_rate_hz)
    peak = float(np.abs(y).max(initial=0.0))
    y = y * np.float32(10 ** (rng.uniform(*PEAK_DB) / 20) / max(peak, 1e-6))
    if rng.random() < CODED:
        y = np.clip(coded(y, sample_rate_hz, rng), -1, 1)
    return np.asarray(np.rint(y * 32767).astype(np.int16) / np.float32(32768)), mixed


def _at_random_speed(samples: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Resample at random, which changes duration and pitch alike."""
    if rng.random() >= SPEED:
        return samples
    speed = np.exp(rng.uniform(*np.log(SPEED_RANGE)))
    return np.asarray(soxr.resample(samples, speed, 1.0, "MQ"), dtype=np.float32)


def _with_reverberation(samples: Float32Array, sample_rate_hz: int, rng: np.random.Generator) -> Float32Array:
    """Convolve with the impulse response of a random room: noise that decays by 60 dB within the reverberation time."""
    n = int(rng.uniform(*ROOM_SECONDS) * sample_rate_hz)
    echo = (rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)).astype(np.float32)
    echo /= np.sqrt(np.square(echo).sum())
    length = next_fast_len(len(samples) + n, real=True)
    wet = irfft(rfft(samples, length) * rfft(echo, length), length)[: len(samples)]
    share = np.float32(rng.uniform(*ROOM_SHARE))
    return np.asarray((1 - share) * samples + share * wet, dtype=np.float32)


def _filtered(samples: Float32Array, gain: Any, sample_rate_hz: int) -> Float32Array:
    """Filter without delay; ``gain`` maps frequencies in Hz, at least 1, to factors."""
    length = next_fast_len(len(samples) + 4096, real=True)
    factors = gain(np.maximum(rfftfreq(length, 1 / sample_rate_hz), 1.0)).astype(np.float32)
    return np.asarray(irfft(rfft(samples, length) * factors, length)[: len(samples)], dtype=np.float32)


def _mixed(one: Float32Array, other: Float32Array, ratio_db: float, sample_rate_hz: int) -> Float32Array:
    """Add two sounds, with the level of the first ``ratio_db`` above that of the other."""
    a, b = (sound / max(_level(sound, sample_rate_hz), 1e-6) for sound in (one, other))
    return np.asarray(a + b * np.float32(10 ** (-ratio_db / 20)), dtype=np.float32)


def _level(samples: Float32Array, sample_rate_hz: int) -> float:
    """Root mean square without pauses: over the tenths of a second that are within 20 dB of the loudest."""
    n = max(1, min(sample_rate_hz // 10, len(samples)))
    square = np.square(samples[: len(samples) // n * n].reshape(-1, n)).mean(axis=1)
    return float(np.sqrt(square[square >= 0.01 * square.max(initial=0.0)].mean())) if len(square) else 0.0


def _with_length(samples: Float32Array, n: int, rng: np.random.Generator) -> Float32Array:
    """Cut n samples or frames at a random position, or repeat a shorter sound to n samples."""
    if len(samples) < n:
        return np.resize(samples, n)
    first = int(rng.integers(0, len(samples) - n + 1))
    return samples[first : first + n]


def versions(
    clip: Path, others: Sequence[Path], n_versions: int, params: FeatureParams, statistics: Sequence[str]
) -> list[dict[str, Any]]:
    """Compute the features of augmented versions of a clip, and of a window of the clip and of each version.

    The same clip and the same other clips always give the same versions.

    Parameters
    ----------
    others
        Clips of which one may be mixed in.

    Returns
    -------
    One mapping per row: :data:`~soundsift.features.augmented_columns.VERSION_COLUMNS`, ``features``, shape
    (n_columns,), ``sequence``, None for windows of changed clips, and ``sample_rate_hz``. Empty for a clip that
    cannot be read or is silent.
    """
    try:
        samples, sample_rate_hz = read_samples(clip)
    except MediaError:
        return []
    if not samples.any():
        return []
    rate_hz = sample_rate_hz / params.hop_length
    rows = []
    for version in range(n_versions + 1):
        rng = np.random.default_rng([crc32(clip.stem.encode()), version])
        changed, partner = samples, None
        if version:
            other = others[int(rng.integers(len(others)))] if others else None
            changed, mixed = change(samples, _samples_to_mix(other), sample_rate_hz, rng)
            partner = other.stem if mixed and other else None
        frames = frame_features(changed, sample_rate_hz, params)[:, 1:]
        row = {"clip_id": clip.stem, "version": version, "partner": partner, "sample_rate_hz": sample_rate_hz}
        if version:
            whole = summarize(FrameSeries(frames, rate_hz), statistics)
            rows.append(row | {"is_window": False, "features": whole, "sequence": packed(sequence_of(frames, rate_hz))})
        window = _with_length(frames, min(len(frames), round(rng.uniform(*WINDOW_SECONDS) * rate_hz)), rng)
        of_window = summarize(FrameSeries(window, rate_hz), statistics)
        sequence = None if version else packed(sequence_of(window, rate_hz))
        rows.append(row | {"is_window": True, "features": of_window, "sequence": sequence})
    return rows


def _samples_to_mix(clip: Path | None) -> Float32Array | None:
    """Read the clip to mix in; None if there is none, it cannot be read, or it is silent."""
    try:
        samples = read_samples(clip)[0] if clip else np.zeros(0, dtype=np.float32)
    except MediaError:
        return None
    return samples if samples.any() else None


def versions_table(rows: Sequence[Mapping[str, Any]], params: FeatureParams, statistics: Sequence[str]) -> pa.Table:
    """Make the table of a batch: :data:`VERSION_COLUMNS`, the columns of a features row, :data:`SEQUENCE_COLUMN`."""
    columns = (*VERSION_COLUMNS, *summary_columns(params.n_mfcc, statistics), SEQUENCE_COLUMN)
    names = [c.name for c in VERSION_COLUMNS]
    front = [pa.array([row[name] for row in rows], c.type) for name, c in zip(names, VERSION_COLUMNS, strict=True)]
    n_features = len(columns) - len(names) - 1
    values = np.stack([row["features"] for row in rows]) if rows else np.zeros((0, n_features), dtype=np.float32)
    made_with = definition(rows[0]["sample_rate_hz"], params) if rows else {}
    sequences = pa.array([row["sequence"] for row in rows], SEQUENCE_COLUMN.type)
    arrays = [*front, *(pa.array(values[:, i]) for i in range(n_features)), sequences]
    return pa.Table.from_arrays(arrays, schema=schema_of(columns, made_with))
