"""Selection of clips from segment lists: truth for each detector, and a reason for every row that is not selected."""

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.config.metadata import SelectionParams
from soundsift.errors import ConfigError, InputError
from soundsift.metadata.batches import batch_names
from soundsift.metadata.classes import Classes, Mask, Members
from soundsift.metadata.columns import BATCH_COLUMNS
from soundsift.metadata.labels import Integers, each_once
from soundsift.metadata.lists import Segments
from soundsift.metadata.reasons import REASONS

KEPT, BEYOND, REPEATED, INACCURATE, EVAL_VIDEO, UNREADABLE, NOT_CHOSEN = range(len(REASONS))
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
    rows = _Rows.join(lists, test_fold)
    reason = np.where(rows.position < (choice.max_clips or len(rows)), KEPT, BEYOND).astype(np.int8)
    reason[(reason == KEPT) & np.isnan(rows.end_seconds)] = UNREADABLE
    row, code = rows.merge_repeats(reason)
    accurate = classes.accurate[code]

    def rows_with(labels: Mask) -> Mask:
        """Mark the rows that have one of the marked labels; ``labels`` has one element per label."""
        return np.bincount(row[labels], minlength=len(rows)) > 0

    reason[(reason == KEPT) & ~rows_with(accurate)] = INACCURATE
    for source in (rows.video_id, rows.extra.get("group")):
        if source is not None:
            in_test = pc.is_in(source, value_set=source.filter(pa.array(rows.is_eval & (reason == KEPT))))
            reason[(reason == KEPT) & in_test.to_numpy(zero_copy_only=False) & ~rows.is_eval] = EVAL_VIDEO

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


@dataclass(frozen=True)
class _Rows:
    """The rows of all lists in one table; ``row`` and ``code`` have one element per label, the others one per row."""

    names: list[str]
    list_index: Integers
    position: Integers
    line: Integers
    clip_id: pa.Array
    video_id: pa.Array
    start_seconds: npt.NDArray[np.float64]
    end_seconds: npt.NDArray[np.float64]
    row: Integers
    code: Integers
    is_eval: Mask
    # columns that only some lists have, by name
    extra: dict[str, pa.Array]

    @classmethod
    def join(cls, lists: Mapping[str, Segments], test_fold: str | None = None) -> "_Rows":
        all_segments = list(lists.values())
        lengths = [len(segments) for segments in all_segments]
        first_rows = np.r_[0, np.cumsum(lengths)].astype(np.int32)
        video_id = pa.concat_arrays([segments.video_id for segments in all_segments])
        is_eval = np.repeat([name == "eval" for name in lists], lengths)
        if test_fold is not None:
            is_eval |= np.concatenate([_is_in_fold(segments, test_fold) for segments in all_segments])
            if not is_eval.any():
                found = sorted(
                    {fold for s in all_segments if s.fold is not None for fold in s.fold.unique().to_pylist()}
                )
                raise ConfigError(
                    f"metadata.fold is {test_fold!r}, but no row of the lists has it in its column fold: "
                    + (f"set one of {', '.join(found[:20])}" if found else "the lists have no such column")
                )
        return cls(
            names=list(lists),
            list_index=np.repeat(np.arange(len(all_segments), dtype=np.int32), lengths),
            position=np.concatenate([np.arange(n, dtype=np.int32) for n in lengths]),
            line=np.concatenate([segments.line for segments in all_segments]),
            clip_id=pa.concat_arrays(map(_clip_ids, all_segments)),
            video_id=video_id,
            start_seconds=np.concatenate([segments.start_seconds for segments in all_segments]),
            end_seconds=np.concatenate([segments.end_seconds for segments in all_segments]),
            row=np.concatenate([s.row + first for s, first in zip(all_segments, first_rows[:-1], strict=True)]),
            code=np.concatenate([segments.code for segments in all_segments]),
            is_eval=is_eval,
            extra=_extra_columns(all_segments),
        )

    def __len__(self) -> int:
        return len(self.position)

    def identity(self) -> dict[str, pa.Array]:
        """The columns of :data:`BATCH_COLUMNS` for all rows."""
        values = (self.clip_id, self.video_id, pa.array(self.start_seconds), pa.array(self.end_seconds))
        return dict(zip((c.name for c in BATCH_COLUMNS), values, strict=True))

    def merge_repeats(self, reason: npt.NDArray[np.int8]) -> tuple[Integers, Integers]:
        """Add the labels of rows that repeat a clip to its first row, and mark the repeats in ``reason``.

        Returns
        -------
        row, code
            As in the class, without rows that ``reason`` excludes and without repeated labels of a row.
        """
        of_wanted = reason[self.row] == KEPT
        row, code = self.row[of_wanted], self.code[of_wanted]
        wanted = np.flatnonzero(reason == KEPT)
        ids = self.clip_id.take(pa.array(wanted)).dictionary_encode()
        number = ids.indices.to_numpy()
        if len(ids.dictionary) == len(wanted):
            return row, code
        first = wanted[np.unique(number, return_index=True)[1]][number]
        repeated = wanted != first
        both = np.unique(first[repeated & (self.is_eval[wanted] != self.is_eval[first])])
        if len(both):
            named = ", ".join(self.clip_id.take(pa.array(both[:3])).to_pylist()) + ", ..." * (len(both) > 3)
            if "eval" in self.names:
                raise InputError(
                    f"{len(both)} clips are in the eval list and in a training list ({named}): remove them from one of "
                    "the lists"
                )
            raise InputError(
                f"{len(both)} clips are in the test fold and in the training data ({named}): give all rows of a clip "
                "one fold"
            )
        same_list = self.list_index[wanted] == self.list_index[first]
        # programs write 0.3 and 0.30000000000000004
        is_other = np.abs(self.end_seconds[wanted] - self.end_seconds[first]) >= 0.001
        other_end = wanted[repeated & same_list & is_other]
        if len(other_end):
            raise InputError(
                f"the list {self.names[self.list_index[other_end[0]]]}, line {self.line[other_end[0]]}: "
                f"{self.clip_id[other_end[0]]} is in an earlier row with another end ({len(other_end)} such rows): "
                "segments of a video that start at the same millisecond are one clip; correct the list"
            )
        named = ", ".join(self.clip_id.take(pa.array(wanted[repeated][:3])).to_pylist())
        logging.getLogger("soundsift").warning(
            "%d rows repeat a clip (%s); their labels were added to its first row", repeated.sum(), named
        )
        reason[wanted[repeated]] = REPEATED
        target = np.arange(len(self), dtype=np.int32)
        target[wanted] = first
        return each_once(target[row], code)


def _clip_ids(segments: Segments) -> pa.Array:
    """The ids of the clips: the id of the video or file, and the start in ms. For files also the end.

    Sound events of a file may begin together.
    """
    if segments.clip_id is not None:
        return segments.clip_id
    times = (segments.start_seconds, segments.end_seconds)
    start, end = (pa.array(np.rint(np.nan_to_num(x) * 1000).astype(np.int64)).cast(pa.string()) for x in times)
    place = start if segments.file is None else pc.binary_join_element_wise(start, end, "-")
    return pc.binary_join_element_wise(segments.video_id, place, "_")


def _extra_columns(lists: Sequence[Segments]) -> dict[str, pa.Array]:
    """Join the columns that only some lists have; a list without groups has those of its videos."""
    extra = {}
    if any(segments.file is not None for segments in lists):
        no_file = (pa.array([""] * len(s)) if s.file is None else s.file for s in lists)
        extra["file"] = pa.concat_arrays(list(no_file))
    if any(segments.group is not None for segments in lists):
        extra["group"] = pa.concat_arrays([s.video_id if s.group is None else _groups(s) for s in lists])
    return extra


def _groups(segments: Segments) -> pa.Array:
    """The group of every row; a row without a value has that of its video or file."""
    return pc.if_else(pc.equal(segments.group, ""), segments.video_id, segments.group)


def _is_in_fold(segments: Segments, fold: str) -> Mask:
    if segments.fold is None:
        return np.zeros(len(segments), dtype=bool)
    return np.asarray(pc.equal(segments.fold, fold).to_numpy(zero_copy_only=False))


def _choose(rows: _Rows, wanted: Mask, truths: Mapping[str, tuple[Mask, Mask]], n_each: int, seed: int) -> Mask:
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


def check_trainable(clips: pa.Table, detectors: Sequence[str]) -> None:
    """Check that each detector has training clips with and without its class, before anything is downloaded.

    A warning is logged if fewer than two eval clips are known to have the class, or fewer than two not to have it: the
    detector is then not judged.

    Raises
    ------
    ConfigError
        If no training clip is known to have the class of a detector, or none is known not to have it.
    """
    train, held_out = (clips.filter(pc.equal(clips["split"], split)) for split in ("train", "eval"))
    for detector in detectors:
        found = Counter(train[f"is_{detector}"].to_pylist())
        if not found[True] or not found[False]:
            raise ConfigError(
                f"detectors.{detector} cannot be trained: of {train.num_rows} training clips {found[True]} are known "
                f"to have it, {found[False]} known not to, {found[None]} unknown: "
                f"use more rows or change detectors.{detector}"
            )
        found = Counter(held_out[f"is_{detector}"].to_pylist())
        if held_out.num_rows and min(found[True], found[False]) < 2:
            logging.getLogger("soundsift").warning(
                "detectors.%s will be trained, but not judged: of %d eval clips %d are known to have it, %d known not "
                "to, but at least 2 of each are needed: use more rows or remove the eval list",
                detector, held_out.num_rows, found[True], found[False],
            )  # fmt: skip


def check_one_clip_a_video(clips: pa.Table) -> None:
    """Check that no video has two clips, for trimmed media whose address contains only the video id.

    Raises
    ------
    InputError
        If a video has two clips. The message names the first two.
    """
    videos = clips["video_id"].combine_chunks()
    counts = pc.value_counts(videos)
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        video_id = twice.field("values")[0].as_py()
        first, second = clips["clip_id"].filter(pc.equal(videos, video_id)).to_pylist()[:2]
        raise InputError(
            f"download.trimmed is true, but {first} and {second} would be read from the same file: "
            "put {clip_id} or {start_ms} in download.url"
        )
