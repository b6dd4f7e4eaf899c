"""Converting archived media into the clips of a batch, with the final outcome of each clip."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from soundsift.errors import InputError, MediaError
from soundsift.joblog import Progress
from soundsift.media import decode, encode, levels
from soundsift.media.archive import Archive, source_of
from soundsift.media.columns import OUTCOME_COLUMNS, SILENCE_DBFS
from soundsift.workers import in_order


def convert(
    downloads: Sequence[dict[str, Any]], archive: Archive, clips_dir: Path,
    clip_format: str, sample_rate_hz: int, min_seconds: float, n_processes: int = 1, made_by: str = "download_clips",
) -> pa.Table:  # fmt: skip
    """Cut every downloaded clip of a batch out of its media and write it as ``{clip_id}.{format}``.

    Parameters
    ----------
    downloads
        Rows with :data:`soundsift.media.columns.DOWNLOAD_COLUMNS`.
    min_seconds
        Shortest clip, in seconds. A clip of which less exists is ``too_short``.
    made_by
        What Snakemake is to run again if media are gone: the table of downloads, or the step that makes it.

    Returns
    -------
    Table with :data:`OUTCOME_COLUMNS`, one row per wanted clip, in order.

    Raises
    ------
    InputError
        If media are missing from the archive.
    """
    progress = Progress("converted", len(downloads))
    convert_row = partial(
        _row_outcome, archive=archive, clips_dir=clips_dir, clip_format=clip_format,
        sample_rate_hz=sample_rate_hz, min_seconds=min_seconds, made_by=made_by,
    )  # fmt: skip
    rows = []
    for row in in_order(convert_row, downloads, n_processes):
        rows.append(row)
        progress.step()
    return pa.Table.from_pylist(rows, schema=pa.schema([(c.name, c.type) for c in OUTCOME_COLUMNS]))


def _row_outcome(row: dict[str, Any], archive: Archive, made_by: str, **options: Any) -> dict[str, Any]:
    """Convert the clip of one row if it was downloaded; return its row of outcomes."""
    outcome = {c.name: row.get(c.name) for c in OUTCOME_COLUMNS} | {"source": ""}
    if row["outcome"] != "ok":
        return outcome
    path, offset, source = _find_media(row, archive, made_by)
    outcome |= {"source": source} | decode.described(path)
    try:
        return outcome | _convert_clip(row, path, offset, **options)
    except MediaError as error:
        logging.info("%s: %s (%s)", row["clip_id"], error.outcome, error.reason)
        return outcome | {"outcome": error.outcome, "reason": error.reason}


def _find_media(row: dict[str, Any], archive: Archive, made_by: str) -> tuple[Path, float, str]:
    """Return the path of a clip's media, the second of the video at which they begin, and their source.

    The archive's record takes precedence over the row: another list may have had the media fetched again since.
    """
    record = archive.read(row["clip_id"])
    source = source_of(record) if record is not None else ""
    if record is not None and record.media is not None and record.sha256 != row["sha256"]:
        path = archive.media_path(record)
        assert path is not None
        return path, record.media_start_seconds, source
    path = archive.root / row["media"]
    if not path.is_file():
        raise InputError(
            f"the media of {row['clip_id']} are gone from the archive {archive.root}, deleted or freed by another run "
            f"with keep.media: false: run again with --forcerun {made_by} to fetch them"
        )
    return path, row["media_start_seconds"], source


def _convert_clip(
    row: dict[str, Any], path: Path, offset: float, clips_dir: Path, clip_format: str, sample_rate_hz: int,
    min_seconds: float,
) -> dict[str, Any]:  # fmt: skip
    clip = decode.cut(path, row["start_seconds"] - offset, row["end_seconds"] - offset, sample_rate_hz)
    duration = levels.duration_seconds(clip)
    if duration < min_seconds:
        raise MediaError("too_short", f"{duration:.2f} s of the labelled stretch exist")
    samples = levels.samples_of(clip)
    encode.write_clip(samples, sample_rate_hz, clips_dir / f"{row['clip_id']}.{clip_format}")
    peak = levels.peak_dbfs(clip)
    return {
        "outcome": "silent" if peak < SILENCE_DBFS else "ok",
        "duration_seconds": duration, "peak_dbfs": peak, "loudness_dbfs": levels.loudness_dbfs(clip),
    }  # fmt: skip
