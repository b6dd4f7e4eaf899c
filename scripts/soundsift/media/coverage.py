"""Counting the available clips: by the outcomes of finished batches, and by the archive for all other clips.

If tables of a batch were deleted, the coverage table of the last run still has the outcomes of its clips.
"""

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from soundsift.errors import InputError
from soundsift.media.archive import Archive, Record, source_of
from soundsift.media.columns import KEPT, OUTCOME_COLUMNS, UNREADABLE
from soundsift.media.fetch_error import clock_time
from soundsift.media.outcomes import PERMANENT
from soundsift.media.pace_state import blocks
from soundsift.media.second_answers import is_undecided
from soundsift.metadata.columns import BATCH_COLUMNS, CLIP_COLUMNS, FILE_COLUMN
from soundsift.tables import Column, read_csv, read_parquet

# Outcome of a clip that was not requested yet.
NOT_ASKED = "not_asked"
MISSING_COLUMNS = (
    *BATCH_COLUMNS,
    Column("split", pa.string(), "", "train or eval"),
    Column("outcome", pa.string(), "", "outcome of the clip; not_asked if it was not requested yet"),
    Column("reason", pa.string(), "", "message of the source or decoder"),
)
CLIP_ID = [c for c in BATCH_COLUMNS if c.name == "clip_id"]
# Columns of the coverage table that are read here.
MERGED_COLUMNS = (
    *(c for c in CLIP_COLUMNS if c.name in ("clip_id", "batch")),
    *(c for c in OUTCOME_COLUMNS if c.name in ("outcome", "reason", "source")),
)
Counts = dict[str, dict[str, int]]
# Outcome, reason and source.
Known = tuple[str, str, str]


def present(
    clips: pa.Table, finished_dir: Path, outcomes_dir: Path, features_dir: Path, archive: Archive,
    merged: Path | None = None,
) -> pa.Table:  # fmt: skip
    """Add ``outcome``, ``reason``, ``source``, ``finished`` and ``converted`` to the clip table; request nothing.

    ``finished`` tells whether the batch has a file in ``finished_dir``, so that a run does not ask for its clips;
    ``converted`` whether the outcome is that of the clip, not only that of its media.

    Parameters
    ----------
    merged
        The coverage table of the last run. It stands for tables that were deleted or cut short, except for clips that
        were requested again since. Without it, their clips are counted by the archive.
    """
    known: dict[str, Known] = {}
    lacking: list[str] = []
    n_clips = Counter(clips["batch"].to_pylist())
    for batch, n in n_clips.items():
        of_batch = _outcomes_of_batch(batch, n, outcomes_dir, features_dir, merged)
        known |= of_batch
        if len(of_batch) < n:
            lacking.append(batch)
    earlier = _Merged(merged, lacking)
    finished = {batch for batch in n_clips if (finished_dir / f"{batch}.csv").is_file()}
    found: list[tuple[str, str, str, bool, bool]] = []
    for clip_id, batch in zip(clips["clip_id"].to_pylist(), clips["batch"].to_pylist(), strict=True):
        record = None if clip_id in known else archive.read(clip_id)
        row = known.get(clip_id) or earlier.unless_newer(clip_id, record)
        of_media = (record.outcome, record.reason, source_of(record)) if record else (NOT_ASKED, "", "")
        found.append((*(row or of_media), batch in finished, row is not None))
    kinds = [pa.string(), pa.string(), pa.string(), pa.bool_(), pa.bool_()]
    for i, name in enumerate(("outcome", "reason", "source", "finished", "converted")):
        clips = clips.append_column(name, pa.array([of_clip[i] for of_clip in found], kinds[i]))
    return clips


def _outcomes_of_batch(
    batch: str, n_clips: int, outcomes_dir: Path, features_dir: Path, merged: Path | None
) -> dict[str, Known]:
    """Return what the tables of a batch say of its clips, as far as it is certain.

    Clips that were converted, but have no features, could not be read back. Without the table of features, only the
    coverage table of the last run knows them.
    """
    outcomes, features = outcomes_dir / f"{batch}.csv", features_dir / f"{batch}.parquet"
    if not outcomes.is_file():
        return {}
    found = _outcomes_of(outcomes)
    kept = {clip_id for clip_id, (outcome, _, _) in found.items() if outcome in KEPT}
    if _is_newer(features, outcomes):
        featured = read_parquet(features, CLIP_ID)["clip_id"].to_pylist()
        return found | {i: ("corrupt", UNREADABLE, found[i][2]) for i in kept.difference(featured)}
    if merged and merged.is_file() and (_is_newer(merged, outcomes) or len(found) < n_clips):
        return {i: row for i, row in found.items() if i not in kept}
    return found


def _is_newer(path: Path, than: Path) -> bool:
    return path.is_file() and path.stat().st_mtime >= than.stat().st_mtime


def _outcomes_of(path: Path) -> dict[str, Known]:
    """Read {clip_id: (outcome, reason, source)}; tables of earlier versions have no sources."""
    with open(path, "rb") as file:
        header = file.readline()
    needed = ("clip_id", "outcome")
    named = [column for column in OUTCOME_COLUMNS if column.name in needed or f'"{column.name}"'.encode() in header]
    table = read_csv(path, named)
    empty = [""] * table.num_rows
    columns = (
        table[name].to_pylist() if name in table.column_names else empty for name in ("outcome", "reason", "source")
    )
    return dict(zip(table["clip_id"].to_pylist(), zip(*columns, strict=True), strict=True))


class _Merged:
    """Outcomes, reasons and sources in the coverage table of the last run, for the clips of some batches."""

    def __init__(self, path: Path | None, batches: Sequence[str]) -> None:
        self._of: dict[str, Known] = {}
        if path is None or not batches or not path.is_file():
            return
        self._when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        try:
            table = read_parquet(path, MERGED_COLUMNS, without=["labels", "label_ids"])
        except InputError as error:
            logging.getLogger("soundsift").warning("%s. Meanwhile clips are counted by the archive", error)
            return
        table = table.filter(pc.is_in(table["batch"], pa.array(batches)))
        ids, *values = (table[name].to_pylist() for name in ("clip_id", "outcome", "reason", "source"))
        self._of = dict(zip(ids, zip(*values, strict=True), strict=True))

    def unless_newer(self, clip_id: str, record: Record | None) -> Known | None:
        """Return what the table says of a clip; None if it says nothing, or if the archive's record is newer."""
        known = self._of.get(clip_id)
        if known and record and record.when and datetime.fromisoformat(record.when) > self._when:
            return None
        return known


def by_source(coverage: pa.Table) -> dict[str, int]:
    """Count the available clips by source, the source that gave most first."""
    there = coverage.filter(pc.is_in(coverage["outcome"], pa.array(sorted(KEPT))))
    return dict(Counter(there["source"].to_pylist()).most_common())


def whole_files(coverage: pa.Table, archive: Archive) -> str:
    """Say how many clips came as whole files because their sections were unusable; empty if none did."""
    there = coverage.filter(pc.is_in(coverage["outcome"], pa.array(sorted(KEPT))))["clip_id"]
    n_whole = pc.sum(pc.is_in(there, pa.array(sorted(archive.whole_files()), pa.string()))).as_py()
    if not n_whole:
        return ""
    return f"{n_whole:,} of {len(there):,} clips came as whole files, because their sections were unusable.\n"


def refusals(archive: Archive) -> str:
    """Say which hosts refuse requests at present, until when and why; empty if none does."""
    return "".join(
        f"Requests{f' to {host}' if host else ''} are blocked until {clock_time(until)}, except with other cookies, "
        f"another proxy or other options of yt-dlp: {reason}\n"
        for host, until, reason in blocks(archive.root)
    )


def undecided(coverage: pa.Table, archive: Archive) -> set[str]:
    """Return the ids of clips with a permanent outcome that a run requests again nevertheless."""
    gone = coverage.filter(pc.is_in(coverage["outcome"], pa.array(sorted(PERMANENT))))["clip_id"].to_pylist()
    records = (archive.read(clip_id) for clip_id in gone)
    return {record.clip_id for record in records if record is not None and is_undecided(record)}


def missing(coverage: pa.Table) -> pa.Table:
    """Return the clips that are not available, with :data:`MISSING_COLUMNS`."""
    gone = pc.invert(pc.is_in(coverage["outcome"], pa.array(sorted(KEPT))))
    names = [c.name for c in MISSING_COLUMNS]
    return coverage.filter(gone).select(names + [FILE_COLUMN.name] * (FILE_COLUMN.name in coverage.column_names))


def outcome_counts(coverage: pa.Table) -> Counts:
    """Count clips by split and outcome: {split: {outcome: clips}}, most frequent outcome first."""
    pairs = Counter(zip(coverage["split"].to_pylist(), coverage["outcome"].to_pylist(), strict=True))
    splits = sorted({split for split, _ in pairs}, reverse=True)
    return {split: {outcome: n for (of, outcome), n in pairs.most_common() if of == split} for split in splits}


def lines(coverage: pa.Table, retry_permanent: bool, undecided: Collection[str] = (), options: str = "") -> str:
    """Describe the available clips by split, outcome and detector, and what a further run would request.

    Parameters
    ----------
    coverage
        Table from :func:`present`.
    undecided
        Clip ids from :func:`undecided`.
    options
        Options of this command that change the configuration; empty if there are none.
    """
    counts = outcome_counts(coverage)
    text = []
    for split, of_split in counts.items():
        n_wanted = sum(of_split.values())
        n_there = sum(n for outcome, n in of_split.items() if outcome in KEPT)
        text.append(f"{split}: {n_there:,} of {n_wanted:,} wanted clips are there ({n_there / n_wanted:.1%})")
        text += [f"  {outcome:15} {n:10,} {n / n_wanted:7.1%}" for outcome, n in of_split.items()]
    there = pc.is_in(coverage["outcome"], pa.array(sorted(KEPT)))
    for name in (name for name in coverage.column_names if name.startswith("is_")):
        pairs = Counter(zip(coverage[name].to_pylist(), there.to_pylist(), strict=True))
        sides = [(pairs[side, True], pairs[side, True] + pairs[side, False]) for side in (True, False)]
        (n_with, of_with), (n_without, of_without) = sides
        text.append(
            f"{name.removeprefix('is_')}: {n_with:,} of {of_with:,} clips with it are there, "
            f"{n_without:,} of {of_without:,} without it"
        )
    unconverted = coverage.filter(pc.and_(there, pc.invert(coverage["converted"])))
    if unconverted.num_rows:
        text.append(
            f"{unconverted.num_rows:,} of the clips that are there are counted by their media alone. Only a run finds "
            "out which of these are silent, too short or unreadable."
        )
    sources = by_source(coverage)
    if len(sources) > 1:
        text.append(f"by source: {', '.join(f'{n:,} {name}' for name, n in sources.items())}")
    settled = pa.array(sorted(KEPT if retry_permanent else KEPT | PERMANENT))
    open_ids = pa.array(sorted(undecided), pa.string())
    left = coverage.filter(
        pc.or_(pc.invert(pc.is_in(coverage["outcome"], settled)), pc.is_in(coverage["clip_id"], open_ids))
    )
    run = f"A run with {options}" if options else "A run"
    with_force = f"A run with --forcerun download_clips {options}".rstrip()
    for finished, when in ((False, run), (True, with_force)):
        asked = Counter(left["outcome"].filter(pc.equal(left["finished"], finished)).to_pylist())
        if asked or not finished:
            what = f" ({', '.join(f'{n:,} {outcome}' for outcome, n in asked.most_common())})" if asked else ""
            text.append(f"{when} would ask for {asked.total():,} clips{what}.")
    return "\n".join(text) + "\n"
