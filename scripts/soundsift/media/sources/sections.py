"""Sections of remote media: reading only the bytes that a section needs, and copying its packets into a file.

FFmpeg's demuxers, in this process, read a :class:`RemoteFile`. They find the place in the file by its own index (the
``sidx`` box of fragmented MP4, the cues of WebM, the sample table of MP4) and ask for bytes there. So every request is
sent by yt-dlp, with its proxy, certificates, cookies and headers.
"""

import io
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import av

from soundsift.media.containers import has_true_times, origin_seconds, stated_seconds

# The first request must hold the index of a short video; longer indexes take a further request.
HEAD_BYTES = 1 << 15
LARGEST_BLOCK_BYTES = 1 << 22
# Without an index a demuxer would read everything before the section. So there is a limit: requests, blocks of the size
# of the section, and the bytes of an index, or their share of the file (the index of MP4 with a picture: 1 %).
MOST_REQUESTS, MOST_BLOCKS = 24, 8
INDEX_BYTES, INDEX_SHARE = 1 << 22, 0.02
# Pieces of a playlist that are at least a second long, and a few more at either end.
MORE_PIECES = 8
# YouTube's playlists of a ten-hour video have 7 MB.
MOST_PLAYLIST_BYTES = 1 << 25
# Packets before the section that a decoder needs to settle (Opus: 80 ms).
PREROLL_SECONDS = 0.1
# A section that begins earlier is read from the start of the file: a seek would lose the encoder's priming.
SEEK_SECONDS = 1.0
# {codec: container of a section}; the containers hold exact time stamps, or packets of known length.
_CONTAINERS = {"aac": "m4a", "mp3": "mp3", "flac": "flac", "opus": "webm", "vorbis": "webm"}
_FORMATS = {"m4a": "mp4", "mka": "matroska"}
# Demuxers that read the time stamps of a piece of a playlist; others count from the start of the piece.
_HAS_TIME_STAMPS = ("mpegts", "mov,mp4,m4a,3gp,3g2,mj2")


class Section(NamedTuple):
    """A copied section.

    Attributes
    ----------
    path
        The file. Its time axis begins with its first packet.
    begins_seconds, ends_seconds
        Stretch of the source that it holds.
    source_seconds
        Duration of the sound that the source states; None if it states none.
    """

    path: Path
    begins_seconds: float
    ends_seconds: float
    source_seconds: float | None


class NoSectionError(Exception):
    """The source cannot be read in sections.

    Parameters
    ----------
    reason
        Why it cannot.
    size_bytes
        Size of the whole file; 0 if it is not known.
    ends_seconds
        End of the sound by the file's own statement, if the section begins after it; None otherwise.
    """

    def __init__(self, reason: str, size_bytes: int = 0, ends_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.size_bytes, self.ends_seconds = size_bytes, ends_seconds


def most_bytes(block_bytes: int, size_bytes: int = 0) -> int:
    """Return how many bytes may be read for a section whose own bytes are about ``block_bytes``."""
    return MOST_BLOCKS * block_bytes + max(INDEX_BYTES, round(INDEX_SHARE * size_bytes))


class RemoteFile(io.RawIOBase):
    """A remote file that is read by byte ranges, one block at a time.

    Parameters
    ----------
    fetch
        Returns the bytes from the first to the last position, both included (fewer at the end of the file), and the
        size of the file; raises :class:`NoSectionError` if the server cannot send byte ranges.
    block_bytes
        Size of a block, about that of the section. A block begins where it is needed. From the third block on, a block
        that continues the one before is twice as large.
    """

    def __init__(self, fetch: Callable[[int, int], tuple[bytes, int]], block_bytes: int) -> None:
        self._fetch, self._block_bytes = fetch, block_bytes
        self._at = 0
        self._head, self._size = fetch(0, HEAD_BYTES - 1)
        self._begins, self._block = 0, self._head
        self._n_requests, self._n_bytes, self._n_continued = 1, len(self._head), 0
        self.error: Exception | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        if self._at >= self._size or self.error is not None:
            return b""
        if self._at < len(self._head):
            begins, block = 0, self._head
        else:
            if not self._begins <= self._at < self._begins + len(self._block):
                try:
                    self._read_block()
                except Exception as error:  # a demuxer may take it for the end of the file
                    self.error = error
                    return b""
            begins, block = self._begins, self._block
        found = block[self._at - begins :][: size if size >= 0 else None]
        self._at += len(found)
        return found

    def _read_block(self) -> None:
        """Read the block that begins at the position."""
        continues = self._begins > 0 and self._at == self._begins + len(self._block)
        self._n_continued = self._n_continued + 1 if continues else 0
        growing = min(self._block_bytes << max(0, self._n_continued - 1), LARGEST_BLOCK_BYTES)
        left = most_bytes(self._block_bytes, self._size) - self._n_bytes
        length = min(max(self._block_bytes, growing), self._size - self._at, left)
        if self._n_requests >= MOST_REQUESTS or left <= 0:
            raise NoSectionError(
                f"it takes more than {self._n_requests} requests and {self._n_bytes / 1e6:.1f} MB", self._size
            )
        self._block, stated = self._fetch(self._at, self._at + length - 1)
        if stated != self._size:
            raise ConnectionError("the file changed while it was read")
        self._begins = self._at
        self._n_requests, self._n_bytes = self._n_requests + 1, self._n_bytes + len(self._block)


def copy_section(source: RemoteFile, start_seconds: float, end_seconds: float, stem: Path) -> Section:
    """Copy the packets of a section of a remote file.

    Parameters
    ----------
    start_seconds, end_seconds
        The section, on the time axis of :func:`soundsift.media.decode.cut`.
    stem
        Path of the new file without its ending.

    Raises
    ------
    NoSectionError
        If the file holds no sound that can be found by its time.
    Exception
        Whatever ``fetch`` of the remote file raises.
    """
    try:
        with av.open(source, mode="r") as old:
            stream = _sound(old)
            if not has_true_times(old):
                raise NoSectionError(f"the times of {old.format.name} are estimates")
            if start_seconds > SEEK_SECONDS and stream.time_base is not None:
                old.seek(math.floor((origin_seconds(old) + start_seconds) / stream.time_base), stream=stream)
            return _copy(
                old, stream, origin_seconds(old), stated_seconds(old) or None, start_seconds, end_seconds, stem
            )
    except (av.FFmpegError, ValueError) as error:
        raise source.error or NoSectionError(str(error)) from error
    finally:
        if source.error is not None:
            raise source.error


def copy_section_of_pieces(
    playlist: str, address: str, fetch: Callable[[str, int], bytes], most: int,
    start_seconds: float, end_seconds: float, stem: Path,
) -> Section:  # fmt: skip
    """Copy the packets of a section of an HLS stream from those of its pieces that hold it; see :func:`copy_section`.

    The first piece is fetched as well: it has the time stamp at which the stream begins. In MP4 with an edit list that
    is the end of the encoder's priming. MPEG-TS does not mark priming, so there it counts as sound.

    Parameters
    ----------
    playlist, address
        Text of the media playlist, and its own address.
    fetch
        Returns the content of an address; raises :class:`NoSectionError` if it has more than so many bytes.
    most
        How many bytes may be fetched.
    """
    pieces, length = _pieces(playlist, address, start_seconds, end_seconds)
    try:
        with av.open(io.BytesIO(_content(pieces, fetch, most)), mode="r") as old:
            if old.format.name not in _HAS_TIME_STAMPS:
                raise NoSectionError(f"pieces of {old.format.name} have no time stamps")
            stream = _sound(old)
            origin = (old.start_time or 0) / av.time_base
            return _copy(old, stream, origin, length, start_seconds, end_seconds, stem)
    except (av.FFmpegError, ValueError) as error:
        raise NoSectionError(str(error)) from error


def _content(addresses: list[str], fetch: Callable[[str, int], bytes], most: int) -> bytes:
    """Return the content of all addresses, one after the other."""
    content = bytearray()
    for address in addresses:
        content += fetch(address, most - len(content))
    return bytes(content)


def _pieces(playlist: str, address: str, start_seconds: float, end_seconds: float) -> tuple[list[str], float]:
    """Return the addresses of the header, the first piece and the pieces of a section, and the duration."""
    if re.search(r"#EXT-X-(KEY:(?!METHOD=NONE)|BYTERANGE|DISCONTINUITY)", playlist) or "#EXT-X-ENDLIST" not in playlist:
        raise NoSectionError("the playlist is encrypted, has gaps or does not end")
    header = re.findall(r'#EXT-X-MAP:URI="([^"]+)"', playlist)
    found = re.findall(r"#EXTINF:([\d.]+).*\n(?:#.*\n)*(\S+)", playlist)
    wanted, begins = [], 0.0
    for index, (seconds, name) in enumerate(found):
        ends = begins + float(seconds)
        # durations in a playlist are rounded
        if index == 0 or (ends > start_seconds - 1.0 and begins < end_seconds + 1.0):
            wanted.append(name)
        begins = ends
    if len(wanted) > MORE_PIECES + end_seconds - start_seconds:
        raise NoSectionError(f"the section has {len(wanted)} pieces")
    return [urljoin(address, name) for name in [*header, *wanted]], begins


def _sound(container: "av.container.InputContainer") -> "av.audio.stream.AudioStream":
    if not container.streams.audio:
        raise NoSectionError("there is no sound stream")
    return container.streams.audio[0]


def _copy(
    old: "av.container.InputContainer", stream: "av.audio.stream.AudioStream", origin: float, length: float | None,
    start_seconds: float, end_seconds: float, stem: Path,
) -> Section:  # fmt: skip
    ending = _CONTAINERS.get(stream.codec_context.name, "mka")
    path = stem.with_suffix(f".{ending}")
    begins: float | None = None
    first = 0
    ends = start_seconds
    # in memory, because FFmpeg hides errors of the disk
    content = io.BytesIO()
    with av.open(content, "w", format=_FORMATS.get(ending, ending)) as new:
        copy = new.add_stream_from_template(stream)
        for packet in old.demux(stream):
            if packet.pts is None or packet.time_base is None:
                continue
            at = float(packet.pts * packet.time_base) - origin
            if at >= end_seconds:
                break
            packet_ends = at + float((packet.duration or 0) * packet.time_base)
            if packet_ends <= start_seconds - PREROLL_SECONDS:
                continue
            if begins is None:
                begins, first = at, packet.pts
            ends = packet_ends
            packet.dts = packet.pts = packet.pts - first
            packet.stream = copy
            new.mux(packet)
    if begins is None:
        is_beyond = length is not None and length <= start_seconds
        raise NoSectionError("there is no sound in the section", ends_seconds=length if is_beyond else None)
    path.write_bytes(content.getvalue())
    return Section(path, begins, ends, length)
