from pathlib import Path

import numpy as np
import pytest

from soundsift.errors import MediaError
from soundsift.media import clip_file, encode
from tests.unit.media.sounds import RATE_HZ


@pytest.mark.parametrize(("ending", "worst"), [("wav", 0.0), ("flac", 0.0), ("mp3", 0.02)])
def test_a_written_clip_reads_back_with_its_true_length_and_place(ending: str, worst: float, tmp_path: Path) -> None:
    t = np.arange(5 * RATE_HZ) / RATE_HZ
    wave = (12000 * np.sin(2 * np.pi * 500 * t) * (t > 2)).astype(np.int16)
    encode.write_clip(wave, RATE_HZ, tmp_path / f"c.{ending}")
    samples, rate_hz = clip_file.read_samples(tmp_path / f"c.{ending}")
    assert (len(samples), rate_hz) == (len(wave), RATE_HZ)
    assert np.abs(samples - wave / 32768).max() <= worst
    assert [path.name for path in tmp_path.iterdir()] == [f"c.{ending}"]


@pytest.mark.parametrize("ending", ["flac", "mp3", "wav"])
def test_half_a_clip_file_is_no_clip(ending: str, tmp_path: Path) -> None:
    samples = (np.random.default_rng(0).normal(size=4 * RATE_HZ) * 3000).astype(np.int16)
    path = tmp_path / f"c.{ending}"
    encode.write_clip(samples, RATE_HZ, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(
        MediaError, match=r"c\.\w+ (cannot be decoded|says 4\.0 s and ends after [12]\.\d s|is shorter than)"
    ) as failed:
        clip_file.read_samples(path)
    assert failed.value.outcome == "corrupt"
