"""The state that all jobs on an archive share: the request rate, blocks, and claims of videos.

The rate and blocks are in ``pace.json``, protected by a POSIX record lock on ``pace.lock``. A video is claimed by a
lock on one byte of ``videos.lock``. The kernel releases such locks when their holder is killed, and NFS 3 and 4 support
them. A lock made of an exclusive file or a rename would outlive a killed job.
"""

import errno
import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from soundsift.errors import InputError
from soundsift.files import write_json

# Upper limit of a block, whatever a server asks for. A later end comes from a wrong clock and is ignored.
LONGEST_BLOCK_SECONDS = 24 * 3600.0
# Lower limit of a block after refusals: servers that refuse every request may still ask for a pause of seconds.
SHORTEST_BLOCK_SECONDS = 60.0
CLAIM_POLL_SECONDS = 0.2

_THREADS = threading.Lock()


@dataclass
class _State:
    """Times in seconds since 1970; clips refused in a row, by clip id, and those that were offered no formats."""

    next_turn: float = 0.0
    refused_at: dict[str, float] = field(default_factory=dict)
    no_formats_at: dict[str, float] = field(default_factory=dict)
    blocked_until: float = 0.0
    blocked_reason: str = ""
    blocked_client: str = ""


class Pace:
    """Request rate, blocks and claims of all jobs that share an archive.

    Parameters
    ----------
    root
        The archive's folder, which must exist and be writable.
    client
        From :func:`client_of`. A block of another client does not hold for this one; empty counts as every client.
    """

    def __init__(self, root: Path, client: str = "") -> None:
        self._root, self._client = root, client

    @contextmanager
    def _state(self) -> Iterator[_State]:
        """Lock and read the shared state; write it back at the end if it was changed."""
        # a record lock is held by the whole process: its threads need a lock of their own
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
        """Take the next turn for a request if it is due.

        Turns are never reserved. So a killed job leaves no gap, and a raised limit takes effect at once.

        Returns
        -------
        float
            0 if the turn was taken, else the seconds to wait before the next attempt.
        """
        if videos_per_hour is None:
            return 0.0
        interval = 3600.0 / videos_per_hour
        with self._state() as state:
            now = time.time()
            turn = min(state.next_turn, now + interval)
            if turn > now:
                return turn - now
            # a small delay does not lower the rate, and a long pause does not allow a burst afterwards
            state.next_turn = (turn if now - turn <= interval / 4 else now) + interval
            return 0.0

    def count_refusal(
        self, clip_id: str, reason: str, block_after: int, block_seconds: float | None, memory_seconds: float
    ) -> tuple[bool, int]:
        """Count a refused clip; after ``block_after`` different clips in a row, block requests.

        Parameters
        ----------
        block_seconds
            None for a clip that was offered no formats. Such clips do not count towards a block. After ``block_after``
            clips of either kind the next one, of any job, reaches ``block_after`` too.
        memory_seconds
            Earlier refusals do not count.

        Returns
        -------
        (is_reached, n_refused)
            Whether ``block_after`` was reached, and the number of clips refused in a row, over all jobs.
        """
        with self._state() as state:
            now = time.time()
            for clips in (state.refused_at, state.no_formats_at):
                for old in [one for one, when in clips.items() if one == clip_id or abs(now - when) > memory_seconds]:
                    del clips[old]
            (state.no_formats_at if block_seconds is None else state.refused_at)[clip_id] = now
            n_refused = len(state.refused_at) + len(state.no_formats_at)
            if block_seconds is not None and len(state.refused_at) >= block_after:
                _block(state, reason, max(block_seconds, SHORTEST_BLOCK_SECONDS), self._client)
            return n_refused >= block_after, n_refused

    def block(self, reason: str, seconds: float) -> None:
        """Block the requests of all jobs."""
        with self._state() as state:
            _block(state, reason, seconds, self._client)

    def forget_refusals(self) -> None:
        """Start counting anew, because the source answered."""
        with self._state() as state:
            state.refused_at, state.no_formats_at = {}, {}

    def blocked(self) -> tuple[float, str] | None:
        """Return the end of the block, in seconds since 1970, and its reason; None if requests are not blocked."""
        with self._state() as state:
            if self._client and state.blocked_client not in ("", self._client):
                return None
            if 0 < state.blocked_until - time.time() <= LONGEST_BLOCK_SECONDS:
                return state.blocked_until, state.blocked_reason
            return None

    @contextmanager
    def claim(self, video_id: str, stopped: threading.Event) -> Iterator[bool]:
        """Claim a video, so that no other job requests it; wait while another job holds it.

        Threads of one job must not claim the same video at the same time: a lock is held by the whole process.

        Yields
        ------
        bool
            False if ``stopped`` was set before the video was free.
        """
        byte = int.from_bytes(hashlib.sha1(video_id.encode()).digest()[:7])
        file = _claims_file(self._root.resolve())
        # no blocking lock: if threads of two jobs wait for each other's videos, the kernel takes that for a deadlock
        while not self._lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB, byte):
            if stopped.wait(CLAIM_POLL_SECONDS):
                yield False
                return
        try:
            yield True
        finally:
            fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)


@cache
def _claims_file(root: Path) -> int:
    # opened once and never closed: closing any descriptor of a file releases all locks of the process on it
    return os.open(root / "videos.lock", os.O_RDWR | os.O_CREAT, 0o666)


def client_of(cookies: str | None, proxy: str | None, yt_dlp: Mapping[str, Any]) -> str:
    """Return a name for what a source sees of a client: its cookies (path and content), its proxy and its options."""
    name = hashlib.sha256(json.dumps([cookies, proxy, yt_dlp], sort_keys=True, default=str).encode())
    if cookies:
        with suppress(OSError):
            name.update(Path(cookies).read_bytes())
    return name.hexdigest()[:16]


def _block(state: _State, reason: str, seconds: float, client: str) -> None:
    state.refused_at, state.no_formats_at = {}, {}
    state.blocked_until = time.time() + min(seconds, LONGEST_BLOCK_SECONDS)
    state.blocked_reason, state.blocked_client = reason, client


def _read(path: Path) -> _State:
    """Read the state; a file that is missing or damaged counts as the initial state."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        state = _State(**{f.name: found[f.name] for f in fields(_State) if f.name in found})
        float(state.next_turn), float(state.blocked_until)
        sum(state.refused_at.values()), sum(state.no_formats_at.values())
    except PermissionError as error:
        raise InputError(
            f"{path} may not be read: put all users of the archive into its group, with umask 002"
        ) from error
    except (OSError, ValueError, TypeError, AttributeError):
        return _State()
    return state
