from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.config.features import FeatureParams
from soundsift.features.frames import frame_features, frames_table
from soundsift.media.encode import write_clip
from soundsift.report import gallery
from soundsift.tables import write_parquet


def written(folder: Path, **columns: object) -> Path:
    """Write a table of eight clips: 0-2 both, 3-5 music alone, 6 speech unknown, 7 neither."""
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


def test_of_each_class_the_clip_of_median_loudness_with_it_alone_is_chosen(tmp_path: Path) -> None:
    # No clip has speech alone, so all clips with speech are candidates.
    chosen = gallery.choose(written(tmp_path), ["music", "speech"])
    assert chosen == [("music", "b1", "c5", ["l5"]), ("speech", "b0", "c2", ["l2"])]


def test_one_detector_has_one_clip_and_a_class_that_no_clip_has_has_none(tmp_path: Path) -> None:
    assert [clip[0] for clip in gallery.choose(written(tmp_path), ["music"])] == ["music"]
    silent = written(tmp_path, is_speech=[False] * 8)
    assert [clip[0] for clip in gallery.choose(silent, ["music", "speech"])] == ["music"]


def test_a_clip_is_shown_under_its_heading_with_cursor_and_player(
    tone: npt.NDArray[np.float32], tmp_path: Path
) -> None:
    write_clip((tone * 32767).astype(np.int16), 22050, tmp_path / "c.wav")
    frames = frames_table(frame_features(tone, 22050, FeatureParams()), "c", 22050, FeatureParams())
    write_parquet(frames, tmp_path / "c.parquet")
    figure = gallery.clip_figure("c", ["Rock & <roll>"], tmp_path / "c.wav", tmp_path / "c.parquet")
    page = gallery.side_by_side([("<music>", figure)])
    assert "<h3>&lt;music&gt;</h3>" in page
    assert 'alt="c: Rock &amp; &lt;roll&gt;. 3.0 s of sound' in page
    assert page.count('role="slider"') == page.count('src="data:audio/mpeg;base64,') == 1
    assert 'data-left="0.11" data-right="0.86"' in page
