"""Segment lists: segments of videos and their labels.

Three forms are read:

- AudioSet's CSV: three comment lines, then rows such as ``video_id, 30.000, 40.000, "label,label"``. Copies saved by
  other programs are read too: with another header or none, without spaces, with whole seconds, with single labels
  without quotes.
- Other lists with a header row: the columns video_id, start_seconds, end_seconds and labels in any order. Further
  columns are ignored. Labels are ids or display names.
- AudioSet's strong labels: tab-separated ``segment_id start end label``, one line per sound event. A segment has the
  labels of all its events.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.errors import InputError
from soundsift.metadata.classes import Classes
from soundsift.metadata.delimited import read_rows, refuse, shorten

Integers = npt.NDArray[np.int32]  # half the memory of int64: AudioSet has millions of labels

HEADERS = {
    "video_id": ("video_id", "ytid", "youtube_id"),
    "start": ("start_seconds", "start_time_seconds", "start"),
    "end": ("end_seconds", "end_time_seconds", "end"),
    "labels": ("labels", "label", "positive_labels", "label_ids"),
    "segment_id": ("segment_id", "clip_id"),
}
WEAK, STRONG = ("video_id", "start", "end", "labels"), ("segment_id", "start", "end", "labels")
YOUTUBE_ID = r"[A-Za-z0-9_-]{11}"
ANY_ID = r"[A-Za-z0-9_-]{1,100}"
SECONDS = r"^[0-9]{1,8}(\.[0-9]{0,9})?$"
# Length of AudioSet's segments. The list of strong labels has the times of events, not the end of the segment.
STRONG_SECONDS = 10.0
CHUNK_ROWS = 1024  # fits the processor's cache: measured three times as fast as 65,536


@dataclass(frozen=True)
class Segments:
    """A segment list as columns.

    Attributes
    ----------
    video_id, start_seconds, end_seconds, line
        One element per segment, in the order of the list. ``line`` is the line in the file, counted from 1. With strong
        labels it is the line of the segment's first event.
    row, code
        One element per label: the position of its segment and the code of its class. Grouped by segment, in the order
        of the list.
    """

    video_id: pa.Array
    start_seconds: npt.NDArray[np.float64]
    end_seconds: npt.NDArray[np.float64]
    line: Integers
    row: Integers
    code: Integers

    def __len__(self) -> int:
        return len(self.line)


def read_segments(path: Path, classes: Classes, youtube_ids: bool = True) -> Segments:
    """Read a segment list of any form.

    Parameters
    ----------
    classes
        The classes that labels may name, by id or display name.
    youtube_ids
        Whether video ids must have YouTube's form of 11 characters. Otherwise an id has 1 to 100 letters, digits, ``_``
        or ``-``.

    Raises
    ------
    InputError
        With the first line that is wrong, its content and what is expected. No line is skipped.
    """
    columns, lines = _read_columns(path)
    first = next(iter(columns))

    def check(good: pa.Array, rule: str) -> None:
        _check(path, good, lines, columns, rule)

    for name in ("start", "end"):
        numbers = pc.match_substring_regex(columns[name], SECONDS)
        check(numbers, f"the {name} must be a number of seconds, 0 or more")
    start, end = (pc.cast(columns[name], pa.float64()).to_numpy() for name in ("start", "end"))
    pattern = YOUTUBE_ID if youtube_ids else ANY_ID
    letters = "11 letters, digits, _ or -" if youtube_ids else "1 to 100 letters, digits, _ or -"
    if first == "video_id":
        check(pc.match_substring_regex(columns[first], f"^{pattern}$"), f"a video id must have {letters}")
        check(pa.array(start < end), "the end must be after the start")
    else:
        form = f"a segment id must be a video id ({letters}), _ and the start in milliseconds"
        check(pc.match_substring_regex(columns[first], f"^{pattern}_[0-9]{{1,11}}$"), form)
        check(pa.array(start <= end), "an event must not end before it starts")
        check(
            pa.array(end <= STRONG_SECONDS + 1), f"an event must be within the segment's {STRONG_SECONDS:.0f} seconds"
        )
    check(pc.not_equal(columns["labels"], ""), "a segment must have at least one label")
    row, code = _find_classes(columns["labels"], classes, check)
    if first == "video_id":
        return Segments(columns[first], start, end, lines, row, code)
    events = columns["segment_id"].dictionary_encode()
    segment = events.indices.to_numpy()
    parts = pc.extract_regex(events.dictionary, r"^(?P<video_id>.+)_(?P<ms>[0-9]+)$")
    start = pc.cast(pc.struct_field(parts, "ms"), pa.int64()).to_numpy() / 1000
    row, code = each_once(segment[row], code)
    return Segments(
        pc.struct_field(parts, "video_id"), start, start + STRONG_SECONDS,
        lines[np.unique(segment, return_index=True)[1]], row, code,
    )  # fmt: skip


def each_once(row: Integers, code: Integers) -> tuple[Integers, Integers]:
    """Group labels by row and remove repeated labels of a row; the order within a row stays."""
    key = row.astype(np.int64) * (int(code.max(initial=0)) + 1) + code
    once = np.sort(np.unique(key, return_index=True)[1])
    once = once[np.argsort(row[once], kind="stable")]
    return row[once], code[once]


def _read_columns(path: Path) -> tuple[dict[str, pa.Array], Integers]:
    """Read the four columns as text, and the line number of every row."""
    rows = read_rows(path, "metadata.segments")
    line, first = next(rows, (0, []))
    names = _names_in(first)
    wanted: Sequence[str]
    if names:
        wanted = STRONG if "segment_id" in names and "video_id" not in names else WEAK
        for name in wanted:
            if names.count(name) != 1:
                refuse(path, line, f"the header must have the column {HEADERS[name][0]} exactly once", ",".join(first))
    else:
        looks_strong = len(first) == 4 and re.fullmatch(rf"{YOUTUBE_ID}_[0-9]+", first[0])
        names = list(STRONG if looks_strong else WEAK)
        wanted = names
        rows = chain([(line, first)] if first else [], rows)
    lines, parts = [], []
    while chunk := list(islice(rows, CHUNK_ROWS)):
        for line, fields in chunk:
            if len(fields) != len(names):
                hint = "; several labels must be in quotes" if len(fields) > len(names) else ""
                rule = f"{len(names)} fields were expected ({', '.join(names)}{hint}), {len(fields)} found"
                refuse(path, line, rule, ", ".join(fields))
        lines.append(np.fromiter((line for line, _ in chunk), np.int32, len(chunk)))
        columns = dict(zip(names, zip(*(fields for _, fields in chunk), strict=True), strict=True))
        parts.append(pa.table([pa.array(columns[name], pa.string()) for name in wanted], names=list(wanted)))
    if not parts:
        raise InputError(f"{path} contains no segment: set metadata.segments to a list with rows")
    table = pa.concat_tables(parts).combine_chunks()
    if table[wanted[-1]].num_chunks > 1:  # the limit of a column of text
        raise InputError(f"{path} has more than two gigabytes of labels: split it into several lists")
    return {name: table[name].chunk(0) for name in wanted}, np.concatenate(lines)


def _names_in(header: Sequence[str]) -> list[str]:
    """Translate a header row into the names of :data:`HEADERS`, with "" for other columns.

    A row that is not a header gives an empty list.
    """
    known = {alias: name for name, aliases in HEADERS.items() for alias in aliases}
    fields = [field.lower() for field in header]
    best = {name: next((alias for alias in aliases if alias in fields), None) for name, aliases in HEADERS.items()}
    names = [known[field] if best.get(known.get(field, "")) == field else "" for field in fields]
    return names if {"video_id", "segment_id"} & set(names) else []


def _check(path: Path, good: pa.Array, lines: Integers, columns: dict[str, pa.Array], rule: str) -> None:
    bad = np.flatnonzero(~good.to_numpy(zero_copy_only=False))
    if len(bad):
        found = ", ".join(column[bad[0]].as_py() for column in columns.values())
        refuse(path, int(lines[bad[0]]), rule, found, len(bad) - 1)


def _find_classes(
    labels: pa.Array, classes: Classes, check: Callable[[pa.Array, str], None]
) -> tuple[Integers, Integers]:
    """Find the class of every label.

    Returns
    -------
    row, code
        One element per label: its position in ``labels`` and the code of its class. A row has each class only once.
    """
    distinct = labels.dictionary_encode()
    parts = pc.split_pattern(distinct.dictionary, ",")
    code = pc.index_in(pc.list_flatten(parts), pa.array(classes.ids))
    position = pc.list_parent_indices(parts)
    unclear = pc.unique(position.filter(pc.is_null(code))).to_pylist()
    codes: dict[int, list[int]] = {}
    wrong: dict[int, str] = {}
    for i in unclear:  # display names, and ids with spaces around them
        try:
            codes[i] = classes.codes_of(distinct.dictionary[i].as_py())
        except KeyError as error:
            wrong[i] = str(error.args[0])
    if wrong:
        first = next(i for i in distinct.indices.to_pylist() if i in wrong)
        good = pc.invert(pc.is_in(distinct.indices, pa.array(list(wrong), pa.int32())))
        label = wrong[first]
        check(
            good,
            f"the label {shorten(label)!r} is in neither the class table nor the ontology (did you mean "
            f"{classes.nearest(shorten(label))}? or set metadata.class_labels to the table that belongs to the list)",
        )
    clear = pc.is_valid(code).to_numpy(zero_copy_only=False) & ~np.isin(position.to_numpy(), unclear)
    position = np.r_[position.to_numpy()[clear], np.repeat(unclear, [len(codes[i]) for i in unclear])].astype(np.int32)
    code = np.r_[code.fill_null(0).to_numpy()[clear], [c for i in unclear for c in codes[i]]].astype(np.int32)
    position, code = each_once(position, code)
    offsets = np.r_[0, np.cumsum(np.bincount(position, minlength=len(distinct.dictionary)))]
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(code))
    per_row = lists.take(distinct.indices)
    return pc.list_parent_indices(per_row).to_numpy().astype(np.int32), pc.list_flatten(per_row).to_numpy()
