import os
from pathlib import Path

import pytest

from soundsift import files
from soundsift.errors import InputError
from soundsift.media import archive_writer


def test_a_failed_write_leaves_only_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "t.txt"
    for old in ([], [path]):
        with pytest.raises(OSError, match="disk full"), files.whole_file(path) as temporary:
            temporary.write_text("half")
            raise OSError("disk full")
        assert list(path.parent.iterdir()) == old
        path.write_text("old")
    assert path.read_text() == "old"


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    with files.whole_file(path) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == path.parent
        assert not path.exists()
        assert files.visible_files(tmp_path) == []
    assert [p.name for p in tmp_path.iterdir()] == ["t.txt"]
    assert path.read_text() == "whole"


def test_visible_files_are_sorted_by_name_and_exclude_hidden_ones(tmp_path: Path) -> None:
    for name in ("b_1.mp3", "-a_0.mp3", ".snakemake_timestamp", f".c.mp3.{os.getpid()}.part"):
        (tmp_path / name).touch()
    assert [path.name for path in files.visible_files(tmp_path)] == ["-a_0.mp3", "b_1.mp3"]


def test_json_reads_back_unchanged(tmp_path: Path) -> None:
    data = {"detector": "Größe", "n_eval": 3, "accuracy": {"value": 0.1, "low": None}}
    files.write_json(data, tmp_path / "t.json")
    assert files.read_json(tmp_path / "t.json") == data


def test_a_folder_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "train-00000"
    with files.whole_folder(path) as temporary:
        (temporary / "a_0.mp3").write_bytes(b"sound")
        assert not path.exists()
        assert files.visible_files(path.parent) == []
    assert [p.name for p in path.parent.iterdir()] == ["train-00000"]
    assert [p.name for p in path.iterdir()] == ["a_0.mp3"]


def test_a_folder_that_is_written_again_has_no_old_files(tmp_path: Path) -> None:
    path = tmp_path / "train-00000"
    path.mkdir()
    (path / "old.mp3").touch()
    leftover = tmp_path / ".train-00000.1.part"
    leftover.mkdir()
    (leftover / "killed.mp3").touch()
    with files.whole_folder(path) as temporary:
        (temporary / "new.mp3").touch()
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")] == ["train-00000/new.mp3"]


def test_a_failed_folder_leaves_only_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "train-00000"
    path.mkdir()
    (path / "old.mp3").touch()
    with pytest.raises(OSError, match="disk full"), files.whole_folder(path) as temporary:
        (temporary / "new.mp3").touch()
        raise OSError("disk full")
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")] == ["train-00000/old.mp3"]


def test_a_checksum_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    # FIPS 180-4, the example of one block
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.sha256_of(tmp_path / "a.txt") == expected


def test_a_linked_file_is_the_same_file_and_a_copy_has_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"sound")
    archive_writer.link_or_copy(source, tmp_path / "link")
    assert (tmp_path / "link").samefile(source)

    def refuse(*_: object) -> None:
        raise OSError("links are not supported")

    monkeypatch.setattr(os, "link", refuse)
    archive_writer.link_or_copy(source, tmp_path / "copy")
    assert not (tmp_path / "copy").samefile(source)
    assert (tmp_path / "copy").read_bytes() == b"sound"


@pytest.mark.parametrize("text", ["", '{"a": 1', "[1]", "\x00" * 10])
def test_damaged_json_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(InputError, match=r"t\.json is damaged .*: delete it and run the same command again"):
        files.read_json(tmp_path / "t.json")
