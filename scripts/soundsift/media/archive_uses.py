"""Which clips the runs that share an archive use, so that none deletes media that another one needs.

A download job notes the clips of its batch before it looks for them in the archive. Its run deletes the note when it
frees the media of the batch; the note of a run that keeps them stays. Every job of a run deletes the notes of batches
that the run no longer has, as after a change of ``batch_size``.
"""

import errno
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path

from soundsift.errors import InputError
from soundsift.files import write_text

# Folder of the notes in the archive. They are named by the run, that is by its working directory, and by the batch. Two
# machines may have a working directory of the same path: the number of its inode tells them apart. It stays after a
# restart and is the same on all nodes of a cluster, whose names differ.
IN_USE = "in_use"
# Every note is renamed to its place, which changes the time of the folder. File systems count it in steps of up to two
# seconds, so a time that is not older may hide a further change.
STEP_NS = 2_000_000_000
# A run has the batches whose tables are here.
BATCHES = Path("results/batches")


class Uses:
    """The notes in an archive.

    Parameters
    ----------
    root
        The archive.
    batch
        Name of this job's batch.
    """

    def __init__(self, root: Path, batch: str) -> None:
        self.folder = root / IN_USE
        self._run = hashlib.sha256(f"{Path.cwd()} {os.stat('.').st_ino}".encode()).hexdigest()[:12]
        self._own = self.folder / f"{self._run}-{batch}.txt"
        # {note of another run: when it was written, those of the clips that it names}
        self._read: dict[str, tuple[int, set[str]]] = {}
        # time of the folder of which they were read; 0 if it may have changed again since
        self._changed = 0
        self._used = set[str]()

    def begin(self, clip_ids: Iterable[str]) -> None:
        """Note that this run uses the clips."""
        with self._plain_errors():
            write_text("".join(f"{clip_id}\n" for clip_id in clip_ids), self._own)
            self._delete_former()

    def end(self) -> None:
        """Delete this run's note."""
        with self._plain_errors():
            self._own.unlink(missing_ok=True)
            self._delete_former()

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"the archive's notes {self.folder} cannot be read or written ({error.strerror or error}): free disk "
                "space or correct the folder, and run again; what was fetched is kept"
            ) from error

    def _delete_former(self) -> None:
        """Delete the notes of batches that this run no longer has."""
        if BATCHES.is_dir() and self.folder.is_dir():
            present = {path.name.removesuffix(".csv") for path in os.scandir(BATCHES)}
            start = f"{self._run}-"
            for name in os.listdir(self.folder):
                if name.startswith(start) and name.removeprefix(start).removesuffix(".txt") not in present:
                    (self.folder / name).unlink(missing_ok=True)

    @property
    def other_runs(self) -> str:
        """The notes of the other runs that :meth:`of_others` has found, as patterns of paths."""
        runs = sorted({name.partition("-")[0] for name, (_, used) in self._read.items() if used})
        return " ".join(str(self.folder / f"{run}-*.txt") for run in runs)

    def of_others(self, clip_ids: Set[str]) -> set[str]:
        """Return those of some clips that another run uses at this moment; always ask for the same clips."""
        now_ns = time.time_ns()
        with self._plain_errors():
            try:
                changed = os.stat(self.folder).st_mtime_ns
            except FileNotFoundError:
                return set()
        if changed != self._changed:
            with self._plain_errors():
                self._read = self._read_notes(clip_ids)
            self._used = set[str]().union(*(ids for _, ids in self._read.values()))
            self._changed = changed if changed < now_ns - STEP_NS else 0
        return self._used

    def _read_notes(self, clip_ids: Set[str]) -> dict[str, tuple[int, set[str]]]:
        """Read the notes of other runs; those that are known are not read again.

        Those of this run do not count: its batches have no clip in common, and some may be of an earlier division.
        """
        found: dict[str, tuple[int, set[str]]] = {}
        with os.scandir(self.folder) as notes:
            for note in notes:
                if not note.name.endswith(".txt") or note.name.startswith(f"{self._run}-"):
                    continue
                with suppress(FileNotFoundError):  # its run has ended meanwhile
                    written = note.stat().st_mtime_ns
                    known = self._read.get(note.name, (0, set()))
                    if known[0] != written:
                        known = written, set(_read(Path(note.path)).splitlines()) & clip_ids
                    found[note.name] = known
        return found


def _read(note: Path) -> str:
    try:
        return note.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise OSError(errno.EILSEQ, f"{note.name} is no text") from error
