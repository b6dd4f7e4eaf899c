"""Requests for the clips of one batch to one source: one round over all clips, from several threads.

The source divides the clips into groups. The clips of a group are requested by one thread, one after the other.
"""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

from soundsift.errors import DownloadError, InputError, MediaError
from soundsift.joblog import Progress
from soundsift.media import decode
from soundsift.media.archive import NO_SECTION, Record
from soundsift.media.archive_writer import ArchiveWriter, link_or_copy
from soundsift.media.columns import KEPT
from soundsift.media.fetch_error import clock_time
from soundsift.media.outcomes import OF_THE_VIDEO, REFUSED, SENT_MEDIA, TRANSIENT
from soundsift.media.pace import Pace, host_of
from soundsift.media.record_rules import RecordRules, with_earlier_media
from soundsift.media.second_answers import is_worth_second_try, needs_confirmation
from soundsift.media.source_choice import SourceChoice
from soundsift.media.sources.base import FetchError, Media, is_about_storage, outcome_of
from soundsift.metadata.batches import Clip

# YouTube's blocks last up to an hour.
BLOCK_SECONDS = 3600.0
# Pause of a job that waits although no other job is blocked.
PAUSE_SECONDS = 600.0
# Refusals count together for so long, or for the time of twice ``block_after`` turns if that is longer.
MEMORY_SECONDS = 3600.0
# Longest pause before a request after errors that are not understood.
LONGEST_DELAY_SECONDS = 30.0


class ClipRequests:
    """Requests of one download job to one source, and their answers so far.

    A clip is *settled* if this job need not request it again.

    Attributes
    ----------
    answers
        {clip_id: outcome of its last request} for the clips that were requested.
    retry_after_seconds
        Longest time for which the source asked to be left alone in this round.
    n_whole_files
        Number of clips whose whole file was fetched because their section was unusable.
    breaker_tripped
        Whether this job stopped because clips were refused.
    failures
        {clip_id: record} of clips that a source did not return and that another source may have. They are not in the
        archive. A remote source is not asked twice, so its answers are in the archive.
    """

    def __init__(self, choice: SourceChoice, n: int, archive: ArchiveWriter, min_seconds: float) -> None:
        source = choice.sources[n]
        self._choice, self._label = choice, choice.labels[n]
        self.source, self.archive = source, archive
        self.failures: dict[str, Record] = {}
        self._params, self._policy = source.params, source.policy
        self.pace = Pace(archive.root, host_of(self._params.url), source.client)
        turns = 2 * self._policy.block_after
        self._memory_seconds = max(MEMORY_SECONDS, turns * 3600.0 / (self._policy.videos_per_hour or math.inf))
        self.answers: dict[str, str] = {}
        self._outcomes_of_round: dict[str, str] = {}
        self.retry_after_seconds = 0.0
        self._rules = RecordRules(source.params, min_seconds, started=_now())
        self._state = threading.Condition()
        self._n_requests = self._n_refused = self.n_whole_files = 0
        self.breaker_tripped = False
        self._stopped = threading.Event()
        self._storage_error: InputError | None = None

    def is_settled(self, clip: Clip) -> bool:
        """Return whether the archive has the clip, or a record that it is unobtainable."""
        record = self.archive.read(clip.clip_id)
        if record is None:
            return False
        if record.outcome in KEPT:
            return self.has_media(clip)
        if not self.source.is_remote:
            return False
        address = self.source.address(clip)
        return self._rules.is_unobtainable(record.answer_at(address), clip, address)

    def has_media(self, clip: Clip) -> bool:
        """Return whether the archive has the clip's media, and they are what their source would return."""
        record = self.archive.read(clip.clip_id)
        if record is None or record.outcome not in KEPT:
            return False
        media = self.archive.media_path(record)
        return media is not None and self._choice.is_current(clip, record, media)

    def answer(self, clip: Clip) -> Record | None:
        """Return the record of what this source answered, in this job or, if it is remote, in an earlier one."""
        if not self.source.is_remote:
            return self.failures.get(clip.clip_id)
        record, address = self.archive.read(clip.clip_id), self.source.address(clip)
        found = record.answer_at(address) if record else None
        return found if found is not None and found.url == address else None

    def is_blocked(self) -> bool:
        """Return whether requests are blocked. Requests to a source that cannot refuse them are never blocked."""
        return self.source.may_refuse and (self.breaker_tripped or self.pace.blocked() is not None)

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
        self.breaker_tripped, self.retry_after_seconds, self._n_refused = False, 0.0, 0

    def run_round(self, clips: Sequence[Clip]) -> list[Clip]:
        """Request every clip once; return those that are not settled.

        Raises
        ------
        DownloadError
            If the archive cannot be written.
        """
        progress = Progress("requested", len(clips))
        self.retry_after_seconds = 0.0
        self._outcomes_of_round = {}
        groups = self.source.groups(clips)
        unsettled: list[Clip] = []
        with ThreadPoolExecutor(self.source.concurrency) as pool:
            try:
                for group, left in zip(groups, pool.map(self._settle_group, groups), strict=True):
                    unsettled += left
                    for clip in group:
                        if clip.clip_id in self._outcomes_of_round or clip not in left:
                            progress.step()
            except BaseException:
                self._stop()
                self.source.abort()
                raise
        if self._storage_error is not None:
            raise DownloadError(str(self._storage_error)) from self._storage_error
        others = {clip.clip_id: "not asked" for clip in unsettled}
        words = Counter((others | self._outcomes_of_round).get(clip.clip_id, "settled before") for clip in clips)
        what = ", ".join(f"{n} {word}" for word, n in words.most_common())
        logging.info("%s: of %d clips in this round: %s", self._label, len(clips), what)
        return unsettled

    def _stop(self) -> None:
        """Let no further request begin."""
        with self._state:
            self._stopped.set()
            self._state.notify_all()

    def _settle_group(self, clips: Sequence[Clip]) -> list[Clip]:
        """Settle the clips of a group while no other job requests their video; return those that are not settled."""
        claim = self.pace.claim(clips[0].video_id, self._stopped) if self.source.claims_videos else nullcontext(True)
        try:
            with claim as claimed:
                return [clip for clip in clips if not (claimed and self._settle(clip))]
        except OSError as error:
            self._stop()
            with self._state:
                self._storage_error = self._storage_error or InputError(
                    f"the archive {self.archive.root} cannot be written ({error}): "
                    "free disk space or correct the folder, and run again; what was fetched is kept"
                )
            return list(clips)

    def _settle(self, clip: Clip) -> bool:
        return self.is_settled(clip) or self._settle_by_other_clip(clip) or self._request(clip)

    def _settle_by_other_clip(self, clip: Clip) -> bool:
        """Settle a clip by the record of another clip with the same address, if possible.

        Either the other clip has the whole file, which serves this clip too, or the video is gone for both.
        """
        if not self.source.is_remote or self._params.trimmed:
            return False
        address = self.source.address(clip)
        for of_other in self.archive.others(clip.clip_id):
            other = of_other.answer_at(address)
            if other.url != address:
                continue
            if other.outcome in KEPT and other.media and other.whole and not other.trimmed:
                return self._fetch(clip, partial(self._media_of_other_clip, other), n_requests=0)
            if other.outcome in OF_THE_VIDEO and self._rules.is_gone(other, address):
                note = f"as {other.clip_id}"
                record = replace(
                    other, clip_id=clip.clip_id, end_seconds=clip.end_seconds, tries=0, note=note, failed={}
                )
                self._record_failure(record, self.archive.read(clip.clip_id))
                return True
        return False

    def _media_of_other_clip(self, other: Record, clip: Clip, scratch: Path) -> Media:
        path = self.archive.media_path(other)
        assert path is not None
        link_or_copy(path, scratch / path.name)
        held = decode.held_seconds(path, clip.start_seconds, clip.end_seconds)
        note = f"same file as {other.clip_id}"
        return Media(scratch / path.name, 0.0, other.media_end_seconds, held, whole=True, note=note)

    def _request(self, clip: Clip) -> bool:
        """Request a clip when its turn comes, unless requests are blocked; return whether that settles it."""
        if self._stopped.is_set():
            return False
        if not self.source.is_remote:
            return not self.is_blocked() and self._fetch(clip, self.source.fetch)
        with self._state:
            # after a refusal, the running requests and the refusals together are at most ``block_after``
            self._state.wait_for(
                lambda: (
                    self._stopped.is_set()
                    or self.breaker_tripped
                    or not self._n_requests  # nobody would end this wait
                    or not self._n_refused
                    or self._n_requests + self._n_refused < self._policy.block_after
                )
            )
            self._n_requests += 1
        try:
            if seconds := self._delay_seconds():
                logging.info("%s: waits %.0f s, because answers in a row were not understood", clip.clip_id, seconds)
            if self._stopped.wait(seconds) or self.is_blocked():
                return False
            self.source.prepare()
            while seconds := self.pace.take_turn(self._policy.videos_per_hour):
                if self._stopped.wait(seconds) or self.pace.blocked():
                    return False
            return not self.pace.blocked() and self._fetch(clip, self.source.fetch)
        finally:
            with self._state:
                self._n_requests -= 1
                self._state.notify_all()

    def n_not_understood(self) -> int:
        """Return how many clips in a row, over all jobs, were offered no formats or had errors not understood."""
        return self.pace.n_not_understood(self._memory_seconds) if self.source.is_remote else 0

    def _delay_seconds(self) -> float:
        """Return the pause before a request: 0, or growing after ``block_after`` answers that are not understood.

        They may be a new form of a block, and only media show that they are not.
        """
        n_more = self.n_not_understood() - self._policy.block_after
        return min(2.0 ** min(n_more, 10), LONGEST_DELAY_SECONDS) if n_more >= 0 else 0.0

    def _fetch(self, clip: Clip, fetch: Callable[[Clip, Path], Media], n_requests: int = 1) -> bool:
        """Fetch the media of a clip and record the answer; return whether that settles it."""
        before, address = self.archive.read(clip.clip_id), self.source.address(clip)
        earlier = before if self._choice.is_single else self.answer(clip)
        record = Record(
            clip.clip_id, clip.video_id, "ok", tries=(earlier.tries if earlier else 0) + n_requests, when=_now(),
            url=address, source=self._label, end_seconds=clip.end_seconds, trimmed=self._params.trimmed,
            whole=not self._rules.takes_sections, n_corrupt=earlier.n_corrupt if earlier else 0,
            n_unavailable=earlier.n_unavailable if earlier else 0, tools=_tools(),
        )  # fmt: skip
        try:
            with self.archive.scratch() as scratch:
                self._store(record, fetch(clip, scratch))
        except MediaError as error:
            record.outcome, record.reason = error.outcome, error.reason
            if error.outcome == "unavailable":
                record.too_large_megabytes = self._params.max_megabytes
        except FetchError as error:
            record.outcome, record.reason = error.outcome, error.reason
            self.retry_after_seconds = max(self.retry_after_seconds, error.retry_after_seconds)
        except OSError as error:
            if is_about_storage(error):
                raise
            record.outcome, record.reason = outcome_of(error), error.strerror or str(error)
        if record.outcome not in KEPT:
            if self._stopped.is_set():
                return False
            logging.info("%s: %s (%s)", clip.clip_id, record.outcome, record.reason)
            record.n_corrupt += n_requests * (record.outcome == "corrupt")
            record.n_unavailable += n_requests * needs_confirmation(record)
            self._record_failure(record, before)
        self._outcomes_of_round[clip.clip_id] = record.outcome
        if n_requests and self.source.may_refuse:
            self.answers[clip.clip_id] = record.outcome
        if n_requests and self.source.is_remote:
            self._count_refusals(record)
            self.n_whole_files += record.outcome in KEPT and record.note == NO_SECTION
        return record.outcome not in TRANSIENT and not is_worth_second_try(record)

    def _record_failure(self, record: Record, before: Record | None) -> None:
        """Record that this source did not return a clip; another source may return it or give a better reason."""
        if self._choice.is_single:
            self.archive.write(with_earlier_media(record, before))
        elif self.source.is_remote:
            record.failed = before.answers() if before else {}
            record.failed.pop(record.url, None)
            self.archive.write(with_earlier_media(record, before))
        else:
            self.failures[record.clip_id] = record

    def _store(self, record: Record, media: Media) -> None:
        """Write media and their record to the archive, if they hold enough of the labelled stretch."""
        record.media_start_seconds, record.media_end_seconds = media.begins_seconds, media.ends_seconds
        record.whole, record.note, record.modified_ns = media.whole, media.note, media.modified_ns
        record.shard, record.shard_version = media.shard, media.shard_version
        if media.of_video and record.trimmed:
            self._refuse_twin(record)
        if media.held_seconds is not None:
            record.held_seconds = media.held_seconds
            if media.held_seconds < self._rules.min_seconds:
                raise MediaError("too_short", f"{media.held_seconds:.2f} s of the labelled stretch exist")
        self.archive.write(record, media.path, media.sha256)

    def _refuse_twin(self, record: Record) -> None:
        """Refuse the trimmed sound of a video for two of its clips: it belongs to one of them only."""
        for other in self.archive.others(record.clip_id):
            # the record stays where the media were freed
            if other.outcome in KEPT and other.trimmed and other.shard == record.shard:
                raise DownloadError(
                    f"{record.clip_id} and {other.clip_id} would both be read from the same row of {record.shard}: its "
                    "rows are named by the video alone, so the list may have only one clip of it"
                )

    def _count_refusals(self, record: Record) -> None:
        """Circuit breaker: ``block_after`` refusals, over all jobs, without media in between stop all jobs.

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
                    self.breaker_tripped = True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


@cache
def _tools() -> dict[str, str]:
    # looking up a version takes several milliseconds
    return {name: version(name) for name in ("yt-dlp", "av")}
