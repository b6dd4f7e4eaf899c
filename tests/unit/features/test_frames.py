from pathlib import Path

import librosa
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundsift.config.features import FeatureParams
from soundsift.features.definition import PITCH_CLASSES, frame_columns
from soundsift.features.frames import frame_features, frames_table
from soundsift.tables import write_parquet

RATE_HZ = 22050
PARAMS = FeatureParams()
NAMES = [column.name for column in frame_columns()]


def named(samples: np.ndarray, sample_rate_hz: int = RATE_HZ, params: FeatureParams = PARAMS) -> dict[str, np.ndarray]:
    columns = [column.name for column in frame_columns(params.n_mfcc)]
    return dict(zip(columns, frame_features(samples, sample_rate_hz, params).T, strict=True))


def separately(y: np.ndarray, sample_rate_hz: int = RATE_HZ, params: FeatureParams = PARAMS) -> dict[str, np.ndarray]:
    """Every column by librosa's own call from the samples."""
    lengths = {"n_fft": params.n_fft, "hop_length": params.hop_length}
    kwargs = {"y": y, "sr": sample_rate_hz, **lengths}
    found = {
        "spectral_centroid_hz": librosa.feature.spectral_centroid(**kwargs)[0],
        "spectral_bandwidth_hz": librosa.feature.spectral_bandwidth(**kwargs)[0],
        "spectral_rolloff_hz": librosa.feature.spectral_rolloff(**kwargs, roll_percent=params.rolloff_fraction)[0],
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(
            y, frame_length=params.n_fft, hop_length=params.hop_length
        )[0],
        "rms": librosa.feature.rms(S=np.abs(librosa.stft(y, **lengths)), frame_length=params.n_fft)[0],
    }
    mfcc = librosa.feature.mfcc(**kwargs, n_mfcc=params.n_mfcc, n_mels=params.n_mels)
    found |= {f"mfcc_{i:02d}": row for i, row in enumerate(mfcc, start=1)}
    chroma = librosa.feature.chroma_stft(**kwargs, tuning=0.0)
    return found | {f"chroma_{p}": row for p, row in zip(PITCH_CLASSES, chroma, strict=True)}


def odd_signals(sample_rate_hz: int = RATE_HZ) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    n = 3 * sample_rate_hz
    t = np.arange(n) / sample_rate_hz
    click = np.zeros(n, dtype=np.float32)
    click[n // 2] = 1.0
    noise = rng.normal(size=n).astype(np.float32) * 0.1
    half = noise.copy()
    half[: n // 2] = 0.0
    return {
        "noise": noise,
        "clipped": np.clip(noise * 40, -1, 1),
        "constant": np.full(n, 0.3, dtype=np.float32),
        "tone": (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32),
        "tone beside a constant": (0.3 + 0.2 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32),
        "click": click,
        "half silence": half,
        "barely above nothing": noise * np.float32(1e-9),
        "silence": np.zeros(n, dtype=np.float32),
        "not a whole frame": noise[: n - 300],
    }


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], bin_hz: float) -> None:
    """Assert agreement within 1e-3 of each column's range; the roll-off may be another bin in 2 of 1,000 frames."""
    assert set(expected) == set(found) - {"time_seconds"}
    for column, values in expected.items():
        span = max(float(np.ptp(values)), float(np.abs(values).max()), 1e-6)
        error = np.abs(found[column] - values)
        if column == "spectral_rolloff_hz":
            assert error.max() <= 1.01 * bin_hz
            assert (error > 1e-3 * span).mean() <= 0.002
        else:
            assert error.max() <= 1e-3 * span, column


@pytest.mark.parametrize("name", odd_signals())
def test_every_column_equals_librosas_own_separate_call(name: str) -> None:
    y = odd_signals()[name]
    same(named(y), separately(y), RATE_HZ / 2048)


@pytest.mark.parametrize("sample_rate_hz", [8000, 11025, 16000, 44100, 48000])
@pytest.mark.parametrize("name", ["noise", "tone", "half silence"])
def test_it_does_at_other_sample_rates(name: str, sample_rate_hz: int) -> None:
    y = odd_signals(sample_rate_hz)[name]
    same(named(y, sample_rate_hz), separately(y, sample_rate_hz), sample_rate_hz / 2048)


@pytest.mark.parametrize(
    "params",
    [
        FeatureParams(n_fft=1024, hop_length=256, n_mels=64, n_mfcc=13, rolloff_fraction=0.95),
        FeatureParams(n_fft=2047, hop_length=500),
        FeatureParams(n_fft=512, hop_length=700),
    ],
)
def test_it_does_with_other_parameters(params: FeatureParams) -> None:
    y = odd_signals()["half silence"]
    same(named(y, params=params), separately(y, params=params), RATE_HZ / params.n_fft)


def test_a_clip_of_thirty_seconds_is_as_right_as_one_of_three(rng: np.random.Generator) -> None:
    y = (np.cumsum(rng.normal(size=30 * RATE_HZ)) / 3000).clip(-1, 1).astype(np.float32)
    same(named(y), separately(y), RATE_HZ / 2048)


def test_a_tone_has_its_centroid_pitch_class_and_level_where_they_belong(tone: np.ndarray) -> None:
    inside = {name: values[5:-5] for name, values in named(tone).items()}
    assert inside["spectral_centroid_hz"].mean() == pytest.approx(440, rel=0.02)
    assert inside["zero_crossing_rate"].mean() == pytest.approx(2 * 440 / RATE_HZ, rel=0.02)
    # rms() of a Hann-windowed spectrum sees the window: sqrt(3/8) of the level of 0.5 / sqrt(2)
    assert inside["rms"].mean() == pytest.approx(0.5 / np.sqrt(2) * np.sqrt(3 / 8), rel=0.01)
    assert inside["chroma_a"].min() == 1.0


def test_frames_are_centred_on_their_time(tone: np.ndarray) -> None:
    late = np.concatenate([np.zeros(RATE_HZ, dtype=np.float32), tone])
    found = named(late)
    loud = found["time_seconds"][found["rms"] > found["rms"].max() / 2]
    assert loud[0] == pytest.approx(1.0, abs=512 / RATE_HZ)
    assert len(found["rms"]) == 1 + len(late) // 512


def written_frames(tmp_path: Path, clip_id: str, params: FeatureParams = PARAMS) -> Path:
    frames = frame_features(np.random.default_rng(0).normal(size=RATE_HZ).astype(np.float32), RATE_HZ, params)
    path = tmp_path / f"{clip_id}.parquet"
    write_parquet(frames_table(frames, clip_id, RATE_HZ, params), path)
    return path


def test_a_frames_file_says_its_clip_parameters_units_and_version(tmp_path: Path) -> None:
    schema = pq.read_schema(written_frames(tmp_path, "-abc_0"))
    assert schema.metadata[b"clip_id"] == b"-abc_0"
    assert schema.metadata[b"hop_length"] == b"512"
    assert schema.metadata[b"librosa"].decode() == librosa.__version__
    assert schema.field("spectral_centroid_hz").metadata[b"unit"] == b"Hz"
    assert all(field.type == pa.float32() and field.metadata[b"meaning"] for field in schema)
