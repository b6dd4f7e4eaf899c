from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundsift.detectors.examples import read_examples
from soundsift.tables import write_parquet

N = 40


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    """Forty clips of twenty videos, the last eight for evaluation; the value of a row is the number of its clip."""
    videos = [f"video{i // 2:02d}" for i in range(N)]
    clips = pa.table(
        {
            "clip_id": [f"clip{i:02d}" for i in range(N)], "video_id": videos,
            "split": ["eval" if i >= 32 else "train" for i in range(N)],
            "is_music": pa.array([None if i == 5 else bool(i // 2 % 2) for i in range(N)]), "rms_mean": np.arange(float(N)),
        }
    )  # fmt: skip
    pq.write_table(clips, tmp_path / "features.parquet", row_group_size=7)
    # versions of clips 0, 5 (unknown truth), 6 (mixed with a clip of an eval video), 33 (an eval clip) and 8 (mixed with clip 2)
    versions = pa.table(
        {
            "clip_id": ["clip00", "clip05", "clip06", "clip33", "clip08"],
            "video_id": [videos[i] for i in (0, 5, 6, 33, 8)],
            "partner_video_id": pa.array([None, None, videos[34], None, videos[2]]),
            "is_music": pa.array([False, None, True, False, True]),
            "rms_mean": [100.0, 105.0, 106.0, 133.0, 108.0],
        }
    )
    write_parquet(versions, tmp_path / "augmented.parquet")
    return tmp_path / "features.parquet", tmp_path / "augmented.parquet"


def test_no_version_of_or_with_an_eval_clip_is_a_training_example(tables: tuple[Path, Path]) -> None:
    found = read_examples(*tables, "music", ["rms_mean"], None, 0)
    assert found.n_clips == 31
    assert found.x[:31, 0].tolist() == [i for i in range(32) if i != 5]
    assert found.x[31:, 0].tolist() == [100.0, 108.0]
    assert found.truth[31:].tolist() == [0, 1]
    assert found.video[31:].tolist() == [0, 4]
    assert found.partner.tolist() == [-1] * 31 + [-1, 1]
    assert found.video.max() == 15


def test_without_versions_the_clips_are_the_only_examples(tables: tuple[Path, Path]) -> None:
    found = read_examples(tables[0], None, "music", ["rms_mean"], None, 0)
    assert len(found.x) == found.n_clips == 31


def test_an_empty_table_of_versions_changes_nothing(tables: tuple[Path, Path]) -> None:
    names = ("video_id", "partner_video_id")
    none = {name: pa.array([], pa.string()) for name in names} | {"is_music": pa.array([], pa.bool_())}
    write_parquet(pa.table(none), tables[1])
    found = read_examples(*tables, "music", ["rms_mean"], None, 0)
    assert len(found.x) == found.n_clips == 31


def test_a_smaller_share_lies_within_a_larger_one_and_keeps_whole_videos(tables: tuple[Path, Path]) -> None:
    found = read_examples(*tables, "music", ["rms_mean"], None, 0)
    few, more = (found.of_videos(share, 3) for share in (0.25, 0.5))
    assert set(few.x[:, 0]) < set(more.x[:, 0])
    assert few.n_clips < more.n_clips < found.n_clips
    assert {0, 1} == set(few.truth[: few.n_clips])
    for part in (few, more):
        counts = np.bincount(part.video[: part.n_clips])
        assert set(counts[counts > 0]) <= {1, 2}
    assert len(found.of_videos(1.0, 3).x) == len(found.x)


def test_the_clips_of_a_group_are_one_source(tables: tuple[Path, Path]) -> None:
    features = pq.read_table(tables[0])
    groups = [f"speaker{i // 8}" for i in range(N)]
    pq.write_table(features.append_column("group", pa.array(groups)), tables[0])
    found = read_examples(*tables, "music", ["rms_mean"], None, 0)
    assert found.video[:31].tolist() == [i // 8 for i in range(32) if i != 5]
    # the versions of clips 0 and 8, the second mixed with clip 2
    assert found.video[31:].tolist() == [0, 1]
    assert found.partner[31:].tolist() == [-1, 0]
