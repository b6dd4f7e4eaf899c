"""From archived media to the clips of a batch, and the final outcome of each wanted clip."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from soundsift.errors import InputError, MediaError
from soundsift.joblog import Progress
from soundsift.media import decode, encode, levels
from soundsift.media.archive import Archive
from soundsift.media.columns import OUTCOME_COLUMNS, SILENCE_DBFS
from soundsift.workers import in_order


def convert(
    downloads: Sequence[dict[str, Any]], archive_root: Path, clips_dir: Path,
    clip_format: str, sample_rate_hz: int, min_seconds: float, n_processes: int = 1,
) -> pa.Table:  # fmt: skip
    """Cut every downloaded clip of a batch out of its media and write it as ``{clip_id}.{format}``.

    Parameters
    ----------
    downloads
        Rows of :data:`soundsift.media.columns.DOWNLOAD_COLUMNS`.

    Returns
    -------
    Table with :data:`OUTCOME_COLUMNS`, one row per wanted clip, in order.
    """
    progress = Progress("converted", len(downloads))
    one = partial(
        _outcome_of, archive_root=archive_root, clips_dir=clips_dir, clip_format=clip_format,
        sample_rate_hz=sample_rate_hz, min_seconds=min_seconds,
    )  # fmt: skip
    rows = []
    for row in in_order(one, downloads, n_processes):
        rows.append(row)
        progress.step()
    return pa.Table.from_pylist(rows, schema=pa.schema([(c.name, c.type) for c in OUTCOME_COLUMNS]))


def _outcome_of(row: dict[str, Any], **how: Any) -> dict[str, Any]:
    """Convert one clip if it was downloaded; return its row of outcomes."""
    outcome = {c.name: row.get(c.name) for c in OUTCOME_COLUMNS}
    if row["outcome"] != "ok":
        return outcome
    try:
        return outcome | _convert_one(row, **how)
    except MediaError as error:
        logging.info("%s: %s (%s)", row["clip_id"], error.outcome, error.reason)
        return outcome | {"outcome": error.outcome, "reason": error.reason}


def _media_of(row: dict[str, Any], archive: Archive) -> tuple[Path, float]:
    """Where a clip's media stand now, and where in the video they begin.

    Another list may have had them fetched anew since the batch was downloaded.
    """
    record = archive.read(row["clip_id"])
    if record is not None and record.media is not None and record.sha256 != row["sha256"]:
        path = archive.media_path(record)
        assert path is not None
        return path, record.media_start_seconds
    path = archive.root / row["media"]
    if not path.is_file():
        raise InputError(f"{path} is gone from the archive: run again with --forcerun download_clips to fetch it")
    return path, row["media_start_seconds"]


def _convert_one(
    row: dict[str, Any], archive_root: Path, clips_dir: Path, clip_format: str, sample_rate_hz: int, min_seconds: float
) -> dict[str, Any]:
    path, offset = _media_of(row, Archive(archive_root))
    clip = decode.cut(path, row["start_seconds"] - offset, row["end_seconds"] - offset, sample_rate_hz)
    duration = levels.duration_seconds(clip)
    if duration < min_seconds:
        raise MediaError("too_short", f"{duration:.2f} s of the labelled stretch exist")
    encode.write_clip(clip, clips_dir / f"{row['clip_id']}.{clip_format}")
    peak = levels.peak_dbfs(clip)
    return {
        "outcome": "silent" if peak < SILENCE_DBFS else "ok",
        "duration_seconds": duration, "peak_dbfs": peak, "loudness_dbfs": levels.loudness_dbfs(clip),
    }  # fmt: skip
