"""Writing to the archive.

Every file is written under a temporary name inside the archive, flushed to disk and then renamed, the media before
their record. A job that is killed at any moment leaves a clip with nothing or with everything.
"""

import json
import os
import shutil
import socket
import tempfile
import time
import weakref
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from uuid import uuid4

from soundsift.errors import InputError
from soundsift.files import sha256_of
from soundsift.media.archive import NO_SECTION, SCRATCH, WHOLE_FILES, Archive, Record, names_in, read_record

# Temporary files of another machine are deleted after this time, because this machine cannot see whether the job runs.
LEFTOVER_SECONDS = 24 * 3600.0


class ArchiveWriter(Archive):
    """An archive that can be written to; get one from :func:`open_for_writing`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._empty: list[Path] = []
        weakref.finalize(self, _delete_all, self._empty)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Provide an empty folder inside the archive, so that its files can be moved to their place by renaming.

        It is used again if it is left empty: on a busy disk deleting a folder takes longer than writing a clip.
        """
        try:
            folder = self._empty.pop()
        except IndexError:
            folder = Path(tempfile.mkdtemp(dir=self.root / SCRATCH, prefix=_job_prefix()))
        try:
            yield folder
        finally:
            if os.listdir(folder):
                shutil.rmtree(folder)
            else:
                self._empty.append(folder)

    def write(self, record: Record, media: Path | None = None, sha256: str = "") -> None:
        """Store a record, and its media if there are new ones.

        Parameters
        ----------
        record
            With new media, its ``bytes``, ``sha256`` and ``media`` are filled in here.
        media
            A file inside :meth:`scratch` is moved to its final name. Any other file stays in place and is read there.
        sha256
            Checksum of the media; without it they are read for it.
        """
        folder = self.root / self.folder(record.clip_id)
        folder.mkdir(exist_ok=True)
        scratch = self.root / SCRATCH
        is_moved = media is not None and (
            media.parent.parent == scratch or media.resolve().is_relative_to(scratch.resolve())
        )
        if media is not None:
            record.bytes = media.stat().st_size
            record.sha256 = sha256 or sha256_of(media)
            record.media = (
                f"{record.clip_id}{media.suffix}" if is_moved else os.path.relpath(media.resolve(), folder.resolve())
            )
        temporary = scratch / f"{_job_prefix()}{uuid4().hex}.json"
        try:
            temporary.write_text(json.dumps(vars(record), indent=1), encoding="utf-8")
            # what a power cut takes of a shard's media is read from the shard again
            if not record.shard:
                _sync(temporary)
            if media is not None and is_moved:
                if not record.shard:
                    _sync(media)
                os.replace(media, folder / f"{record.media}")
            os.replace(temporary, self.record_path(record.clip_id))
            if media is not None and record.note == NO_SECTION:
                with open(self.root / WHOLE_FILES, "a", encoding="utf-8") as file:
                    file.write(f"{record.clip_id}\n")
        finally:
            temporary.unlink(missing_ok=True)
        if media is not None:
            # earlier media in another container: no record names them any more
            for earlier in names_in(folder, f"{record.clip_id}."):
                if not earlier.endswith(".json") and earlier != record.media:
                    (folder / earlier).unlink()

    def free(self, clip_id: str, shards: Container[tuple[str, str]]) -> int | None:
        """Delete media that were taken from a shard; their record stays.

        Parameters
        ----------
        shards
            Name and version of the shards that can be read again.

        Returns
        -------
            Number of bytes that are free; None if the media stay because their shard cannot be read again.
        """
        try:
            record = read_record(self.record_path(clip_id))
        except (OSError, ValueError, TypeError):
            return 0
        path = self.media_path(record)
        if path is None or not record.shard:
            return 0
        if (record.shard, record.shard_version) not in shards:
            return None
        # the media first: a record whose media are gone counts as none, but media without a record would stay for ever
        path.unlink(missing_ok=True)
        self.write(replace(record, media=None))
        return record.bytes


def open_for_writing(root: Path) -> ArchiveWriter:
    """Create the archive's folder if needed, check that it can be written, and delete files of jobs that were killed.

    Raises
    ------
    InputError
        If the folder cannot be created or written.
    """
    scratch = root / SCRATCH
    try:
        scratch.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the archive {root} cannot be made ({error.strerror}): set download.archive") from error
    if not os.access(scratch, os.W_OK):
        raise InputError(f"the archive {root} cannot be written: set download.archive to a writable folder")
    for path in scratch.iterdir():
        # another job may be deleting the same leftovers
        with suppress(FileNotFoundError):
            if _is_leftover(path):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
    return ArchiveWriter(root)


@cache
def _host_prefix() -> str:
    """Name of this machine and of its process namespace: each container numbers its own processes."""
    try:
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        namespace = "0"
    return f"{socket.gethostname()}-{namespace}-"


def _job_prefix() -> str:
    """Prefix of this process's names in the scratch folder."""
    return f"{_host_prefix()}{os.getpid()}-"


def _is_leftover(path: Path) -> bool:
    """Whether the job that made a temporary file has ended.

    On this machine the process is looked up. For files of other machines the age decides.
    """
    process = path.name.removeprefix(_host_prefix()).partition("-")[0]
    if path.name.startswith(_host_prefix()) and process.isdecimal():
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


def _delete_all(folders: list[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def link_or_copy(source: Path, target: Path) -> None:
    """Create a hard link to a file; copy the file if the file system does not support it."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copy2(source, target)
