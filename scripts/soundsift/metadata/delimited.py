"""Tables that others wrote as text: every row with its line number, every mistake one line for a person."""

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NoReturn

from soundsift.errors import InputError

GZIP = b"\x1f\x8b"
MAX_LINE = 100_000  # characters; the longest line of AudioSet's lists has 250


def refuse(path: Path, line: int, rule: str, found: str, n_more: int = 0) -> NoReturn:
    """Raise InputError for one line of a file: what it should be, what was found, what to do."""
    shown = shorten(found)
    more = f" ({n_more} more such {'line' if n_more == 1 else 'lines'})" if n_more else ""
    raise InputError(f"{path}, line {line}: {rule}; found {shown!r}{more}: mend the line")


def shorten(text: str, length: int = 80) -> str:
    """Cut a text that would fill the screen."""
    return text if len(text) <= length else text[: length - 3] + "..."


def read_rows(path: Path, key: str) -> Iterator[tuple[int, list[str]]]:
    """Give the rows of a CSV or tab-separated file, plain or gzip, without comments and blank lines.

    Blanks around a field are dropped, so AudioSet's ``a, 1.000, "b,c"`` and the plain ``a,1.000,"b,c"`` read alike.

    Parameters
    ----------
    path
        UTF-8 text, with or without a byte order mark, with any line ends. Lines that begin with ``#`` are comments.
    key
        The configuration's key that names the file, for messages.

    Yields
    ------
    (line number from 1, fields)

    Raises
    ------
    InputError
        If the file cannot be read, is no text, or a line is no row.
    """
    try:
        with open(path, "rb") as file:
            is_gzip = file.read(2) == GZIP
        opened = gzip.open if is_gzip else open
        with opened(path, "rt", encoding="utf-8-sig") as text:
            yield from _parse(path, key, iter(lambda: text.readline(MAX_LINE + 1), ""))
    except UnicodeDecodeError as error:
        where = "" if is_gzip else f", line {_first_undecodable(path)}"
        raise InputError(
            f"{path}{where}: no text in UTF-8 ({error.reason}): set {key} to a CSV, or save it as UTF-8"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({reason}): set {key} to an existing, whole file") from error


def _first_undecodable(path: Path) -> int:
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _parse(path: Path, key: str, text: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    # a comment becomes a blank line: it may hold a lone quote, and line numbers must stay
    lines = ("" if line.lstrip()[:1] == "#" else line.rstrip() for line in text)
    n_blank = 0
    first = ""
    for first in lines:
        if first:
            break
        n_blank += 1
    if first.lstrip().startswith("<"):
        raise InputError(f"{path} is a web page, not a table (line {n_blank + 1}: {first[:60]!r}): fetch it again")
    if "\0" in first:
        raise InputError(f"{path} is no text file (zeros in line {n_blank + 1}): set {key} to a CSV")
    line = n_blank
    unread: list[str] = []  # the lines of the row that is being parsed

    def watched() -> Iterator[str]:
        for text_line in chain([first], lines):
            if len(text_line) > MAX_LINE:
                refuse(path, line + 1, f"a line has at most {MAX_LINE:,} characters", text_line)
            unread.append(text_line)
            yield text_line

    reader = csv.reader(watched(), delimiter="\t" if "\t" in first else ",", skipinitialspace=True, strict=True)
    try:
        for fields in reader:
            line += 1
            if len(unread) > 1:
                refuse(path, line, "a quote is opened and not closed", unread[0])
            unread.clear()
            if fields:
                yield line, [field.strip() for field in fields]
    except csv.Error as error:
        found = unread[0] if unread else ""
        unclosed = found.count('"') % 2
        refuse(
            path, line + 1, "a quote is opened and not closed" if unclosed else f"no row of a table ({error})", found
        )


def read_records(path: Path, columns: Sequence[str], key: str) -> Iterator[tuple[int, list[str]]]:
    """Give the named columns of a table whose first row holds the names.

    Yields
    ------
    (line number, one field per column of ``columns``)

    Raises
    ------
    InputError
        As :func:`read_rows`; also if a column is missing or a row has another number of fields than the first.
    """
    rows = read_rows(path, key)
    line, header = next(rows, (1, []))
    missing = [name for name in columns if name not in header]
    if missing:
        refuse(path, line, f"{key} wants the columns {', '.join(columns)}", ", ".join(header))
    at = [header.index(name) for name in columns]
    for line, fields in rows:
        if len(fields) != len(header):
            refuse(path, line, f"{len(header)} fields were expected", ",".join(fields))
        yield line, [fields[i] for i in at]
