"""Requests for the clips of one batch to one source: one round over all clips, from several threads.

The source divides the clips into groups. The clips of a group are requested by one thread, one after the other.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from soundsift.config.sources import has_other_place
from soundsift.errors import DownloadError, InputError, MediaError, SourceError
from soundsift.joblog import Progress
from soundsift.media.archive import NO_SECTION, Record
from soundsift.media.archive_writer import ArchiveWriter
from soundsift.media.breaker import Breaker
from soundsift.media.columns import KEPT
from soundsift.media.outcomes import TRANSIENT
from soundsift.media.second_answers import is_worth_second_try, needs_confirmation
from soundsift.media.source_choice import SourceChoice
from soundsift.media.source_records import SourceRecords
from soundsift.media.sources.base import FetchError, Media, is_about_storage, outcome_of
from soundsift.metadata.batches import Clip


class ClipRequests:
    """Requests of one download job to one source, and their answers so far.

    Attributes
    ----------
    records
        The archive's records of the source.
    breaker
        Whether requests may be sent.
    answers
        {clip_id: outcome of its last request} for the clips that were requested.
    n_whole_files
        Number of clips whose whole file was fetched because their section was unusable.
    """

    def __init__(self, choice: SourceChoice, n: int, archive: ArchiveWriter, min_seconds: float) -> None:
        self.source, self._label = choice.sources[n], choice.labels[n]
        self.records = SourceRecords(choice, n, archive, min_seconds)
        self.breaker = Breaker(self.source, archive.root)
        self.answers: dict[str, str] = {}
        self.n_whole_files = 0
        self._archive = archive
        self._outcomes_of_round: dict[str, str] = {}
        self._lock = threading.Lock()
        self._storage_error: InputError | None = None
        # whether the job goes on with other sources if this one cannot be read
        self._can_do_without = self.source.policy.on_transient == "record" and has_other_place(
            self.source.params.url, [one.params.url for one in choice.sources]
        )
        self._is_said = False

    def run_round(self, clips: Sequence[Clip]) -> list[Clip]:
        """Request every clip once; return those that are not settled.

        Raises
        ------
        DownloadError
            If the archive cannot be written.
        SourceError
            If the source cannot be read, and the job does not go on without it.
        """
        progress = Progress("requested", len(clips))
        self.breaker.retry_after_seconds = 0.0
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
                self.breaker.stop()
                self.source.abort()
                raise
        if self._storage_error is not None:
            raise DownloadError(str(self._storage_error)) from self._storage_error
        others = {clip.clip_id: "not asked" for clip in unsettled}
        words = Counter((others | self._outcomes_of_round).get(clip.clip_id, "settled before") for clip in clips)
        what = ", ".join(f"{n} {word}" for word, n in words.most_common())
        logging.info("%s: of %d clips in this round: %s", self._label, len(clips), what)
        return unsettled

    def _settle_group(self, clips: Sequence[Clip]) -> list[Clip]:
        """Settle the clips of a group while no other job requests their video; return those that are not settled."""
        breaker = self.breaker
        claims = self.source.claims_videos
        claim = breaker.pace.claim(clips[0].video_id, breaker.stopped) if claims else nullcontext(True)
        try:
            with claim as claimed:
                return [clip for clip in clips if not (claimed and self._settle(clip))]
        except OSError as error:
            breaker.stop()
            with self._lock:
                self._storage_error = self._storage_error or InputError(
                    f"the archive {self._archive.root} cannot be written ({error}): "
                    "free disk space or correct the folder, and run again; what was fetched is kept"
                )
            return list(clips)

    def _settle(self, clip: Clip) -> bool:
        return self.records.is_settled(clip) or self._settle_by_other_clip(clip) or self._request(clip)

    def _settle_by_other_clip(self, clip: Clip) -> bool:
        """Settle a clip by the record of another clip with the same address, if possible."""
        other = self.records.of_other_clip(clip)
        if other is None:
            return False
        if other.outcome in KEPT:
            return self._fetch(clip, partial(self.records.media_of_other_clip, other), n_requests=0)
        self.records.write_failure(
            replace(other, clip_id=clip.clip_id, end_seconds=clip.end_seconds, tries=0, note=f"as {other.clip_id}",
                    failed={})
        )  # fmt: skip
        return True

    def _request(self, clip: Clip) -> bool:
        """Request a clip when its turn comes, unless requests are blocked; return whether that settles it."""
        with self.breaker.turn(clip.clip_id) as may_ask:
            return may_ask and self._fetch(clip, self.source.fetch)

    def _fetch(self, clip: Clip, fetch: Callable[[Clip, Path], Media], n_requests: int = 1) -> bool:
        """Fetch the media of a clip and record the answer; return whether that settles it."""
        record = self.records.begin(clip, n_requests)
        try:
            with self._archive.scratch() as scratch:
                self.records.write_media(record, fetch(clip, scratch))
        except MediaError as error:
            record.outcome, record.reason = error.outcome, error.reason
            if error.outcome == "unavailable":
                record.too_large_megabytes = self.source.params.max_megabytes
        except FetchError as error:
            record.outcome, record.reason = error.outcome, error.reason
            self.breaker.retry_after_seconds = max(self.breaker.retry_after_seconds, error.retry_after_seconds)
        except SourceError as error:
            self._record_unasked(clip, record, error)
            return True
        except OSError as error:
            if is_about_storage(error):
                raise
            record.outcome, record.reason = outcome_of(error), error.strerror or str(error)
        if record.outcome not in KEPT:
            if self.breaker.stopped.is_set():
                return False
            logging.info("%s: %s (%s)", clip.clip_id, record.outcome, record.reason)
            record.n_corrupt += n_requests * (record.outcome == "corrupt")
            record.n_unavailable += n_requests * needs_confirmation(record)
            self.records.write_failure(record)
        self._outcomes_of_round[clip.clip_id] = record.outcome
        if n_requests and self.source.may_refuse:
            self.answers[clip.clip_id] = record.outcome
        if n_requests and self.source.is_remote:
            self.breaker.count(record)
            with self._lock:
                self.n_whole_files += record.outcome in KEPT and record.note == NO_SECTION
        return record.outcome not in TRANSIENT and not is_worth_second_try(record)

    def _record_unasked(self, clip: Clip, record: Record, error: SourceError) -> None:
        """Record that the source cannot be read, so that the other sources are asked; what it answered before stays.

        Raises
        ------
        SourceError
            If the job does not go on without the source.
        """
        answer = self.records.earlier_answer(clip)
        if answer is None:
            if not self._can_do_without:
                raise error
            answer = replace(record, outcome=error.outcome, reason=str(error))
            with self._lock:
                is_said, self._is_said = self._is_said, True
            if not is_said:
                logging.getLogger("soundsift").warning("%s. Meanwhile its clips are taken from other sources", error)
        self._outcomes_of_round[clip.clip_id] = answer.outcome
        self.records.write_failure(answer)
