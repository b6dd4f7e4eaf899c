"""Tar shards that are damaged or unusual: their media are found, or one line says what is wrong."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from soundsift.errors import InputError
from soundsift.media.shards.tar import SpanReader, members_of
from tests.hub.packs import clips_of, media_of, write_tar

MEDIA = media_of(clips_of(7))
END = bytes(1024)


def keys_of(path: Path) -> list[str]:
    with open(path, "rb") as file:
        return [key for key, _, _ in members_of(file, "a")]


@pytest.mark.parametrize("where", ["in a member", "between members", "in a header"])
def test_a_cut_tar_is_one_line(where: str, tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", MEDIA)
    with open(tmp_path / "a.tar", "rb") as file:
        _, at, size = list(members_of(file, "a"))[3]
    end = {"in a member": at + 100, "between members": at + -(-size // 512) * 512, "in a header": at - 100}[where]
    data = (tmp_path / "a.tar").read_bytes()[:end]
    (tmp_path / "a.tar").write_bytes(data)
    with (
        open(tmp_path / "a.tar", "rb") as file,
        pytest.raises(InputError, match="a cannot be read as tar .*copy it again"),
    ):
        list(members_of(file, "a"))


SPARSE_MAP = b"1\n0\n100\n".ljust(512, b"\0")
# The three ways in which GNU tar marks a file with holes: type of the member, PAX headers, and what precedes its data.
SPARSE = {
    "GNU": (tarfile.GNUTYPE_SPARSE, {}, b""),
    "PAX 0.1": (tarfile.REGTYPE, {"GNU.sparse.map": "0,100", "GNU.sparse.size": "4096"}, b""),
    "PAX 1.0": (
        tarfile.REGTYPE,
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "one.wav", "GNU.sparse.realsize": "4096"},
        SPARSE_MAP,
    ),
}


@pytest.mark.parametrize("form", SPARSE)
def test_a_sparse_member_of_a_tar_is_refused(form: str, tmp_path: Path) -> None:
    member = tarfile.TarInfo("one.wav")
    member.type, member.pax_headers, before = SPARSE[form]
    data = before + bytes(100)
    member.size = len(data)
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member)
        tar.fileobj.write(data.ljust(-(-len(data) // 512) * 512, b"\0"))
        tar.offset = tar.fileobj.tell()
    with (
        open(tmp_path / "a.tar", "rb") as file,
        pytest.raises(InputError, match="a holds one as a sparse file.*pack it again"),
    ):
        list(members_of(file, "a"))


@pytest.mark.parametrize(("mode", "name"), [("w:gz", "gzip"), ("w:bz2", "bzip2"), ("w:xz", "xz")])
def test_a_compressed_tar_is_refused_by_name(mode: str, name: str, tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", MEDIA, mode=mode)
    with open(tmp_path / "a.tar", "rb") as file, pytest.raises(InputError, match=f"a is compressed with {name}"):
        list(members_of(file, "a"))


def test_a_file_that_is_no_tar_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"<html>" * 1000)
    with open(tmp_path / "a.tar", "rb") as file, pytest.raises(InputError, match="a cannot be read as tar"):
        list(members_of(file, "a"))


def header(name: str, size: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A header with any text as its size."""
    block = bytearray(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT))
    block[124:136], block[156:157], block[148:156] = size, kind, b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def binary(size: int) -> bytes:
    """A size in base 256, the form of GNU tar for large numbers."""
    return (b"\xff" if size < 0 else b"\x80") + (size % 2**88).to_bytes(11, "big")


def of_type(kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo("two.flac")
    member.type, member.linkname = kind, target
    return member


def packed(*members: tarfile.TarInfo | str, pax: dict[str, str] | None = None) -> bytes:
    """A tar file of members of five bytes, or of other things."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT if pax is None else tarfile.PAX_FORMAT) as tar:
        for one in members:
            member = tarfile.TarInfo(one) if isinstance(one, str) else one
            member.size, member.pax_headers = 5 * isinstance(one, str), pax or {}
            tar.addfile(member, io.BytesIO(b"sound") if member.size else None)
    return out.getvalue()


LONG_NAME = header("x", b"%011o\0" % 4, tarfile.GNUTYPE_LONGNAME) + b"name".ljust(512, b"\0")
BAD = {
    "nothing": b"",
    "a member of negative size": header("one.flac", binary(-256)) + END,
    "a member that leads back": packed("one.flac")[:1024] + header("one.json", binary(-512)) + END,
    "a member that ends after the file": header("one.flac", binary(2**62)) + END,
    "a place that no file has": header("one.flac", binary(2**80)) + END,
    "a negative size in PAX": packed("one.flac", pax={"size": "-2048"}),
    "a large size in PAX": packed("one.flac", pax={"size": "9" * 30}),
    "sizes of holes that are no numbers": packed("one.flac", pax={"GNU.sparse.map": "a,b"}),
    "a header of a terabyte": header("x", binary(2**40), tarfile.XHDTYPE) + packed("one.flac"),
    "a long name of a terabyte": header("x", binary(2**40), tarfile.GNUTYPE_LONGNAME) + packed("one.flac"),
    "a header of negative size": header("x", binary(-512), tarfile.XHDTYPE) + packed("one.flac"),
    "long names without end": LONG_NAME * 3000 + packed("one.flac"),
    "a wrong checksum": packed("one.flac", "two.flac")[:1100] + b"x" + packed("one.flac", "two.flac")[1101:],
}


@pytest.mark.parametrize("fault", BAD)
def test_a_damaged_header_is_one_line(fault: str, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(BAD[fault])
    with pytest.raises(InputError, match="^a cannot be read as tar .*: copy it again$"):
        keys_of(tmp_path / "a.tar")


@pytest.mark.parametrize("n_zeros", [512, 512 * 20])
def test_tar_files_that_were_joined_are_read_to_their_end(n_zeros: int, tmp_path: Path) -> None:
    parts = [packed(name).rstrip(b"\0").ljust(1024, b"\0") for name in ("one.flac", "two.flac", "three.flac")]
    (tmp_path / "a.tar").write_bytes(b"".join(part + bytes(n_zeros) for part in parts))
    assert keys_of(tmp_path / "a.tar") == ["one", "two", "three"]


def test_bytes_after_the_end_are_not_read_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.tar").write_bytes(packed("one.flac") + b"something else" * 100)
    assert keys_of(tmp_path / "a.tar") == ["one"]
    assert [record.getMessage() for record in caplog.records] == [
        "a has bytes after its end that are no tar file: they are not read"
    ]


THINGS = {
    "symbolic link": of_type(tarfile.SYMTYPE, "/etc/passwd"), "hard link": of_type(tarfile.LNKTYPE, "one.flac"),
    "device": of_type(tarfile.CHRTYPE), "pipe": of_type(tarfile.FIFOTYPE), "unknown": of_type(b"Q"),
}  # fmt: skip


@pytest.mark.parametrize("kind", THINGS)
def test_links_and_devices_are_left_out_and_named(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.tar").write_bytes(packed("one.flac", THINGS[kind], of_type(tarfile.DIRTYPE)))
    assert keys_of(tmp_path / "a.tar") == ["one"]
    (record,) = caplog.records
    assert "a: 1 members with the name of a sound are links or no files, for example two" in record.getMessage()


def test_of_a_name_only_the_part_that_is_an_id_counts(tmp_path: Path) -> None:
    names = ["../../one.flac", "/etc/two.flac", "a/..flac", "._three.flac", "fo\x1b[2Jur.flac", "fi\nve.flac"]
    (tmp_path / "a.tar").write_bytes(packed(*names))
    assert keys_of(tmp_path / "a.tar") == ["one", "two"]


def test_an_empty_member_is_read_alone_and_beside_others(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {"one": b"sound", "two": b"", "three": b""})
    with open(tmp_path / "a.tar", "rb") as file:
        spans = [(at, size) for _, at, size in members_of(file, "a")]
        for wanted in (spans, spans[1:], spans[2:]):
            reader: Any = SpanReader(file, spans, 1 << 20)
            assert [reader.read(at)[1] for at, _ in wanted] == [b"sound" * (size > 0) for _, size in wanted]
