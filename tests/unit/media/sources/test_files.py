import errno
import os
from pathlib import Path

import pytest

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.errors import MediaError, SourceError
from soundsift.media.archive import Record
from soundsift.media.sources.base import Media
from soundsift.media.sources.files import FileSource
from soundsift.metadata.batches import Clip
from tests.unit.media.kinds import KINDS, write_kind

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


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTCONN, errno.EACCES])
def test_a_folder_that_is_gone_is_no_missing_file(
    number: int, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    media, scratch = folders
    stat = os.stat

    def lost(path: object, **options: object) -> object:
        if str(path).startswith(str(media)):
            raise OSError(number, os.strerror(number))
        return stat(path, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "stat", lost)
    with pytest.raises(
        SourceError, match=r"the folder of file:{video_id}.* is not there: mount the disk or correct"
    ) as gone:
        source(media).fetch(CLIP, scratch)
    assert gone.value.outcome == "network" and str(media) not in str(gone.value)


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


def test_the_decoder_decides_which_file_is_sound(folders: tuple[Path, Path]) -> None:
    folder, _ = folders
    (folder / "-video00001.wav").unlink()
    (folder / "-video00001.info.json").write_text("{}")
    (folder / "-video00001.webm.part").write_bytes(b"half")
    files = source(folder)
    assert files.find(CLIP) is None
    for name in ("WavPack", "TTA"):
        kind = KINDS[name]
        write_kind(kind, folder / f"-video00001.{kind.ending}", 1)
        assert files.find(CLIP) == folder / f"-video00001.{kind.ending}"
        (folder / f"-video00001.{kind.ending}").unlink()
    (folder / "-video00001.aiff").write_bytes(b"damaged")
    assert files.find(CLIP) == folder / "-video00001.aiff", "it is there, and conversion will say what is wrong with it"
    write_kind(KINDS["AU"], folder / "-video00001.au", 1)
    assert files.find(CLIP) == folder / "-video00001.au"


def test_times_in_a_template_take_the_format_of_a_number(tmp_path: Path) -> None:
    clip = Clip("a_4500", "a", 4.5, 14.5)
    for template, name in (
        ("{video_id}_{start_seconds:06.0f}.mp4", "a_000004.mp4"), ("{video_id}_{start_seconds:.1f}", "a_4.5"),
        ("{video_id}_{start_ms:08d}", "a_00004500"), ("{clip_id}-{end_seconds}.wav", "a_4500-14.5.wav"),
    ):  # fmt: skip
        assert source(tmp_path, template).address(clip) == f"file:{name}"


def test_any_ending_does_not_find_a_file_whose_name_goes_on(tmp_path: Path) -> None:
    (tmp_path / "garden.old.wav").write_bytes(b"sound")
    named = Clip("garden_0", "garden", 0.0, 1.0)
    assert source(tmp_path).find(named) is None
    (tmp_path / "garden.txt").write_text("0.0\t1.0\tdog\n")
    (tmp_path / "garden.wav").write_bytes(b"sound")
    assert source(tmp_path).find(named) == tmp_path / "garden.wav"
    assert source(tmp_path).find(Clip("o_0", "garden.old", 0.0, 1.0)) == tmp_path / "garden.old.wav"


def test_a_name_that_no_disk_takes_is_not_found(tmp_path: Path) -> None:
    assert source(tmp_path, "{video_id}.wav").find(Clip("x_0", "x" * 300, 0.0, 1.0)) is None
