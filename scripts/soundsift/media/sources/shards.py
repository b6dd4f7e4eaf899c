"""Media in Parquet and tar shards, on disk or on the Hugging Face Hub."""

import errno
import hashlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import av

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.config.sources import index_path, label_of
from soundsift.errors import DownloadError, InputError, MediaError, SourceError
from soundsift.media.archive import Record
from soundsift.media.containers import reason_of
from soundsift.media.shards.index import NO_ROW_GROUP, Location, ShardIndex
from soundsift.media.shards.parquet import DAMAGED, RowGroupReader, first_line, reading_of
from soundsift.media.shards.places import Place, place_of
from soundsift.media.shards.tar import SpanReader
from soundsift.media.sources.base import FetchError, Media, Source, too_large
from soundsift.metadata.batches import Clip

# Ending of the media in the archive, by FFmpeg's name of the container.
ENDINGS = {"flac": ".flac", "wav": ".wav", "ogg": ".ogg", "mp3": ".mp3", "mov": ".m4a", "matroska": ".webm"}
# Row groups and members that are read at the same time have together this many bytes, unless a single one is larger.
# Reading takes two to three times as much memory, so a job takes about 600 MB.
MEMORY_BYTES = 200_000_000
# What a column with a single medium holds besides: its length and the headers of its pages.
MOST_HEADER_BYTES = 1000
# Name of a client of the Hub in blocks.
HUB_CLIENT = "hub"


class ShardSource(Source):
    """Media in shards, found by the index that the step ``index_shards`` has made.

    The clips of a batch are divided by row group (Parquet) or by shard (tar). One thread reads a group from its start
    to its end, so whatever the order of the list, each row group is read once.
    """

    is_remote = False
    claims_videos = False
    against_blocks = "HF_TOKEN or download.wait_when_blocked"

    def __init__(self, params: SourceParams, policy: RequestPolicy) -> None:
        super().__init__(params, policy)
        self._found: dict[str, Location | None] = {}
        # {thread: its open shard}
        self._open: dict[int, _Open] = {}
        self._lock = threading.Lock()
        # {(shard, row group): what went wrong in this round}
        self._failed: dict[tuple[str, int], FetchError | MediaError | SourceError] = {}
        self._refused: FetchError | SourceError | None = None
        self._is_first_round = True
        # {(shard, row group): place and size of each wanted medium}
        self._spans: dict[tuple[str, int], list[tuple[int, int]]] = {}

    @cached_property
    def _index(self) -> ShardIndex:
        return ShardIndex(Path(index_path(self.params.url)))

    @cached_property
    def _place(self) -> Place:
        return place_of(self.params.url, self._index.revision)

    def address(self, clip: Clip) -> str:
        """Return the address of the shard that holds the clip; the source's name if none does."""
        found = self._find(clip)
        return self._place.address(found.shard.name) if found else label_of(self.params.url)

    def is_current(self, clip: Clip, record: Record, media: Path) -> bool:
        """Return whether the shard that the media came from is unchanged, or no longer exists."""
        shard = self._index.shards.get(record.shard)
        return record.trimmed == self.params.trimmed and (shard is None or shard.version == record.shard_version)

    def unlike(self, clips: Sequence[Clip]) -> str:
        """Compare a name in the shards with one of the list, if the shards have none of the clips."""
        example = self._index.example()
        if not example or not clips or any(self._find(clip) for clip in clips):
            return ""
        return f'{label_of(self.params.url)} has names such as "{example}", the list "{clips[0].clip_id}"'

    def names_clip(self, clip_id: str, video_id: str) -> bool:
        """Return whether a row or member is named by this clip, not by its video alone."""
        with self._lock:
            found = self._index.find([Clip(clip_id, video_id, 0.0, 0.0)])
        return clip_id in found and not found[clip_id].of_video

    @property
    def may_refuse(self) -> bool:
        """Whether the shards are on the Hub."""
        return self.params.url.startswith("hf://")

    @property
    def client(self) -> str:
        """Blocks of the Hub hold for the Hub alone, whatever the options of yt-dlp."""
        return HUB_CLIENT

    @property
    def concurrency(self) -> int:
        """As many row groups or members as fit in memory."""
        sizes = [found.size for found in self._found.values() if found and not self._is_too_large(found)]
        return max(1, min(self.policy.concurrency, MEMORY_BYTES // max([1, *sizes])))

    def groups(self, clips: Sequence[Clip]) -> list[list[Clip]]:
        """Divide clips by row group or tar shard, in the order in which they are stored there."""
        self.close()
        self._failed.clear()
        self._refused = None
        with self._lock:
            self._found |= dict.fromkeys((clip.clip_id for clip in clips), None) | self._index.find(clips)
        groups: dict[tuple[str, int], list[tuple[int, Clip]]] = {}
        missing = [[clip] for clip in clips if not self._found[clip.clip_id]]
        for clip in clips:
            if found := self._found[clip.clip_id]:
                groups.setdefault(found.place, []).append((found.position, clip))
        self._spans = {
            place: sorted(
                (found.position, found.size)
                for _, clip in of_group
                if (found := self._found[clip.clip_id]) and not self._is_too_large(found)
            )
            for place, of_group in groups.items()
        }
        self._say_how_many(clips)
        ordered = [sorted(of_group, key=lambda pair: pair[0]) for _, of_group in sorted(groups.items())]
        return missing + [[clip for _, clip in of_group] for of_group in ordered]

    def _say_how_many(self, clips: Sequence[Clip]) -> None:
        found = [one for clip in clips if (one := self._found[clip.clip_id]) and one.row_group != NO_ROW_GROUP]
        if not found:
            return
        sizes = {one.place: one.size for one in found}
        counts, why = reading_of([(*one.place, one.position) for one in found], sum(sizes.values()))
        logging.info("%s", counts)
        # later rounds are for what is left
        is_first, self._is_first_round = self._is_first_round, False
        if why and is_first:
            logging.getLogger("soundsift").warning(
                "%s, because %s: of a longer list a larger batch_size reads less", counts, why
            )

    def fetch(self, clip: Clip, scratch: Path) -> Media:
        """Read one clip; the media are opened but not decoded.

        A member of a tar shard above the size limit is not read, and neither is a row group of a single row. In a row
        group of several rows the size of a medium is known only when it is read.
        """
        found = self._find(clip)
        if found is None and self._index.unreachable:
            raise SourceError(*self._index.unreachable)
        if found is None:
            raise MediaError("not_found", f"not in the shards {label_of(self.params.url)}")
        if self._is_too_large(found):
            raise too_large(self.params.max_megabytes)
        if failed := self._refused or self._failed.get(found.place):
            raise failed
        try:
            data = self._read(found)
        except (FetchError, MediaError, SourceError) as error:
            self._note_failure(found.place, error)
            raise
        if not data:
            raise MediaError("not_found", f"it has no bytes in the shard {found.shard.name}")
        if len(data) > self._max_bytes:
            raise too_large(self.params.max_megabytes)
        path = scratch / "media"
        path.write_bytes(data)
        path = path.rename(path.with_suffix(_ending_of(path)))
        begins = clip.start_seconds if self.params.trimmed else 0.0
        return Media(
            path, begins, whole=True, shard=found.shard.name, shard_version=found.shard.version,
            of_video=found.of_video, sha256=hashlib.sha256(data).hexdigest(),
        )  # fmt: skip

    @property
    def _max_bytes(self) -> float:
        return self.params.max_megabytes * 1e6

    def _is_too_large(self, found: Location) -> bool:
        """Return whether a member of a tar shard is above the size limit."""
        return found.row_group == NO_ROW_GROUP and found.size > self._max_bytes

    def _find(self, clip: Clip) -> Location | None:
        if clip.clip_id not in self._found:
            with self._lock:
                self._found[clip.clip_id] = self._index.find([clip]).get(clip.clip_id)
        return self._found[clip.clip_id]

    def _note_failure(self, place: tuple[str, int], error: FetchError | MediaError | SourceError) -> None:
        """Let the other clips of the row group, or of the round if the Hub refuses us, not be asked for."""
        self._close_own()
        if not isinstance(error, MediaError) and error.outcome in ("rate_limited", "forbidden"):
            self._refused = error
        else:
            self._failed[place] = error

    def _read(self, found: Location) -> memoryview | None:
        """Read the bytes of one medium.

        Raises
        ------
        MediaError
            ``corrupt`` if the shard is damaged.
        SourceError
            If the shard is gone or cannot be reached.
        DownloadError
            If the shard is not the one that was indexed.
        """
        name = found.shard.name
        problem = ""
        data: memoryview | None = None
        try:
            reader = self._reader(found)
            most = self._max_bytes + MOST_HEADER_BYTES
            if isinstance(reader, RowGroupReader) and found.size > most and reader.size_if_alone() > most:
                raise too_large(self.params.max_megabytes)
            ids, data = reader.read(found.position)
            if found.row_group != NO_ROW_GROUP and found.key not in ids:
                problem = f"row {found.position} is {' or '.join(ids)}"
        except (*DAMAGED, InputError, IndexError, EOFError) as error:
            # PyArrow's errors about the content are OSErrors without a number, and a bad sector is damage too
            if isinstance(error, OSError) and (
                isinstance(error, FileNotFoundError) or error.errno not in (None, errno.EIO)
            ):
                raise self._unreachable(name, error) from error
            problem = first_line(error)
        try:
            is_unchanged = self._place.is_unchanged(found.shard)
        except OSError as error:
            raise self._unreachable(name, error) from error
        if not is_unchanged:
            raise DownloadError(
                f"the shard {name} has changed since it was indexed: run the same command again when it is complete; "
                "what was fetched is in the archive"
            )
        if problem:
            raise MediaError("corrupt", f"the shard {name} cannot be read: {problem}")
        return data

    def _unreachable(self, name: str, error: OSError) -> SourceError:
        label = label_of(self.params.url)
        cure = f"{self._place.against_loss}, and run the same command again; what was fetched is in the archive"
        if isinstance(error, FileNotFoundError):
            return SourceError("network", f"the shard {name} of {label} is gone: {cure}")
        return SourceError("network", f"the shard {name} of {label} cannot be read ({error.strerror or error}): {cure}")

    def _reader(self, found: Location) -> RowGroupReader | SpanReader:
        """Return this thread's reader if it is on its way to the wanted place, else a new one."""
        place = found.place
        before = self._open.get(threading.get_ident())
        if before is not None and before.place == place and before.position <= found.position:
            before.position = found.position
            return before.reader
        self._close_own()
        file = self._place.open(found.shard)
        try:
            reader: RowGroupReader | SpanReader
            spans = self._spans.get(place, [(found.position, found.size)])
            if found.row_group == NO_ROW_GROUP:
                reader = SpanReader(file, spans, self._place.read_bytes)
            else:
                reader = RowGroupReader(
                    file, found.shard.name, found.row_group, self._place.read_bytes, last=spans[-1][0]
                )
        except BaseException:
            file.close()
            raise
        self._open[threading.get_ident()] = _Open(place, found.position, reader, file)
        return reader

    def _close_own(self) -> None:
        before = self._open.pop(threading.get_ident(), None)
        if before is not None:
            before.close()

    def close(self) -> None:
        """Close all shards."""
        for one in self._open.values():
            one.close()
        self._open.clear()


@dataclass
class _Open:
    """The shard that a thread reads: row group, the place it has reached, reader and file."""

    place: tuple[str, int]
    position: int
    reader: RowGroupReader | SpanReader
    file: BinaryIO

    def close(self) -> None:
        if isinstance(self.reader, RowGroupReader):
            self.reader.close()
        self.file.close()


def _ending_of(path: Path) -> str:
    """Return the ending for a medium by its header.

    Raises
    ------
    MediaError
        ``corrupt`` if it is no medium, ``no_audio`` if it has no sound stream.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError("no_audio", "it has no sound stream")
            return ENDINGS.get(container.format.name.split(",")[0], ".media")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError("corrupt", f"its bytes are no medium: {reason_of(error)}") from error
