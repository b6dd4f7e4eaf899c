import hashlib
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from soundsift.files import link_or_copy
from soundsift.media import archive
from soundsift.media.archive import Archive, Record
from soundsift.media.pace import Pace

CLIP = "--PJHxphWEs_30000"


def record(**known: object) -> Record:
    usual = {"clip_id": CLIP, "video_id": "--PJHxphWEs", "outcome": "ok"}
    return Record(**{**usual, "url": "https://www.youtube.com/watch?v=--PJHxphWEs", **known})


def keep(held: Archive, content: bytes = b"sound", suffix: str = ".m4a", **known: object) -> Record:
    kept = record(**known)
    with held.scratch() as scratch:
        (scratch / f"media{suffix}").write_bytes(content)
        held.write(kept, scratch / f"media{suffix}")
    return kept


def files(root: Path) -> set[str]:
    return {path.name for path in root.rglob("*") if path.is_file()}


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    known = record(
        outcome="private", reason="Private video. “Sign in”", tries=3, when="2026-01-02T03:04:05+00:00",
        media_start_seconds=29.0, tools={"yt-dlp": "2026.10.26"},
    )  # fmt: skip
    Archive(tmp_path / "a").write(known)
    assert Archive(tmp_path / "a").read(CLIP) == known


def test_media_are_kept_with_their_size_and_checksum(tmp_path: Path) -> None:
    held = Archive(tmp_path / "a")
    keep(held, b"sound", ".webm")
    found = held.read(CLIP)
    assert found is not None
    assert (found.media, found.bytes, found.sha256) == (f"{CLIP}.webm", 5, hashlib.sha256(b"sound").hexdigest())
    assert (held.root / held.folder(CLIP) / f"{CLIP}.webm").read_bytes() == b"sound"
    assert files(held.root) == {f"{CLIP}.webm", f"{CLIP}.json"}


def test_nothing_is_known_of_a_clip_nobody_asked_for(tmp_path: Path) -> None:
    assert Archive(tmp_path).read(CLIP) is None


def test_a_clip_whose_media_are_gone_is_not_known(tmp_path: Path) -> None:
    held = Archive(tmp_path)
    keep(held)
    (held.root / held.folder(CLIP) / f"{CLIP}.m4a").unlink()
    assert held.read(CLIP) is None


@pytest.mark.parametrize(
    "content",
    ["", '{"clip_id": "a', "[]", '{"clip_id": "a", "colour": "red"}', "null", "3",
     '{"clip_id": "a_0", "video_id": "a", "outcome": "ok", "media": 5}',
     '{"clip_id": "a_0", "video_id": "a", "outcome": "ok", "tries": "3"}',
     '{"clip_id": "a_0", "video_id": "a", "outcome": "ok", "end_seconds": null}'],
)  # fmt: skip
def test_a_record_that_cannot_be_read_is_not_known(content: str, tmp_path: Path) -> None:
    held = Archive(tmp_path)
    held.write(record())
    (held.root / held.folder(CLIP) / f"{CLIP}.json").write_text(content)
    assert held.read(CLIP) is None


def test_a_record_of_a_later_version_is_known(tmp_path: Path) -> None:
    held = Archive(tmp_path)
    held.write(record(outcome="private"))
    path = held.root / held.folder(CLIP) / f"{CLIP}.json"
    path.write_text(path.read_text().replace("{", '{"colour": "red",', 1))
    assert held.read(CLIP) == record(outcome="private")


def test_a_moved_archive_knows_the_same(tmp_path: Path) -> None:
    known = keep(Archive(tmp_path / "here"))
    (tmp_path / "here").rename(tmp_path / "there")
    assert Archive(tmp_path / "there").read(CLIP) == known


def test_records_hold_no_absolute_path(tmp_path: Path) -> None:
    held = Archive(tmp_path)
    keep(held)
    values = json.loads((held.root / held.folder(CLIP) / f"{CLIP}.json").read_text())
    assert values["media"] == f"{CLIP}.m4a"
    assert not [value for value in values.values() if str(value).startswith("/") or str(tmp_path) in str(value)]
    assert not held.folder(CLIP).is_absolute()


def test_clips_are_spread_over_sub_folders(tmp_path: Path) -> None:
    held = Archive(tmp_path)
    folders = [str(held.folder(f"{i:011d}_0")) for i in range(2000)]
    assert max(folders.count(folder) for folder in set(folders)) <= 6
    assert {len(folder) for folder in folders} == {3}


def test_a_kill_before_the_media_have_their_name_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    held = Archive(tmp_path)
    monkeypatch.setattr(archive, "_sync", fail)
    with pytest.raises(KeyboardInterrupt):
        keep(held)
    assert files(held.root) == set()


def test_a_kill_between_media_and_record_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_at_the_record(source: Path, target: Path) -> None:
        if target.suffix == ".json":
            raise KeyboardInterrupt
        os.rename(source, target)

    held = Archive(tmp_path)
    monkeypatch.setattr(archive, "os", SimpleNamespace(**{**vars(os), "replace": fail_at_the_record}))
    with pytest.raises(KeyboardInterrupt):
        keep(held)
    assert held.read(CLIP) is None
    assert files(held.root) == {f"{CLIP}.m4a"}
    monkeypatch.undo()
    assert held.read(keep(held).clip_id) is not None


def test_a_failed_rewrite_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("killed")

    held = Archive(tmp_path)
    old = record(outcome="timeout", tries=1)
    held.write(old)
    monkeypatch.setattr(archive, "_sync", fail)
    with pytest.raises(OSError, match="killed"):
        held.write(record(outcome="ok", tries=2))
    assert held.read(CLIP) == old
    assert files(held.root) == {f"{CLIP}.json"}


def test_media_stand_before_their_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = []

    def note(source: str | Path, target: str | Path) -> None:
        named.append(Path(target).name)
        os.rename(source, target)

    monkeypatch.setattr(archive, "os", SimpleNamespace(**{**vars(os), "replace": note}))
    keep(Archive(tmp_path))
    assert named == [f"{CLIP}.m4a", f"{CLIP}.json"]


def test_a_scratch_folder_is_inside_the_archive_and_gone_afterwards(tmp_path: Path) -> None:
    held = Archive(tmp_path)
    with pytest.raises(ValueError, match="bad"), held.scratch() as scratch:
        (scratch / "media.part").write_bytes(b"half")
        assert scratch.is_relative_to(tmp_path)
        raise ValueError("bad")
    assert not scratch.exists()
    assert files(tmp_path) == set()


def kept_path(held: Archive, clip_id: str) -> Path:
    keep(held, clip_id=clip_id)
    return held.root / held.folder(clip_id) / f"{clip_id}.m4a"


def test_a_sound_archive_has_no_faults_wherever_it_is_moved(tmp_path: Path) -> None:
    held = Archive(tmp_path / "here")
    for number in range(20):
        kept_path(held, f"video{number:06d}_0")
    held.write(Record("gone0000000_0", "gone0000000", "private"))
    Pace(held.root).take_turn(360)
    (tmp_path / "here").rename(tmp_path / "there")
    assert Archive(tmp_path / "there").check() == (21, [])
    assert not [p for p in (tmp_path / "there").rglob("*.json") if str(tmp_path) in p.read_text()]


def test_every_fault_of_an_archive_is_named(tmp_path: Path) -> None:
    held = Archive(tmp_path)
    paths = [kept_path(held, f"video{number:06d}_0") for number in range(4)]
    paths[0].write_bytes(b"flipped")
    paths[1].unlink()
    paths[2].with_suffix(".json").write_text("{")
    paths[3].with_suffix(".part").touch()
    (tmp_path / "notes.txt").touch()
    n_records, faults = held.check()
    assert n_records == 3
    assert sorted(faults) == sorted(
        [
            f"{paths[0].relative_to(tmp_path)} is not what was written",
            f"{paths[1].relative_to(tmp_path)} is gone",
            f"{paths[2].with_suffix('.json').relative_to(tmp_path)} is no record",
            f"{paths[2].relative_to(tmp_path)} belongs to no record",
            f"{paths[3].with_suffix('.part').relative_to(tmp_path)} belongs to no record",
            "notes.txt is not the archive's",
        ]
    )


def test_a_file_is_linked_or_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another file system")

    source = tmp_path / "source.wav"
    source.write_bytes(b"sound")
    link_or_copy(source, tmp_path / "linked.wav")
    assert (tmp_path / "linked.wav").samefile(source)
    monkeypatch.setattr(os, "link", refuse)
    link_or_copy(source, tmp_path / "copied.wav")
    assert not (tmp_path / "copied.wav").samefile(source)
    assert (tmp_path / "copied.wav").read_bytes() == b"sound"


def test_a_file_elsewhere_is_read_where_it_is_by_a_path_that_moves_with_both(tmp_path: Path) -> None:
    (tmp_path / "disk" / "media").mkdir(parents=True)
    source = tmp_path / "disk" / "media" / "v.wav"
    source.write_bytes(b"sound")
    (tmp_path / "disk" / "deep" / "archive").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "deep" / "archive")
    held = Archive(tmp_path / "link")
    held.write(record(), source)
    (tmp_path / "disk").rename(tmp_path / "moved")
    moved = Archive(tmp_path / "moved" / "deep" / "archive")
    known = moved.read(CLIP)
    assert known is not None
    assert known.media == "../../../media/v.wav"
    path = moved.media_path(known)
    assert path is not None
    assert path.samefile(tmp_path / "moved" / "media" / "v.wav")
    assert moved.check() == (1, [])
    path.unlink()
    assert moved.read(CLIP) is None


def test_the_other_clips_of_a_video_are_known_and_no_other_videos(tmp_path: Path) -> None:
    held = Archive(tmp_path)
    for clip_id in ("a_b_1000", "a_b_2000", "a_b_3000", "a_3000"):
        keep(held, clip_id=clip_id, video_id=clip_id.rpartition("_")[0])
    # a video whose id goes on like a clip of the other, in the same folder
    stray = held.root / held.folder("a_b_1000") / "a_b_9_1000.json"
    stray.write_text(json.dumps({"clip_id": "a_b_9_1000", "video_id": "a_b_9", "outcome": "private"}))
    assert [other.clip_id for other in held.others("a_b_2000")] == ["a_b_1000", "a_b_3000"]
    assert [other.clip_id for other in held.others("a_b_4000")] == ["a_b_1000", "a_b_2000", "a_b_3000"]
    assert list(held.others("b_0")) == []


def test_what_killed_jobs_left_is_cleared_away(tmp_path: Path) -> None:
    Archive(tmp_path)
    ended = subprocess.Popen(["true"])
    ended.wait()
    machine, mine = archive._machine(), archive._mark()
    names = {
        f"{mine}folder": True, f"{machine}{ended.pid}-folder": False, "elsewhere-1-2-folder": True,
        "elsewhere-1-2-old": False,
    }  # fmt: skip
    for name in names:
        (tmp_path / "tmp" / name).mkdir()
        (tmp_path / "tmp" / f"{name}.json").touch()
    for name in ("elsewhere-1-2-old", "elsewhere-1-2-old.json", f"{mine}folder"):
        os.utime(tmp_path / "tmp" / name, (0, 0))
    Archive(tmp_path)
    stays = {f"{name}{ending}" for name, stays in names.items() if stays for ending in ("", ".json")}
    assert {path.name for path in (tmp_path / "tmp").iterdir()} == stays
