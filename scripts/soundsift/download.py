"""Fetch the media of a batch into the archive, and say of every clip what became of it.

Network addresses go through yt-dlp, in one long-lived process a worker thread; ``file://`` addresses are linked or
copied. A batch is asked for in rounds: whatever failed in a way that may pass is asked again
in the next, after a longer pause, so no worker stands idle behind one unlucky clip.
"""

import logging
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from glob import escape, glob
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

from soundsift import media
from soundsift.archive import Archive, Record, link_or_copy, same_file
from soundsift.batches import BATCH_COLUMNS
from soundsift.errors import DownloadError, InputError, MediaError
from soundsift.fetcher import Fetcher, FetchError, is_about_storage
from soundsift.joblog import Progress
from soundsift.outcomes import KEPT, PERMANENT, REFUSED, TRANSIENT, classify
from soundsift.tables import Column

DOWNLOAD_COLUMNS = (
    *BATCH_COLUMNS,
    Column("outcome", pa.string(), "", "what became of the clip"),
    Column("reason", pa.string(), "", "the source's own words, empty for ok"),
    Column("media", pa.string(), "", "media file, relative to the archive; empty where there is none"),
    Column("media_start_seconds", pa.float64(), "s", "where in the video the media begin"),
    Column("sha256", pa.string(), "", "of the media file"),
)

# YouTube's blocks last up to an hour.
BLOCK_SECONDS = 3600.0
FIRST_PAUSE_SECONDS = 5.0
# A job waits no longer than this for a server that asks to be left alone: the next run comes back later.
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Clip:
    """One wanted clip; times in seconds of the video."""

    clip_id: str
    video_id: str
    start_seconds: float
    end_seconds: float

    def url(self, template: str) -> str:
        """Fill a template of ``download.url``."""
        return template.format(
            video_id=self.video_id, clip_id=self.clip_id,
            start_seconds=_plain(self.start_seconds), end_seconds=_plain(self.end_seconds),
            start_ms=round(self.start_seconds * 1000), end_ms=round(self.end_seconds * 1000),
        )  # fmt: skip


def _plain(seconds: float) -> str:
    """Seconds without needless digits: 30, 4.5, 12345.678."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Source:
    """What decides which media a clip gets."""

    url: str
    trimmed: bool = False
    sections: bool = True
    margin_seconds: float = 1.0
    max_megabytes: float = 200.0
    retry_permanent: bool = False


@dataclass(frozen=True)
class Manners:
    """How a source is asked; none of it changes what is got."""

    concurrency: int = 4
    videos_per_hour: float | None = None
    tries: int = 4
    timeout_seconds: float = 600.0
    block_after: int = 5
    on_transient: str = "fail"
    cookies: str | None = None
    proxy: str | None = None
    yt_dlp: dict[str, Any] = field(default_factory=dict)
    first_pause_seconds: float = FIRST_PAUSE_SECONDS


def download(
    clips: Sequence[Clip], source: Source, manners: Manners, archive: Archive, min_seconds: float = 0.0
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
    """
    fetch = _LocalFiles(source) if source.url.startswith("file://") else _Network(source, manners)
    with closing(fetch):
        batch = _Batch(source, manners, archive, min_seconds, fetch)
        waiting = [clip for clip in clips if not batch.is_settled(clip)]
        logging.info("%d clips wanted, %d to ask for", len(clips), len(waiting))
        for number in range(manners.tries):
            if number and waiting:
                pause = manners.first_pause_seconds * 2 ** (number - 1) * random.uniform(0.5, 1.5)
                pause = max(pause, batch.retry_after_seconds)
                if pause > PATIENCE_SECONDS:
                    archive.refused(f"the server asks to be left alone for {pause:.0f} s", 1, pause)
                    break
                logging.info("%d clips may still come: round %d in %.0f s", len(waiting), number + 1, pause)
                time.sleep(pause)
            waiting = batch.round(waiting)
            if not waiting or batch.tripped or archive.blocked():
                break
    records = [archive.read(clip.clip_id) for clip in clips]
    table = _as_table(clips, records, archive)
    _complain(table, archive, manners)
    return table


class _Batch:
    """The state of one batch while it is being fetched."""

    def __init__(
        self, source: Source, manners: Manners, archive: Archive, min_seconds: float,
        fetch: "_LocalFiles | _Network",
    ) -> None:  # fmt: skip
        self.source, self.manners, self.archive = source, manners, archive
        self.min_seconds, self.fetch = min_seconds, fetch
        self.local = isinstance(fetch, _LocalFiles)
        self.state = threading.Condition()
        self.n_asking = self.n_refused = 0
        self.retry_after_seconds = 0.0
        self.tripped = False
        self.stop: BaseException | None = None

    def is_settled(self, clip: Clip) -> bool:
        """Whether the archive already answers for this clip."""
        record = self.archive.read(clip.clip_id)
        if record is None:
            return False
        if isinstance(self.fetch, _LocalFiles):
            return self.fetch.is_current(clip, record, self.archive)
        if record.outcome in KEPT:
            return record.trimmed == self.source.trimmed
        if record.outcome == "too_short" and record.held_seconds >= self.min_seconds:
            return False
        if record.too_large_megabytes and self.source.max_megabytes > record.too_large_megabytes:
            return False
        if record.outcome in PERMANENT:
            return not self.source.retry_permanent and record.url == clip.url(self.source.url)
        return False

    def _address(self, clip: Clip) -> str:
        """What the record names as the source: no path of this machine, so that an archive can be moved."""
        url = clip.url(self.source.url)
        return f"file:{Path(url).name}" if self.local else url

    def round(self, clips: Sequence[Clip]) -> list[Clip]:
        """Ask once for every clip; return those that may still come."""
        progress = Progress("fetched", len(clips))
        self.retry_after_seconds = 0.0
        with ThreadPoolExecutor(self.manners.concurrency) as pool:
            again = []
            for clip, settled in zip(clips, pool.map(self._ask, clips), strict=True):
                progress.step()
                if not settled:
                    again.append(clip)
        if self.stop is not None:
            raise DownloadError(str(self.stop)) from self.stop
        return again

    def _ask(self, clip: Clip) -> bool:
        """Ask for one clip when it is its turn, unless nobody may; return whether that settles it for this job."""
        if self.stop is not None:
            return False
        if self.local:
            return self._get(clip)
        with self.state:
            # one refusal makes the others wait for each other's answers: no more may come than lead to a block
            self.state.wait_for(lambda: not self.n_refused or self.n_asking + self.n_refused < self.manners.block_after)
            self.n_asking += 1
        try:
            if self.tripped or self.archive.blocked():
                return False
            if isinstance(self.fetch, _Network):
                self.fetch.prepare()
            time.sleep(self.archive.take_turn(self.manners.videos_per_hour))
            return not self.archive.blocked() and self._get(clip)
        finally:
            with self.state:
                self.n_asking -= 1
                self.state.notify_all()

    def _get(self, clip: Clip) -> bool:
        """Ask for one clip and record the answer; return whether that settles it for this job."""
        before = self.archive.read(clip.clip_id)
        record = Record(
            clip.clip_id, clip.video_id, "ok", tries=(before.tries if before else 0) + 1,
            when=datetime.now(UTC).isoformat(timespec="seconds"), url=self._address(clip),
            trimmed=self.source.trimmed, tools=_tools(),
        )  # fmt: skip
        try:
            try:
                with self.archive.scratch() as scratch:
                    fetched, record.media_start_seconds, record.note = self.fetch(clip, scratch)
                    if not self.local:
                        record.held_seconds = self._held_seconds(clip, fetched, record.media_start_seconds)
                        if record.held_seconds < self.min_seconds:
                            raise MediaError("too_short", f"{record.held_seconds:.2f} s of the labelled stretch exist")
                    self.archive.write(record, fetched)
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
                logging.info("%s: %s (%s)", clip.clip_id, record.outcome, record.reason)
                self.archive.write(record)
        except OSError as error:
            with self.state:
                self.stop = self.stop or InputError(
                    f"the archive {self.archive.root} cannot be written ({error}): "
                    "make room or mend the folder and run again; what was fetched is kept"
                )
            return False
        if not self.local:
            self._watch_refusals(record)
        once_more = record.outcome == "corrupt" and record.tries == 1 and not self.local
        return record.outcome not in TRANSIENT and not once_more

    def _held_seconds(self, clip: Clip, fetched: Path, media_start_seconds: float) -> float:
        """Decode the labelled stretch: what cannot become a clip is known now, while another try is cheap.

        Local files are not asked for again, so their check is left to the conversion.
        """
        start, end = clip.start_seconds - media_start_seconds, clip.end_seconds - media_start_seconds
        return media.duration_seconds(media.cut(fetched, start, end, 8000))

    def _watch_refusals(self, record: Record) -> None:
        """The circuit breaker: so many refusals in a row, over all jobs, stop every job that shares the archive."""
        with self.state:
            if record.outcome not in REFUSED:
                self.archive.welcomed()
                self.n_refused = 0
            elif not self.archive.blocked():
                seconds = self.retry_after_seconds or BLOCK_SECONDS
                self.n_refused = self.archive.refused(record.reason, self.manners.block_after, seconds)
                self.tripped = not self.n_refused
                if self.tripped:
                    logging.warning("%d refused in a row: nobody asks for %.0f s", self.manners.block_after, seconds)


class _LocalFiles:
    """Media on disk: linked into the archive where the file system can, else copied. Asking costs nothing."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def close(self) -> None:
        """Nothing is held open."""

    def find(self, clip: Clip) -> Path | None:
        """Find the one file the template names for a clip; ``.*`` at its end stands for any container."""
        path = clip.url(self.source.url.removeprefix("file://"))
        if not path.endswith(".*"):
            return Path(path) if Path(path).is_file() else None
        found = sorted(glob(escape(path[:-1]) + "*"))
        return next(
            (Path(name) for name in found if Path(name).is_file() and not name.endswith((".part", ".json"))), None
        )

    def is_current(self, clip: Clip, record: Record, archive: Archive) -> bool:
        """Whether the archive holds the file as it stands on disk, or none stands there any more."""
        path = self.find(clip)
        if path is None or record.media is None:
            return path is None and record.outcome in KEPT
        same_use = record.outcome in KEPT and record.trimmed == self.source.trimmed
        return same_use and same_file(path, archive.root / archive.folder(clip.clip_id) / record.media)

    def __call__(self, clip: Clip, scratch: Path) -> tuple[Path, float, str]:
        path = self.find(clip)
        if path is None:
            raise MediaError("not_found", f"no file {Path(clip.url(self.source.url)).name}")
        target = scratch / f"media{path.suffix}"
        if not os.access(path, os.R_OK):
            raise MediaError("forbidden", f"{path.name} may not be read")
        link_or_copy(path, target)
        return target, clip.start_seconds if self.source.trimmed else 0.0, ""


class _Network:
    """Media from the network: as many :class:`Fetcher` as ask at the same time, each kept for the next clip."""

    def __init__(self, source: Source, manners: Manners) -> None:
        self.source, self.manners = source, manners
        self._idle: list[Fetcher] = []

    def close(self) -> None:
        """End every process."""
        for fetcher in self._idle:
            fetcher.close()

    def _take(self) -> Fetcher:
        try:
            return self._idle.pop()
        except IndexError:
            options = {"cookiefile": self.manners.cookies, "proxy": self.manners.proxy, **self.manners.yt_dlp}
            return Fetcher(options, self.manners.timeout_seconds, self.source.max_megabytes)

    def prepare(self) -> None:
        """Have a process ready before its turn comes, or its requests would bunch behind its start."""
        fetcher = self._take()
        try:
            fetcher.start()
        finally:
            self._idle.insert(0, fetcher)

    def __call__(self, clip: Clip, scratch: Path) -> tuple[Path, float, str]:
        section = None
        if self.source.sections and not self.source.trimmed:
            margin = self.source.margin_seconds
            section = (max(0.0, clip.start_seconds - margin), clip.end_seconds + margin)
        stretch = (clip.start_seconds, clip.end_seconds)
        fetcher = self._take()
        try:
            path, begins, note = fetcher.fetch(clip.url(self.source.url), stretch, section, scratch)
        finally:
            self._idle.append(fetcher)
        return path, clip.start_seconds if self.source.trimmed else begins, note


def _tools() -> dict[str, str]:
    return {name: version(name) for name in ("yt-dlp", "av")}


def _as_table(clips: Sequence[Clip], records: Sequence[Record | None], archive: Archive) -> pa.Table:
    def rows() -> Iterator[dict[str, Any]]:
        for clip, record in zip(clips, records, strict=True):
            known = record or Record(clip.clip_id, clip.video_id, "rate_limited", reason="not asked: blocked")
            path = archive.folder(clip.clip_id) / known.media if known.media else ""
            yield {
                "clip_id": clip.clip_id, "video_id": clip.video_id,
                "start_seconds": clip.start_seconds, "end_seconds": clip.end_seconds,
                "outcome": known.outcome, "reason": known.reason, "media": str(path),
                "media_start_seconds": known.media_start_seconds, "sha256": known.sha256,
            }  # fmt: skip

    return pa.Table.from_pylist(list(rows()), schema=pa.schema([(c.name, c.type) for c in DOWNLOAD_COLUMNS]))


def _complain(table: pa.Table, archive: Archive, manners: Manners) -> None:
    """Fail, with one line, if clips are left that may still come and the user wants them."""
    outcomes: list[str] = table["outcome"].to_pylist()
    counts = Counter(outcome for outcome in outcomes if outcome in TRANSIENT)
    if not counts or manners.on_transient == "record":
        return
    what = ", ".join(f"{n} {word}" for word, n in counts.most_common())
    line = f"{counts.total()} of {len(outcomes)} clips could not be fetched yet ({what})"
    blocked = archive.blocked()
    if blocked:
        until = datetime.fromtimestamp(blocked[0]).strftime("%H:%M")
        raise DownloadError(
            f"{line}; the source refuses us ({blocked[1]}): run the same command again after {until}, or set "
            "download.cookies or download.proxy; what was fetched is in the archive"
        )
    raise DownloadError(
        f"{line}: run the same command again to ask for just these, or set download.on_transient to record to go on "
        "without them; what was fetched is in the archive"
    )
