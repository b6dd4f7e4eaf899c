import hashlib
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from soundsift.media import archive_writer
from soundsift.media.archive import SCRATCH, Archive
from soundsift.media.archive_check import check
from soundsift.media.archive_writer import link_or_copy, open_for_writing
from tests.unit.media.archives import CLIP, files, keep, record


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    known = record(
        outcome="private", reason="Private video. “Sign in”", tries=3, when="2026-01-02T03:04:05+00:00",
        media_start_seconds=29.0, tools={"yt-dlp": "2026.10.26"},
    )  # fmt: skip
    open_for_writing(tmp_path / "a").write(known)
    assert Archive(tmp_path / "a").read(CLIP) == known


def test_media_are_kept_with_their_size_and_checksum(tmp_path: Path) -> None:
    held = open_for_writing(tmp_path / "a")
    keep(held, b"sound", ".webm")
    found = held.read(CLIP)
    assert found is not None
    assert (found.media, found.bytes, found.sha256) == (f"{CLIP}.webm", 5, hashlib.sha256(b"sound").hexdigest())
    assert (held.root / held.folder(CLIP) / f"{CLIP}.webm").read_bytes() == b"sound"
    assert files(held.root) == {f"{CLIP}.webm", f"{CLIP}.json"}


def test_records_hold_no_absolute_path(tmp_path: Path) -> None:
    held = open_for_writing(tmp_path)
    keep(held)
    values = json.loads((held.root / held.folder(CLIP) / f"{CLIP}.json").read_text())
    assert values["media"] == f"{CLIP}.m4a"
    assert not [value for value in values.values() if str(value).startswith("/") or str(tmp_path) in str(value)]
    assert not held.folder(CLIP).is_absolute()


def test_a_kill_before_the_media_have_their_name_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    held = open_for_writing(tmp_path)
    monkeypatch.setattr(archive_writer, "_sync", fail)
    with pytest.raises(KeyboardInterrupt):
        keep(held)
    assert files(held.root) == set()


def test_a_kill_between_media_and_record_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_at_the_record(source: Path, target: Path) -> None:
        if target.suffix == ".json":
            raise KeyboardInterrupt
        os.rename(source, target)

    held = open_for_writing(tmp_path)
    monkeypatch.setattr(archive_writer, "os", SimpleNamespace(**{**vars(os), "replace": fail_at_the_record}))
    with pytest.raises(KeyboardInterrupt):
        keep(held)
    assert held.read(CLIP) is None
    assert files(held.root) == {f"{CLIP}.m4a"}
    monkeypatch.undo()
    assert held.read(keep(held).clip_id) is not None


def test_a_failed_rewrite_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("killed")

    held = open_for_writing(tmp_path)
    old = record(outcome="timeout", tries=1)
    held.write(old)
    monkeypatch.setattr(archive_writer, "_sync", fail)
    with pytest.raises(OSError, match="killed"):
        held.write(record(outcome="ok", tries=2))
    assert held.read(CLIP) == old
    assert files(held.root) == {f"{CLIP}.json"}


def test_media_stand_before_their_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = []

    def note(source: str | Path, target: str | Path) -> None:
        named.append(Path(target).name)
        os.rename(source, target)

    monkeypatch.setattr(archive_writer, "os", SimpleNamespace(**{**vars(os), "replace": note}))
    keep(open_for_writing(tmp_path))
    assert named == [f"{CLIP}.m4a", f"{CLIP}.json"]


def test_a_scratch_folder_is_inside_the_archive_and_gone_afterwards(tmp_path: Path) -> None:
    held = open_for_writing(tmp_path)
    with pytest.raises(ValueError, match="bad"), held.scratch() as scratch:
        (scratch / "media.part").write_bytes(b"half")
        assert scratch.is_relative_to(tmp_path)
        raise ValueError("bad")
    assert not scratch.exists()
    assert files(tmp_path) == set()


def test_an_empty_scratch_folder_is_used_again_until_the_writer_is_gone(tmp_path: Path) -> None:
    held = open_for_writing(tmp_path)
    with held.scratch() as first, held.scratch() as second:
        assert first != second
    with held.scratch() as again:
        assert again in (first, second)
        (again / "media.part").write_bytes(b"half")
    with held.scratch() as last:
        assert list(last.iterdir()) == [] and last != again
    del held
    assert list((tmp_path / SCRATCH).iterdir()) == []


def test_a_known_checksum_is_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(archive_writer, "sha256_of")
    held = open_for_writing(tmp_path)
    with held.scratch() as scratch:
        (scratch / "media.wav").write_bytes(b"sound")
        held.write(record(), scratch / "media.wav", "ab" * 32)
    assert (found := held.read(CLIP)) is not None and found.sha256 == "ab" * 32


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
    held = open_for_writing(tmp_path / "link")
    held.write(record(), source)
    (tmp_path / "disk").rename(tmp_path / "moved")
    moved = Archive(tmp_path / "moved" / "deep" / "archive")
    known = moved.read(CLIP)
    assert known is not None
    assert known.media == "../../../media/v.wav"
    path = moved.media_path(known)
    assert path is not None
    assert path.samefile(tmp_path / "moved" / "media" / "v.wav")
    assert check(moved) == (1, [])
    path.unlink()
    assert moved.read(CLIP) is None


def test_what_killed_jobs_left_is_cleared_away(tmp_path: Path) -> None:
    open_for_writing(tmp_path)
    ended = subprocess.Popen(["true"])
    ended.wait()
    machine, mine = archive_writer._host_prefix(), archive_writer._job_prefix()
    names = {
        f"{mine}folder": True, f"{machine}{ended.pid}-folder": False, "elsewhere-1-2-folder": True,
        "elsewhere-1-2-old": False,
    }  # fmt: skip
    for name in names:
        (tmp_path / "tmp" / name).mkdir()
        (tmp_path / "tmp" / f"{name}.json").touch()
    for name in ("elsewhere-1-2-old", "elsewhere-1-2-old.json", f"{mine}folder"):
        os.utime(tmp_path / "tmp" / name, (0, 0))
    open_for_writing(tmp_path)
    stays = {f"{name}{ending}" for name, stays in names.items() if stays for ending in ("", ".json")}
    assert {path.name for path in (tmp_path / "tmp").iterdir()} == stays
