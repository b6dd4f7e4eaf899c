"""The archive: media and what is known of them, one record a clip, kept for good and shared by every job.

Everything is written to a temporary name inside the archive and renamed, the media before their record, so a kill
at any moment leaves a clip with nothing or with everything. Records name media relative to their own folder: the
archive can be moved.

Jobs that share an archive agree on when the next video may be asked for, and whether anyone may ask at all, through
``pace.json`` under a POSIX record lock on ``pace.lock``, and on who asks for a video by a lock on one byte of
``videos.lock``: the kernel frees such locks when their holder is killed, and NFS 3 and 4 pass them on, where a lock
made by an exclusive file or a rename would outlive a killed job.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from glob import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

from soundsift.errors import InputError
from soundsift.tables import write_json

_THREADS = threading.Lock()
# what a killed job left in tmp/ is cleared away when no living job can still be at it
LEFTOVER_SECONDS = 24 * 3600.0
CLAIM_LOOK_SECONDS = 0.2


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
    tries
        How often the source was asked, over all jobs.
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
                if leftover.stat().st_mtime < time.time() - LEFTOVER_SECONDS:
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
        temporary = scratch / f"{uuid4().hex}.json"
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
        with tempfile.TemporaryDirectory(dir=self.root / "tmp") as folder:
            yield Path(folder)

    @contextmanager
    def claim(self, video_id: str) -> Iterator[None]:
        """Be the only job that asks for a video. Threads of one job must not claim the same one at once."""
        byte = int.from_bytes(hashlib.sha1(video_id.encode()).digest()[:7])
        file = _claims(self.root.resolve())
        # waiting inside the kernel could fail: it takes two jobs whose threads wait for each other's for a deadlock
        while not self._lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB, byte):
            time.sleep(CLAIM_LOOK_SECONDS)
        try:
            yield
        finally:
            fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)

    def _lock(self, file: int, how: int, byte: int = 0) -> bool:
        try:
            fcntl.lockf(file, how, 1, byte)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise InputError(
                f"the file system of the archive {self.root} gives no locks ({error.strerror}): "
                "set download.archive to a folder on one that does"
            ) from error
        return True

    @contextmanager
    def _pace(self) -> Iterator[dict[str, Any]]:
        """Hold the shared state of all jobs, and write back what the block made of it."""
        # a record lock belongs to the whole process, so its threads need a lock of their own
        with _THREADS, open(self.root / "pace.lock", "a", encoding="utf-8") as lock:
            self._lock(lock.fileno(), fcntl.LOCK_EX)
            path = self.root / "pace.json"
            try:
                state = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                state = {}
            before = dict(state)
            yield state
            if state != before:
                write_json(state, path)

    def take_turn(self, videos_per_hour: float | None) -> float:
        """Reserve the next moment at which any job may ask for a video; return the seconds to wait until then."""
        if videos_per_hour is None:
            return 0.0
        with self._pace() as state:
            now = time.time()
            turn = max(now, float(state.get("next_turn", 0.0)))
            state["next_turn"] = turn + 3600.0 / videos_per_hour
        return max(0.0, turn - now)

    def refused(self, reason: str, block_after: int, block_seconds: float) -> int:
        """Count one more refused clip; after ``block_after`` in a row nobody may ask for ``block_seconds``.

        Returns
        -------
        How many were refused in a row by now, over all jobs; 0 once they led to a block.
        """
        with self._pace() as state:
            state["refused_in_a_row"] = int(state.get("refused_in_a_row", 0)) + 1
            if state["refused_in_a_row"] >= block_after:
                state |= {"refused_in_a_row": 0, "blocked_until": time.time() + block_seconds, "blocked_reason": reason}
            return int(state["refused_in_a_row"])

    def welcomed(self) -> None:
        """Forget refusals: the source answered."""
        with self._pace() as state:
            if state.get("refused_in_a_row"):
                state["refused_in_a_row"] = 0

    def blocked(self) -> tuple[float, str] | None:
        """Until when (seconds since 1970) nobody may ask, and why; None if one may."""
        with self._pace() as state:
            until = float(state.get("blocked_until", 0.0))
            return (until, str(state["blocked_reason"])) if until > time.time() else None


@cache
def _claims(root: Path) -> int:
    # opened once and never closed: closing any descriptor of a file frees all locks that the process holds on it
    return os.open(root / "videos.lock", os.O_RDWR | os.O_CREAT, 0o666)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name if the file system can, else copy it."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copy2(source, target)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> Record:
    return Record(**json.loads(path.read_text(encoding="utf-8")))


def _sync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
