"""Tar shards in the form of WebDataset: the place of each medium, found by the headers alone."""

import io
import tarfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from soundsift.errors import InputError

# A member with another ending, such as json, txt or cls, belongs to the medium of the same key.
SOUND_ENDINGS = frozenset(
    {"flac", "wav", "mp3", "m4a", "mp4", "ogg", "opus", "oga", "webm", "mkv", "aac", "aif", "aiff", "wma", "mka"}
)
PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
# Read at once where headers are: the members between two media are small.
HEADER_BYTES = 1 << 13
BLOCK_BYTES = 512


def members_of(file: BinaryIO, name: str) -> Iterator[tuple[str, int, int]]:
    """Yield key, byte offset and size of each medium. The key is the name of the member up to its first dot.

    Raises
    ------
    InputError
        If the file is compressed, no tar file, or cut, or a medium is stored as a sparse file.
    """
    if isinstance(file, io.RawIOBase):
        buffered = io.BufferedReader(file, HEADER_BYTES)
        try:
            yield from members_of(cast(BinaryIO, buffered), name)
        finally:
            buffered.detach()
        return
    _refuse_packed(file, name)
    try:
        with tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="backslashreplace") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps them all
                key, _, ending = member.name.rpartition("/")[2].partition(".")
                if member.isreg() and key and ending.lower().rpartition(".")[2] in SOUND_ENDINGS:
                    if member.issparse():
                        raise InputError(
                            f"{name} holds {member.name} as a sparse file, whose bytes are not stored in one piece: "
                            "pack it again without the option --sparse of tar"
                        )
                    yield key, member.offset_data, member.size
            # tarfile takes a file that is cut between two members for complete
            file.seek(tar.offset)
            if file.read(BLOCK_BYTES) != bytes(BLOCK_BYTES):
                raise tarfile.ReadError("it has no end")
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f"{name} cannot be read as tar ({error}): copy it again") from error


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

    def read(self, offset: int) -> tuple[str, bytes]:
        """Return an empty text and the bytes of a member.

        Raises
        ------
        EOFError
            If the file ends before.
        """
        size = self._sizes[offset]
        if not self._start <= offset <= offset + size <= self._start + len(self._data):
            start, end = next(run for run in self._runs if run[0] <= offset < run[1] or run == (offset, offset + size))
            self._data = b""  # one run in memory
            self._file.seek(start)
            self._start, self._data = start, self._file.read(end - start)
        data = self._data[offset - self._start : offset - self._start + size]
        if len(data) < size:
            raise EOFError(f"it ends {size - len(data)} bytes too early")
        return "", data
