"""Downloading the clips of a batch into the archive.

The clips are requested in rounds. Those that failed with a transient outcome are requested again in the next round,
after a longer pause. So no thread waits for a single clip.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pyarrow as pa

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.errors import DownloadError
from soundsift.media.archive import Archive, Record
from soundsift.media.archive_writer import ArchiveWriter
from soundsift.media.clip_requests import ClipRequests, clock_time
from soundsift.media.columns import DOWNLOAD_COLUMNS, KEPT
from soundsift.media.outcomes import NOT_UNDERSTOOD, TRANSIENT
from soundsift.media.sources.registry import open_source
from soundsift.metadata.batches import Clip

# Reason in the table for clips that were never requested.
NOT_REQUESTED = "not requested: requests are blocked at present"
# Where the files are that a list names, unless download.url says so.
FILES_OF_LISTS = "file://{file}"
# Pause before the second round; it doubles with every further round.
FIRST_PAUSE_SECONDS = 5.0
# From this share of clips on, whole files in place of sections are no exception.
COMMON_SHARE = 0.1
# Longest wait inside a job. A server that asks for a longer one is asked again by a later run.
LONGEST_PAUSE_SECONDS = 600.0


def download(
    clips: Sequence[Clip],
    params: SourceParams,
    policy: RequestPolicy,
    archive: ArchiveWriter,
    min_seconds: float = 0.0,
    first_pause_seconds: float = FIRST_PAUSE_SECONDS,
) -> pa.Table:
    """Download every clip of a batch into the archive.

    Clips that the archive has, or that are known to be gone from this address, are not requested.

    Parameters
    ----------
    min_seconds
        How much of the labelled stretch must exist, in seconds.

    Returns
    -------
    Table with :data:`DOWNLOAD_COLUMNS`, one row per clip, in order.

    Raises
    ------
    DownloadError
        If clips with a transient outcome are left and ``on_transient`` is ``fail``, or the disk is full.
    ConfigError
        If yt-dlp does not accept its options.
    """
    if any(clip.file for clip in clips) and "{file}" not in params.url:
        params = replace(params, url=FILES_OF_LISTS)
    with closing(open_source(params, policy)) as source:
        requests = ClipRequests(source, archive, min_seconds)
        unsettled = [clip for clip in clips if not requests.is_settled(clip)]
        # first those that were not requested yet: refused ones at the front would stop every run before them
        unsettled.sort(key=lambda clip: record.tries if (record := archive.read(clip.clip_id)) else 0)
        logging.info("%d clips wanted, %d to request", len(clips), len(unsettled))
        _run_rounds(requests, unsettled, policy, first_pause_seconds)
        table = _as_table(clips, archive)
        _report_failures(table, requests, policy)
    return table


def _run_rounds(
    requests: ClipRequests, unsettled: list[Clip], policy: RequestPolicy, first_pause_seconds: float
) -> None:
    n_rounds = 0
    while unsettled and n_rounds < policy.tries:
        if n_rounds:
            growing = min(first_pause_seconds * 2 ** (n_rounds - 1), LONGEST_PAUSE_SECONDS)
            pause = max(growing * random.uniform(0.5, 1.5), requests.retry_after_seconds)
            logging.info("%d clips are not settled: round %d in %.0f s", len(unsettled), n_rounds + 1, pause)
            time.sleep(pause)
        unsettled = requests.run_round(unsettled)
        if requests.retry_after_seconds > LONGEST_PAUSE_SECONDS:
            seconds = requests.retry_after_seconds
            requests.pace.block(f"the server asks to be left alone for {seconds:.0f} s", seconds)
        if not requests.is_blocked():
            n_rounds += 1
            continue
        if not policy.wait_when_blocked:
            return
        # Clips that were not requested come first after the block. A blocked round counts as a try only if all of them
        # have been requested; otherwise a source that always refuses would be asked for ever.
        unsettled.sort(key=lambda clip: clip.clip_id in requests.answers)
        n_rounds += all(clip.clip_id in requests.answers for clip in unsettled)
        if unsettled and n_rounds < policy.tries:
            requests.wait_for_end_of_block()


def _as_table(clips: Sequence[Clip], archive: Archive) -> pa.Table:
    def rows() -> Iterator[dict[str, Any]]:
        for clip in clips:
            record = archive.read(clip.clip_id) or Record(
                clip.clip_id, clip.video_id, "rate_limited", reason=NOT_REQUESTED
            )
            path = archive.folder(clip.clip_id) / record.media if record.media else ""
            yield {
                "clip_id": clip.clip_id, "video_id": clip.video_id,
                "start_seconds": clip.start_seconds, "end_seconds": clip.end_seconds,
                "outcome": record.outcome, "reason": record.reason, "media": str(path),
                "media_start_seconds": record.media_start_seconds, "sha256": record.sha256,
            }  # fmt: skip

    return pa.Table.from_pylist(list(rows()), schema=pa.schema([(c.name, c.type) for c in DOWNLOAD_COLUMNS]))


def _report_failures(table: pa.Table, requests: ClipRequests, policy: RequestPolicy) -> None:
    """Raise a DownloadError if clips with a transient outcome are left, unless ``on_transient`` records them."""
    outcomes: list[str] = table["outcome"].to_pylist()
    n_not_requested = table["reason"].to_pylist().count(NOT_REQUESTED)
    kept = "what was fetched is in the archive"
    n_there = sum(outcomes.count(word) for word in KEPT)
    warn = logging.getLogger("soundsift").warning
    if requests.n_whole_files > policy.block_after and requests.n_whole_files > COMMON_SHARE * n_there:
        warn("%d of %d clips came as whole files, because their sections were unusable: the log says why",
             requests.n_whole_files, n_there)  # fmt: skip
    answers = Counter(requests.answers.values())
    n_open = sum(answers[word] for word in NOT_UNDERSTOOD)
    # most of what was asked for, unless the job is to go on without it and has something
    if (
        (n_open >= policy.block_after or (requests.breaker_tripped and n_open))
        and 2 * n_open > answers.total()
        and not (n_there and policy.on_transient == "record")
    ):
        what = " and ".join(f"{answers[word]} {word}" for word in sorted(NOT_UNDERSTOOD) if answers[word])
        reason = next(row["reason"] for row in table.to_pylist() if row["outcome"] in NOT_UNDERSTOOD)
        raise DownloadError(
            f"of {answers.total()} clips that were asked for, {what} ({reason}): check download.cookies, proxy and "
            f"yt_dlp, install the newest yt-dlp, and run the same command again; {kept}"
        )
    words = (row["outcome"] if row["reason"] != NOT_REQUESTED else "not requested" for row in table.to_pylist())
    counts = Counter(word for word in words if word in TRANSIENT or word == "not requested")
    # clips that were never requested are not recorded as missing, whatever on_transient says
    if not counts or (policy.on_transient == "record" and not n_not_requested):
        if not n_there and len(outcomes) >= policy.block_after:
            what = ", ".join(f"{n} {word}" for word, n in Counter(outcomes).most_common())
            warn("none of the %d clips of this batch is there (%s)", len(outcomes), what)
        return
    what = ", ".join(f"{n} {word}" for word, n in counts.most_common())
    line = f"{counts.total()} of {len(outcomes)} clips could not be fetched yet ({what})"
    block = requests.pace.blocked()
    if block and requests.source.is_remote:
        raise DownloadError(
            f"{line}; the source refuses us ({block[1]}): run the same command again after {clock_time(block[0])}, or "
            f"set download.cookies, proxy or wait_when_blocked; {kept}"
        )
    raise DownloadError(
        f"{line}: run the same command again to ask for just these, or set download.on_transient to record to go on "
        f"without them; {kept}"
    )
