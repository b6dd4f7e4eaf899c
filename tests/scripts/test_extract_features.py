from pathlib import Path

import numpy as np
import pytest

from extract_features import extract_features
from soundsift import media
from soundsift.frames import FeatureParams
from soundsift.tables import read_parquet

RATE_HZ = 22050


@pytest.fixture
def clips(tmp_path: Path, rng: np.random.Generator) -> Path:
    for number in range(6):
        samples = (rng.normal(size=3 * RATE_HZ) * 2000).astype(np.int16)
        media.write_clip(media.as_segment(samples, RATE_HZ), tmp_path / "clips" / f"-video{number:05d}_0.flac")
    return tmp_path / "clips"


def test_a_broken_clip_is_left_out_and_no_lost_batch(clips: Path, tmp_path: Path) -> None:
    (clips / "-video00003_0.flac").write_bytes(b"no sound")
    (clips / "-video00004_0.flac").write_bytes(b"")
    extract_features(clips, tmp_path / "frames", FeatureParams())
    assert sorted(path.stem[-3] for path in (tmp_path / "frames").iterdir()) == ["0", "1", "2", "5"]


def test_processes_make_what_one_makes(clips: Path, tmp_path: Path) -> None:
    for n_processes in (1, 2):
        extract_features(clips, tmp_path / f"frames{n_processes}", FeatureParams(), n_processes)
    for path in (tmp_path / "frames1").iterdir():
        assert read_parquet(path) == read_parquet(tmp_path / "frames2" / path.name)
