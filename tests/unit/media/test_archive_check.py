from pathlib import Path

from soundsift.media.archive import Archive, Record
from soundsift.media.archive_check import check
from soundsift.media.archive_writer import ArchiveWriter, open_for_writing
from soundsift.media.pace import Pace
from tests.unit.media.archives import keep


def kept_path(held: ArchiveWriter, clip_id: str) -> Path:
    keep(held, clip_id=clip_id)
    return held.root / held.folder(clip_id) / f"{clip_id}.m4a"


def test_a_sound_archive_has_no_faults_wherever_it_is_moved(tmp_path: Path) -> None:
    held = open_for_writing(tmp_path / "here")
    for number in range(20):
        kept_path(held, f"video{number:06d}_0")
    held.write(Record("gone0000000_0", "gone0000000", "private"))
    Pace(held.root).take_turn(360)
    (tmp_path / "here").rename(tmp_path / "there")
    assert check(Archive(tmp_path / "there")) == (21, [])
    assert not [p for p in (tmp_path / "there").rglob("*.json") if str(tmp_path) in p.read_text()]


def test_every_fault_of_an_archive_is_named(tmp_path: Path) -> None:
    held = open_for_writing(tmp_path)
    paths = [kept_path(held, f"video{number:06d}_0") for number in range(4)]
    paths[0].write_bytes(b"flipped")
    paths[1].unlink()
    paths[2].with_suffix(".json").write_text("{")
    paths[3].with_suffix(".part").touch()
    (tmp_path / "notes.txt").touch()
    n_records, faults = check(held)
    assert n_records == 3
    assert sorted(faults) == sorted(
        [
            f"{paths[0].relative_to(tmp_path)} differs from its checksum",
            f"{paths[1].relative_to(tmp_path)} is missing",
            f"{paths[2].with_suffix('.json').relative_to(tmp_path)} is not a record",
            f"{paths[2].relative_to(tmp_path)} belongs to no record",
            f"{paths[3].with_suffix('.part').relative_to(tmp_path)} belongs to no record",
            "notes.txt does not belong to the archive",
        ]
    )
