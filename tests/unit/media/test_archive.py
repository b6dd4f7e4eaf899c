import errno
import json
import os
from pathlib import Path

import pytest

from soundsift.errors import InputError
from soundsift.media.archive import Archive
from soundsift.media.archive_check import check
from soundsift.media.archive_writer import open_for_writing
from tests.unit.media.archives import CLIP, keep, record


def test_nothing_is_known_of_a_clip_nobody_asked_for(tmp_path: Path) -> None:
    assert Archive(tmp_path).read(CLIP) is None


def test_a_clip_whose_media_are_gone_is_not_known(tmp_path: Path) -> None:
    held = open_for_writing(tmp_path)
    keep(held)
    (held.root / held.folder(CLIP) / f"{CLIP}.m4a").unlink()
    assert held.read(CLIP) is None


def test_media_of_a_shard_that_a_power_cut_has_shortened_are_not_known(tmp_path: Path) -> None:
    held = open_for_writing(tmp_path)
    keep(held, shard="0.parquet")
    path = held.root / held.folder(CLIP) / f"{CLIP}.m4a"
    assert held.read(CLIP) is not None
    path.write_bytes(path.read_bytes()[:-1])
    assert held.read(CLIP) is None


@pytest.mark.parametrize(
    "content",
    ["", '{"clip_id": "a', "[]", '{"clip_id": "a", "colour": "red"}', "null", "3",
     '{"clip_id": "a_0", "video_id": "a", "outcome": "ok", "media": 5}',
     '{"clip_id": "a_0", "video_id": "a", "outcome": "ok", "tries": "3"}',
     '{"clip_id": "a_0", "video_id": "a", "outcome": "ok", "end_seconds": null}'],
)  # fmt: skip
def test_a_record_that_cannot_be_read_is_not_known(content: str, tmp_path: Path) -> None:
    held = open_for_writing(tmp_path)
    held.write(record())
    (held.root / held.folder(CLIP) / f"{CLIP}.json").write_text(content)
    assert held.read(CLIP) is None


def test_a_record_of_a_later_version_is_known(tmp_path: Path) -> None:
    held = open_for_writing(tmp_path)
    held.write(record(outcome="private"))
    path = held.root / held.folder(CLIP) / f"{CLIP}.json"
    path.write_text(path.read_text().replace("{", '{"colour": "red",', 1))
    assert held.read(CLIP) == record(outcome="private")


def test_a_moved_archive_knows_the_same(tmp_path: Path) -> None:
    known = keep(open_for_writing(tmp_path / "here"))
    (tmp_path / "here").rename(tmp_path / "there")
    assert Archive(tmp_path / "there").read(CLIP) == known


def test_clips_are_spread_over_sub_folders(tmp_path: Path) -> None:
    held = open_for_writing(tmp_path)
    folders = [str(held.folder(f"{i:011d}_0")) for i in range(2000)]
    assert max(folders.count(folder) for folder in set(folders)) <= 6
    assert {len(folder) for folder in folders} == {3}


def test_the_other_clips_of_a_video_are_known_and_no_other_videos(tmp_path: Path) -> None:
    held = open_for_writing(tmp_path)
    for clip_id in ("a_b_1000", "a_b_2000", "a_b_3000", "a_3000"):
        keep(held, clip_id=clip_id, video_id=clip_id.rpartition("_")[0])
    # a video whose id goes on like a clip of the other, in the same folder
    stray = held.root / held.folder("a_b_1000") / "a_b_9_1000.json"
    stray.write_text(json.dumps({"clip_id": "a_b_9_1000", "video_id": "a_b_9", "outcome": "private"}))
    assert [other.clip_id for other in held.others("a_b_2000")] == ["a_b_1000", "a_b_3000"]
    assert [other.clip_id for other in held.others("a_b_4000")] == ["a_b_1000", "a_b_2000", "a_b_3000"]
    assert list(held.others("b_0")) == []


def test_reading_creates_nothing(tmp_path: Path) -> None:
    absent = Archive(tmp_path / "absent")
    assert absent.read(CLIP) is None
    assert list(absent.others(CLIP)) == []
    assert absent.media_path(record(media="a.m4a")) == absent.record_path(CLIP).with_name("a.m4a")
    assert check(absent) == (0, [])
    assert list(tmp_path.iterdir()) == []


def test_an_archive_is_read_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    known = keep(open_for_writing(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    for name in ("mkdir", "unlink", "rename", "replace", "rmdir", "utime"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(os, "access", lambda *_: False)
    held = Archive(tmp_path)
    assert held.read(CLIP) == known
    assert [other.clip_id for other in held.others("--PJHxphWEs_0")] == [CLIP]
    assert check(held) == (1, [])
    with pytest.raises(InputError, match="cannot be written: set download.archive"):
        open_for_writing(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
