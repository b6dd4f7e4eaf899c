from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundsift.report import gallery
from soundsift.tables import write_parquet


def written(folder: Path, **columns: object) -> Path:
    """A table of eight clips: 0-2 both, 3-5 music alone, 6 speech unknown, 7 neither."""
    base = {
        "clip_id": [f"c{i}" for i in range(8)],
        "batch": [f"b{i // 4}" for i in range(8)],
        "labels": [[f"l{i}"] for i in range(8)],
        "is_music": [True] * 7 + [False],
        "is_speech": [True] * 3 + [False] * 3 + [None, False],
        "loudness_dbfs": [-1.0, -3.0, -2.0, -9.0, -30.0, -20.0, -25.0, -5.0],
    }
    write_parquet(pa.table(base | columns), folder / "features.parquet")
    return folder / "features.parquet"


def test_of_each_class_the_clip_of_middling_loudness_with_it_alone_is_chosen(tmp_path: Path) -> None:
    # speech is never heard alone, so of all clips with it
    chosen = gallery.choose(written(tmp_path), ["music", "speech"])
    assert chosen == [("music", "b1", "c5", ["l5"]), ("speech", "b0", "c2", ["l2"])]


def test_one_detector_is_shown_alone_and_a_class_that_is_never_heard_not_at_all(tmp_path: Path) -> None:
    assert [clip[0] for clip in gallery.choose(written(tmp_path), ["music"])] == ["music"]
    silent = written(tmp_path, is_speech=[False] * 8)
    assert [clip[0] for clip in gallery.choose(silent, ["music", "speech"])] == ["music"]


def test_telling_features_are_of_clips_with_known_truth_and_levels_in_db(tmp_path: Path) -> None:
    levels = np.array([0.1, 1.0, 0.0, 0.1, 0.1, 0.1, 0.1, 0.01], dtype=np.float32)
    values, truth = gallery.telling(written(tmp_path, rms_mean=levels), "speech")
    assert truth.tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert list(values) == ["level, mean (dB of full scale)"]
    assert values["level, mean (dB of full scale)"] == pytest.approx([-20, 0, -100, -20, -20, -20, -40], abs=1e-4)


def test_without_those_features_the_first_of_the_table_are_shown(tmp_path: Path) -> None:
    others = {f"rms_p{i}": np.full(8, i, dtype=np.float32) for i in range(9)}
    values, _ = gallery.telling(written(tmp_path, **others), "music")
    assert list(values) == [f"rms_p{i}" for i in range(6)]
