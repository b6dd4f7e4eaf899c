"""Downloading the clips of a batch into the archive.

The clips are requested in rounds. Those that failed with a transient outcome are requested again in the next round,
after a longer pause. So no thread waits for a single clip.
"""

import logging
import re
import time
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import pyarrow as pa

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.config.sources import is_sharded, label_of
from soundsift.errors import DownloadError
from soundsift.media.archive import Archive, Record
from soundsift.media.archive_writer import ArchiveWriter
from soundsift.media.clip_requests import ClipRequests
from soundsift.media.columns import DOWNLOAD_COLUMNS, KEPT
from soundsift.media.fetch_error import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, clock_time, growing_pause
from soundsift.media.outcomes import NOT_UNDERSTOOD, TRANSIENT
from soundsift.media.record_rules import with_earlier_media
from soundsift.media.source_choice import SourceChoice, most_hopeful
from soundsift.media.source_records import DAMAGED, FOR_GOOD, was_freed
from soundsift.media.sources.registry import open_source
from soundsift.metadata.batches import Clip

# Reason in the table for clips that were never requested.
NOT_REQUESTED = "not requested: requests are blocked at present"
# Where the files are that a list names, unless download.url says so.
FILES_OF_LISTS = "file://{file}"
# From this share of clips on, whole files in place of sections are no exception.
COMMON_SHARE = 0.1


def download(
    clips: Sequence[Clip],
    sources: Sequence[SourceParams],
    policy: RequestPolicy,
    archive: ArchiveWriter,
    min_seconds: float = 0.0,
    first_pause_seconds: float = FIRST_PAUSE_SECONDS,
) -> pa.Table:
    """Download every clip of a batch into the archive.

    Clips that the archive has, or that are known to be gone from these addresses, are not requested. The sources are
    asked one after the other, each for the clips that those before it do not have. A clip whose source fails for a
    transient reason waits for it, unless ``on_transient`` is ``record``.

    Parameters
    ----------
    sources
        The sources in order of preference.
    min_seconds
        How much of the labelled stretch must exist, in seconds.

    Returns
    -------
    Table with :data:`DOWNLOAD_COLUMNS`, one row per clip, in order.

    Raises
    ------
    DownloadError
        If clips with a transient outcome are left, and ``on_transient`` is ``fail`` or their media were freed, or the
        disk is full.
    ConfigError
        If yt-dlp does not accept its options.
    """
    if any(clip.file for clip in clips) and not any(
        is_sharded(params.url) or re.search(r"\{(file|clip_id)\}", params.url) for params in sources
    ):
        sources = [replace(sources[0], url=FILES_OF_LISTS)]
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(open_source(params, policy))) for params in sources]
        choice = SourceChoice(opened, [label_of(params.url) for params in sources])
        asked: list[ClipRequests] = []
        left, freed = list(clips), [clip for clip in clips if was_freed(archive.read(clip.clip_id))]
        for n, label in enumerate(choice.labels):
            requests = ClipRequests(choice, n, archive, min_seconds)
            unsettled = [clip for clip in left if not requests.records.is_settled(clip)]
            # first those that were not requested yet: refused ones at the front would stop every run before them
            unsettled.sort(key=lambda clip: record.tries if (record := archive.read(clip.clip_id)) else 0)
            logging.info("%s: %d clips wanted, %d to request", label, len(left), len(unsettled))
            _run_rounds(requests, unsettled, policy, first_pause_seconds)
            asked.append(requests)
            left = [clip for clip in left if _goes_on(clip, requests, policy)]
        not_requested, reasons = (set(), {}) if choice.is_single else _record_failures(clips, asked, archive)
        still_freed = _still_freed(freed, asked, archive)
        table = _as_table(clips, archive, not_requested, still_freed, reasons)
        _say_what_is_lost(freed, still_freed, table)
        _report_failures(clips, table, asked, policy, still_freed)
    return table


def _goes_on(clip: Clip, requests: ClipRequests, policy: RequestPolicy) -> bool:
    """Return whether the next source is asked for a clip."""
    if requests.records.has_media(clip):
        return False
    answer = requests.records.answer(clip)
    return policy.on_transient == "record" or (answer is not None and answer.outcome not in TRANSIENT)


def _record_failures(
    clips: Sequence[Clip], asked: Sequence[ClipRequests], archive: ArchiveWriter
) -> tuple[set[str], dict[str, str]]:
    """Record the most hopeful outcome of each clip that none of several sources returned.

    Returns
    -------
    (not_requested, reasons)
        Ids of the clips that a source was not asked for, because its requests are blocked, and {clip_id: what each
        source said} of those that no source has.
    """
    not_requested, reasons = set(), {}
    for clip in clips:
        if asked[0].records.has_media(clip):
            continue
        before = archive.read(clip.clip_id)
        answers = [answer for one in asked if (answer := one.records.answer(clip)) is not None]
        best = most_hopeful(answers) if answers else None
        is_waiting = best is not None and best.outcome in TRANSIENT
        if not is_waiting and any(one.source.may_refuse and one.records.answer(clip) is None for one in asked):
            not_requested.add(clip.clip_id)
        elif best is not None and not (was_freed(before) and _awaited(answers)):
            record = with_earlier_media(best, before)
            if before is None or replace(record, when=before.when) != before:
                archive.write(record)
            if best.outcome == "not_found":
                reasons[clip.clip_id] = "; ".join(dict.fromkeys(answer.reason for answer in answers))
    return not_requested, reasons


def _awaited(answers: Iterable[Record]) -> list[Record]:
    """Return the answers after which freed media may be read again by a later run."""
    return [answer for answer in answers if answer.outcome not in FOR_GOOD]


def _still_freed(clips: Sequence[Clip], asked: Sequence[ClipRequests], archive: Archive) -> dict[str, Record]:
    """Return {clip_id: answer} of the clips whose media were freed and could not be read again."""
    found = {}
    for clip in clips:
        if was_freed(archive.read(clip.clip_id)):
            answers = _awaited(answer for one in asked if (answer := one.records.failures.get(clip.clip_id)))
            found[clip.clip_id] = most_hopeful(answers) if answers else _not_requested(clip)
    return found


def _say_what_is_lost(freed: Sequence[Clip], still_freed: Container[str], table: pa.Table) -> None:
    """Warn of clips that were there, but that no source has any more."""
    ids = {clip.clip_id for clip in freed if clip.clip_id not in still_freed}
    of_ids = (row["outcome"] for row in table.to_pylist() if row["clip_id"] in ids)
    lost = Counter(outcome for outcome in of_ids if outcome not in KEPT)
    if lost:
        what = ", ".join(f"{n} {word}" for word, n in lost.most_common())
        logging.getLogger("soundsift").warning(
            "%d clips were there, but their media were freed, and no source has them any more (%s): to get them back, "
            "restore their former source or shards, and run again with --forcerun download_clips", lost.total(), what,
        )  # fmt: skip


def _run_rounds(
    requests: ClipRequests, unsettled: list[Clip], policy: RequestPolicy, first_pause_seconds: float
) -> None:
    n_rounds, breaker = 0, requests.breaker
    while unsettled and n_rounds < policy.tries:
        if n_rounds:
            pause = max(growing_pause(n_rounds, first_pause_seconds), breaker.retry_after_seconds)
            logging.info("%d clips are not settled: round %d in %.0f s", len(unsettled), n_rounds + 1, pause)
            time.sleep(pause)
        unsettled = requests.run_round(unsettled)
        if breaker.retry_after_seconds > LONGEST_PAUSE_SECONDS:
            seconds = breaker.retry_after_seconds
            breaker.pace.block(f"the server asks to be left alone for {seconds:.0f} s", seconds)
        if not breaker.is_blocked():
            n_rounds += 1
            continue
        if not policy.wait_when_blocked:
            return
        # Clips that were not requested come first after the block. A blocked round counts as a try only if all of them
        # have been requested; otherwise a source that always refuses would be asked for ever.
        unsettled.sort(key=lambda clip: clip.clip_id in requests.answers)
        n_rounds += all(clip.clip_id in requests.answers for clip in unsettled)
        if unsettled and n_rounds < policy.tries:
            breaker.wait_for_end_of_block()


def _not_requested(clip: Clip) -> Record:
    return Record(clip.clip_id, clip.video_id, "rate_limited", reason=NOT_REQUESTED)


def _as_table(
    clips: Sequence[Clip], archive: Archive, not_requested: Container[str], freed: Mapping[str, Record],
    reasons: Mapping[str, str],
) -> pa.Table:  # fmt: skip
    def rows() -> Iterator[dict[str, Any]]:
        for clip in clips:
            record = None if clip.clip_id in not_requested else freed.get(clip.clip_id) or archive.read(clip.clip_id)
            record = record or _not_requested(clip)
            path = archive.folder(clip.clip_id) / record.media if record.media else ""
            yield {
                "clip_id": clip.clip_id, "video_id": clip.video_id,
                "start_seconds": clip.start_seconds, "end_seconds": clip.end_seconds,
                "outcome": record.outcome, "reason": reasons.get(clip.clip_id, record.reason), "media": str(path),
                "media_start_seconds": record.media_start_seconds, "sha256": record.sha256,
            }  # fmt: skip

    return pa.Table.from_pylist(list(rows()), schema=pa.schema([(c.name, c.type) for c in DOWNLOAD_COLUMNS]))


def _report_failures(
    clips: Sequence[Clip],
    table: pa.Table,
    asked: Sequence[ClipRequests],
    policy: RequestPolicy,
    freed: Mapping[str, Record],
) -> None:
    """Raise a DownloadError if clips with a transient outcome are left, unless ``on_transient`` records them.

    Clips whose media were freed are never recorded with one.
    """
    n_whole_files = sum(requests.n_whole_files for requests in asked)
    breaker_tripped = any(requests.breaker.tripped for requests in asked)
    outcomes: list[str] = table["outcome"].to_pylist()
    n_not_requested = table["reason"].to_pylist().count(NOT_REQUESTED)
    kept = "what was fetched is in the archive"
    n_there = sum(outcomes.count(word) for word in KEPT)
    warn = logging.getLogger("soundsift").warning
    if n_whole_files > policy.block_after and n_whole_files > COMMON_SHARE * n_there:
        warn("%d of %d clips came as whole files, because their sections were unusable: the log says why",
             n_whole_files, n_there)  # fmt: skip
    requested = {clip_id for requests in asked for clip_id in requests.answers}
    of_requested = [row for row in table.to_pylist() if row["clip_id"] in requested]
    opened = [row for row in of_requested if row["outcome"] in NOT_UNDERSTOOD]
    n_open = len(opened)
    # batches of a few clips must not succeed one after the other without any
    n_in_a_row = max(requests.breaker.n_not_understood() for requests in asked) if n_open and not n_there else 0
    # most of what was asked for, unless the job is to go on without it and has something
    if (
        (n_open and (max(n_open, n_in_a_row) >= policy.block_after or breaker_tripped))
        and 2 * n_open > len(of_requested)
        and not (n_there and policy.on_transient == "record")
    ):
        counts = Counter(row["outcome"] for row in opened)
        what = " and ".join(f"{n} {word}" for word, n in sorted(counts.items()))
        in_a_row = f"; {n_in_a_row} such clips in a row over all jobs" if n_in_a_row > n_open else ""
        raise DownloadError(
            f"of {len(of_requested)} clips that were asked for, {what} ({opened[0]['reason']}){in_a_row}: check "
            f"download.cookies, proxy and yt_dlp, install the newest yt-dlp, and run the same command again; {kept}"
        )
    waiting = [row for row in table.to_pylist() if row["outcome"] in TRANSIENT or row["clip_id"] in freed]
    counts = Counter(row["outcome"] if row["reason"] != NOT_REQUESTED else "not requested" for row in waiting)
    # clips that were never requested are not recorded as missing, whatever on_transient says
    if not counts or (policy.on_transient == "record" and not n_not_requested and not freed):
        # one dead clip in a batch of one says nothing about the source
        if not n_there and (len(outcomes) > 1 or n_open):
            what = ", ".join(f"{n} {word}" for word, n in Counter(outcomes).most_common())
            # if a source could not be read, the names in the others are not the cause
            compared = [] if counts else asked
            unlike = [line for requests in compared if (line := requests.source.unlike(clips))]
            again = ["ask for them with --forcerun download_clips when their source can be read"] if counts else []
            warn(
                "none of the %d clips of this batch is there (%s)%s", len(outcomes), what,
                "; ".join(["", *unlike, *again]),
            )  # fmt: skip
        return
    what = ", ".join(f"{n} {word}" for word, n in counts.most_common())
    line = f"{counts.total()} of {len(outcomes)} clips could not be fetched yet ({what})"
    blocks = [
        (*block, requests.source.against_blocks)
        for requests in asked
        if requests.source.may_refuse and (block := requests.breaker.pace.blocked())
    ]
    if blocks:
        until, why, against = min(blocks)  # the first one to end
        raise DownloadError(
            f"{line}; the source refuses us ({why}): run the same command again after {clock_time(until)}, or set "
            f"{against}; {kept}"
        )
    if freed:
        damaged = [f"{one.url}: {one.reason}" for one in freed.values() if one.outcome in DAMAGED]
        cure = f" when what is damaged is copied again ({damaged[0]})" if damaged else " when their source can be read"
        raise DownloadError(
            f"{line}; {len(freed)} of them were there, and their media were freed: run the same command again{cure}; "
            f"their records stay (delete them in the archive to give these clips up), and {kept}"
        )
    raise DownloadError(
        f"{line}: run the same command again to ask for just these, or set download.on_transient to record to go on "
        f"without them; {kept}"
    )
