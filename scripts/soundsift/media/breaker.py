"""When a download job may send a request to a source: its rate, its pauses, and the end of all requests if it refuses.

The counts and blocks are those of all jobs on an archive: see :mod:`soundsift.media.pace`.
"""

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soundsift.media.archive import Record
from soundsift.media.fetch_error import clock_time
from soundsift.media.outcomes import REFUSED, SENT_MEDIA
from soundsift.media.pace import Pace, host_of
from soundsift.media.sources.base import Source

# YouTube's blocks last up to an hour.
BLOCK_SECONDS = 3600.0
# Pause of a job that waits although no other job is blocked.
PAUSE_SECONDS = 600.0
# Refusals count together for so long, or for the time of twice ``block_after`` turns if that is longer.
MEMORY_SECONDS = 3600.0
# Longest pause before a request after errors that are not understood.
LONGEST_DELAY_SECONDS = 30.0


class Breaker:
    """The circuit breaker of one download job for one source. Its methods are called from several threads.

    Parameters
    ----------
    source
        The source. One that cannot refuse requests is never blocked.
    root
        The archive's folder.

    Attributes
    ----------
    pace
        What the job shares with all others on the archive.
    tripped
        Whether this job stopped because clips were refused.
    retry_after_seconds
        Longest time for which the source asked to be left alone in this round.
    stopped
        Set when no further request may begin.
    """

    def __init__(self, source: Source, root: Path) -> None:
        self._source, self._policy = source, source.policy
        self.pace = Pace(root, host_of(source.params.url), source.client)
        turns = 2 * self._policy.block_after
        self._memory_seconds = max(MEMORY_SECONDS, turns * 3600.0 / (self._policy.videos_per_hour or math.inf))
        self._state = threading.Condition()
        self._n_requests = self._n_refused = 0
        self.tripped = False
        self.retry_after_seconds = 0.0
        self.stopped = threading.Event()

    def stop(self) -> None:
        """Let no further request begin."""
        with self._state:
            self.stopped.set()
            self._state.notify_all()

    def is_blocked(self) -> bool:
        """Return whether requests are blocked. Requests to a source that cannot refuse them are never blocked."""
        return self._source.may_refuse and (self.tripped or self.pace.blocked() is not None)

    def wait_for_end_of_block(self) -> None:
        """Wait until the source may be asked again."""
        if self.pace.blocked() is None:
            logging.getLogger("soundsift").warning("no formats are offered: waiting for %.0f s", PAUSE_SECONDS)
            time.sleep(PAUSE_SECONDS)
        while block := self.pace.blocked():
            until, reason = block
            logging.getLogger("soundsift").warning(
                "the source refuses us (%s): waiting until %s", reason, clock_time(until)
            )
            time.sleep(max(0.0, until - time.time()))
        self.tripped, self.retry_after_seconds, self._n_refused = False, 0.0, 0

    @contextmanager
    def turn(self, clip_id: str) -> Iterator[bool]:
        """Wait until the request for a clip may be sent. The request must end within the context.

        Yields
        ------
        bool
            False if it may not be sent, because requests are blocked or no further one may begin.
        """
        if self.stopped.is_set() or not self._source.is_remote:
            yield not self.stopped.is_set() and not self.is_blocked()
            return
        with self._state:
            # after a refusal, the running requests and the refusals together are at most ``block_after``
            self._state.wait_for(
                lambda: (
                    self.stopped.is_set()
                    or self.tripped
                    or not self._n_requests  # nobody would end this wait
                    or not self._n_refused
                    or self._n_requests + self._n_refused < self._policy.block_after
                )
            )
            self._n_requests += 1
        try:
            yield self._is_due(clip_id)
        finally:
            with self._state:
                self._n_requests -= 1
                self._state.notify_all()

    def _is_due(self, clip_id: str) -> bool:
        """Wait for the pause before a request and for its place in the rate; return False if requests are blocked."""
        if seconds := self._delay_seconds():
            logging.info("%s: waits %.0f s, because answers in a row were not understood", clip_id, seconds)
        if self.stopped.wait(seconds) or self.is_blocked():
            return False
        self._source.prepare()
        while seconds := self.pace.take_turn(self._policy.videos_per_hour):
            if self.stopped.wait(seconds) or self.pace.blocked():
                return False
        return not self.pace.blocked()

    def n_not_understood(self) -> int:
        """Return how many clips in a row, over all jobs, were offered no formats or had errors not understood."""
        return self.pace.n_not_understood(self._memory_seconds) if self._source.is_remote else 0

    def _delay_seconds(self) -> float:
        """Return the pause before a request: 0, or growing after ``block_after`` answers that are not understood.

        They may be a new form of a block, and only media show that they are not.
        """
        n_more = self.n_not_understood() - self._policy.block_after
        return min(2.0 ** min(n_more, 10), LONGEST_DELAY_SECONDS) if n_more >= 0 else 0.0

    def count(self, record: Record) -> None:
        """Count an answer: ``block_after`` refusals, over all jobs, without media in between stop all jobs.

        A site says of a dead video that it is dead even while it refuses everything else, so such answers count neither
        way. If no formats are offered, the cause may be yt-dlp or its options, which the user can correct at once: only
        this job stops, and such answers do not count towards a block.
        """
        with self._state:
            if record.outcome in SENT_MEDIA:
                self.pace.forget_refusals()
                self._n_refused = 0
            elif record.outcome == "unrecognised":
                self.pace.count_unrecognised(record.clip_id, self._memory_seconds)
            elif record.outcome in REFUSED and not self.pace.blocked():
                no_block = record.outcome == "no_formats"
                seconds = None if no_block else self.retry_after_seconds or BLOCK_SECONDS
                is_reached, self._n_refused = self.pace.count_refusal(
                    record.clip_id, record.reason, self._policy.block_after, seconds, self._memory_seconds
                )
                if is_reached:
                    logging.warning("%d clips in a row were refused: no more requests", self._policy.block_after)
                    self.tripped = True
