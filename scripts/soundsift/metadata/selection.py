"""Selection of clips from segment lists: truth for each detector, and a reason for every row that is not selected."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.config.metadata import SelectionParams
from soundsift.errors import InputError
from soundsift.metadata.batches import batch_names
from soundsift.metadata.classes import Classes, Mask, Members
from soundsift.metadata.lists import Segments
from soundsift.metadata.reasons import BEYOND, EVAL_VIDEO, INACCURATE, KEPT, NOT_CHOSEN, REASONS, REPEATED, UNREADABLE
from soundsift.metadata.rows import Rows
from soundsift.metadata.sources import connected, joined

# metadata.per_detector chooses from groups of this many rows. Rows that are appended to a list later do not change the
# choice from groups that were complete.
CHOICE_ROWS = 10_000
ALL_CLIPS = SelectionParams()


def select_clips(
    lists: Mapping[str, Segments],
    classes: Classes,
    detectors: Mapping[str, Members],
    batch_size: int,
    choice: SelectionParams = ALL_CLIPS,
    test_fold: str | None = None,
) -> tuple[pa.Table, pa.Table]:
    """Select clips from segment lists.

    A clip keeps the labels that pass the accuracy limit. A row without such a label is not selected. The truth of a
    clip for a detector is true if one of these labels is of a class of the detector, false if the row has no label of
    such a class at all, and null otherwise.

    Parameters
    ----------
    lists
        {list name: segments}; the list named ``eval`` is the held-out set.
    detectors
        Classes of each detector, from :func:`soundsift.metadata.classes.detector_members`.
    batch_size
        Rows of a list per batch, counted before any row is excluded.
    test_fold
        Fold whose rows belong to the held-out set as well; None for none.

    Returns
    -------
    clips
        Table with :data:`CLIP_COLUMNS`, those of :data:`EXTRA_COLUMNS` that the lists have, and :func:`truth_columns`,
        in the order of the lists.
    excluded
        Table with :data:`EXCLUDED_COLUMNS`. Each row of the lists is in exactly one of the two tables.

    Raises
    ------
    InputError
        If a clip is in the eval list and in a training list, if one list gives a clip two different ends, or if no row
        is selected.
    """
    rows = Rows.join(lists, test_fold)
    reason = np.where(rows.position < (choice.max_clips or len(rows)), KEPT, BEYOND).astype(np.int8)
    reason[(reason == KEPT) & np.isnan(rows.end_seconds)] = UNREADABLE
    row, code = rows.merge_repeats(reason)
    if "group" in rows.extra:
        rows.extra["group"] = _one_group_a_clip(rows, (reason == KEPT) | (reason == REPEATED))
    accurate = classes.accurate[code]

    def rows_with(labels: Mask) -> Mask:
        """Mark the rows that have one of the marked labels; ``labels`` has one element per label."""
        return np.bincount(row[labels], minlength=len(rows)) > 0

    reason[(reason == KEPT) & ~rows_with(accurate)] = INACCURATE
    reason[_in_test(rows, reason == KEPT)] = EVAL_VIDEO

    truths = {}
    for detector, members in detectors.items():
        counts = members.counting[code]
        is_evidence = counts & ~(members.above_excepted[code] & rows_with(members.excepted[code])[row])
        yes = rows_with(is_evidence & accurate)
        truths[detector] = (yes, yes | ~rows_with(counts))  # value, known
    if choice.per_detector:
        reason[(reason == KEPT) & ~_choose(rows, reason == KEPT, truths, choice.per_detector, choice.seed)] = NOT_CHOSEN

    kept = reason == KEPT
    if not kept.any():
        found = Counter(reason.tolist()).most_common(1)[0][0]
        raise InputError(
            f"no row of the lists was selected, most often because {list(REASONS.values())[found]}: "
            "change the setting or the lists"
        )
    lengths = np.bincount(row[accurate], minlength=len(rows))[kept]
    of_kept = accurate & kept[row]
    offsets = pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())
    codes = pa.array(code[of_kept])
    columns: dict[str, Any] = {
        **{name: column.filter(pa.array(kept)) for name, column in rows.identity().items()},
        "split": pa.array(["train", "eval"]).take(pa.array(rows.is_eval[kept].astype(np.int8))),
        "batch": pa.concat_arrays(
            [batch_names(n, rows.position[kept & (rows.list_index == i)], batch_size) for i, n in enumerate(rows.names)]
        ),
        "labels": pa.ListArray.from_arrays(offsets, pa.array(classes.names).take(codes)),
        "label_ids": pa.ListArray.from_arrays(offsets, pa.array(classes.ids).take(codes)),
        **{name: column.filter(pa.array(kept)) for name, column in rows.extra.items()},
    }
    for detector, (value, known) in truths.items():
        columns[f"is_{detector}"] = pa.array(value[kept], mask=~known[kept])
    left_out = pa.array(~kept)
    excluded = {
        "clip_id": rows.clip_id.filter(left_out),
        "list": pa.array(rows.names).take(pa.array(rows.list_index[~kept])),
        "line": pa.array(rows.line[~kept]),
        "reason": pa.array(list(REASONS)).take(pa.array(reason[~kept])),
    } | ({"file": rows.extra["file"].filter(left_out)} if "file" in rows.extra else {})
    return pa.table(columns), pa.table(excluded)


def _one_group_a_clip(rows: Rows, wanted: Mask) -> pa.Array:
    """Join the groups that rows of one clip name, shape (n_rows,)."""
    group = rows.extra["group"]
    # a row without a group has the name of its file, which all rows of the clip have
    named = pa.array(wanted & pc.not_equal(group, rows.video_id).to_numpy(zero_copy_only=False))
    return pc.replace_with_mask(group, named, joined(rows.clip_id.filter(named), group.filter(named)))


def _in_test(rows: Rows, kept: Mask) -> Mask:
    """Mark the training rows of a source that is in the test data, shape (n_rows,)."""
    group = rows.extra.get("group")
    if group is None:
        in_test = pc.is_in(rows.video_id, value_set=rows.video_id.filter(pa.array(rows.is_eval & kept)))
        return np.asarray(kept & ~rows.is_eval & in_test.to_numpy(zero_copy_only=False))
    found, numbers = np.zeros(len(rows), dtype=bool), np.flatnonzero(kept)
    source = connected(rows.video_id.take(numbers), group.take(numbers))
    is_eval = rows.is_eval[numbers]
    found[numbers] = ~is_eval & np.isin(source, source[is_eval])
    return found


def _choose(rows: Rows, wanted: Mask, truths: Mapping[str, tuple[Mask, Mask]], n_each: int, seed: int) -> Mask:
    """Choose ``n_each`` clips with and ``n_each`` clips without each detector's class from each list.

    The rows of a list are taken in groups of :data:`CHOICE_ROWS`: the second group is used only if the first has too
    few clips, and so on. Within a group, clips are ordered by a hash of their id and the seed. As a result

    - the order of the rows within a group does not matter,
    - the same clips are chosen for several detectors,
    - the chosen clips are in few batches,
    - appended rows do not displace a clip that was chosen from complete groups.
    """
    at = np.flatnonzero(wanted)
    key = np.array([draw(clip_id, seed) for clip_id in rows.clip_id.take(pa.array(at)).to_pylist()])
    ordered = at[np.lexsort((key, rows.position[at] // CHOICE_ROWS, rows.list_index[at]))]
    chosen = np.zeros(len(rows), dtype=bool)
    for value, known in truths.values():
        for side in (value & known, ~value & known):
            candidates = ordered[side[ordered]]
            _, first, list_of = np.unique(rows.list_index[candidates], return_index=True, return_inverse=True)
            chosen[candidates[np.arange(len(candidates)) - first[list_of] < n_each]] = True
    return chosen


def draw(clip_id: str, seed: int) -> int:
    """Hash a clip id and a seed to a pseudo-random number in [0, 2**63)."""
    digest = hashlib.blake2b(clip_id.encode(), digest_size=8, key=str(seed).encode()).digest()
    return int.from_bytes(digest, "big") >> 1
