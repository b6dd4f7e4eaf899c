from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundsift.report.distributions import distinctive_features
from soundsift.tables import write_parquet


def written(folder: Path, **columns: object) -> Path:
    """Write a table of eight clips, of which the truth of one is unknown for speech."""
    truths = {"is_music": [True] * 7 + [False], "is_speech": [True] * 3 + [False] * 3 + [None, False]}
    write_parquet(pa.table(truths | columns), folder / "features.parquet")
    return folder / "features.parquet"


def test_distinctive_features_are_of_clips_with_known_truth_and_the_level_is_in_db(tmp_path: Path) -> None:
    levels = np.array([0.1, 1.0, 0.0, 0.1, 0.1, 0.1, 0.1, 0.01], dtype=np.float32)
    values, truth = distinctive_features(written(tmp_path, rms_mean=levels), "speech")
    assert truth.tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert list(values) == ["level, mean (dB of full scale)"]
    assert values["level, mean (dB of full scale)"] == pytest.approx([-20, 0, -100, -20, -20, -20, -40], abs=1e-4)


def test_without_those_features_the_first_six_of_the_table_are_taken(tmp_path: Path) -> None:
    others = {f"rms_p{i}": np.full(8, i, dtype=np.float32) for i in range(9)}
    values, _ = distinctive_features(written(tmp_path, **others), "music")
    assert list(values) == [f"rms_p{i}" for i in range(6)]
