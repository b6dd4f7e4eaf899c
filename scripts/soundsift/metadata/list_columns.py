"""The columns of a list under our names, whatever the list calls them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from soundsift.config.metadata import LayoutParams
from soundsift.errors import InputError
from soundsift.metadata.delimited import read_rows, refuse, trimmed
from soundsift.metadata.labels import Integers
from soundsift.metadata.recipe import Recipe
from soundsift.metadata.recipes import RECIPES
from soundsift.metadata.seconds import parse_seconds

# Names that lists give our columns, in the order of preference.
HEADERS = {
    "video_id": ("video_id", "ytid", "youtube_id"),
    "segment_id": ("segment_id", "clip_id"),
    "file": ("file", "filename", "file_name", "file_path", "filepath", "path", "fname"),
    "start_seconds": ("start_seconds", "start_time_seconds", "start", "start_time", "start_s", "onset"),
    "end_seconds": ("end_seconds", "end_time_seconds", "end", "end_time", "end_s", "offset"),
    "labels": ("labels", "label", "positive_labels", "label_ids", "event_label", "event_labels", "category", "class"),
    "fold": ("fold",),
}
# Words in the names of columns with times that lists call otherwise, such as "Start (s)", t_end or von.
TIME_WORD = re.compile(
    "t?(start|starts|begin|begins|beginn|beginning|anfang|von|from|onset|debut|début|inicio|tmin|xmin)"
    "(time|s|sec|secs|seconds|ms|zeit)?"
    "|t?(end|ends|stop|stops|ende|bis|to|until|offset|fin|tmax|xmax)(time|s|sec|secs|seconds|ms|zeit)?"
)
WEAK = ("video_id", "start_seconds", "end_seconds", "labels")
STRONG = ("segment_id", "start_seconds", "end_seconds", "labels")
AUDACITY = ("start_seconds", "end_seconds", "labels")
SEGMENT_ID = r"[A-Za-z0-9_-]{11}_[0-9]+"
NUMBER = r"[0-9]+([.,][0-9]*)?"
CHUNK_ROWS = 1024  # fits the processor's cache: measured three times as fast as 65,536


@dataclass(frozen=True)
class ListColumns:
    """A list as columns of text.

    Attributes
    ----------
    path
        Of the list.
    line
        Line of every row, counted from 1.
    text
        {our name: column}; the first is ``video_id``, ``segment_id`` or ``file``, the last is ``labels``.
    group
        Values of ``metadata.group``; None if it is not set.
    recipe
        What is known about the list if it is a published one.
    """

    path: Path
    line: Integers
    text: dict[str, pa.Array]
    group: pa.Array | None
    recipe: Recipe | None

    def check(self, good: pa.Array, rule: str) -> None:
        """Refuse the list if a row is not good; the message has the first such row."""
        bad = np.flatnonzero(~np.asarray(good))
        if len(bad):
            found = ", ".join(column[bad[0]].as_py() for column in self.text.values())
            refuse(self.path, int(self.line[bad[0]]), rule, found, len(bad) - 1)


def read_columns(path: Path, layout: LayoutParams, ids_wanted: bool) -> ListColumns:
    """Read a list.

    Parameters
    ----------
    layout
        Which columns of the list are ours.
    ids_wanted
        Whether labels must be AudioSet's ids where a published list has both names and ids.

    Raises
    ------
    InputError
        With the first line that does not have the expected fields. No line is skipped.
    """
    rows = read_rows(path, "metadata.segments")
    line, first = next(rows, (0, []))
    recipe, names, has_header = _form_of(first, layout, ids_wanted)
    if names is None:
        names, recipe, rows = _audacity(first, rows)
    if not has_header:
        rows = chain([(line, first)] if first else [], rows)
    wanted = _wanted(path, line, first, names, layout, recipe)
    group = layout.group.lower() if layout.group else None
    if group and group not in [field.lower() for field in first]:
        refuse(path, line, f"metadata.group is {layout.group!r}, but the list has no such column", ",".join(first))
    at = {name: names.index(name) for name in wanted}
    at |= {"": [field.lower() for field in first].index(group)} if group else {}
    lines: list[Integers] = []
    parts: list[pa.Table] = []
    while chunk := list(islice(rows, CHUNK_ROWS)):
        if not lines and recipe is None and wanted[0] == "file" and "start_seconds" not in wanted:
            _refuse_unknown_times(path, line, first, names, [fields for _, fields in chunk])
        checked = []
        for number, fields in chunk:
            fields = trimmed(fields, len(names))
            if len(fields) != len(names):
                hint = "; several labels must be in quotes" if len(fields) > len(names) else ""
                shown = ", ".join(name or "-" for name in names)
                rule = f"{len(names)} fields were expected ({shown}{hint}), {len(fields)} found"
                refuse(path, number, rule, ", ".join(fields))
            checked.append(fields)
        lines.append(np.fromiter((number for number, _ in chunk), np.int32, len(chunk)))
        columns = list(zip(*checked, strict=True))
        parts.append(pa.table({name: pa.array(columns[i], pa.string()) for name, i in at.items()}))
    if not parts:
        raise InputError(f"{path} contains no segment: set metadata.segments to a list with rows")
    table = pa.concat_tables(parts).combine_chunks()
    if any(column.num_chunks > 1 for column in table.columns):  # the limit of a column of text
        raise InputError(f"{path} has more than two gigabytes of labels: split it into several lists")
    text = {name: table[name].chunk(0) for name in wanted}
    if names == list(AUDACITY):
        text = {"file": pa.array([f"{path.stem}.*"] * len(table)), **text}
    return ListColumns(path, np.concatenate(lines), text, table[""].chunk(0) if group else None, recipe)


def _form_of(
    first: Sequence[str], layout: LayoutParams, ids_wanted: bool
) -> tuple[Recipe | None, list[str] | None, bool]:
    """Find out which list it is: what is published, the names of its columns, and whether it has a header row.

    The names are None for a label track of Audacity.
    """
    fields = [field.lower() for field in first]
    for recipe in RECIPES:
        if recipe.has_header and set(recipe.header) <= set(fields) and not layout.columns:
            columns = dict(recipe.columns)
            if ids_wanted and recipe.label_ids:
                columns["labels"] = recipe.label_ids
            ours = {theirs: name for name, theirs in columns.items()}
            return recipe, [ours.get(field, "") for field in fields], True
    names = _names_in(fields, layout.columns or {})
    if layout.columns or {"video_id", "segment_id", "file"} & set(names):
        return None, names, True
    if len(first) == 4 and re.fullmatch(SEGMENT_ID, first[0]):
        return None, list(STRONG), False
    if len(first) == 3 and re.fullmatch(NUMBER, first[0]) and re.fullmatch(NUMBER, first[1]):
        return None, None, False
    for recipe in RECIPES:
        is_like = not recipe.has_header and len(first) == len(recipe.header) and first[-1] in ("train", "test")
        if is_like and re.fullmatch(NUMBER, first[1]):
            return recipe, list(recipe.header), False
    return None, list(WEAK), False


def _names_in(fields: Sequence[str], columns: Mapping[str, str]) -> list[str]:
    """Translate a header row into our names, with "" for other columns."""
    known = {alias: name for name, aliases in HEADERS.items() for alias in aliases}
    best = {name: next((alias for alias in aliases if alias in fields), None) for name, aliases in HEADERS.items()}
    best |= {name: theirs.lower() for name, theirs in columns.items()}
    known |= {theirs.lower(): name for name, theirs in columns.items()}
    return [known[field] if best.get(known.get(field, "")) == field else "" for field in fields]


def _wanted(
    path: Path, line: int, first: Sequence[str], names: Sequence[str], layout: LayoutParams, recipe: Recipe | None
) -> list[str]:
    """Choose the columns that are read: what is labelled, when, and the labels."""
    for name, theirs in (layout.columns or {}).items():
        if name not in names:
            rule = f"metadata.columns says that {name} is {theirs!r}, but the list has no such column"
            refuse(path, line, rule, ",".join(first))
    if names == list(AUDACITY):
        return list(AUDACITY)
    chosen = layout.columns or {}
    keys = [name for name in ("video_id", "segment_id", "file") if name in names]
    if not keys:
        refuse(
            path, line, "the list needs a column video_id, segment_id or file: set metadata.columns", ",".join(first)
        )
    key = next((name for name in keys if name in chosen), keys[0])
    needed = [key, "labels"]
    if key != "file":
        needed[1:1] = ["start_seconds"] if recipe and recipe.seconds else ["start_seconds", "end_seconds"]
    elif "start_seconds" in names or "end_seconds" in names:
        needed[1:1] = ["start_seconds", "end_seconds"]
    for name in needed:
        if names.count(name) != 1:
            refuse(path, line, f"the header must have the column {name} exactly once", ",".join(first))
    return [*needed[:-1], *(["fold"] if names.count("fold") == 1 else []), "labels"]


def _refuse_unknown_times(
    path: Path, line: int, header: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Refuse a list of files whose times would be ignored, so that every row would become a whole file."""
    found = []
    for i, (name, theirs) in enumerate(zip(names, header, strict=True)):
        words = [word for word in re.split(r"[\W\d_]+", theirs.lower()) if word]
        if name or not any(TIME_WORD.fullmatch(word) for word in words):
            continue
        texts = [fields[i] for fields in rows if i < len(fields) and fields[i]]
        n_times = sum(not np.isnan(parse_seconds(text, "," in text)) for text in texts)
        if n_times * 2 > len(texts):
            found.append(theirs)
    if found:
        start, end = (*found, "NAME")[:2]
        refuse(
            path, line,
            f"the columns {', '.join(found)} look like times, and would be ignored: set metadata.columns: "
            f"{{start_seconds: {start}, end_seconds: {end}}} if they are in seconds, or rename them",
            ",".join(header),
        )  # fmt: skip


def _audacity(
    first: Sequence[str], rows: Iterator[tuple[int, list[str]]]
) -> tuple[list[str], None, Iterator[tuple[int, list[str]]]]:
    """Read a label track: start, end and label, without lines of frequencies, which begin with a backslash."""
    return list(AUDACITY), None, (row for row in rows if not row[1][0].startswith("\\"))
