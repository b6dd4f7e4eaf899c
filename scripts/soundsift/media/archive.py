"""The archive: downloaded media with one record per clip, kept for good and shared by all jobs.

This module only reads. It creates nothing and works on a disk that cannot be written. Writing is in
:mod:`soundsift.media.archive_writer`, checking in :mod:`soundsift.media.archive_check`, and the request rate that all
jobs share in :mod:`soundsift.media.pace`. Records name media relative to their own folder, so an archive can be moved.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

# Folder of the archive in which files are written before they get their final name.
SCRATCH = "tmp"
# Note of a record whose whole file was fetched although only a section was wanted.
NO_SECTION = "the section was unusable: the whole file was fetched"
# Ids of clips with this note, a line for each download. Without it, all records would have to be read to count them.
WHOLE_FILES = "whole_files.txt"


@dataclass
class Record:
    """The archive's record of one clip.

    Attributes
    ----------
    outcome, reason
        Latest outcome, a key of :data:`soundsift.media.outcomes.OUTCOMES`, and its explanation by the source.
    tries, n_corrupt, n_unavailable
        Number of requests over all jobs, and how many of them returned corrupt media or the outcome ``unavailable``.
    when
        Time of the latest answer, UTC, ISO 8601.
    url
        Address at the source. It never contains a path of this machine.
    source
        The source in the configuration, as :func:`soundsift.config.sources.label_of` names it. Empty in records of
        earlier versions.
    shard, shard_version
        Name and version of the shard that the media were taken from. Empty for other media.
    end_seconds
        End of the labelled stretch that was requested. Media of a section do not reach further.
    media
        File name beside the record, or the relative path of a file that is read in place. None without media.
    media_start_seconds, media_end_seconds
        Stretch of the video that the media hold. The end is None if the file does not state it.
    whole
        True if the media are all that the source has of the video: they serve every clip of it.
    trimmed
        True if the media hold only the labelled stretch.
    held_seconds
        Seconds of the labelled stretch found by decoding; 0 if the media were not decoded.
    modified_ns
        Modification time of a file on disk when it was taken, in ns since 1970; 0 for media from the network.
    note
        Remark on how the media were obtained, for example that a section was unusable.
    too_large_megabytes
        Size limit that the file exceeded, in 10^6 bytes; 0 if none was exceeded.
    failed
        {address: record of its last answer, without this field} of other sources that did not return the clip.
    """

    clip_id: str
    video_id: str
    outcome: str
    reason: str = ""
    tries: int = 0
    when: str = ""
    url: str = ""
    source: str = ""
    shard: str = ""
    shard_version: str = ""
    end_seconds: float = 0.0
    media: str | None = None
    media_start_seconds: float = 0.0
    media_end_seconds: float | None = None
    whole: bool = False
    trimmed: bool = False
    held_seconds: float = 0.0
    modified_ns: int = 0
    note: str = ""
    too_large_megabytes: float = 0.0
    bytes: int = 0
    sha256: str = ""
    n_corrupt: int = 0
    n_unavailable: int = 0
    tools: dict[str, str] = field(default_factory=dict)
    failed: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer_at(self, address: str) -> "Record":
        """Return the record of the last answer at an address; this record if that address was not asked before."""
        if address == self.url or address not in self.failed:
            return self
        return _record_of(self.failed[address])

    def answers(self) -> dict[str, dict[str, Any]]:
        """Return the failed answers by address, in the form of ``failed``; this record's own is one of them."""
        own = {} if self.media is not None or not self.url else {self.url: asdict(replace(self, failed={}))}
        return {address: {**answer, "failed": {}} for address, answer in (self.failed | own).items()}


class Archive:
    """A folder of media and records, spread over 4,096 sub-folders by a hash of the video id.

    The folder need not exist. Without it, no clip has a record.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, clip_id: str) -> Path:
        """Return the sub-folder of a clip, relative to the archive. All clips of a video share one."""
        return Path(hashlib.sha1(_video_id(clip_id).encode()).hexdigest()[:3])

    def record_path(self, clip_id: str) -> Path:
        """Return the path of a clip's record."""
        return self.root / self.folder(clip_id) / f"{clip_id}.json"

    def media_path(self, record: Record) -> Path | None:
        """Return the path of a record's media; None if it has none."""
        return None if record.media is None else self.root / self.folder(record.clip_id) / record.media

    def read(self, clip_id: str) -> Record | None:
        """Read the record of a clip; None if there is none, it cannot be read, or its media are not there as whole."""
        try:
            record = read_record(self.record_path(clip_id))
            path = self.media_path(record)
            found = path.stat() if path is not None else None
        except (OSError, ValueError, TypeError):
            return None
        if found is None:
            return record
        # media of shards are not flushed to the disk, so a power cut may leave a part of them
        is_there = stat.S_ISREG(found.st_mode) and (not record.shard or found.st_size == record.bytes)
        return record if is_there else None

    def whole_files(self) -> set[str]:
        """Return the ids of clips that came as whole files because their sections were unusable."""
        path = self.root / WHOLE_FILES
        noted = set(path.read_text(encoding="utf-8").split()) if path.is_file() else set()
        records = (self.read(clip_id) for clip_id in noted)
        return {record.clip_id for record in records if record is not None and record.note == NO_SECTION}

    def others(self, clip_id: str) -> Iterator[Record]:
        """Read the records of all other clips of the same video, by clip id."""
        video_id = _video_id(clip_id)
        for name in sorted(names_in(self.root / self.folder(clip_id), f"{video_id}_")):
            stem, suffix = os.path.splitext(name)
            other = self.read(stem) if suffix == ".json" and stem != clip_id else None
            # a longer video id may begin with this one
            if other is not None and _video_id(other.clip_id) == video_id:
                yield other


def names_in(folder: Path, start: str) -> list[str]:
    """Return the names of a folder's files that begin so. A pattern would be compiled anew for each clip."""
    try:
        return [name for name in os.listdir(folder) if name.startswith(start)]
    except FileNotFoundError:
        return []


def source_of(record: Record) -> str:
    """Name the source of a record's media; records of earlier versions have only its address."""
    if record.source or record.media is None:
        return record.source
    return "youtube" if record.url.startswith("https://www.youtube.com/") else record.url.partition(":")[0]


def read_record(path: Path) -> Record:
    """Read a record file. Fields added by later versions are ignored.

    Raises
    ------
    OSError, ValueError, TypeError
        If the file cannot be read, is not JSON, or a field is missing or has another type.
    """
    with open(path, encoding="utf-8") as file:
        record = _record_of(json.load(file))
    for name, value in vars(record).items():
        if not isinstance(value, _TYPES[name]):
            raise TypeError(f"{name} is {value!r}")
    return record


def _record_of(found: dict[str, Any]) -> Record:
    return Record(**{name: found[name] for name in _TYPES if name in found})


# {field: types of its values}
_TYPES: dict[str, tuple[type, ...]] = {
    name: (int, float) if isinstance(example, int | float) else (type(example),)
    for name, example in vars(Record("", "", "", media="", media_end_seconds=0.0)).items()
}
_TYPES |= {name: (*_TYPES[name], type(None)) for name in ("media", "media_end_seconds")}


def _video_id(clip_id: str) -> str:
    return clip_id.rpartition("_")[0]
