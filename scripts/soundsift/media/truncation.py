"""Media files that end before their own structure says: how many bytes there should be."""

import struct
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from soundsift.media.containers import DAMAGED_SECONDS, UNKNOWN_32

W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
HEAD_BYTES = 4096
# Some programs leave out the byte that makes the length of a chunk even.
PADDING_BYTES = 1
# The largest page of Ogg: its header, 255 segments and their sizes.
OGG_PAGE_BYTES = 27 + 255 + 255 * 255


def missing_bytes(path: Path) -> int:
    """Return how many bytes a media file lacks at its end; 0 if it is complete or does not say how long it is."""
    n_bytes = path.stat().st_size
    with open(path, "rb") as file:
        missing = _stated_bytes(file, n_bytes) - n_bytes
    return missing if missing > PADDING_BYTES else 0


def shortfall(path: Path, seconds: float) -> str:
    """Say that a media file ends too early, for a message; empty if it does not, or does not say how long it is.

    Parameters
    ----------
    seconds
        Duration of the sound that the file holds. A file that lacks half a second at most is taken for complete.
    """
    missing, n_bytes = missing_bytes(path), path.stat().st_size
    if missing and _is_ogg(path):  # what follows the last page is not known
        return f"ends after {seconds:.1f} s, in the middle of a page"
    return _too_short(n_bytes, missing, seconds)


def stream_bytes(head: bytes) -> int:
    """Return how many bytes a stream has in all, by its first :data:`HEAD_BYTES`; 0 if they do not say it."""
    if head[:4] in (b"caff", b"OggS"):  # only the whole file says it
        return 0
    return _stated_bytes(BytesIO(head), len(head))


def stream_shortfall(head: bytes, n_bytes: int, seconds: float) -> str:
    """Say that a stream of ``n_bytes`` bytes has ended too early, as :func:`shortfall`."""
    return _too_short(n_bytes, max(0, stream_bytes(head) - n_bytes - PADDING_BYTES), seconds)


def _too_short(n_bytes: int, missing: int, seconds: float) -> str:
    stated_seconds = seconds * (n_bytes + missing) / max(n_bytes, 1)
    too_short = stated_seconds - seconds > DAMAGED_SECONDS
    return f"says {stated_seconds:.1f} s and ends after {seconds:.1f} s" if too_short else ""


def _is_ogg(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"OggS"


def _stated_bytes(file: BinaryIO, n_bytes: int) -> int:
    head = file.read(HEAD_BYTES)
    match head[:4]:
        case b"RIFF":  # WAV and AVI
            return _with_header(head, "<I")
        case b"FORM":  # AIFF
            return _with_header(head, ">I")
        case b"RF64" | b"BW64" if head[12:16] == b"ds64":
            return 8 + int(struct.unpack_from("<Q", head, 20)[0])
        case b".snd" if len(head) >= 12:
            begins, length = struct.unpack_from(">II", head, 4)
            return 0 if _is_unknown(length) else int(begins + length)
        case b"caff":
            return _end_of_chunks(file, n_bytes)
        case b"OggS":
            return _end_of_last_page(file, n_bytes)
    if head[:16] == W64_RIFF and len(head) >= 24:
        return int(struct.unpack_from("<Q", head, 16)[0])
    at = head.find(ASF_FILE_PROPERTIES)
    if head[:16] == ASF_HEADER and 0 < at <= len(head) - 48:
        return int(struct.unpack_from("<Q", head, at + 40)[0])
    return 0


def _is_unknown(length: int) -> bool:
    return length == 0 or any(length in sizes for sizes in UNKNOWN_32)


def _with_header(head: bytes, form: str) -> int:
    """Read the size that follows the four letters of a header."""
    length = int(struct.unpack_from(form, head, 4)[0]) if len(head) >= 8 else 0
    return 0 if _is_unknown(length) else 8 + length


def _end_of_chunks(file: BinaryIO, n_bytes: int) -> int:
    """Follow the chunks of a CAF file."""
    at = 8
    while at + 12 <= n_bytes:
        file.seek(at)
        (length,) = struct.unpack(">4xq", file.read(12))
        if length < 0:  # unknown: up to the end of the file
            return 0
        at += 12 + length
    return at


def _end_of_last_page(file: BinaryIO, n_bytes: int) -> int:
    """Find where the last page of an Ogg file ends."""
    begins = max(0, n_bytes - OGG_PAGE_BYTES)
    file.seek(begins)
    tail = file.read()
    at = tail.rfind(b"OggS\0")
    if at < 0:
        return 0
    n_segments = tail[at + 26] if len(tail) > at + 26 else 0
    sizes = tail[at + 27 : at + 27 + n_segments]
    return begins + at + 27 + n_segments + sum(sizes)
