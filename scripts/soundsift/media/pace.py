"""What jobs that share an archive agree on: whose turn it is, whether anyone may ask, and who asks for a video.

Turns and blocks stand in ``pace.json`` under a POSIX record lock on ``pace.lock``; a video is claimed by a lock on one
byte of ``videos.lock``. The kernel frees such locks when their holder is killed, and NFS 3 and 4 pass them on, where a
lock made by an exclusive file or a rename would outlive a killed job.
"""

import errno
import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path

from soundsift.errors import InputError
from soundsift.files import write_json

# Nobody is kept from asking for longer, whatever a server says; what is later in the state was not written by us.
LONGEST_BLOCK_SECONDS = 24 * 3600.0
# A server that asks for less while it refuses one clip after the other is not taken at its word.
SHORTEST_BLOCK_SECONDS = 60.0
CLAIM_LOOK_SECONDS = 0.2

_THREADS = threading.Lock()


@dataclass
class _State:
    """Times in seconds since 1970; ``refused`` are the clips refused in a row."""

    next_turn: float = 0.0
    refused: list[str] = field(default_factory=list)
    blocked_until: float = 0.0
    blocked_reason: str = ""


class Pace:
    """The pace of all jobs that share an archive."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def _state(self) -> Iterator[_State]:
        """Hold the shared state of all jobs, and write back what the block made of it."""
        # a record lock belongs to the whole process, so its threads need a lock of their own
        with _THREADS, open(self._root / "pace.lock", "a", encoding="utf-8") as lock:
            self._lock(lock.fileno(), fcntl.LOCK_EX)
            path = self._root / "pace.json"
            before = _read(path)
            state = _State(**asdict(before))
            yield state
            if state != before:
                write_json(asdict(state), path)

    def _lock(self, file: int, how: int, byte: int = 0) -> bool:
        try:
            fcntl.lockf(file, how, 1, byte)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise InputError(
                f"the file system of the archive {self._root} gives no locks ({error.strerror}): "
                "set download.archive to a folder on one that does"
            ) from error
        return True

    def take_turn(self, videos_per_hour: float | None) -> float:
        """Take the next turn to ask for a video if it has come; return 0 then, else the seconds until it may have.

        A turn is taken when it is used and never ahead: a killed job leaves no gap, and what a lower limit had put off
        does not hold once it is raised.
        """
        if videos_per_hour is None:
            return 0.0
        interval = 3600.0 / videos_per_hour
        with self._state() as state:
            now = time.time()
            turn = min(state.next_turn, now + interval)
            if turn > now:
                return turn - now
            # who came a little late slows nobody down; a pause is no credit for a burst
            state.next_turn = (turn if now - turn <= interval / 4 else now) + interval
            return 0.0

    def refused(self, clip_id: str, reason: str, block_after: int, block_seconds: float) -> bool:
        """Note that a clip was refused; after ``block_after`` clips in a row block. Return whether that came of it."""
        with self._state() as state:
            if clip_id not in state.refused:
                state.refused.append(clip_id)
            if len(state.refused) < block_after:
                return False
        self.block(reason, max(block_seconds, SHORTEST_BLOCK_SECONDS))
        return True

    def n_refused(self) -> int:
        """How many clips were refused in a row, over all jobs."""
        with self._state() as state:
            return len(state.refused)

    def block(self, reason: str, seconds: float) -> None:
        """Let nobody ask for so long."""
        with self._state() as state:
            state.refused = []
            state.blocked_until = time.time() + min(seconds, LONGEST_BLOCK_SECONDS)
            state.blocked_reason = reason

    def welcomed(self) -> None:
        """Forget refusals: the source answered."""
        with self._state() as state:
            state.refused = []

    def blocked(self) -> tuple[float, str] | None:
        """Until when nobody may ask, and why; None if one may."""
        with self._state() as state:
            if 0 < state.blocked_until - time.time() <= LONGEST_BLOCK_SECONDS:
                return state.blocked_until, state.blocked_reason
            return None

    @contextmanager
    def claim(self, video_id: str, stopped: threading.Event) -> Iterator[bool]:
        """Be the only job that asks for a video; False if ``stopped`` before it was free.

        Threads of one job must not claim the same video at once: the lock is the process's.
        """
        byte = int.from_bytes(hashlib.sha1(video_id.encode()).digest()[:7])
        file = _claims(self._root.resolve())
        # waiting inside the kernel could fail: it takes two jobs whose threads wait for each other's for a deadlock
        while not self._lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB, byte):
            if stopped.wait(CLAIM_LOOK_SECONDS):
                yield False
                return
        try:
            yield True
        finally:
            fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)


@cache
def _claims(root: Path) -> int:
    # opened once and never closed: closing any descriptor of a file frees all locks that the process holds on it
    return os.open(root / "videos.lock", os.O_RDWR | os.O_CREAT, 0o666)


def _read(path: Path) -> _State:
    """Read the state; what is not as it was written counts as nothing."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        state = _State(**{f.name: found[f.name] for f in fields(_State) if f.name in found})
        float(state.next_turn), float(state.blocked_until), state.refused.copy()
    except PermissionError as error:
        raise InputError(
            f"{path} may not be read: let all who share the archive be of its group, with umask 002"
        ) from error
    except (OSError, ValueError, TypeError, AttributeError):
        return _State()
    return state
