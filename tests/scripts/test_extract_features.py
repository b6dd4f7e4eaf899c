from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from extract_features import extract_features
from soundsift.config.features import FeatureParams
from soundsift.errors import InputError
from soundsift.media import encode
from soundsift.media.columns import OUTCOME_COLUMNS
from soundsift.tables import read_parquet, write_csv
from summarize_features import summarize_features

RATE_HZ = 22050


def write_outcomes(path: Path, n_clips: int) -> None:
    row = {c.name: None for c in OUTCOME_COLUMNS}
    rows = [row | {"clip_id": f"-video{number:05d}_0", "outcome": "ok", "reason": ""} for number in range(n_clips)]
    write_csv(pa.Table.from_pylist(rows, schema=pa.schema([(c.name, c.type) for c in OUTCOME_COLUMNS])), path)


@pytest.fixture
def clips(tmp_path: Path, rng: np.random.Generator) -> Path:
    for number in range(6):
        samples = (rng.normal(size=3 * RATE_HZ) * 2000).astype(np.int16)
        encode.write_clip(samples, RATE_HZ, tmp_path / "clips" / f"-video{number:05d}_0.flac")
    return tmp_path / "clips"


def test_a_broken_clip_is_left_out_and_the_rest_of_the_batch_is_kept(clips: Path, tmp_path: Path) -> None:
    (clips / "-video00003_0.flac").write_bytes(b"no sound")
    extract_features(clips, tmp_path / "frames", FeatureParams())
    frames = tmp_path / "frames"
    assert sorted(path.stem[-3] for path in frames.glob("*.parquet")) == ["0", "1", "2", "4", "5"]
    assert "cannot be decoded" in (frames / "-video00003_0.txt").read_text()
    write_outcomes(tmp_path / "outcomes.csv", 6)
    summarize_features(frames, tmp_path / "outcomes.csv", ["mean"], tmp_path / "features.parquet")
    assert read_parquet(tmp_path / "features.parquet").num_rows == 5


def test_an_empty_clip_file_was_not_written_by_the_workflow_and_stops_the_batch(clips: Path, tmp_path: Path) -> None:
    (clips / "-video00004_0.flac").write_bytes(b"")
    with pytest.raises(InputError, match="-video00004_0.flac is empty: delete it and run again"):
        extract_features(clips, tmp_path / "frames", FeatureParams())
    assert not (tmp_path / "frames").exists()


@pytest.mark.parametrize("damage", ["gone", "half"])
def test_missing_frames_are_an_error_and_not_taken_for_a_broken_clip(damage: str, clips: Path, tmp_path: Path) -> None:
    extract_features(clips, tmp_path / "frames", FeatureParams())
    victim = tmp_path / "frames" / "-video00002_0.parquet"
    victim.unlink() if damage == "gone" else victim.write_bytes(victim.read_bytes()[:3000])
    write_outcomes(tmp_path / "outcomes.csv", 6)
    with pytest.raises(InputError, match="and run again" if damage == "gone" else "--forcerun extract_features"):
        summarize_features(tmp_path / "frames", tmp_path / "outcomes.csv", ["mean"], tmp_path / "features.parquet")


def test_two_processes_give_the_same_frames_as_one(clips: Path, tmp_path: Path) -> None:
    for n_processes in (1, 2):
        extract_features(clips, tmp_path / f"frames{n_processes}", FeatureParams(), n_processes)
    for path in (tmp_path / "frames1").iterdir():
        assert read_parquet(path) == read_parquet(tmp_path / "frames2" / path.name)
