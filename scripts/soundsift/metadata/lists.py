"""Segment lists: segments of videos or files, and their labels.

These forms are read:

- AudioSet's CSV: three comment lines, then rows such as ``video_id, 30.000, 40.000, "label,label"``. Copies saved by
  other programs are read too: with another header or none, without spaces, with whole seconds, with single labels
  without quotes.
- Other lists with a header row: the columns video_id or file, start_seconds, end_seconds and labels in any order, under
  these or other names. Further columns are ignored. A row that names a file may have no times: it is the whole file.
- Published lists (:mod:`soundsift.metadata.recipes`).
- AudioSet's strong labels: tab-separated ``segment_id start end label``, one line per sound event. A segment has the
  labels of all its events.
- Label tracks of Audacity: the file is the one with the same name beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.config.metadata import LayoutParams
from soundsift.metadata.classes import Classes
from soundsift.metadata.labels import Integers, each_once, find_classes, own_labels, remark_names, separators_of_labels
from soundsift.metadata.list_columns import ListColumns, read_columns
from soundsift.metadata.row_ids import check_excel, check_files, check_ids, clip_ids_of, files_of
from soundsift.metadata.seconds import advice, decimal_comma_in, read_seconds

# Length of AudioSet's segments. The list of strong labels has the times of events, not the end of the segment.
STRONG_SECONDS = 10.0
LAYOUT = LayoutParams()


@dataclass(frozen=True)
class Segments:
    """A segment list as columns.

    Attributes
    ----------
    video_id, start_seconds, end_seconds, line
        One element per segment, in the order of the list. ``line`` is the line in the file, counted from 1. With strong
        labels it is the line of the segment's first event. The end is NaN for a whole file.
    row, code
        One element per label: the position of its segment and the code of its class. Grouped by segment, in the order
        of the list.
    file, group, fold
        File of every segment, its value of ``metadata.group``, and its fold; None if the list has none.
    clip_id
        Id of every segment's clip if the list gives it; None if it follows from the other columns.
    """

    video_id: pa.Array
    start_seconds: npt.NDArray[np.float64]
    end_seconds: npt.NDArray[np.float64]
    line: Integers
    row: Integers
    code: Integers
    file: pa.Array | None = None
    group: pa.Array | None = None
    fold: pa.Array | None = None
    clip_id: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.line)


def read_lists(
    paths: Mapping[str, Path],
    classes: Classes | None,
    youtube_ids: bool = True,
    layout: LayoutParams = LAYOUT,
    in_list_folder: bool = True,
) -> tuple[dict[str, Segments], Classes]:
    """Read all segment lists.

    Parameters
    ----------
    paths
        {name: path of the list}.
    classes
        The classes that labels may name, by id or display name. None takes the labels as they stand.
    youtube_ids
        Whether video ids must have YouTube's form of 11 characters. Otherwise an id has 1 to 100 letters, digits, ``_``
        or ``-``.
    layout
        Which columns of the lists are ours.
    in_list_folder
        Whether paths of files count from the folder of their list; otherwise they stay as they are.

    Returns
    -------
    The lists, and the classes of their labels.

    Raises
    ------
    InputError
        With the first line that is wrong, its content and what is expected. No line is skipped.
    """
    columns = {name: read_columns(path, layout, classes is not None) for name, path in paths.items()}
    root = next(iter(paths.values())).resolve().parent.as_posix()  # ids stay when a list in another folder is added
    unlabelled = {name: _read_rows(found, youtube_ids, root, in_list_folder) for name, found in columns.items()}
    separators = {
        name: layout.label_separator or (found.recipe.label_separator if found.recipe else None)
        for name, found in columns.items()
    }
    separators |= {n: None for n, s in separators.items() if s == "," and not layout.label_separator}
    labelled = {}
    if classes is None:
        texts = {n: pc.unique(columns[n].text["labels"]).to_pylist() for n, mark in separators.items() if mark is None}
        published = [name for name in texts if columns[name].recipe]
        for alone in published:
            separators |= separators_of_labels({alone: texts.pop(alone)})
        separators |= separators_of_labels(texts)
        own = {name: own_labels(c.text["labels"], separators[name], c.check) for name, c in columns.items()}
        names = sorted({label for _, labels in own.values() for label in labels})
        remark_names(names)
        classes = Classes.of_own_labels(names)
        code_of = {name: code for code, name in enumerate(names)}
        for name, (row, labels) in own.items():
            code = np.fromiter((code_of[label] for label in labels), np.int32, len(labels))
            labelled[name] = each_once(row, code)
    else:
        labelled = {
            name: find_classes(c.text["labels"], classes, separators[name], c.check) for name, c in columns.items()
        }
    return {name: _with_labels(columns[name], unlabelled[name], *labelled[name]) for name in columns}, classes


def read_segments(
    path: Path, classes: Classes | None, youtube_ids: bool = True, layout: LayoutParams = LAYOUT
) -> Segments:
    """Read one list, as :func:`read_lists` reads several."""
    return read_lists({"train": path}, classes, youtube_ids, layout)[0]["train"]


def _read_rows(columns: ListColumns, youtube_ids: bool, root: str, in_list_folder: bool) -> Segments:
    """Read what is labelled, and when."""
    key = next(iter(columns.text))
    start, end = _times(columns)
    nothing = np.zeros(0, np.int32)
    file = clip_id = None
    ids = columns.text[key]
    if key == "file":
        check_files(columns)
        ids, file = files_of(columns, root, in_list_folder)
    else:
        clip_id = clip_ids_of(columns)
        file = columns.text.get("file")
        check_ids(columns, ids, key, youtube_ids and clip_id is None)
    if key == "segment_id":
        columns.check(pa.array(start <= end), "an event must not end before it starts")
        rule = f"an event must be within the segment's {STRONG_SECONDS:.0f} seconds"
        columns.check(pa.array(end <= STRONG_SECONDS + 1), rule)
    else:
        bad = np.flatnonzero(start >= end)  # the end of a whole file is NaN
        is_point = len(bad) and start[bad[0]] == end[bad[0]]
        hint = (
            "; a point has no length: give it one, in Audacity by dragging its edge, or remove it" if is_point else ""
        )
        columns.check(pa.array(~(start >= end)), f"the end must be after the start{hint}")
    rule = "a segment must have at least one label; where nothing is heard, write a label of its own, such as none"
    columns.check(pc.not_equal(columns.text["labels"], ""), rule)
    check_excel(columns, columns.text["labels"], "label")
    fold = columns.text.get("fold")
    return Segments(ids, start, end, columns.line, nothing, nothing, file, columns.group, fold, clip_id)


def _times(columns: ListColumns) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Read start and end of every row, in seconds; a whole file is from 0 to NaN."""
    texts = {name: columns.text[name] for name in ("start_seconds", "end_seconds") if name in columns.text}
    comma = decimal_comma_in(list(texts.values()))
    times = {name: read_seconds(text, comma) for name, text in texts.items()}
    n = len(columns.line)
    is_whole = np.zeros(n, dtype=bool)
    if "file" in columns.text:
        is_whole = np.ones(n, dtype=bool)
        for text in texts.values():
            is_whole &= pc.equal(text, "").to_numpy(zero_copy_only=False)
    for name, text in texts.items():
        bad = np.flatnonzero(np.isnan(times[name]) & ~is_whole)
        hint = advice(text[bad[0]].as_py(), comma) if len(bad) else ""
        word = name.removesuffix("_seconds")
        columns.check(~np.isnan(times[name]) | is_whole, f"the {word} must be a number of seconds, 0 or more{hint}")
    start = np.where(is_whole, 0.0, times.get("start_seconds", np.zeros(n)))
    if columns.recipe and columns.recipe.seconds:
        return start, start + columns.recipe.seconds
    return start, times.get("end_seconds", np.full(n, np.nan))


def _with_labels(columns: ListColumns, segments: Segments, row: Integers, code: Integers) -> Segments:
    """Add the labels; the events of a segment with strong labels become one row."""
    if "segment_id" not in columns.text:
        return replace(segments, row=row, code=code)
    events = segments.video_id.dictionary_encode()
    segment = events.indices.to_numpy()
    first = np.unique(segment, return_index=True)[1]
    parts = pc.extract_regex(events.dictionary, r"^(?P<video_id>.+)_(?P<ms>[0-9]+)$")
    start = pc.cast(pc.struct_field(parts, "ms"), pa.int64()).to_numpy() / 1000
    row, code = each_once(segment[row], code)
    return Segments(
        pc.struct_field(parts, "video_id"), start, start + STRONG_SECONDS, segments.line[first], row, code,
        group=segments.group.take(pa.array(first)) if segments.group is not None else None,
        fold=segments.fold.take(pa.array(first)) if segments.fold is not None else None,
    )  # fmt: skip
