from pathlib import Path

import numpy as np
import pytest

from augment_clips import augment_clips
from soundsift.config.features import FeatureParams
from soundsift.features import augmentation
from soundsift.features.augmentation import change
from soundsift.features.augmented_columns import VERSION_COLUMNS
from soundsift.features.coding import CODINGS, Coding, coded
from soundsift.features.statistics import summary_columns
from soundsift.media import encode
from soundsift.tables import read_parquet

RATE_HZ = 22050
PARAMS = FeatureParams()


def tone(hz: float, n_seconds: float = 4.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(int(n_seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def only(monkeypatch: pytest.MonkeyPatch, *kept: str) -> None:
    """Leave a single kind of change."""
    for name in ("SPEED", "ROOM", "COLOUR", "MIX", "NOISE", "BAND", "CODED"):
        monkeypatch.setattr(augmentation, name, 1.0 if name in kept else 0.0)


def peak_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE_HZ / len(samples))


def test_without_changes_only_the_level_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch)
    changed, mixed = change(tone(440), tone(1000), RATE_HZ, np.random.default_rng(0))
    assert not mixed
    assert -25.1 <= 20 * np.log10(np.abs(changed).max()) <= 0.1
    assert np.corrcoef(changed, tone(440))[0, 1] > 0.9999


def test_speed_changes_length_and_pitch_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "SPEED")
    for seed in range(5):
        changed, _ = change(tone(440), None, RATE_HZ, np.random.default_rng(seed))
        speed = 4 * RATE_HZ / len(changed)
        assert 0.87 < speed < 1.14
        assert peak_hz(changed) == pytest.approx(440 * speed, rel=0.01)


def test_a_mixed_in_clip_is_as_loud_as_the_ratio_says(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "MIX")
    monkeypatch.setattr(augmentation, "MIX_DB", (6.0, 6.0))
    changed, mixed = change(tone(440), tone(1000, 1.5), RATE_HZ, np.random.default_rng(0))
    assert mixed
    spectrum = np.abs(np.fft.rfft(changed))
    own, other = (spectrum[round(hz * len(changed) / RATE_HZ) + np.arange(-2, 3)].max() for hz in (440, 1000))
    assert 20 * np.log10(own / other) == pytest.approx(6, abs=1.5)


def test_a_room_rings_on_after_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "ROOM")
    samples = np.concatenate([tone(440, 1.0), np.zeros(RATE_HZ, dtype=np.float32)])
    changed, _ = change(samples, None, RATE_HZ, np.random.default_rng(0))
    after = changed[RATE_HZ + 200 : RATE_HZ + 1200]
    assert np.abs(after).max() > 0.01 * np.abs(changed).max()
    assert np.abs(changed[-1000:]).max() < np.abs(after).max()


def test_a_band_ends_where_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "BAND")
    monkeypatch.setattr(augmentation, "BAND_HIGH_HZ", (3000.0, 3000.0))
    noise = np.random.default_rng(1).normal(size=4 * RATE_HZ).astype(np.float32) * 0.1
    spectrum = np.abs(np.fft.rfft(change(noise, None, RATE_HZ, np.random.default_rng(0))[0]))
    hz = np.fft.rfftfreq(4 * RATE_HZ, 1 / RATE_HZ)
    assert spectrum[hz > 6000].mean() < 0.01 * spectrum[(hz > 500) & (hz < 2500)].mean()


@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding.codec)
@pytest.mark.parametrize("n_samples", [4 * RATE_HZ, 1000, 1])
def test_a_codec_keeps_pitch_and_length_and_takes_what_is_above_its_rate(
    coding: Coding, n_samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "CODED")
    monkeypatch.setattr("soundsift.features.coding.CODINGS", [coding])
    sound = (tone(440) + tone(9000))[:n_samples]
    for seed in range(3):
        changed, _ = change(sound, None, RATE_HZ, np.random.default_rng(seed))
        assert len(changed) == n_samples
        if n_samples > RATE_HZ:
            spectrum = np.abs(np.fft.rfft(changed))
            assert peak_hz(changed) == pytest.approx(440, abs=5) or coding.rates_hz[-1] > 18000
            above = spectrum[4 * 9000 - 20 : 4 * 9000 + 20].max() / spectrum.max()
            assert above < 0.05 or coding.rates_hz[-1] > 18000


def test_sound_stays_as_it_is_where_ffmpeg_lacks_the_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("av.codecs_available", set())
    assert coded(tone(440), RATE_HZ, np.random.default_rng(0)) == pytest.approx(tone(440))


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for number, hz in enumerate((300, 500, 800)):
        samples = (tone(hz) * 32767).astype(np.int16)
        encode.write_clip(samples, RATE_HZ, tmp_path / "clips" / f"-v{number:09d}_0.flac")
    silence = np.zeros(4 * RATE_HZ, dtype=np.int16)
    encode.write_clip(silence, RATE_HZ, tmp_path / "clips" / "silent00000_0.flac")
    (tmp_path / "clips" / "broken00000_0.flac").write_bytes(b"no sound")
    return tmp_path / "clips"


def test_every_clip_with_sound_has_its_versions_and_the_same_ones_each_time(clips: Path, tmp_path: Path) -> None:
    for name, n_processes in (("a", 1), ("b", 2)):
        augment_clips(clips, 3, PARAMS, ["mean", "std"], tmp_path / f"{name}.parquet", n_processes)
    table = read_parquet(tmp_path / "a.parquet")
    assert table == read_parquet(tmp_path / "b.parquet")
    assert table["clip_id"].to_pylist() == [f"-v{n:09d}_0" for n in range(3) for _ in range(7)]
    assert table["version"].to_pylist() == [0, 1, 1, 2, 2, 3, 3] * 3
    assert table["is_window"].to_pylist() == [True, False, True, False, True, False, True] * 3
    assert {p for p in table["partner"].to_pylist() if p} <= {f"-v{n:09d}_0" for n in range(3)}
    assert all(p != c for p, c in zip(table["partner"].to_pylist(), table["clip_id"].to_pylist(), strict=True))
    values = np.stack([column.to_numpy() for column in table.columns[len(VERSION_COLUMNS) : -1]])
    assert values.shape == (len(summary_columns(20, ["mean", "std"])), 21)
    assert np.isfinite(values).all()
    assert len(set(table["mfcc_02_mean"].to_pylist())) >= 20  # a window may be all of a short version
    lengths = [len(cell) // (2 * 37) if cell else None for cell in table["sequence"].to_pylist()[:7]]
    # 20 steps per second: a window of the clip itself, and all of each version
    assert 42 <= lengths[0] <= 86
    assert [length is None for length in lengths[1:]] == [False, True, False, True, False, True]
    assert min(lengths[1], lengths[3], lengths[5]) > 70


def test_a_window_is_a_part_of_the_clip(tmp_path: Path) -> None:
    samples = np.concatenate([tone(300, 5), tone(1200, 5)])
    clip = tmp_path / "-v000000000_0.flac"
    encode.write_clip((samples * 32767).astype(np.int16), RATE_HZ, clip)
    (window,) = augmentation.versions(clip, [], 0, PARAMS, ["p10", "p90"])
    assert window["is_window"]
    names = [column.name for column in summary_columns(20, ["p10", "p90"])]
    low, high = (window["features"][names.index(f"spectral_centroid_hz_{name}")] for name in ("p10", "p90"))
    assert 290 < low < 320 or 1150 < low < 1250
    assert 290 < high < 320 or 1150 < high < 1250


def test_a_batch_of_nothing_has_no_versions(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    augment_clips(tmp_path / "clips", 1, PARAMS, ["mean"], tmp_path / "a.parquet")
    assert read_parquet(tmp_path / "a.parquet").num_rows == 0
