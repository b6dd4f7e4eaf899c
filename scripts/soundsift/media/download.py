"""Fetch the media of a batch into the archive, and say of every clip what became of it.

A batch is asked for in rounds: whatever failed in a way that may pass is asked again in the next, after a longer
pause, so no worker stands idle behind one unlucky clip. Clips of one video are asked for by one worker, one after the
other, so that a whole file serves them all and a dead video is asked for once.
"""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.errors import DownloadError, InputError, MediaError
from soundsift.files import link_or_copy
from soundsift.joblog import Progress
from soundsift.media import decode
from soundsift.media.archive import Archive, Record
from soundsift.media.columns import DOWNLOAD_COLUMNS, KEPT
from soundsift.media.outcomes import OF_THE_VIDEO, PERMANENT, REFUSED, TRANSIENT
from soundsift.media.pace import Pace
from soundsift.media.sources.base import FetchError, Media, is_about_storage
from soundsift.media.sources.files import LocalFiles
from soundsift.media.sources.ytdlp import Network
from soundsift.media.sources.ytdlp_errors import classify
from soundsift.metadata.batches import Clip

NOT_ASKED = "not asked: nobody may for now"
# Before a clip is asked for again; it grows with every round.
FIRST_PAUSE_SECONDS = 5.0
# YouTube's blocks last up to an hour.
BLOCK_SECONDS = 3600.0
# A job waits no longer than this for a server that asks to be left alone: the next run comes back later.
PATIENCE_SECONDS = 600.0


def download(
    clips: Sequence[Clip],
    source: SourceParams,
    policy: RequestPolicy,
    archive: Archive,
    min_seconds: float = 0.0,
    first_pause_seconds: float = FIRST_PAUSE_SECONDS,
) -> pa.Table:
    """Bring every clip of a batch into the archive.

    Clips that the archive has, or knows to be gone from this very address, are not asked for. ``min_seconds`` is how
    much of the labelled stretch must exist.

    Returns
    -------
    Table with :data:`DOWNLOAD_COLUMNS`, one row per clip, in order.

    Raises
    ------
    DownloadError
        If clips are left that may still come and ``on_transient`` is ``fail``, or the disk is full.
    ConfigError
        If yt-dlp does not take its options.
    """
    origin = LocalFiles(source, policy) if source.url.startswith("file://") else Network(source, policy)
    with closing(origin):
        batch = _Batch(source, policy, archive, min_seconds, origin)
        waiting = [clip for clip in clips if not batch.is_settled(clip)]
        logging.info("%d clips wanted, %d to ask for", len(clips), len(waiting))
        n_rounds = 0
        while waiting and n_rounds < policy.tries:
            if n_rounds:
                growing = min(first_pause_seconds * 2 ** (n_rounds - 1), PATIENCE_SECONDS)
                pause = max(growing * random.uniform(0.5, 1.5), batch.retry_after_seconds)
                logging.info("%d clips may still come: round %d in %.0f s", len(waiting), n_rounds + 1, pause)
                time.sleep(pause)
            waiting = batch.round(waiting)
            if batch.retry_after_seconds > PATIENCE_SECONDS:
                seconds = batch.retry_after_seconds
                batch.pace.block(f"the server asks to be left alone for {seconds:.0f} s", seconds)
            if not batch.blocked():
                n_rounds += 1
                continue
            if not policy.wait_when_blocked:
                break
            # who was not asked comes first then; and a round in which everyone was is a try, or it would never end
            waiting.sort(key=lambda clip: clip.clip_id in batch.answers)
            n_rounds += all(clip.clip_id in batch.answers for clip in waiting)
            if waiting and n_rounds < policy.tries:
                batch.outlast_block()
    records = [archive.read(clip.clip_id) for clip in clips]
    table = _as_table(clips, records, archive)
    _complain(table, batch)
    return table


class _Batch:
    """The state of one batch while it is being fetched."""

    def __init__(
        self,
        source: SourceParams,
        policy: RequestPolicy,
        archive: Archive,
        min_seconds: float,
        origin: LocalFiles | Network,
    ) -> None:
        self.source, self.policy, self.archive = source, policy, archive
        self.min_seconds, self.origin = min_seconds, origin
        self.pace = Pace(archive.root)
        self.began = _now()
        self.local = isinstance(origin, LocalFiles)
        self.state = threading.Condition()
        self.n_asking = self.n_refused = 0
        # {clip_id: outcome} of those that were asked for, by their last answer
        self.answers: dict[str, str] = {}
        self.retry_after_seconds = 0.0
        self.tripped = False
        self.stopped = threading.Event()
        self.fault: BaseException | None = None

    def is_settled(self, clip: Clip) -> bool:
        """Whether the archive already answers for this clip."""
        record = self.archive.read(clip.clip_id)
        if record is None:
            return False
        if isinstance(self.origin, LocalFiles):
            return self.origin.is_current(clip, record, self.archive)
        reaches = record.whole or record.end_seconds >= clip.end_seconds
        if record.outcome in KEPT:
            return record.trimmed == self.source.trimmed and reaches
        if record.outcome == "too_short" and not (reaches and record.held_seconds < self.min_seconds):
            return False
        return self._is_gone(record, clip)

    def blocked(self) -> bool:
        """Whether nobody may ask the source; of files on disk one always may."""
        return not self.local and (self.tripped or self.pace.blocked() is not None)

    def outlast_block(self) -> None:
        """Wait until one may ask again."""
        while blocked := self.pace.blocked():
            until, reason = blocked
            logging.getLogger("soundsift").warning(
                "the source refuses us (%s): waiting until %s", reason, _clock(until)
            )
            time.sleep(max(0.0, until - time.time()))
        self.tripped, self.retry_after_seconds = False, 0.0

    def _is_gone(self, record: Record, clip: Clip) -> bool:
        """Whether a record says for good that nothing is to be had from the clip's address."""
        # a section may be small enough where the whole file was not
        asks_for_more = record.too_large_megabytes < self.source.max_megabytes or (record.whole and self._in_sections)
        return (
            record.outcome in PERMANENT
            and not _wants_another_try(record)
            and (not self.source.retry_permanent or record.when >= self.began)
            and record.url == self._address(clip)
            and not (record.too_large_megabytes and asks_for_more)
        )

    @property
    def _in_sections(self) -> bool:
        return self.source.sections and not self.source.trimmed

    def _address(self, clip: Clip) -> str:
        """What the record names as the source: no path of this machine, so that an archive can be moved."""
        url = clip.url(self.source.url)
        return f"file:{Path(url).name}" if self.local else url

    def round(self, clips: Sequence[Clip]) -> list[Clip]:
        """Ask once for every clip; return those that may still come."""
        progress = Progress("fetched", len(clips))
        self.retry_after_seconds = 0.0
        videos: dict[str, list[Clip]] = {}
        for clip in clips:
            videos.setdefault(clip.video_id, []).append(clip)
        again: list[Clip] = []
        with ThreadPoolExecutor(self.policy.concurrency) as pool:
            try:
                for left in pool.map(self._ask_in_turn, videos.values()):
                    again += left
                    progress.step()
            except BaseException:
                self.stopped.set()
                self.origin.abort()
                raise
        if self.fault is not None:
            raise DownloadError(str(self.fault)) from self.fault
        return again

    def _ask_in_turn(self, clips: Sequence[Clip]) -> list[Clip]:
        """Ask for the clips of one video, one after the other, while no other job does; return those not settled."""
        try:
            with self.pace.claim(clips[0].video_id, self.stopped) as mine:
                return [clip for clip in clips if not (mine and self._settle(clip))]
        except OSError as error:
            with self.state:
                self.stopped.set()
                self.fault = self.fault or InputError(
                    f"the archive {self.archive.root} cannot be written ({error}): "
                    "make room or mend the folder and run again; what was fetched is kept"
                )
            return list(clips)

    def _settle(self, clip: Clip) -> bool:
        return self.is_settled(clip) or self._share(clip) or self._ask(clip)

    def _share(self, clip: Clip) -> bool:
        """Settle a clip by what is known of another one of the same address: the whole file, or that it is gone."""
        if self.local or self.source.trimmed:
            return False
        for other in self.archive.others(clip.clip_id):
            if other.url != self._address(clip):
                continue
            if other.outcome in KEPT and other.whole and not other.trimmed:
                return self._get(clip, partial(self._second_name, other), n_asked=0)
            if other.outcome in OF_THE_VIDEO and self._is_gone(other, clip):
                of = f"as {other.clip_id}"
                self.archive.write(replace(other, clip_id=clip.clip_id, end_seconds=clip.end_seconds, tries=0, note=of))
                return True
        return False

    def _ask(self, clip: Clip) -> bool:
        """Ask for one clip when it is its turn, unless nobody may; return whether that settles it for this job."""
        if self.stopped.is_set():
            return False
        if isinstance(self.origin, LocalFiles):
            return self._get(clip, self.origin)
        with self.state:
            # one refusal makes the others wait for each other's answers: no more may come than lead to a block
            self.state.wait_for(lambda: not self.n_refused or self.n_asking + self.n_refused < self.policy.block_after)
            self.n_asking += 1
        try:
            if self.tripped or self.pace.blocked():
                return False
            self.origin.prepare()
            while seconds := self.pace.take_turn(self.policy.videos_per_hour):
                if self.stopped.wait(seconds) or self.pace.blocked():
                    return False
            return not self.pace.blocked() and self._get(clip, self.origin)
        finally:
            with self.state:
                self.n_asking -= 1
                self.state.notify_all()

    def _get(self, clip: Clip, fetch: Callable[[Clip, Path], Media], n_asked: int = 1) -> bool:
        """Get the media of one clip and record the answer; return whether that settles it for this job."""
        before = self.archive.read(clip.clip_id)
        record = Record(
            clip.clip_id, clip.video_id, "ok", tries=(before.tries if before else 0) + n_asked, when=_now(),
            url=self._address(clip), end_seconds=clip.end_seconds, trimmed=self.source.trimmed,
            whole=not self._in_sections, n_corrupt=before.n_corrupt if before else 0, tools=_tools(),
        )  # fmt: skip
        try:
            with self.archive.scratch() as scratch:
                self._keep(record, fetch(clip, scratch))
        except MediaError as error:
            record.outcome, record.reason = error.outcome, error.reason
            if error.outcome == "unavailable":
                record.too_large_megabytes = self.source.max_megabytes
        except FetchError as error:
            record.outcome, record.reason = error.outcome, error.reason
            self.retry_after_seconds = max(self.retry_after_seconds, error.retry_after_seconds)
        except OSError as error:
            if is_about_storage(error):
                raise
            record.outcome, record.reason = classify(error)
        if record.outcome not in KEPT:
            if self.stopped.is_set():
                return False
            logging.info("%s: %s (%s)", clip.clip_id, record.outcome, record.reason)
            record.n_corrupt += n_asked * (record.outcome == "corrupt")
            self.archive.write(_with_former_media(record, before))
        if n_asked and not self.local:
            self._watch_refusals(record)
            self.answers[clip.clip_id] = record.outcome
        return record.outcome not in TRANSIENT and (self.local or not _wants_another_try(record))

    def _keep(self, record: Record, got: Media) -> None:
        """Put media into the archive, if they hold enough of the labelled stretch."""
        record.media_start_seconds, record.media_end_seconds = got.begins_seconds, got.ends_seconds
        record.whole, record.note, record.held_seconds = got.whole, got.note, got.held_seconds
        if self.local:
            # not decoded here: asking again costs nothing, so what comes of them is left to the conversion
            record.modified_ns = got.path.stat().st_mtime_ns
        elif record.held_seconds < self.min_seconds:
            raise MediaError("too_short", f"{record.held_seconds:.2f} s of the labelled stretch exist")
        self.archive.write(record, got.path)

    def _second_name(self, other: Record, clip: Clip, scratch: Path) -> Media:
        """The media of another clip of the same video, as another file."""
        path = self.archive.media_path(other)
        assert path is not None
        link_or_copy(path, scratch / path.name)
        held = decode.held_seconds(path, clip.start_seconds, clip.end_seconds)
        note = f"as {other.clip_id} has it"
        return Media(scratch / path.name, 0.0, other.media_end_seconds, held, whole=True, note=note)

    def _watch_refusals(self, record: Record) -> None:
        """The circuit breaker: so many refusals in a row, over all jobs, stop every job that shares the archive."""
        with self.state:
            if record.outcome not in REFUSED:
                self.pace.welcomed()
                self.n_refused = 0
            elif not self.pace.blocked():
                seconds = self.retry_after_seconds or BLOCK_SECONDS
                if self.pace.refused(record.clip_id, record.reason, self.policy.block_after, seconds):
                    logging.warning("%d clips in a row were refused: nobody asks for now", self.policy.block_after)
                    self.tripped = True
                self.n_refused = self.pace.n_refused()


def _with_former_media(record: Record, before: Record | None) -> Record:
    """Keep what was had before a clip was asked for once more, for a longer stretch: nothing better will come if the
    video is gone by now, and something better may if it is not.
    """
    if before is None or before.media is None or before.trimmed != record.trimmed:
        return record
    if record.outcome in PERMANENT:
        note = f"no longer stretch is to be had ({record.outcome}: {record.reason})"
        return replace(before, outcome="ok", reason="", end_seconds=record.end_seconds, tries=record.tries, note=note)
    return replace(before, outcome=record.outcome, reason=record.reason, tries=record.tries, when=record.when)


def _wants_another_try(record: Record) -> bool:
    """What is corrupt may come sound the second time."""
    return record.outcome == "corrupt" and record.n_corrupt <= 1


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%H:%M on %d %B")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _tools() -> dict[str, str]:
    return {name: version(name) for name in ("yt-dlp", "av")}


def _as_table(clips: Sequence[Clip], records: Sequence[Record | None], archive: Archive) -> pa.Table:
    def rows() -> Iterator[dict[str, Any]]:
        for clip, record in zip(clips, records, strict=True):
            known = record or Record(clip.clip_id, clip.video_id, "rate_limited", reason=NOT_ASKED)
            path = archive.folder(clip.clip_id) / known.media if known.media else ""
            yield {
                "clip_id": clip.clip_id, "video_id": clip.video_id,
                "start_seconds": clip.start_seconds, "end_seconds": clip.end_seconds,
                "outcome": known.outcome, "reason": known.reason, "media": str(path),
                "media_start_seconds": known.media_start_seconds, "sha256": known.sha256,
            }  # fmt: skip

    return pa.Table.from_pylist(list(rows()), schema=pa.schema([(c.name, c.type) for c in DOWNLOAD_COLUMNS]))


def _complain(table: pa.Table, batch: _Batch) -> None:
    """Fail, with one line, if clips are left that may still come and the user wants them."""
    outcomes: list[str] = table["outcome"].to_pylist()
    n_not_asked = table["reason"].to_pylist().count(NOT_ASKED)
    policy, kept = batch.policy, "what was fetched is in the archive"
    all_failed = set(batch.answers.values()) == {"unrecognised"} and not KEPT.intersection(outcomes)
    if all_failed and len(batch.answers) >= policy.block_after:
        reason = next(row["reason"] for row in table.to_pylist() if row["outcome"] == "unrecognised")
        raise DownloadError(
            f"all {len(batch.answers)} clips that were asked for failed in a way that nobody knows ({reason}): look at "
            "download.cookies, proxy and yt_dlp, bring the newest yt-dlp, and run the same command again"
        )
    counts = Counter(outcome for outcome in outcomes if outcome in TRANSIENT)
    # a list is not written off because nobody may ask: what was not asked for is not recorded as missing
    if not counts or (policy.on_transient == "record" and not n_not_asked):
        return
    what = ", ".join(f"{n} {word}" for word, n in counts.most_common())
    line = f"{counts.total()} of {len(outcomes)} clips could not be fetched yet ({what})"
    blocked = batch.pace.blocked()
    if blocked and not batch.local:
        raise DownloadError(
            f"{line}; the source refuses us ({blocked[1]}): run the same command again after {_clock(blocked[0])}, or "
            f"set download.cookies, proxy or wait_when_blocked; {kept}"
        )
    raise DownloadError(
        f"{line}: run the same command again to ask for just these, or set download.on_transient to record to go on "
        f"without them; {kept}"
    )
