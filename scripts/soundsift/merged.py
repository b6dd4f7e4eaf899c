"""The merged tables: every clip that is there with its truth and features, and what became of every wanted one."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.augmentation import VERSION_COLUMNS
from soundsift.clips import OUTCOME_COLUMNS
from soundsift.errors import InputError
from soundsift.features import N_AT_ONCE
from soundsift.frames import definition_of
from soundsift.metadata import CLIP_COLUMNS
from soundsift.outcomes import KEPT
from soundsift.tables import Column, parquet_options, read_csv, read_parquet, schema_of, whole_file

_CLIP_NAMES = [c.name for c in CLIP_COLUMNS]
# why a clip is corrupt although its media are not
UNREADABLE = "the clip file could not be read back: --forcerun convert_clips writes it anew"
# what stands in front of the features, after the clip columns and truths
MEASURED = ("duration_seconds", "loudness_dbfs")
VIDEO_COLUMNS = (
    Column("video_id", pa.string(), "", "the clip's video"),
    Column("partner_video_id", pa.string(), "", "the video of the clip mixed in, null for none"),
)
_OUTCOME_NAMES = [c.name for c in OUTCOME_COLUMNS if c.name not in _CLIP_NAMES]


def merge(
    clips: pa.Table, outcomes: Sequence[Path], features: Sequence[Path], features_path: Path, coverage_path: Path
) -> tuple[int, int]:
    """Write the features and the coverage table.

    Parameters
    ----------
    clips
        The clip table; the clips of a batch stand together.
    outcomes, features
        One file per batch, in the order of the clip table.

    Returns
    -------
    (n_wanted, n_there)

    Raises
    ------
    InputError
        If no clip is there at all, features are of clips that are not, or batches were made with different parameters.
    """
    truths = [name for name in clips.column_names if name.startswith("is_")]
    n_wanted = n_there = 0
    with whole_file(features_path) as features_part, whole_file(coverage_path) as coverage_part:
        with _Appender(features_part) as there_rows, _Appender(coverage_part) as coverage_rows:
            for outcome_path, batch_features in zip(outcomes, features, strict=True):
                outcome = read_csv(outcome_path, OUTCOME_COLUMNS)
                wanted = clips.slice(n_wanted, outcome.num_rows)
                if wanted["clip_id"].to_pylist() != outcome["clip_id"].to_pylist():
                    raise InputError(f"{outcome_path} does not list the clips of its batch: delete it and run again")
                n_wanted += outcome.num_rows
                kept = pa.array([word in KEPT for word in outcome["outcome"].to_pylist()])
                if pc.any(kept).as_py():
                    table = read_parquet(batch_features)
                    outcome, kept = _without_features(outcome, kept, table["clip_id"], batch_features)
                    there, measured = wanted.filter(kept), outcome.filter(kept)
                    if there.num_rows:
                        definition_of(table.schema)
                        at = pc.index_in(there["clip_id"], table["clip_id"].combine_chunks())
                        front = _side_by_side(there.select(_CLIP_NAMES + truths), measured.select(MEASURED))
                        there_rows.append(_side_by_side(front, table.take(at).drop_columns(["clip_id"])))
                        n_there += there.num_rows
                coverage_rows.append(
                    _side_by_side(wanted.select(_CLIP_NAMES[:6] + truths), outcome.select(_OUTCOME_NAMES))
                )
        if n_wanted != clips.num_rows:
            raise InputError(
                f"{clips.num_rows - n_wanted} clips have no outcome: run again with --forcerun convert_clips"
            )
        if n_there == 0:
            raise InputError(f"none of the {n_wanted} wanted clips is there: see the outcomes in {outcomes[0].parent}")
    return n_wanted, n_there


def merge_augmented(features: Path, augmented: Sequence[Path], path: Path) -> int:
    """Write the changed versions of all clips with their truth; return how many there are.

    What is true of a mixture follows from its clips: heard if heard in one, not heard if in neither, else unknown.

    Parameters
    ----------
    features
        The merged features table.
    augmented
        One file per batch, named like it.
    """
    names = pq.read_schema(features).names
    truths = [name for name in names if name.startswith("is_")]
    clips = pq.read_table(features, columns=["clip_id", "video_id", "batch", *truths], partitioning=None)
    runs = pc.run_end_encode(clips["batch"].combine_chunks())
    ends = dict(zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True))
    starts = dict(zip(ends, [0, *ends.values()], strict=False))
    n_versions = 0
    with whole_file(path) as part, _Appender(part) as rows:
        for of_batch in augmented:
            table, batch = read_parquet(of_batch), of_batch.stem
            here = clips.slice(starts.get(batch, 0), ends.get(batch, 0) - starts.get(batch, 0))
            own = pc.index_in(table["clip_id"].combine_chunks(), here["clip_id"].combine_chunks())
            with_it = pc.index_in(table["partner"].combine_chunks(), here["clip_id"].combine_chunks())
            known = pc.and_(own.is_valid(), pc.or_(with_it.is_valid(), table["partner"].combine_chunks().is_null()))
            table, own, with_it = table.filter(known), own.filter(known), with_it.filter(known)
            if not table.num_rows:
                continue
            front = [(c, table[c.name]) for c in VERSION_COLUMNS]
            front += [(c, here["video_id"].take(at)) for c, at in zip(VIDEO_COLUMNS, (own, with_it), strict=True)]
            alone = with_it.is_null()
            for name in truths:
                either = pc.or_kleene(here[name].take(own), here[name].take(with_it))
                meaning = f"is {name.removeprefix('is_')} heard? null: unknown"
                front.append((Column(name, pa.bool_(), "", meaning), pc.if_else(alone, here[name].take(own), either)))
            left = pa.table([values for _, values in front], schema=schema_of([c for c, _ in front]))
            rows.append(_side_by_side(left, table.drop_columns([c.name for c in VERSION_COLUMNS])))
            n_versions += table.num_rows
        if not n_versions:
            empty = {c.name: pa.array([], c.type) for c in (*VERSION_COLUMNS, *VIDEO_COLUMNS)}
            rows.append(pa.table(empty | {name: pa.array([], pa.bool_()) for name in truths}))
    return n_versions


def _without_features(
    outcome: pa.Table, kept: pa.Array, featured: pa.ChunkedArray, path: Path
) -> tuple[pa.Table, pa.Array]:
    """Call clips corrupt whose clip file gave no features; return the outcomes and which clips are left."""
    if not pc.all(pc.is_in(featured, outcome["clip_id"].filter(kept).combine_chunks()), min_count=0).as_py():
        raise InputError(f"{path} has clips that are not there: run again with --forcerun extract_features")
    lost = pc.and_(kept, pc.invert(pc.is_in(outcome["clip_id"].combine_chunks(), featured.combine_chunks())))
    for name, word in (("outcome", "corrupt"), ("reason", UNREADABLE)):
        column = pc.if_else(lost, word, outcome[name].combine_chunks())
        outcome = outcome.set_column(outcome.column_names.index(name), outcome.schema.field(name), column)
    return outcome, pc.and_(kept, pc.invert(lost))


def _side_by_side(left: pa.Table, right: pa.Table) -> pa.Table:
    """Join tables row by row; metadata come from the right one."""
    fields = [*left.schema, *right.schema]
    return pa.table([*left.columns, *right.columns], schema=pa.schema(fields, metadata=right.schema.metadata))


class _Appender:
    """A Parquet file that grows by tables of one schema, in row groups of some thousand rows.

    A row group per batch would cost gigabytes for the list of its column chunks: 300 columns of 4,000 batches.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []

    def __enter__(self) -> "_Appender":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is not None:
            if kind is None and self._waiting:
                self._write()
            self._writer.close()

    def append(self, table: pa.Table) -> None:
        """Add rows."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, **parquet_options(table.schema))
        if table.schema.metadata != self._writer.schema.metadata or table.schema != self._writer.schema:
            raise InputError(
                f"batch of clip {table['clip_id'][0]} was made with other parameters or columns than those before it: "
                "run again with --forcerun extract_features"
            )
        self._waiting.append(table)
        if sum(waiting.num_rows for waiting in self._waiting) >= N_AT_ONCE:
            self._write()

    def _write(self) -> None:
        assert self._writer is not None
        self._writer.write_table(pa.concat_tables(self._waiting))
        self._waiting = []
