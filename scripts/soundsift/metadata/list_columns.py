"""The columns of a list under our names, whatever the list calls them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from soundsift.config.metadata import LayoutParams
from soundsift.errors import InputError
from soundsift.metadata.column_names import positions_of
from soundsift.metadata.delimited import N_SAMPLE_LINES, read_rows, refuse, trimmed
from soundsift.metadata.header_advice import refuse_unknown_times, remark_numbers
from soundsift.metadata.headers import AUDACITY, form_of, wanted_columns
from soundsift.metadata.labels import Integers
from soundsift.metadata.recipe import Recipe

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
    rows = read_rows(path, "metadata.segments", layout.encoding)
    line, first = next(rows, (0, []))
    recipe, names, has_header = form_of(first, layout, ids_wanted)
    if names is None:
        names, recipe, rows = _audacity(first, rows)
    if not has_header:
        rows = chain([(line, first)] if first else [], rows)
    sample = list(islice(rows, N_SAMPLE_LINES))
    rows = chain(sample, rows)
    wanted = wanted_columns(path, line, first, names, layout, recipe, [fields for _, fields in sample])
    at = {name: names.index(name) for name in wanted}
    group = layout.group
    if group:
        places = positions_of(group, first)
        if len(places) != 1:
            rule = (
                f"metadata.group is {group!r}, but the list has {len(places) or 'no'} such column{'s' * bool(places)}"
            )
            refuse(path, line, rule, ",".join(first), cure="rename one" if places else "set it to a column of the list")
        at[""] = places[0]
    lines: list[Integers] = []
    parts: list[pa.Table] = []
    while chunk := list(islice(rows, CHUNK_ROWS)):
        if not lines and recipe is None and wanted[0] == "file" and "start_seconds" not in wanted:
            refuse_unknown_times(path, line, first, names, [fields for _, fields in chunk])
            remark_numbers(path, first, names, [fields for _, fields in sample])
        checked = []
        for number, fields in chunk:
            fields = trimmed(fields, len(names))
            if len(fields) != len(names):
                hint = "; several labels must be in quotes" if len(fields) > len(names) else ""
                shown = ", ".join(name or "-" for name in names)
                rule = f"{len(names)} fields were expected ({shown}{hint}), {len(fields)} found"
                refuse(path, number, rule, ", ".join(fields))
            if fields == first and has_header:
                refuse(path, number, "the header is repeated", ", ".join(fields), cure="remove the line")
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


def _audacity(
    first: Sequence[str], rows: Iterator[tuple[int, list[str]]]
) -> tuple[list[str], None, Iterator[tuple[int, list[str]]]]:
    """Read a label track: start, end and label, without lines of frequencies, which begin with a backslash."""
    return list(AUDACITY), None, (row for row in rows if not row[1][0].startswith("\\"))
