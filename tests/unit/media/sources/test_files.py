import os
from pathlib import Path

import pytest

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.errors import MediaError
from soundsift.media.archive import Record
from soundsift.media.sources.base import Media
from soundsift.media.sources.files import FileSource
from soundsift.metadata.batches import Clip

CLIP = Clip("-video00001_4000", "-video00001", 4.0, 8.0)


def source(folder: Path, name: str = "{video_id}.*", link: bool = True, trimmed: bool = False) -> FileSource:
    return FileSource(SourceParams(f"file://{folder}/{name}", trimmed=trimmed), RequestPolicy(link=link))


def record_of(media: Media, trimmed: bool = False) -> Record:
    n_bytes = media.path.stat().st_size
    return Record(
        CLIP.clip_id, CLIP.video_id, "ok", media="m", bytes=n_bytes, modified_ns=media.modified_ns, trimmed=trimmed
    )


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with the media of one clip, and an empty scratch folder."""
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "-video00001.wav").write_bytes(b"sound")
    (tmp_path / "scratch").mkdir()
    return tmp_path / "media", tmp_path / "scratch"


def test_the_address_names_the_file_and_no_folder(tmp_path: Path) -> None:
    assert source(tmp_path, "{video_id}_{start_ms}.*").address(CLIP) == "file:-video00001_4000.*"
    assert not FileSource.is_remote


@pytest.mark.parametrize("link", [True, False])
def test_a_file_is_linked_or_copied_with_its_time(link: bool, folders: tuple[Path, Path]) -> None:
    folder, scratch = folders
    media = source(folder, link=link).fetch(CLIP, scratch)
    original = folder / "-video00001.wav"
    assert media.path.parent == scratch
    assert media.path.samefile(original) == link
    assert (media.begins_seconds, media.whole, media.held_seconds) == (0.0, True, None)
    assert media.modified_ns == original.stat().st_mtime_ns


def test_a_trimmed_file_begins_with_the_labelled_stretch(folders: tuple[Path, Path]) -> None:
    assert source(folders[0], trimmed=True).fetch(CLIP, folders[1]).begins_seconds == 4.0


def test_a_missing_file_and_one_that_may_not_be_read_have_their_outcomes(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, scratch = folders
    with pytest.raises(MediaError, match="no file -video00001.flac") as failed:
        source(folder, "{video_id}.flac").fetch(CLIP, scratch)
    assert failed.value.outcome == "not_found"
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(MediaError, match="-video00001.wav may not be read") as failed:
        source(folder).fetch(CLIP, scratch)
    assert failed.value.outcome == "forbidden"


def test_media_are_current_until_the_file_changes_and_stay_so_when_it_is_gone(folders: tuple[Path, Path]) -> None:
    folder, scratch = folders
    files = source(folder, link=False)
    media = files.fetch(CLIP, scratch)
    record = record_of(media)
    assert files.is_current(CLIP, record, media.path)
    assert not source(folder, link=False, trimmed=True).is_current(CLIP, record, media.path)
    os.utime(folder / "-video00001.wav", ns=(0, record.modified_ns + 1))
    assert not files.is_current(CLIP, record, media.path)
    (folder / "-video00001.wav").unlink()
    assert files.is_current(CLIP, record, media.path)


def test_a_link_is_not_current_where_a_copy_is_wanted(folders: tuple[Path, Path]) -> None:
    folder, scratch = folders
    media = source(folder).fetch(CLIP, scratch)
    assert source(folder).is_current(CLIP, record_of(media), media.path)
    assert not source(folder, link=False).is_current(CLIP, record_of(media), media.path)
