"""Tar shards in the form of WebDataset: the place of each medium, found by the headers alone."""

import io
import logging
import tarfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from soundsift.errors import InputError

# Endings of files that may be sound. In a tar shard, a member with another ending, such as json, txt or cls, belongs to
# the medium of the same key.
SOUND_ENDINGS = frozenset(
    {
        "flac", "wav", "mp3", "m4a", "mp4", "ogg", "opus", "oga", "webm", "mkv", "aac", "aif", "aiff", "wma", "mka",
        "3gp", "ac3", "aifc", "amr", "ape", "au", "avi", "caf", "mov", "mp2", "mpga", "snd", "spx", "w64", "wv",
    }
)  # fmt: skip
PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
# Read at once where headers are: the members between two media are small.
HEADER_BYTES = 1 << 13
BLOCK_BYTES = 512
# A header with a long name and further attributes is smaller. So is the padding at the end of a tar file.
LARGEST_HEADER_BYTES = 1 << 20
_warn = logging.getLogger("soundsift").warning


def members_of(file: BinaryIO, name: str) -> Iterator[tuple[str, int, int]]:
    """Yield key, byte offset and size of each medium. The key is the name of the member up to its first dot.

    Files that consist of several tar files are read to their end. Links and other members that only have the name of a
    sound are left out, with a warning.

    Raises
    ------
    InputError
        If the file is compressed, no tar file, damaged or cut, or a medium is stored as a sparse file.
    """
    if isinstance(file, io.RawIOBase):
        buffered = io.BufferedReader(file, HEADER_BYTES)
        try:
            yield from members_of(cast(BinaryIO, buffered), name)
        finally:
            buffered.detach()
        return
    _refuse_packed(file, name)
    headers = _Headers(file)
    no_files: list[str] = []
    is_read = False
    try:
        while not is_read:
            with tarfile.open(
                fileobj=cast(BinaryIO, headers), mode="r:", encoding="utf-8", errors="backslashreplace"
            ) as tar:
                while (member := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps them all
                    if member.size < 0:
                        raise tarfile.ReadError("a negative size")
                    if (key := _key_of(member, name)) is None or member.isdir():
                        continue
                    if member.isreg():
                        yield key, member.offset_data, member.size
                    else:
                        no_files.append(key)
            # tarfile takes a file that is cut or damaged between two members for complete
            file.seek(tar.offset)
            if (end := file.read(BLOCK_BYTES)) != bytes(BLOCK_BYTES):
                raise tarfile.ReadError("a damaged header" if end else "it has no end")
            is_read = not headers.find_next(name)
    # errors of Python in tarfile are caused by damaged headers too
    except (tarfile.TarError, EOFError, ValueError, RecursionError) as error:
        reason = error if isinstance(error, tarfile.TarError) else f"a damaged header before byte {file.tell()}"
        raise InputError(f"{name} cannot be read as tar ({reason}): copy it again") from error
    if no_files:
        _warn(
            "%s: %d members with the name of a sound are links or no files, for example %s, and are left out: pack it "
            "again with the options --dereference and --hard-dereference of tar",
            name, len(no_files), no_files[0],
        )  # fmt: skip


def _key_of(member: tarfile.TarInfo, name: str) -> str | None:
    """Return the key of a member that has the name of a sound."""
    key, _, ending = member.name.rpartition("/")[2].partition(".")
    if not key.isprintable() or not key or ending.lower().rpartition(".")[2] not in SOUND_ENDINGS:
        return None
    if member.issparse():
        raise InputError(
            f"{name} holds {key} as a sparse file, whose bytes are not stored in one piece: pack it again without the "
            "option --sparse of tar"
        )
    return key


class _Headers:
    """The headers of a tar file. A damaged one may state any size and refer to any place."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._n_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int) -> int:
        """Go to the next header. One that refers back would be read for ever."""
        if offset > self._n_bytes:
            raise tarfile.ReadError("unexpected end of data")
        if offset < self.tell():
            raise tarfile.ReadError("a negative size")
        return self._file.seek(offset)

    def read(self, size: int) -> bytes:
        if not 0 <= size <= LARGEST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)

    def find_next(self, name: str) -> bool:
        """Go to the tar file that begins after the end of this one; return whether there is one."""
        data = self._file.read(LARGEST_HEADER_BYTES)
        if not (rest := data.lstrip(b"\0")):
            return False
        n_before = (len(data) - len(rest)) // BLOCK_BYTES * BLOCK_BYTES
        try:
            tarfile.TarInfo.frombuf(data[n_before : n_before + BLOCK_BYTES], "utf-8", "backslashreplace")
        except tarfile.HeaderError:
            _warn("%s has bytes after its end that are no tar file: they are not read", name)
            return False
        self._file.seek(n_before - len(data), io.SEEK_CUR)
        return True


def _refuse_packed(file: BinaryIO, name: str) -> None:
    head = file.read(6)
    file.seek(0)
    for magic, kind in PACKED.items():
        if head.startswith(magic):
            raise InputError(f"{name} is compressed with {kind}, so its members cannot be read singly: unpack it")


class SpanReader:
    """Reads members whose places are known, in ascending order; neighbours are read at once.

    Parameters
    ----------
    spans
        Byte offset and size of every member that will be asked for, in ascending order.
    read_bytes
        Most bytes to read at once, unless a single member is larger.
    """

    def __init__(self, file: BinaryIO, spans: Sequence[tuple[int, int]], read_bytes: int) -> None:
        self._file = file
        self._sizes = dict(spans)
        self._runs: list[tuple[int, int]] = []
        for offset, size in spans:
            start, end = self._runs[-1] if self._runs else (0, 0)
            if self._runs and offset - end <= HEADER_BYTES and offset + size - start <= read_bytes:
                self._runs[-1] = (start, offset + size)
            else:
                self._runs.append((offset, offset + size))
        self._start, self._data = 0, b""

    def read(self, offset: int) -> tuple[list[str], memoryview]:
        """Return no ids and the bytes of a member, which are not copied.

        Raises
        ------
        EOFError
            If the file ends before.
        """
        size = self._sizes[offset]
        if not self._start <= offset <= offset + size <= self._start + len(self._data):
            start, end = next(run for run in self._runs if run[0] <= offset and offset + size <= run[1])
            self._data = b""  # one run in memory
            self._file.seek(start)
            self._start, self._data = start, self._file.read(end - start)
        data = memoryview(self._data)[offset - self._start : offset - self._start + size]
        if len(data) < size:
            raise EOFError(f"it ends {size - len(data)} bytes too early")
        return [], data
