"""The merged tables: features and truth of every available clip, and the outcome of every wanted clip."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from soundsift.errors import InputError
from soundsift.features.definition import definition_of
from soundsift.features.growing_parquet import GrowingParquet
from soundsift.features.sequence import SEQUENCE_COLUMN
from soundsift.files import whole_file
from soundsift.media.columns import KEPT, OUTCOME_COLUMNS, UNREADABLE
from soundsift.metadata.columns import CLIP_COLUMNS, EXTRA_COLUMNS
from soundsift.tables import read_csv, read_parquet, side_by_side

_CLIP_NAMES = [c.name for c in CLIP_COLUMNS]
# outcome columns between the truths and the features
MEASURED = ("duration_seconds", "loudness_dbfs")
_OUTCOME_NAMES = [c.name for c in OUTCOME_COLUMNS if c.name not in _CLIP_NAMES]


def merge(
    clips: pa.Table, outcomes: Sequence[Path], features: Sequence[Path], features_path: Path, coverage_path: Path
) -> tuple[int, int]:
    """Write the features and the coverage table.

    Parameters
    ----------
    clips
        The clip table; the clips of a batch are consecutive rows.
    outcomes, features
        One file per batch, in the order of the clip table.

    Returns
    -------
    Number of wanted clips, and of available ones.

    Raises
    ------
    InputError
        If no clip is available, a batch is missing or has outcomes or features of other clips, or batches have
        different definitions.
    """
    extra = [c.name for c in EXTRA_COLUMNS if c.name in clips.column_names]
    truths = [name for name in clips.column_names if name.startswith("is_")]
    batches = pc.run_end_encode(clips["batch"].combine_chunks())
    names = batches.values.to_pylist()
    if [path.stem for path in outcomes] != names:
        others = set(names) ^ {path.stem for path in outcomes}
        raise InputError(
            f"the clip table and the list of batches differ ({', '.join(sorted(others)[:3]) or 'in their order'}): "
            "run again with --forcerun select_clips"
        )
    n_wanted = n_available = 0
    with whole_file(features_path) as features_part, whole_file(coverage_path) as coverage_part:
        with GrowingParquet(features_part) as feature_rows, GrowingParquet(coverage_part) as coverage_rows:
            for outcome_path, batch_features, end in zip(outcomes, features, batches.run_ends.to_pylist(), strict=True):
                outcome = read_csv(outcome_path, OUTCOME_COLUMNS)
                wanted = clips.slice(n_wanted, end - n_wanted)
                _check_same_clips(wanted["clip_id"].to_pylist(), outcome["clip_id"].to_pylist(), outcome_path)
                n_wanted = end
                kept = pa.array([word in KEPT for word in outcome["outcome"].to_pylist()])
                if pc.any(kept).as_py():
                    table = read_parquet(batch_features, without=[SEQUENCE_COLUMN.name])
                    outcome, kept = _without_features(outcome, kept, table["clip_id"], batch_features)
                    available, measured = wanted.filter(kept), outcome.filter(kept)
                    if available.num_rows:
                        definition_of(table.schema)
                        at = pc.index_in(available["clip_id"], table["clip_id"].combine_chunks())
                        front = side_by_side(available.select(_CLIP_NAMES + extra + truths), measured.select(MEASURED))
                        feature_rows.append(side_by_side(front, table.take(at).drop_columns(["clip_id"])))
                        n_available += available.num_rows
                coverage_rows.append(
                    side_by_side(wanted.select(_CLIP_NAMES[:6] + extra + truths), outcome.select(_OUTCOME_NAMES))
                )
        if n_available == 0:
            raise InputError(f"none of the {n_wanted} wanted clips is there: see the outcomes in {outcomes[0].parent}")
    return n_wanted, n_available


def _check_same_clips(wanted: Sequence[str], found: Sequence[str], path: Path) -> None:
    if wanted != found:
        lost, foreign = len(set(wanted) - set(found)), len(set(found) - set(wanted))
        raise InputError(
            f"{path} lacks {lost} of the {len(wanted)} clips of its batch and has {foreign} others: delete it and the "
            "file of the same name in results/downloads, and run again"
        )


def _without_features(
    outcome: pa.Table, kept: pa.Array, featured: pa.ChunkedArray, path: Path
) -> tuple[pa.Table, pa.Array]:
    """Mark kept clips without features as corrupt; return the outcomes and the remaining mask, shape (n_clips,)."""
    if not pc.all(pc.is_in(featured, outcome["clip_id"].filter(kept).combine_chunks()), min_count=0).as_py():
        raise InputError(f"{path} has clips that are not there: run again with --forcerun extract_features")
    lost = pc.and_(kept, pc.invert(pc.is_in(outcome["clip_id"].combine_chunks(), featured.combine_chunks())))
    if n_lost := pc.sum(lost).as_py():
        logging.getLogger("soundsift").warning("%d clips of %s are left out: %s", n_lost, path.stem, UNREADABLE)
    for name, word in (("outcome", "corrupt"), ("reason", UNREADABLE)):
        column = pc.if_else(lost, word, outcome[name].combine_chunks())
        outcome = outcome.set_column(outcome.column_names.index(name), outcome.schema.field(name), column)
    return outcome, pc.and_(kept, pc.invert(lost))
