"""Changed versions of clips to learn from beside them: other rooms, microphones, speeds and levels, and company.

Clips of one source share its room, its microphone and its silence; a detector that has heard each of them only so
takes them for what it is to listen for. ``benchmarks/generalisation.py`` shows what the versions are worth.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import soxr
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from soundsift.config.features import FeatureParams
from soundsift.errors import MediaError
from soundsift.features.definition import VERSION_COLUMNS, definition
from soundsift.features.frames import frame_features
from soundsift.features.statistics import Course, summarize, summary_columns
from soundsift.media.clip_file import read_samples
from soundsift.tables import schema_of

Floats = npt.NDArray[np.float32]

# How likely each change is, and how far it goes. Decibels are of levels where there is sound.
SPEED, SPEED_RANGE = 0.5, (0.88, 1.13)
ROOM, ROOM_SECONDS, ROOM_SHARE = 0.3, (0.1, 0.8), (0.1, 0.7)
COLOUR, COLOUR_DB = 0.7, 8.0
COMPANY, COMPANY_DB = 0.4, (-10.0, 10.0)
NOISE, NOISE_DB = 0.4, (5.0, 35.0)
BAND, BAND_LOW_HZ, BAND_HIGH_HZ = 0.3, (20.0, 300.0), (3000.0, 12000.0)
PEAK_DB = (-25.0, 0.0)
# Corners of the random frequency response of a microphone.
CORNERS_HZ = (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12800.0)


def change(
    samples: Floats, partner: Floats | None, sample_rate_hz: int, rng: np.random.Generator
) -> tuple[Floats, bool]:
    """Change a clip at random: its speed, room and colour, then company, noise, band and level.

    Parameters
    ----------
    samples, partner
        Shape (n,) and (m,), float32, full scale at 1; no partner, no company.

    Returns
    -------
    (changed, whether the partner is in it)
        Shape (k,), rounded to 16 bits, with k near n / speed.
    """
    y = _sped(samples, rng)
    if rng.random() < ROOM:
        y = _in_a_room(y, sample_rate_hz, rng)
    if rng.random() < COLOUR:
        gains_db = rng.uniform(-COLOUR_DB, COLOUR_DB, len(CORNERS_HZ))
        y = _filtered(y, lambda hz: 10 ** (np.interp(np.log(hz), np.log(CORNERS_HZ), gains_db) / 20), sample_rate_hz)
    mixed = partner is not None and rng.random() < COMPANY
    if mixed:
        assert partner is not None
        y = _joined(y, _fitting(_sped(partner, rng), len(y), rng), rng.uniform(*COMPANY_DB), sample_rate_hz)
    if rng.random() < NOISE:
        slope = rng.uniform(-1.0, 0.2)  # from brown to a little blue
        white = rng.standard_normal(len(y)).astype(np.float32)
        noise = _filtered(white, lambda hz: np.maximum(hz, 50.0) ** slope, sample_rate_hz)
        y = _joined(y, noise, rng.uniform(*NOISE_DB), sample_rate_hz)
    if rng.random() < BAND:
        low, high = (np.exp(rng.uniform(*np.log(ends))) for ends in (BAND_LOW_HZ, BAND_HIGH_HZ))
        y = _filtered(y, lambda hz: 1 / np.sqrt((1 + (low / hz) ** 8) * (1 + (hz / high) ** 16)), sample_rate_hz)
    peak = float(np.abs(y).max(initial=0.0))
    y = y * np.float32(10 ** (rng.uniform(*PEAK_DB) / 20) / max(peak, 1e-6))
    return np.asarray(np.rint(y * 32767).astype(np.int16) / np.float32(32768)), mixed


def _sped(samples: Floats, rng: np.random.Generator) -> Floats:
    """Play faster or slower, and so higher or lower."""
    if rng.random() >= SPEED:
        return samples
    speed = np.exp(rng.uniform(*np.log(SPEED_RANGE)))
    return np.asarray(soxr.resample(samples, speed, 1.0, "MQ"), dtype=np.float32)


def _in_a_room(samples: Floats, sample_rate_hz: int, rng: np.random.Generator) -> Floats:
    """Add the echo of a room: noise that has fallen by 60 dB after the room's time."""
    n = int(rng.uniform(*ROOM_SECONDS) * sample_rate_hz)
    echo = (rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)).astype(np.float32)
    echo /= np.sqrt(np.square(echo).sum())
    length = next_fast_len(len(samples) + n, real=True)
    wet = irfft(rfft(samples, length) * rfft(echo, length), length)[: len(samples)]
    share = np.float32(rng.uniform(*ROOM_SHARE))
    return np.asarray((1 - share) * samples + share * wet, dtype=np.float32)


def _filtered(samples: Floats, gain: Any, sample_rate_hz: int) -> Floats:
    """Filter without delay; ``gain`` maps frequencies in Hz, all above zero, to factors."""
    length = next_fast_len(len(samples) + 4096, real=True)
    factors = gain(np.maximum(rfftfreq(length, 1 / sample_rate_hz), 1.0)).astype(np.float32)
    return np.asarray(irfft(rfft(samples, length) * factors, length)[: len(samples)], dtype=np.float32)


def _joined(one: Floats, other: Floats, ratio_db: float, sample_rate_hz: int) -> Floats:
    """Add two sounds, the first ``ratio_db`` above the other."""
    a, b = (sound / max(_level(sound, sample_rate_hz), 1e-6) for sound in (one, other))
    return np.asarray(a + b * np.float32(10 ** (-ratio_db / 20)), dtype=np.float32)


def _level(samples: Floats, sample_rate_hz: int) -> float:
    """Root mean square of the tenths of a second that are within 20 dB of the loudest: pauses do not count."""
    n = max(1, min(sample_rate_hz // 10, len(samples)))
    square = np.square(samples[: len(samples) // n * n].reshape(-1, n)).mean(axis=1)
    return float(np.sqrt(square[square >= 0.01 * square.max(initial=0.0)].mean())) if len(square) else 0.0


def _fitting(samples: Floats, n: int, rng: np.random.Generator) -> Floats:
    """A stretch of n samples from a random place, or the whole again and again."""
    if len(samples) < n:
        return np.resize(samples, n)
    first = int(rng.integers(0, len(samples) - n + 1))
    return samples[first : first + n]


def versions(
    clip: Path, others: Sequence[Path], n_versions: int, params: FeatureParams, statistics: Sequence[str]
) -> list[dict[str, Any]]:
    """Features of changed versions of a clip; none of a clip that cannot be read, or without any sound.

    The same clip and the same others give the same versions.

    Parameters
    ----------
    others
        Clips of which one may be mixed in.

    Returns
    -------
    Rows of :data:`VERSION_COLUMNS` with ``features``, shape (n_columns,), and ``sample_rate_hz``.
    """
    try:
        samples, sample_rate_hz = read_samples(clip)
    except MediaError:
        return []
    if not samples.any():
        return []
    rows = []
    for version in range(1, n_versions + 1):
        rng = np.random.default_rng([crc32(clip.stem.encode()), version])
        other = others[int(rng.integers(len(others)))] if others else None
        changed, mixed = change(samples, _sound_of(other), sample_rate_hz, rng)
        frames = frame_features(changed, sample_rate_hz, params)[:, 1:]
        rows.append(
            {
                "clip_id": clip.stem, "version": version, "partner": other.stem if mixed and other else None,
                "features": summarize(Course(frames, sample_rate_hz / params.hop_length), statistics),
                "sample_rate_hz": sample_rate_hz,
            }
        )  # fmt: skip
    return rows


def _sound_of(clip: Path | None) -> Floats | None:
    """What may be mixed in: nothing where a clip cannot be read, or is silent."""
    try:
        samples = read_samples(clip)[0] if clip else np.zeros(0, dtype=np.float32)
    except MediaError:
        return None
    return samples if samples.any() else None


def versions_table(rows: Sequence[Mapping[str, Any]], params: FeatureParams, statistics: Sequence[str]) -> pa.Table:
    """All versions of a batch's clips: :data:`VERSION_COLUMNS`, then the columns of a features row."""
    columns = (*VERSION_COLUMNS, *summary_columns(params.n_mfcc, statistics))
    names = [c.name for c in VERSION_COLUMNS]
    front = [pa.array([row[name] for row in rows], c.type) for name, c in zip(names, VERSION_COLUMNS, strict=True)]
    n_features = len(columns) - len(names)
    values = np.stack([row["features"] for row in rows]) if rows else np.zeros((0, n_features), dtype=np.float32)
    made_with = definition(rows[0]["sample_rate_hz"], params) if rows else {}
    arrays = [*front, *(pa.array(values[:, i]) for i in range(n_features))]
    return pa.Table.from_arrays(arrays, schema=schema_of(columns, made_with))
