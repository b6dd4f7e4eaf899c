"""The archive: media and what is known of them, one record a clip, kept for good and shared by every job.

Everything is written to a temporary name inside the archive and renamed, the media before their record, so a kill
at any moment leaves a clip with nothing or with everything. Records name media relative to their own folder: the
archive can be moved. What jobs that share it agree on while they fetch is :mod:`soundsift.media.pace`'s.
"""

import hashlib
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from glob import escape
from pathlib import Path
from uuid import uuid4

from soundsift.errors import InputError
from soundsift.files import sha256_of

# what a job killed on another machine left in tmp/ is cleared away when it can no longer be at it
LEFTOVER_SECONDS = 24 * 3600.0


@dataclass
class Record:
    """What the archive knows of one clip.

    Attributes
    ----------
    end_seconds
        Where the labelled stretch ended that was asked for: media of a section hold no longer one.
    media
        File name beside the record, or the path from there of a file that is read in place; None where there are no
        media.
    media_start_seconds, media_end_seconds
        The stretch of the video that the media hold; the end is None where the file does not say.
    whole
        Whether they are all that the source has: they serve every clip of the video.
    trimmed
        Whether the media were taken for just the labelled stretch.
    held_seconds
        How much of the labelled stretch was found in them; 0 where that was not looked at.
    modified_ns
        The time stamp of a file on disk when it was taken, in nanoseconds since 1970; 0 for one from the network.
    note
        What is worth knowing of media that are there: a section that came out wrong.
    too_large_megabytes
        The limit that the file was larger than; 0 where it was not.
    tries, n_corrupt
        How often the source was asked, over all jobs, and how often its answer was corrupt.
    when
        UTC, ISO 8601, of the last answer.
    """

    clip_id: str
    video_id: str
    outcome: str
    reason: str = ""
    tries: int = 0
    when: str = ""
    url: str = ""
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
    tools: dict[str, str] = field(default_factory=dict)


class Archive:
    """A folder of media and records, spread over 4,096 sub-folders by a hash of the video id."""

    def __init__(self, root: Path) -> None:
        self.root = root
        scratch = root / "tmp"
        try:
            scratch.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"the archive {root} cannot be made ({error.strerror}): set download.archive") from error
        if not os.access(scratch, os.W_OK):
            raise InputError(f"the archive {root} cannot be written: set download.archive to a folder that can")
        for leftover in scratch.iterdir():
            with suppress(FileNotFoundError):
                if _is_left_over(leftover):
                    if leftover.is_dir():
                        shutil.rmtree(leftover, ignore_errors=True)
                    else:
                        leftover.unlink()

    def folder(self, clip_id: str) -> Path:
        """Where the clip's record and media lie, relative to the archive: all clips of a video in one folder."""
        video_id = clip_id.rpartition("_")[0]
        return Path(hashlib.sha1(video_id.encode()).hexdigest()[:3])

    def media_path(self, record: Record) -> Path | None:
        """Where the record's media stand; None where it names none."""
        return None if record.media is None else self.root / self.folder(record.clip_id) / record.media

    def read(self, clip_id: str) -> Record | None:
        """Read what is known of a clip; None where nothing is, or where its media are gone."""
        try:
            record = _read(self.root / self.folder(clip_id) / f"{clip_id}.json")
        except (OSError, ValueError, TypeError):
            return None
        path = self.media_path(record)
        return record if path is None or path.is_file() else None

    def others(self, clip_id: str) -> Iterator[Record]:
        """Read what is known of the other clips of the same video."""
        video_id = clip_id.rpartition("_")[0]
        for path in sorted((self.root / self.folder(clip_id)).glob(f"{escape(video_id)}_*.json")):
            other = self.read(path.stem) if path.stem != clip_id else None
            if other is not None and other.clip_id.rpartition("_")[0] == video_id:
                yield other

    def write(self, record: Record, media: Path | None = None) -> None:
        """Keep a record, and the media with it.

        Parameters
        ----------
        media
            A file inside :meth:`scratch` is moved to its final name; any other stays where it is and is read there.
        """
        folder = self.root / self.folder(record.clip_id)
        folder.mkdir(exist_ok=True)
        scratch = self.root / "tmp"
        moved = media is not None and media.resolve().is_relative_to(scratch.resolve())
        if media is not None:
            record.bytes = media.stat().st_size
            record.sha256 = sha256_of(media)
            record.media = (
                f"{record.clip_id}{media.suffix}" if moved else os.path.relpath(media.resolve(), folder.resolve())
            )
        temporary = scratch / f"{_mark()}{uuid4().hex}.json"
        try:
            temporary.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
            _sync(temporary)
            if media is not None and moved:
                _sync(media)
                os.replace(media, folder / f"{record.media}")
            os.replace(temporary, folder / f"{record.clip_id}.json")
        finally:
            temporary.unlink(missing_ok=True)
        if media is not None:
            # media of another container, now that no record names them
            for former in folder.glob(f"{escape(record.clip_id)}.*"):
                if former.suffix != ".json" and former.name != record.media:
                    former.unlink()

    def check(self) -> tuple[int, list[str]]:
        """Compare every medium with its record.

        Returns
        -------
        (n_records, faults)
            A fault is one line: a medium that is gone, has another checksum or belongs to no record, a record that
            cannot be read or stands in the wrong folder.
        """
        n_records, faults = 0, []
        for folder in sorted(path for path in self.root.iterdir() if path.is_dir() and path.name != "tmp"):
            media = set()
            for path in sorted(folder.glob("*.json")):
                name = str(path.relative_to(self.root))
                try:
                    record = _read(path)
                except (OSError, ValueError, TypeError):
                    faults.append(f"{name} is no record")
                    continue
                n_records += 1
                if self.root / self.folder(record.clip_id) / f"{record.clip_id}.json" != path:
                    faults.append(f"{name} is the record of {record.clip_id}, which belongs elsewhere")
                if record.media is not None:
                    media.add(record.media)
                    if not (folder / record.media).is_file():
                        faults.append(f"{folder.name}/{record.media} is gone")
                    elif sha256_of(folder / record.media) != record.sha256:
                        faults.append(f"{folder.name}/{record.media} is not what was written")
            strays = sorted(path.name for path in folder.iterdir() if path.suffix != ".json" and path.name not in media)
            faults += [f"{folder.name}/{stray} belongs to no record" for stray in strays]
        known = {"pace.json", "pace.lock", "videos.lock"}
        faults += [
            f"{path.name} is not the archive's"
            for path in self.root.iterdir()
            if path.name not in known and not path.is_dir()
        ]
        return n_records, faults

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder inside the archive that is gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self.root / "tmp", prefix=_mark()) as folder:
            yield Path(folder)


def _read(path: Path) -> Record:
    """Read a record; what a later version may have added is passed over."""
    found = json.loads(path.read_text(encoding="utf-8"))
    record = Record(**{f.name: found[f.name] for f in fields(Record) if f.name in found})
    for name, usual in vars(_USUAL).items():
        value = getattr(record, name)
        number = isinstance(usual, int | float)
        if not isinstance(value, (int, float) if number else type(usual)) and not (value is None and name in _MAY_LACK):
            raise TypeError(f"{name} is {value!r}")
    return record


_MAY_LACK = ("media", "media_end_seconds")
_USUAL = Record("", "", "", media="", media_end_seconds=0.0)


@cache
def _machine() -> str:
    """This machine, and on it the space in which its process numbers count (a container has its own)."""
    try:
        space = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        space = "0"
    return f"{socket.gethostname()}-{space}-"


def _mark() -> str:
    """What names in tmp/ begin with: the machine and the process that is at them."""
    return f"{_machine()}{os.getpid()}-"


def _is_left_over(path: Path) -> bool:
    """Whether the job that made a file or folder in tmp/ is gone: known at once where it ran on this machine."""
    process = path.name.removeprefix(_machine()).partition("-")[0]
    if path.name.startswith(_machine()) and process.isdecimal():
        return not _is_running(int(process))
    return path.stat().st_mtime < time.time() - LEFTOVER_SECONDS


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _sync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
