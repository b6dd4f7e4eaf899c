"""Media in shards as a source: order, faults, changes."""

import dataclasses
import errno
import hashlib
import io
import os
import runpy
import shutil
import tarfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from free_media import free_media
from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.config.settings import settle
from soundsift.config.sources import index_path, label_of
from soundsift.errors import DownloadError, SourceError
from soundsift.media.archive import Archive
from soundsift.media.archive_check import check
from soundsift.media.archive_writer import open_for_writing
from soundsift.media.columns import DOWNLOAD_COLUMNS
from soundsift.media.shards import places
from soundsift.media.shards.index import ShardIndex
from soundsift.media.shards.indexing import index_shards
from soundsift.media.sources import shards
from soundsift.metadata.batches import Clip
from soundsift.tables import schema_of, write_csv
from tests.hub.packs import clips_of, flac, media_of, write_parquet, write_tar
from tests.site.downloads import fetch

CLIPS = clips_of(20)
MEDIA = media_of(CLIPS)
KEYS = list(MEDIA)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def some(first: int, last: int) -> dict[str, bytes]:
    return {key: MEDIA[key] for key in KEYS[first:last]}


def index(url: str) -> SourceParams:
    path = Path(index_path(url))
    index_shards(url, path.with_suffix(""), path, 2)
    return SourceParams(url, trimmed=True)


def parquet(folder: Path) -> SourceParams:
    return index(f"file://{folder}/p/*.parquet")


def run(clips: list[Clip], *sources: SourceParams, **policy: Any) -> dict[str, dict[str, Any]]:
    return fetch(clips, list(sources), Path("archive"), **policy)


def said(rows: dict[str, dict[str, Any]]) -> Counter[str]:
    return Counter(row["outcome"] for row in rows.values())


def media_in_archive(rows: dict[str, dict[str, Any]]) -> dict[str, bytes]:
    return {row["video_id"]: Path("archive", row["media"]).read_bytes() for row in rows.values() if row["media"]}


def test_each_row_group_is_opened_once_whatever_the_order(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parquet(here / "p/0.parquet", some(0, 10), row_group=4)
    write_parquet(here / "p/1.parquet", some(10, 18), row_group=100)
    opened: Counter[tuple[str, int]] = Counter()

    class Noted(shards.RowGroupReader):
        def __init__(self, file: Any, name: str, row_group: int, read_bytes: int, last: int) -> None:
            opened[name, row_group] += 1
            super().__init__(file, name, row_group, read_bytes, last)

    monkeypatch.setattr(shards, "RowGroupReader", Noted)
    shuffled = [CLIPS[i * 7 % 20] for i in range(20)]
    rows = run(shuffled, parquet(here), concurrency=3)
    assert opened == {("0.parquet", 0): 1, ("0.parquet", 1): 1, ("0.parquet", 2): 1, ("1.parquet", 0): 1}
    assert media_in_archive(rows) == some(0, 18)
    assert [row["clip_id"] for row in rows.values()] == [one.clip_id for one in shuffled]
    assert {row["media_start_seconds"] for row in rows.values() if row["media"]} == {30.0}
    assert check(Archive(Path("archive"))) == (20, [])
    # the archive serves: nothing is opened
    assert said(run(CLIPS, parquet(here))) == {"ok": 18, "not_found": 2}
    assert opened.total() == 4


def test_parquet_tar_and_a_folder_complete_each_other(here: Path) -> None:
    write_parquet(here / "p/0.parquet", some(0, 8))
    write_tar(here / "t/0.tar", {f"Y{key}": sound for key, sound in some(6, 14).items()})
    (here / "f").mkdir()
    for key, sound in some(12, 18).items():
        (here / f"f/{key}.flac").write_bytes(sound)
    sources = [
        parquet(here),
        index(f"file://{here}/t/*.tar"),
        SourceParams(f"file://{here}/f/{{video_id}}.flac", trimmed=True),
    ]
    rows = run(CLIPS[::-1], *sources)
    assert media_in_archive(rows) == some(0, 18)
    records = [Archive(Path("archive")).read(one.clip_id) for one in CLIPS[:18]]
    assert Counter(record.source.partition(" (")[0] for record in records if record) == {
        "file:*.parquet": 8, "file:*.tar": 6, "file:{video_id}.flac": 4
    }  # fmt: skip
    text = "".join(path.read_text() for path in Path("archive").rglob("*.json"))
    assert str(here) not in text and '"url": "file:0.parquet"' in text


def test_shards_of_the_same_names_in_two_folders_are_told_apart(here: Path) -> None:
    write_parquet(here / "old/p/0.parquet", some(0, 4))
    write_parquet(here / "new/p/0.parquet", {**some(4, 6), KEYS[0]: MEDIA[KEYS[9]]})
    old, new = parquet(here / "old"), parquet(here / "new")
    before = run(CLIPS[:4], old)
    rows = run(CLIPS[:6], new, old)
    assert {clip_id: rows[clip_id] for clip_id in before} == before
    records = [Archive(Path("archive")).read(one.clip_id) for one in CLIPS[:6]]
    assert [record.source for record in records if record] == [label_of(old.url)] * 4 + [label_of(new.url)] * 2
    assert label_of(old.url) != label_of(new.url)
    # a change at the source that the media came from is still seen
    write_parquet(here / "old/p/0.parquet", {**some(1, 4), KEYS[0]: MEDIA[KEYS[10]]})
    assert media_in_archive(run(CLIPS[:6], new, parquet(here / "old")))[KEYS[1]] == MEDIA[KEYS[1]]
    record = Archive(Path("archive")).read(CLIPS[0].clip_id)
    assert record is not None and record.source == label_of(new.url), "the first source that has it"


@pytest.mark.parametrize("kind", ["shards", "folder", "http"])
def test_a_single_folder_does_not_replace_media_of_a_former_source(kind: str, here: Path) -> None:
    for name, sounds in (("a", some(0, 2)), ("b", {KEYS[0]: MEDIA[KEYS[5]], KEYS[1]: MEDIA[KEYS[6]]})):
        (here / name).mkdir()
        for key, sound in sounds.items():
            (here / name / f"{key}.flac").write_bytes(sound)
    write_parquet(here / "p/0.parquet", some(0, 2))
    a, b = (SourceParams(f"file://{here}/{name}/{{video_id}}.flac", trimmed=True) for name in "ab")
    rows = run(CLIPS[:2], parquet(here) if kind == "shards" else a)
    if kind == "http":  # as an earlier version wrote it
        archive = open_for_writing(Path("archive"))
        for one in CLIPS[:2]:
            record = archive.read(one.clip_id)
            assert record is not None
            url = f"https://a.example/{one.video_id}"
            archive.write(dataclasses.replace(record, source="", url=url, modified_ns=0))
    assert run(CLIPS[:2], b) == rows
    assert media_in_archive(rows) == some(0, 2)


def test_a_replaced_shard_is_read_again_and_a_removed_one_is_not_missed(here: Path) -> None:
    write_parquet(here / "p/0.parquet", some(0, 4))
    write_parquet(here / "p/1.parquet", some(4, 8))
    run(CLIPS[:8], parquet(here))
    stamps = {path: path.stat().st_mtime_ns for path in Path("archive").rglob("*.flac")}
    write_parquet(here / "p/0.parquet", {KEYS[0]: MEDIA[KEYS[19]], **some(1, 4)})
    rows = run(CLIPS[:8], parquet(here))
    assert media_in_archive(rows)[KEYS[0]] == MEDIA[KEYS[19]]
    changed = [path for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp]
    assert len(changed) == 4
    shutil.rmtree(here / "p")
    assert run(CLIPS[:8], SourceParams(f"file://{here}/p/*.parquet", trimmed=True)) == rows


def test_a_shard_that_changed_after_it_was_indexed_ends_the_job(here: Path) -> None:
    write_parquet(here / "p/0.parquet", some(0, 4))
    source = parquet(here)
    write_parquet(here / "p/0.parquet", some(1, 5))
    with pytest.raises(DownloadError, match=r"the shard 0.parquet has changed since it was indexed: run the same"):
        run(CLIPS[:4], source)
    assert said(run(CLIPS[:5], parquet(here))) == {"ok": 4, "not_found": 1}


def test_rows_without_sound_go_to_the_next_source(here: Path) -> None:
    media: dict[str, bytes | None] = {**some(0, 4), KEYS[0]: None, KEYS[1]: b"", KEYS[2]: b"<html>no sound</html>" * 99}
    write_parquet(here / "p/0.parquet", media)
    source = parquet(here)
    rows = run(CLIPS[:4], source)
    reasons = [(row["outcome"], row["reason"]) for row in rows.values()]
    assert reasons[:2] == [("not_found", "it has no bytes in the shard 0.parquet")] * 2
    assert reasons[2][0] == "corrupt" and reasons[2][1].startswith("its bytes are no medium")
    assert reasons[3:] == [("ok", "")]
    write_tar(here / "t/0.tar", some(0, 4))
    rows = run(CLIPS[:4], source, index(f"file://{here}/t/*.tar"))
    assert media_in_archive(rows) == some(0, 4)


GONE = r"the shard 0.(parquet|tar) of file:\*.\1 \(.*\) is gone: mount the disk, delete resources/shards/[0-9a-f]{16} if .*, and run the same command"


@pytest.mark.parametrize("kind", ["parquet", "tar"])
def test_shards_that_are_not_mounted_change_no_record(kind: str, here: Path) -> None:
    write_parquet(here / "d/0.parquet", some(0, 6) | {KEYS[5]: None})
    write_tar(here / "d/0.tar", some(0, 5) | {KEYS[5]: b""})
    source = index(f"file://{here}/d/*.{kind}")
    before = run(CLIPS[:7], source)
    assert said(before) == {"ok": 5, "not_found": 2}
    there = ShardIndex(Path(index_path(source.url))).there(source.url)
    records = {path: path.read_bytes() for path in Path("archive").rglob("*.json")}
    (here / "d").rename(here / "off")
    # what the archive has is used, and what the shards did not have is not asked for
    assert run(CLIPS[:7], source, on_transient="fail") == before
    open_for_writing(Path("archive")).free(CLIPS[0].clip_id, there)
    for policy in ("fail", "record"):
        with pytest.raises(SourceError, match=GONE):
            run(CLIPS[:7], source, on_transient=policy)
    record = Archive(Path("archive")).read(CLIPS[0].clip_id)
    assert record is not None and record.outcome == "ok"
    (here / "off").rename(here / "d")
    assert run(CLIPS[:7], source) == before
    assert {path.name for path in records} == {path.name for path in Path("archive").rglob("*.json")}


def test_clips_of_shards_that_are_not_mounted_come_from_other_sources_if_that_is_wanted(
    here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_parquet(here / "p/0.parquet", some(0, 6), row_group=2)
    write_tar(here / "t/0.tar", some(0, 4))
    source, tar = parquet(here), index(f"file://{here}/t/*.tar")
    (here / "p").rename(here / "off")
    with pytest.raises(SourceError, match=GONE):
        run(CLIPS[:6], source, tar, on_transient="fail")
    rows = run(CLIPS[:6], source, tar, on_transient="record")
    assert said(rows) == {"ok": 4, "network": 2}
    (line,) = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert line.endswith("is in the archive. Meanwhile its clips are taken from other sources")
    assert str(here) not in "".join(path.read_text() for path in Path("archive").rglob("*.json"))
    (here / "off").rename(here / "p")
    assert said(run(CLIPS[:6], source, tar, on_transient="record")) == {"ok": 6}


def test_clips_of_a_folder_that_is_not_mounted_are_not_said_to_be_missing(here: Path) -> None:
    (here / "f").mkdir()
    for key in KEYS[:4]:
        (here / f"f/{key}.flac").write_bytes(MEDIA[key])
    write_tar(here / "t/0.tar", some(2, 5))
    folder, tar = SourceParams(f"file://{here}/f/{{video_id}}.flac", trimmed=True), index(f"file://{here}/t/*.tar")
    # the first is in the archive, and the last is in none of the sources
    clips = [*CLIPS[:5], CLIPS[9]]
    run([CLIPS[0], CLIPS[9]], folder, tar, link=False)
    (here / "f").rename(here / "off")
    for sources, on_transient in (([folder], "record"), ([folder, tar], "fail")):
        with pytest.raises(SourceError, match="the folder of .* is not there: mount the disk or correct its address"):
            run(clips, *sources, on_transient=on_transient)
    rows = run(clips, folder, tar, on_transient="record")
    assert [row["outcome"] for row in rows.values()] == ["ok", "network", "ok", "ok", "ok", "not_found"]
    (here / "off").rename(here / "f")
    assert said(run(clips, folder, tar)) == {"ok": 5, "not_found": 1}


@pytest.mark.parametrize("where", ["open", "is_unchanged"])
@pytest.mark.parametrize(
    ("number", "line"), [(errno.ENOTCONN, "Transport endpoint"), (errno.EACCES, "Permission"), (errno.ENOTDIR, "Not a")]
)
def test_a_disk_that_cannot_be_read_does_not_make_clips_corrupt(
    number: int, line: str, where: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_parquet(here / "p/0.parquet", some(0, 3))
    source = parquet(here)

    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(places.Folder, where, fail)
    with pytest.raises(SourceError, match=rf"the shard 0.parquet of .* cannot be read \({line}.*: mount the disk"):
        run(CLIPS[:3], source)
    assert list(Path("archive").glob("*/*.json")) == []


def test_a_shard_that_is_damaged_costs_only_what_cannot_be_read(here: Path) -> None:
    write_parquet(here / "p/0.parquet", some(0, 12), row_group=4, compression="none", use_dictionary=False)
    write_tar(here / "t/0.tar", some(12, 16))
    data = bytearray((here / "p/0.parquet").read_bytes())
    at = data.index(MEDIA[KEYS[5]])
    data[at - 2000 : at] = b"\xff" * 2000
    (here / "p/0.parquet").write_bytes(data)
    tar = index(f"file://{here}/t/*.tar")
    found = os.stat(here / "t/0.tar")
    os.truncate(here / "t/0.tar", found.st_size // 2)
    with pytest.raises(DownloadError, match="has changed since it was indexed"):
        run(CLIPS[12:16], tar)
    rows = run(CLIPS[:12], parquet(here))
    assert said(rows)["ok"] >= 8 and said(rows).total() == 12
    assert all(sound == MEDIA[key] for key, sound in media_in_archive(rows).items())
    assert all("the shard 0.parquet cannot be read" in row["reason"] for row in rows.values() if not row["media"])


def test_two_clips_of_a_video_are_not_read_from_one_trimmed_row(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_parquet(here / "p/0.parquet", some(0, 3))
    source = parquet(here)
    twins = [Clip(f"{one.video_id}_50000", one.video_id, 50.0, 60.0) for one in CLIPS[:2]]
    rows = run([CLIPS[0], *twins, CLIPS[1], CLIPS[2]], source)
    assert [row["outcome"] for row in rows.values()] == ["ok", "not_found", "ok", "not_found", "ok"]
    # once, with what to do
    lines = [one.getMessage() for one in caplog.records if "is not read" in one.getMessage()]
    folder = Archive(Path("archive")).record_path(CLIPS[0].clip_id).parent
    assert len(lines) == 1 and lines[0].startswith(
        f"{twins[0].clip_id} is not read from shards: rows of 0.parquet are named by the video alone, and "
        f"{CLIPS[0].clip_id} is there already. If {CLIPS[0].clip_id} is no longer wanted, delete {folder}/{CLIPS[0].clip_id}.* and run"
    )
    # also where the media of the first were freed, or the shard was moved or copied again
    there = ShardIndex(Path(index_path(source.url))).there(source.url)
    assert open_for_writing(Path("archive")).free(CLIPS[0].clip_id, there)
    assert said(run(twins[:1], source)) == {"not_found": 1}
    os.utime(here / "p/0.parquet", (1, 1))
    assert said(run(twins[:1], parquet(here))) == {"not_found": 1}
    # whole videos serve all of their clips
    write_parquet(here / "q/0.parquet", some(0, 2))
    index(f"file://{here}/q/*.parquet")
    whole = SourceParams(f"file://{here}/q/*.parquet")
    assert said(fetch([CLIPS[0], twins[0]], [whole], Path("other"))) == {"ok": 2}


def test_a_corrected_list_takes_its_clips_from_the_next_source_or_after_the_advice(
    here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_parquet(here / "p/0.parquet", some(0, 2))
    source = parquet(here)
    run(CLIPS[:2], source)
    moved = [Clip(f"{one.video_id}_31000", one.video_id, 31.0, 41.0) for one in CLIPS[:2]]
    (here / "f").mkdir()
    for number, one in enumerate(moved):
        (here / f"f/{one.clip_id}.flac").write_bytes(MEDIA[KEYS[10 + number]])
    rows = run(moved, source, SourceParams(f"file://{here}/f/{{clip_id}}.flac", trimmed=True))
    assert media_in_archive(rows) == {KEYS[0]: MEDIA[KEYS[10]], KEYS[1]: MEDIA[KEYS[11]]}
    shutil.rmtree("archive")
    run(CLIPS[:2], source)
    assert said(run(moved, source)) == {"not_found": 2}
    for one in CLIPS[:2]:
        path = Archive(Path("archive")).record_path(one.clip_id)
        assert f"{CLIPS[0].clip_id}.*" in caplog.text
        for file in path.parent.glob(f"{one.clip_id}.*"):
            file.unlink()
    assert said(run(moved, source)) == {"ok": 2}


def test_another_copy_of_a_data_set_gives_no_sound_for_a_second_clip_of_a_video(here: Path) -> None:
    # the same seconds in another coding
    write_parquet(here / "old/p/0.parquet", some(0, 2))
    write_parquet(here / "new/p/1.parquet", {KEYS[0]: MEDIA[KEYS[9]], KEYS[1]: MEDIA[KEYS[8]]})
    twins = [Clip(f"{one.video_id}_90000", one.video_id, 90.0, 100.0) for one in CLIPS[:2]]
    for clips in (twins, [*CLIPS[:2], *twins]):
        rows = run([*CLIPS[:2], *clips[-2:]], parquet(here / "old"), parquet(here / "new"))
        assert [rows[one.clip_id]["outcome"] for one in (*CLIPS[:2], *twins)] == ["ok", "ok", *["not_found"] * 2]
    # one that is named by the clip is right
    (here / "f").mkdir()
    for one in twins:
        (here / f"f/{one.clip_id}.flac").write_bytes(MEDIA[KEYS[7]])
    own = SourceParams(f"file://{here}/f/{{clip_id}}.flac", trimmed=True)
    rows = run([*CLIPS[:2], *twins], parquet(here / "old"), parquet(here / "new"), own)
    assert {row["outcome"] for row in rows.values()} == {"ok"}


def test_ids_that_differ_in_the_ending_of_a_file_are_different_clips(here: Path) -> None:
    names = ["talk.wav", "talk.mp3", "talk"]
    sounds = {name: MEDIA[KEYS[i]] for i, name in enumerate(names)}
    write_parquet(here / "p/0.parquet", sounds)
    rows = run([Clip(f"{name}_0", name, 0.0, 10.0) for name in names], parquet(here))
    assert media_in_archive(rows) == sounds


def test_media_from_shards_can_be_freed_and_are_read_again(here: Path) -> None:
    write_parquet(here / "p/0.parquet", some(0, 3))
    source = parquet(here)
    rows = run(CLIPS[:3], source)
    archive = open_for_writing(Path("archive"))
    there = ShardIndex(Path(index_path(source.url))).there(source.url)
    assert sum(archive.free(one.clip_id, there) or 0 for one in CLIPS) == sum(map(len, some(0, 3).values()))
    assert list(Path("archive").rglob("*.flac")) == [] and check(archive) == (3, [])
    assert run(CLIPS[:3], source) == rows
    # a kill between the deletion and the record leaves a record without media, which counts as none
    next(Path("archive").rglob("*.flac")).unlink()
    assert all(archive.free(one.clip_id, there) for one in CLIPS[:3])
    assert check(archive) == (3, [])


@pytest.mark.parametrize("other", ["shards", "site"])
@pytest.mark.parametrize("on_transient", ["record", "fail"])
def test_clips_whose_media_were_freed_are_not_recorded_as_failed_while_a_disk_is_not_mounted(
    on_transient: str, other: str, here: Path
) -> None:
    write_parquet(here / "p/0.parquet", some(0, 3))
    write_tar(here / "t/0.tar", some(2, 5))
    first, tar = parquet(here), index(f"file://{here}/t/*.tar")
    sources = [first, tar] if other == "shards" else [SourceParams("http://127.0.0.1:9/{video_id}.flac"), first]
    rows = run(CLIPS[:3], *sources)
    there = ShardIndex(Path(index_path(first.url))).there(first.url)
    assert all(open_for_writing(Path("archive")).free(one.clip_id, there) for one in CLIPS[:3])
    records = {path: path.read_bytes() for path in Path("archive").rglob("*.json")}
    (here / "p").rename(here / "off")
    goes_on = other == "shards" and on_transient == "record"
    n = 2 if goes_on else 3
    line = f"{n} of 3 clips could not be fetched yet .{n} network.; {n} of them were there, and their media were freed"
    if other == "shards" and not goes_on:
        line = "is gone: mount the disk"
    for _ in range(2):
        with pytest.raises((DownloadError, SourceError), match=line):
            run(CLIPS[:3], *sources, on_transient=on_transient, tries=1)
        changed = [path for path, data in records.items() if path.read_bytes() != data]
        # the tar has the third
        assert len(changed) == goes_on
    (here / "off").rename(here / "p")
    assert media_in_archive(run(CLIPS[:3], *sources)) == media_in_archive(rows)


def freed(clips: list[Clip], source: SourceParams) -> dict[Path, bytes]:
    """Free the media of some clips of a source; return all records."""
    there = ShardIndex(Path(index_path(source.url))).there(source.url)
    assert all(open_for_writing(Path("archive")).free(one.clip_id, there) for one in clips)
    return {path: path.read_bytes() for path in Path("archive").rglob("*.json")}


def damage(shard: Path, at: int, data: bytes) -> None:
    """Write bytes into a shard that keeps its size and time."""
    found = os.stat(shard)
    with open(shard, "r+b") as file:
        file.seek(at)
        file.write(data)
    os.utime(shard, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize("on_transient", ["record", "fail"])
@pytest.mark.parametrize("sources", ["shards", "shards and folder", "folder and shards"])
@pytest.mark.parametrize("form", ["page", "sound", "header"])
def test_clips_whose_media_were_freed_stay_ok_while_their_shard_is_damaged(
    form: str, sources: str, on_transient: str, here: Path
) -> None:
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    write_parquet(here / "p/0.parquet", some(0, 4), row_group=2, **plain)
    whole = (here / "p/0.parquet").read_bytes()
    (here / "f").mkdir()
    source = parquet(here)
    folder = SourceParams(f"file://{here}/f/{{video_id}}.flac", trimmed=True)
    asked = [{"shards": source, "folder": folder}[name] for name in sources.split(" and ")]
    rows = run(CLIPS[:4], *asked)
    records = freed(CLIPS[:4], source)
    at = whole.index(MEDIA[KEYS[0]])
    if form == "page":
        damage(here / "p/0.parquet", at - 30, b"\xff" * 30)
    else:
        damage(here / "p/0.parquet", at + (20_000 if form == "sound" else 0), bytes(40))
    n = 2 if form == "page" else 1
    line = rf"{n} of 4 clips .* \({n} corrupt\); {n} of them were there, .* freed: run .* when what is damaged is copied again \(file:0.parquet: "
    for _ in range(2):
        with pytest.raises(DownloadError, match=line):
            run(CLIPS[:4], *asked, on_transient=on_transient, tries=3)
    kept = [path.read_bytes() == data for path, data in records.items()]
    assert kept.count(True) == n
    damage(here / "p/0.parquet", 0, whole)
    assert media_in_archive(run(CLIPS[:4], *asked)) == media_in_archive(rows) == some(0, 4)


@pytest.mark.parametrize("several", [False, True])
def test_freed_clips_that_a_new_shard_lacks_are_not_found_and_it_is_said(
    several: bool, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_parquet(here / "p/0.parquet", some(0, 4))
    source = parquet(here)
    (here / "f").mkdir()
    sources = [source, *[SourceParams(f"file://{here}/f/{{video_id}}.flac", trimmed=True)] * several]
    run(CLIPS[:4], *sources)
    freed(CLIPS[:4], source)
    write_parquet(here / "p/0.parquet", some(1, 4))
    parquet(here)
    assert said(run(CLIPS[:4], *sources)) == {"ok": 3, "not_found": 1}
    assert "1 clips were there, but their media were freed, and no source has them any more (1 not_found): " in (
        caplog.text
    )
    write_parquet(here / "p/0.parquet", some(0, 4))
    parquet(here)
    assert said(run(CLIPS[:4], *sources)) == {"ok": 4}


def test_freed_clips_stay_ok_while_the_folder_that_their_shards_were_moved_to_is_not_mounted(here: Path) -> None:
    write_parquet(here / "old/p/0.parquet", some(0, 3))
    (here / "f").mkdir()
    folder = SourceParams(f"file://{here}/f/{{video_id}}.flac", trimmed=True)
    source = parquet(here / "old")
    rows = run(CLIPS[:3], source, folder)
    records = freed(CLIPS[:3], source)
    (here / "old").rename(here / "new")
    moved = parquet(here / "new")
    (here / "new").rename(here / "off")
    with pytest.raises(DownloadError, match="3 of them were there, and their media were freed: run the same command"):
        run(CLIPS[:3], moved, folder, on_transient="record")
    assert records == {path: path.read_bytes() for path in Path("archive").rglob("*.json")}
    (here / "off").rename(here / "new")
    assert media_in_archive(run(CLIPS[:3], moved, folder)) == media_in_archive(rows)
    # where the shards are no source any more, the others decide
    freed(CLIPS[:3], moved)
    assert said(run(CLIPS[:3], folder)) == {"not_found": 3}


def test_media_whose_shard_is_gone_or_changed_are_not_freed(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        write_parquet(here / f"p/{number}.parquet", some(number, number + 1))
    source = parquet(here)
    rows = run(CLIPS[:3], source)
    write_csv(pa.Table.from_pylist(list(rows.values()), schema_of(DOWNLOAD_COLUMNS)), Path("batch.csv"))
    (here / "p/0.parquet").unlink()
    os.utime(here / "p/1.parquet", (1, 1))
    free_media(Path("batch.csv"), Path("archive"), [source.url, "https://a.example/{video_id}"], Path("freed.txt"))
    kept = [Path("archive", row["media"]).exists() for row in rows.values()]
    assert kept == [True, True, False]
    assert "the media of 2 clips stay in the archive" in caplog.text
    assert Path("freed.txt").read_text().endswith("2 media kept\n")


@pytest.mark.parametrize("form", ["one", "several", "gone", "no index"])
def test_the_step_that_frees_media_reads_the_sources_of_the_configuration(form: str, here: Path) -> None:
    write_parquet(here / "p/0.parquet", some(0, 3))
    source = parquet(here)
    rows = run(CLIPS[:4], source)
    write_csv(pa.Table.from_pylist(list(rows.values()), schema_of(DOWNLOAD_COLUMNS)), here / "batch.csv")
    entries = {
        "one": {"url": source.url, "trimmed": True},
        "several": {"sources": [{"url": f"file://{here}/f/{{video_id}}.wav"}, {"url": source.url, "trimmed": True}]},
        "gone": {"url": f"file://{here}/f/{{video_id}}.wav"},
        "no index": {"url": source.url},
    }
    for name in ("train.csv", "labels.csv", "ontology.json", "quality.csv"):
        (here / name).write_text("")
    metadata = {
        "segments": {"train": "train.csv"}, "class_labels": "labels.csv", "ontology": "ontology.json",
        "label_quality": "quality.csv",
    }  # fmt: skip
    if form == "no index":
        Path(index_path(source.url)).unlink()
    snakemake = SimpleNamespace(
        config=settle({"metadata": metadata, "download": entries[form], "keep": {"media": False}}),
        input=SimpleNamespace(downloads="batch.csv"), params=SimpleNamespace(archive="archive"),
        output=SimpleNamespace(freed="freed.txt"), log=["log.txt"],
    )  # fmt: skip
    step = Path(__file__).parents[4] / "scripts/free_media.py"
    runpy.run_path(str(step), {"snakemake": snakemake}, run_name="__main__")
    left = len(list(Path("archive").rglob("*.flac")))
    n_bytes = sum(map(len, some(0, 3).values()))
    if form in ("one", "several"):
        assert (left, Path("freed.txt").read_text()) == (0, f"3 media, {n_bytes} bytes; 0 media kept\n")
    else:
        assert (left, Path("freed.txt").read_text()) == (3, "0 media, 0 bytes; 3 media kept\n")
        assert "the media of 3 clips stay in the archive" in Path("log.txt").read_text()
    # what was freed is read again for a run that shares the archive
    assert media_in_archive(run(CLIPS[:3], parquet(here))) == some(0, 3)


def test_a_shard_that_is_deleted_while_it_is_read_is_gone(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tar(here / "t/0.tar", some(0, 3))
    source = index(f"file://{here}/t/*.tar")

    def fail(*_: Any) -> None:
        (here / "t/0.tar").unlink()
        raise OSError("stale file handle")

    monkeypatch.setattr(shards.SpanReader, "read", fail)
    with pytest.raises(SourceError, match=GONE):
        run(CLIPS[:3], source)


def test_media_of_a_former_source_stay_beside_a_single_one_of_shards(here: Path) -> None:
    (here / "f").mkdir()
    (here / f"f/{KEYS[0]}.flac").write_bytes(flac(9, 60.0))
    write_parquet(here / "p/0.parquet", some(0, 2))
    whole = SourceParams(f"file://{here}/f/{{video_id}}.flac")
    before = run(CLIPS[:1], whole, link=False)
    assert run(CLIPS[:1], parquet(here)) == before
    assert said(before) == {"ok": 1}


def test_media_of_a_folder_are_not_freed(here: Path) -> None:
    (here / "f").mkdir()
    (here / f"f/{KEYS[0]}.flac").write_bytes(MEDIA[KEYS[0]])
    run(CLIPS[:1], SourceParams(f"file://{here}/f/{{video_id}}.flac", trimmed=True), link=False)
    assert open_for_writing(Path("archive")).free(CLIPS[0].clip_id, set()) == 0
    assert len(list(Path("archive").rglob("*.flac"))) == 1


def test_a_row_of_another_clip_is_not_taken_though_the_shard_seems_unchanged(here: Path) -> None:
    sound = dict.fromkeys(KEYS[:6], MEDIA[KEYS[0]])
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    write_parquet(here / "p/0.parquet", sound, **plain)
    source, before = parquet(here), os.stat(here / "p/0.parquet")
    write_parquet(here / "p/0.parquet", dict.fromkeys([KEYS[i] for i in (3, 1, 2, 0, 4, 5)], MEDIA[KEYS[0]]), **plain)
    assert os.stat(here / "p/0.parquet").st_size == before.st_size
    os.utime(here / "p/0.parquet", ns=(before.st_atime_ns, before.st_mtime_ns))
    reasons = [row["reason"] for row in run(CLIPS[:6], source).values() if row["outcome"] != "ok"]
    assert reasons and all("the shard 0.parquet cannot be read: row" in reason for reason in reasons)


def test_clips_can_be_fetched_in_any_order(here: Path, tmp_path: Path) -> None:
    write_parquet(here / "p/0.parquet", some(0, 6))
    write_tar(here / "t/0.tar", some(6, 12))
    for params, clips in ((parquet(here), CLIPS[:6]), (index(f"file://{here}/t/*.tar"), CLIPS[6:12])):
        with closing(shards.ShardSource(params, RequestPolicy())) as source:
            for number, one in enumerate(clips[::-1]):
                scratch = tmp_path / f"scratch {one.clip_id} {number}"
                scratch.mkdir()
                assert source.fetch(one, scratch).path.read_bytes() == MEDIA[one.video_id]


@pytest.mark.parametrize("kind", ["tar", "single rows", "row group"])
def test_media_above_the_size_limit_are_unavailable(kind: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = flac(9, 30.0)
    assert len(large) > 700_000 > 2 * len(MEDIA[KEYS[0]])
    sounds = {**some(0, 3), KEYS[1]: large}
    if kind == "tar":
        write_tar(here / "p/0.tar", sounds)
    else:
        write_parquet(here / "p/0.parquet", sounds, row_group=1 if kind == "single rows" else 100)
    n_read = 0

    def counted(method: Any) -> Any:
        def read(reader: Any, position: int) -> tuple[list[str], bytes | None]:
            nonlocal n_read
            key, data = method(reader, position)
            n_read += len(data or b"")
            return key, data

        return read

    for reader in (shards.SpanReader, shards.RowGroupReader):
        monkeypatch.setattr(reader, "read", counted(reader.read))
    ending = "tar" if kind == "tar" else "parquet"
    source = dataclasses.replace(index(f"file://{here}/p/*.{ending}"), max_megabytes=0.7)
    rows = run(CLIPS[:3], source)
    outcomes = [(row["outcome"], row["reason"]) for row in rows.values()]
    reason = "larger than download.max_megabytes (0.7): raise it to get this file"
    assert outcomes == [("ok", ""), ("unavailable", reason), ("ok", "")]
    assert kind == "row group" or n_read == sum(len(MEDIA[KEYS[i]]) for i in (0, 2)), "it is not read"
    assert len(list(Path("archive").rglob("*.flac"))) == 2
    # the limit is raised, or another source has it smaller
    assert media_in_archive(run(CLIPS[:3], dataclasses.replace(source, max_megabytes=10.0))) == sounds
    shutil.rmtree("archive")
    (here / "f").mkdir()
    (here / f"f/{KEYS[1]}.flac").write_bytes(MEDIA[KEYS[1]])
    folder = SourceParams(f"file://{here}/f/{{video_id}}.flac", trimmed=True)
    assert media_in_archive(run(CLIPS[:3], source, folder)) == some(0, 3)


def test_a_size_limit_is_no_limit_for_row_groups(here: Path) -> None:
    write_parquet(here / "p/0.parquet", some(0, 20))
    assert (here / "p/0.parquet").stat().st_size > 1.5 * 0.2e6
    assert said(run(CLIPS, dataclasses.replace(parquet(here), max_megabytes=0.2))) == {"ok": 20}


def test_large_members_of_tar_shards_are_read_one_at_a_time(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        write_tar(here / f"t/{number}.tar", {**some(number, number + 1), KEYS[9 + number]: b""})
    with closing(shards.ShardSource(index(f"file://{here}/t/*.tar"), RequestPolicy(concurrency=4))) as source:
        source.groups(CLIPS)
        assert source.concurrency == 4
        monkeypatch.setattr(shards, "MEMORY_BYTES", 1.5 * len(MEDIA[KEYS[0]]) // 1)
        assert source.concurrency == 1


def test_large_row_groups_are_read_one_at_a_time(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parquet(here / "p/0.parquet", some(0, 12), row_group=4)
    with closing(shards.ShardSource(parquet(here), RequestPolicy(concurrency=4))) as source:
        source.groups(CLIPS)
        assert source.concurrency == 4
        monkeypatch.setattr(shards, "MEMORY_BYTES", 2.5 * 4 * len(MEDIA[KEYS[0]]) // 1)
        assert source.concurrency == 2
        monkeypatch.setattr(shards, "MEMORY_BYTES", 1)
        assert source.concurrency == 1


LAYOUTS = {
    # (rows of a row group, wanted rows in the order of the list): is a larger batch_size better, and why
    "small row groups": ((4, range(0, 120)), ""),
    "in order": ((50, range(0, 1000)), ""),
    "in order, backwards": ((50, range(999, -1, -1)), ""),
    "every twentieth, in order": ((50, range(0, 1000, 20)), ""),
    "one of each row group, in order": ((50, range(49, 1000, 50)), ""),
    "shuffled, whole": ((50, [i * 387 % 1000 for i in range(1000)]), ""),
    "shuffled, a part": ((50, [i * 387 % 1000 for i in range(30)]), "the list has another order than the shards"),
    "one row group, its start": ((1000, range(0, 40)), ""),
    "one row group, its end": ((1000, range(900, 940)), "the row groups are larger than a batch"),
    "two row groups": ((500, range(480, 520, 2)), "the row groups are larger than a batch"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_larger_batch_is_advised_where_it_reads_less(
    layout: str, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (n_rows, wanted), why = LAYOUTS[layout]
    for number in range(2):
        names = [f"{row:011}" for row in range(number * 500, number * 500 + 500)]
        if n_rows == 1000:
            names = [f"{row:011}" for row in range(number * 1000, number * 1000 + 1000)]
        write_parquet(here / f"p/{number}.parquet", dict.fromkeys(names, b"1"), row_group=n_rows)
    clips = [Clip(f"{row:011}_0", f"{row:011}", 0.0, 10.0) for row in wanted]
    with closing(shards.ShardSource(parquet(here), RequestPolicy())) as source:
        source.groups(clips)
        # a later round, for what is left
        source.groups(clips[1::9])
    said = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert len(said) == bool(why)
    assert all(
        f"because {why}: of a longer list a larger batch_size reads less" in line and " GB) " in line for line in said
    )


IDS = {
    # columns of ids: {name: id of a clip there}
    "another numbering beside": {
        "clip_id": lambda one: f"clip{CLIPS.index(one):05}",
        "video_id": lambda one: one.video_id,
    },
    "ids of clips beside": {"segment_id": lambda one: one.clip_id, "video_id": lambda one: one.video_id},
    "numbers of the form of clips": {
        "clip_id": lambda one: f"sample_{CLIPS.index(one)}",
        "segment_id": lambda one: one.clip_id,
    },
    "numbers of the form of clips in segment_id": {
        "clip_id": lambda one: one.clip_id,
        "segment_id": lambda one: f"segment_{CLIPS.index(one)}",
    },
    "numbered videos and clips": {
        "clip_id": lambda one: one.clip_id,
        "video_id": lambda one: str(100 + CLIPS.index(one)),
    },
    "three numberings and clips": {
        "clip_id": lambda one: f"clip_{CLIPS.index(one):04}",
        "segment_id": lambda one: one.clip_id,
        "video_id": lambda one: str(CLIPS.index(one)),
    },
    "files": {"clip_id": lambda one: f"audio/{one.video_id}.flac", "video_id": lambda one: one.video_id},
    "starts in seconds": {"clip_id": lambda one: f"{one.video_id}_30_40", "video_id": lambda one: one.video_id},
    "clips and no videos": {"segment_id": lambda one: one.clip_id, "video_id": lambda one: None},
    "checksums": {
        "clip_id": lambda one: hashlib.md5(one.video_id.encode()).digest(),
        "video_id": lambda one: one.video_id,
    },
    "empty text in half the rows": {
        "clip_id": lambda one: one.clip_id if CLIPS.index(one) % 2 else "",
        "video_id": lambda one: one.video_id,
    },
    "clips in one of two columns": {
        "clip_id": lambda one: one.clip_id if CLIPS.index(one) % 2 else None,
        "segment_id": lambda one: None if CLIPS.index(one) % 2 else one.clip_id,
    },
    "videos before clips": {
        "clip_id": lambda one: one.clip_id,
        "segment_id": lambda one: one.video_id,
        "video_id": lambda one: one.video_id,
    },
    "a numbering before videos": {
        "clip_id": lambda one: one.video_id,
        "segment_id": lambda one: f"row_{CLIPS.index(one)}",
    },
    "a numbering as long as ids of YouTube": {
        "clip_id": lambda one: one.video_id,
        "segment_id": lambda one: f"clip_{CLIPS.index(one):06}",
    },
    "numbers in place of videos": {
        "segment_id": lambda one: one.video_id,
        "video_id": lambda one: str(CLIPS.index(one)),
    },
    "words and numbers in place of videos": {
        "clip_id": lambda one: one.video_id,
        "video_id": lambda one: f"row_{CLIPS.index(one)}",
    },
    "starts in seconds with leading zeros": {
        "clip_id": lambda one: f"{one.video_id}_{one.start_seconds:06.0f}",
        "video_id": lambda one: one.video_id,
    },
    "Y before clips alone": {"clip_id": lambda one: f"Y{one.clip_id}", "video_id": lambda one: one.video_id},
}  # fmt: skip
# forms in which some rows do not say which clip of their video they are
OF_VIDEOS = (
    "another numbering beside", "files", "starts in seconds", "checksums", "empty text in half the rows",
    "a numbering before videos", "a numbering as long as ids of YouTube", "numbers in place of videos",
    "words and numbers in place of videos", "starts in seconds with leading zeros",
)  # fmt: skip


@pytest.mark.parametrize("form", IDS)
def test_ids_are_found_in_the_column_that_has_them(form: str, here: Path) -> None:
    columns = {name: [id_there(one) for one in CLIPS[:9]] for name, id_there in IDS[form].items()}
    (here / "p").mkdir()
    table = pa.table({**columns, "audio": [MEDIA[one.video_id] for one in CLIPS[:9]]})
    pq.write_table(table, here / "p/0.parquet", row_group_size=4)
    assert media_in_archive(run(CLIPS[:9], parquet(here))) == some(0, 9)
    # a clip of another time is not taken for the one of the row
    twin = [Clip(f"{CLIPS[0].video_id}_50000", CLIPS[0].video_id, 50.0, 60.0)]
    assert said(fetch(twin, [parquet(here)], Path("other"))) == {"ok" if form in OF_VIDEOS else "not_found": 1}


def test_another_numbering_beside_ids_of_clips_is_not_used(here: Path) -> None:
    columns = {"clip_id": [f"s{n}" for n in range(9)], "segment_id": [one.clip_id for one in CLIPS[:9]]}
    (here / "p").mkdir()
    pq.write_table(pa.table({**columns, "audio": list(some(0, 9).values())}), here / "p/0.parquet", row_group_size=4)
    assert media_in_archive(run(CLIPS[:9], parquet(here))) == some(0, 9)
    videos = {"video_id": [one.video_id for one in CLIPS[:9]]}
    pq.write_table(pa.table({**columns, **videos, "audio": list(some(0, 9).values())}), here / "p/0.parquet")
    twin = [Clip(f"{CLIPS[0].video_id}_50000", CLIPS[0].video_id, 50.0, 60.0)]
    assert said(fetch(twin, [parquet(here)], Path("other"))) == {"not_found": 1}


def test_a_late_row_with_an_id_of_its_clip_is_not_named_by_its_video(here: Path) -> None:
    n = 100
    clips = [Clip(f"sameVideo01_{start}", "sameVideo01", start / 1000, start / 1000 + 10) for start in (0, 60000)]
    columns = {
        "video_id": [f"other{number:06}" for number in range(n)] + ["sameVideo01"] * 2,
        "clip_id": [None] * n + [one.clip_id for one in clips],
        "audio": [b"x"] * n + [MEDIA[KEYS[0]], MEDIA[KEYS[1]]],
    }
    (here / "p").mkdir()
    pq.write_table(pa.table(columns), here / "p/0.parquet")
    assert media_in_archive(run(clips[1:], parquet(here))) == {"sameVideo01": MEDIA[KEYS[1]]}


SAME = "sameVideo01"
TWINS = [Clip(f"{SAME}_{start}000", SAME, start, start + 10.0) for start in (0, 60)]


def write_rows(path: Path, sounds: list[bytes], **columns: list[str | None]) -> None:
    path.parent.mkdir(exist_ok=True)
    ids = {name: pa.array(ids, pa.string()) for name, ids in columns.items()}
    pq.write_table(pa.table({**ids, "audio": sounds}), path, row_group_size=1)


@pytest.mark.parametrize("n_shards", [1, 2])
@pytest.mark.parametrize(
    "columns",
    [
        {"video_id": [SAME] * 2, "clip_id": [f"{SAME}_0_10", f"{SAME}_60_70"]},
        {"video_id": [SAME] * 2, "clip_id": [f"{SAME}_000000", f"{SAME}_000060"]},
        {"video_id": [SAME] * 2, "clip_id": ["sample_0", "sample_60"]},
        {"video_id": [SAME] * 2, "clip_id": [None, "sample_60"]},
        {"video_id": [SAME] * 2, "segment_id": [SAME] * 2, "clip_id": ["1", "2"]},
        {"video_id": ["1", "2"], "segment_id": [SAME] * 2},
        {"segment_id": ["row_1", "row_2"], "clip_id": [SAME] * 2},
    ],
    ids=str,
)
def test_rows_of_one_video_that_may_be_different_clips_are_not_guessed(
    columns: dict[str, list[str | None]], n_shards: int, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sounds = list(some(0, 2).values())
    write_rows(here / "p/other.parquet", [MEDIA[KEYS[0]]], video_id=[KEYS[0]], clip_id=["sample_0"])
    for n in range(n_shards):
        rows = {name: ids[n::n_shards] for name, ids in columns.items()}
        write_rows(here / f"p/{n}.parquet", sounds[n::n_shards], **rows)
    rows = run([*TWINS, CLIPS[0]], parquet(here))
    assert [row["outcome"] for row in rows.values()] == ["not_found", "not_found", "ok"]
    (line,) = [one.getMessage() for one in caplog.records if "left out" in one.getMessage()]
    assert line.startswith(f"2 rows in the shards are left out, for example {SAME} in 0.parquet: several rows of its")


def test_rows_of_a_video_whose_id_ends_with_a_number_are_not_guessed(here: Path) -> None:
    video = "interview_2024"
    rows = {"video_id": [video] * 2, "clip_id": ["2", "1"]}
    write_rows(here / "p/0.parquet", list(some(0, 2).values()), **rows)
    assert said(run([Clip(f"{video}_0", video, 0.0, 10.0)], parquet(here))) == {"not_found": 1}


@pytest.mark.parametrize("number", [None, "sample_60", SAME])
def test_of_copies_of_a_row_the_first_counts(number: str | None, here: Path, caplog: pytest.LogCaptureFixture) -> None:
    for n in range(2):
        write_rows(here / f"p/{n}.parquet", [MEDIA[KEYS[n]]], video_id=[SAME], clip_id=[number])
    # a shard without a numbering does not say that its row is another clip
    write_parquet(here / "p/2.parquet", {SAME: MEDIA[KEYS[2]]})
    assert media_in_archive(run(TWINS[:1], parquet(here))) == {SAME: MEDIA[KEYS[0]]}
    assert f"2 ids are in the shards more than once, for example {SAME} again in 1.parquet" in caplog.text


def test_a_column_of_videos_does_not_hide_ids_of_clips(here: Path) -> None:
    ids = [one.clip_id for one in TWINS]
    write_rows(here / "p/0.parquet", list(some(0, 2).values()), video_id=[SAME] * 2, segment_id=[SAME] * 2, clip_id=ids)
    rows = run(TWINS, parquet(here))
    assert [Path("archive", row["media"]).read_bytes() for row in rows.values()] == list(some(0, 2).values())


def test_videos_whose_id_ends_like_that_of_a_clip_are_found(here: Path) -> None:
    one = "abcdefgh_12"
    write_rows(here / "p/0.parquet", [MEDIA[KEYS[0]]] * 2, video_id=[one] * 2, clip_id=[one, f"Y{one}"])
    assert said(run([Clip(f"{one}_30000", one, 30.0, 40.0)], parquet(here))) == {"ok": 1}


@pytest.mark.parametrize("kind", ["tar", "parquet"])
def test_a_clip_with_a_row_of_its_own_does_not_need_the_one_named_by_its_video(kind: str, here: Path) -> None:
    media = {TWINS[0].clip_id: MEDIA[KEYS[0]], SAME: MEDIA[KEYS[1]]}
    (write_tar if kind == "tar" else write_parquet)(here / f"s/0.{kind}", media)
    third = Clip(f"{SAME}_90000", SAME, 90.0, 100.0)
    rows = run([*TWINS, third], index(f"file://{here}/s/*.{kind}"))
    sounds = [row["media"] and Path("archive", row["media"]).read_bytes() for row in rows.values()]
    assert sounds == [*media.values(), ""]


def test_a_row_of_its_own_that_came_later_gives_the_sound_to_no_second_clip(here: Path) -> None:
    write_parquet(here / "p/0.parquet", {SAME: MEDIA[KEYS[0]]})
    assert said(run(TWINS, parquet(here))) == {"ok": 1, "not_found": 1}
    write_parquet(here / "p/1.parquet", {TWINS[0].clip_id: MEDIA[KEYS[1]]})
    assert said(run(TWINS, parquet(here))) == {"ok": 1, "not_found": 1}


def test_a_row_named_by_its_video_may_be_a_copy_of_a_clip_from_another_source(here: Path) -> None:
    (here / "f").mkdir()
    (here / f"f/{TWINS[0].clip_id}.flac").write_bytes(MEDIA[KEYS[0]])
    write_parquet(here / "p/0.parquet", {SAME: MEDIA[KEYS[1]]})
    folder = SourceParams(f"file://{here}/f/{{clip_id}}.flac", trimmed=True)
    assert [row["outcome"] for row in run(TWINS, folder, parquet(here)).values()] == ["ok", "not_found"]


def test_several_clips_of_a_file_are_found_by_their_ids(here: Path) -> None:
    # as an export has them
    clips = [Clip(f"dog-f712579f97_0-{end}", "dog-f712579f97", 0.0, end / 1000) for end in (1500, 3000)]
    columns = {"clip_id": [one.clip_id for one in clips], "video_id": [one.video_id for one in clips]}
    (here / "p").mkdir()
    pq.write_table(pa.table({**columns, "audio": list(some(0, 2).values())}), here / "p/0.parquet")
    rows = run(clips, parquet(here), min_seconds=0.1)
    assert [Path("archive", row["media"]).read_bytes() for row in rows.values()] == list(some(0, 2).values())


def test_rows_without_an_id_of_the_clip_are_found_by_their_video(here: Path) -> None:
    columns = {
        "clip_id": [None if n % 2 else one.clip_id for n, one in enumerate(CLIPS[:9])],
        "video_id": [one.video_id for one in CLIPS[:9]],
    }
    (here / "p").mkdir()
    pq.write_table(pa.table({**columns, "audio": list(some(0, 9).values())}), here / "p/0.parquet", row_group_size=4)
    assert media_in_archive(run(CLIPS[:9], parquet(here))) == some(0, 9)


def test_videos_whose_id_is_the_name_of_a_file_are_found(here: Path) -> None:
    clips = [Clip(f"dog.{n}.wav_0", f"dog.{n}.wav", 0.0, 10.0) for n in range(3)]
    write_parquet(here / "p/0.parquet", {one.video_id: MEDIA[KEYS[0]] for one in clips})
    assert said(run(clips, parquet(here))) == {"ok": 3}


@pytest.mark.parametrize("ending", ["3gp", "amr", "wv", "mp2", "caf", "MOV"])
def test_members_with_rare_endings_of_sound_are_found(ending: str, here: Path) -> None:
    (here / "t").mkdir()
    with tarfile.open(here / "t/0.tar", "w") as tar:
        member = tarfile.TarInfo(f"{KEYS[0]}.{ending}")
        member.size = len(MEDIA[KEYS[0]])
        tar.addfile(member, io.BytesIO(MEDIA[KEYS[0]]))
    assert media_in_archive(run(CLIPS[:1], index(f"file://{here}/t/*.tar"))) == some(0, 1)


def test_names_of_another_form_are_shown_where_nothing_is_found(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_tar(here / "t/0.tar", {f"{key}_30_40": sound for key, sound in some(0, 3).items()})
    tar = index(f"file://{here}/t/*.tar")
    assert said(run(CLIPS[:3], tar)) == {"not_found": 3}
    assert (
        f"none of the 3 clips of this batch is there (3 not_found); {label_of(tar.url)} has names such as "
        f'"{KEYS[0]}_30_40", the list "{CLIPS[0].clip_id}"\n'
    ) in caplog.text
    caplog.clear()
    write_tar(here / "t/0.tar", {})
    assert said(run(CLIPS[:3], index(tar.url))) == {"not_found": 3}
    assert f"no media were found in {label_of(tar.url)}: rows of Parquet" in caplog.text
    assert "is there (3 not_found)\n" in caplog.text


def test_names_are_not_compared_where_shards_are_lost(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_parquet(here / "p/0.parquet", some(0, 3))
    write_tar(here / "t/0.tar", some(6, 9))
    source, tar = parquet(here), index(f"file://{here}/t/*.tar")
    (here / "p").rename(here / "off")
    assert said(run(CLIPS[:3], source, tar)) == {"network": 3}
    line = (
        "none of the 3 clips of this batch is there (3 network); ask for them with --forcerun download_clips when their"
    )
    assert line in caplog.text
