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
from copy import deepcopy
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from soundsift.errors import InputError
from soundsift.files import write_json
from soundsift.media.pace_state import LONGEST_MEMORY_SECONDS, STATE_FILE, Answers, State, read_state

# Lower limit of a block after refusals: servers that refuse every request may still ask for a pause of seconds.
SHORTEST_BLOCK_SECONDS = 60.0
CLAIM_POLL_SECONDS = 0.2

_THREADS = threading.Lock()


class Pace:
    """Request rate, blocks and claims of all jobs that share an archive.

    Parameters
    ----------
    root
        The archive's folder, which must exist and be writable.
    host, client
        The host of the source, and its client from :func:`client_of`. What one host answers to one client does not hold
        for others. Empty counts as all hosts and clients.
    """

    def __init__(self, root: Path, host: str = "", client: str = "") -> None:
        self._root, self._key = root, f"{host} {client}".strip()

    @contextmanager
    def _state(self) -> Iterator[State]:
        """Lock and read the shared state; write it back at the end if it was changed."""
        # a record lock is held by the whole process: its threads need a lock of their own
        with _THREADS, open(self._root / "pace.lock", "a", encoding="utf-8") as lock:
            self._lock(lock.fileno(), fcntl.LOCK_EX)
            before = read_state(self._root)
            state = deepcopy(before)
            yield state
            if state != before:
                write_json(asdict(state), self._root / STATE_FILE)

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

    @contextmanager
    def _answers(self, memory_seconds: float = LONGEST_MEMORY_SECONDS) -> Iterator[Answers]:
        """Lock and read this host's answers to this client; write them back at the end if they were changed."""
        with self._state() as state:
            for answers in state.answers.values():
                answers.prune(LONGEST_MEMORY_SECONDS)
            state.answers = {key: one for key, one in state.answers.items() if one.is_blocked or one != Answers()}
            answers = state.answers.setdefault(self._key, Answers())
            answers.prune(memory_seconds)
            yield answers
            if answers == Answers():
                del state.answers[self._key]

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
        with self._answers(memory_seconds) as answers:
            for clips in (answers.refused_at, answers.no_formats_at):
                clips.pop(clip_id, None)
            (answers.no_formats_at if block_seconds is None else answers.refused_at)[clip_id] = time.time()
            n_refused = len(answers.refused_at) + len(answers.no_formats_at)
            if block_seconds is not None and len(answers.refused_at) >= block_after:
                answers.block(reason, max(block_seconds, SHORTEST_BLOCK_SECONDS))
            return n_refused >= block_after, n_refused

    def count_unrecognised(self, clip_id: str, memory_seconds: float) -> None:
        """Count a clip whose error is not understood."""
        with self._answers(memory_seconds) as answers:
            answers.unrecognised_at[clip_id] = time.time()

    def n_not_understood(self, memory_seconds: float) -> int:
        """Return how many clips in a row, over all jobs, were offered no formats or had errors not understood."""
        with self._answers(memory_seconds) as answers:
            return len(answers.no_formats_at.keys() | answers.unrecognised_at)

    def block(self, reason: str, seconds: float) -> None:
        """Block the requests of all jobs."""
        with self._answers() as answers:
            answers.block(reason, seconds)

    def forget_refusals(self) -> None:
        """Start counting anew, because the source answered."""
        with self._answers() as answers:
            answers.forget_clips()

    def blocked(self) -> tuple[float, str] | None:
        """Return the end of the block, in seconds since 1970, and its reason; None if requests are not blocked."""
        with self._state() as state:
            keys = ("", self._key) if self._key else state.answers
            blocks = [state.answers[key] for key in keys if key in state.answers and state.answers[key].is_blocked]
            latest = max(blocks, key=lambda one: one.blocked_until, default=None)
            return None if latest is None else (latest.blocked_until, latest.blocked_reason)

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


def host_of(url: str) -> str:
    """Return the host of an address, with its port and without a user and password.

    Examples
    --------
    >>> host_of("https://name:secret@mirror.org:8080/{video_id}.m4a")
    'mirror.org:8080'
    """
    return urlsplit(url).netloc.rpartition("@")[2]
