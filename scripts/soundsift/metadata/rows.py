"""The rows of all lists in one table, in which every clip occurs once."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.errors import ConfigError, InputError
from soundsift.metadata.classes import Mask
from soundsift.metadata.columns import BATCH_COLUMNS
from soundsift.metadata.labels import Integers, each_once
from soundsift.metadata.lists import Segments
from soundsift.metadata.reasons import KEPT, REPEATED


@dataclass(frozen=True)
class Rows:
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
    def join(cls, lists: Mapping[str, Segments], test_fold: str | None = None) -> "Rows":
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
    """The group of every row; a row without a value has that of its video or file.

    An accented letter may be written as one character or as two (Unicode's NFC and NFD); both are one group.
    """
    named = pc.utf8_normalize(segments.group, "NFC")
    return pc.if_else(pc.equal(named, ""), segments.video_id, named)


def _is_in_fold(segments: Segments, fold: str) -> Mask:
    if segments.fold is None:
        return np.zeros(len(segments), dtype=bool)
    return np.asarray(pc.equal(segments.fold, fold).to_numpy(zero_copy_only=False))
