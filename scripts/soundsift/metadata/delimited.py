"""CSV and tab-separated files from other programs, read with line numbers.

An error names the file and the line, and fits on one line.
"""

import csv
import gzip
import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NoReturn

from soundsift.errors import InputError
from soundsift.metadata.dialect import (
    EXCEL_ERROR,
    GUESSED,
    GZIP,
    INVISIBLE,
    OTHER_TEXT,
    encoding_of,
    other_kind,
    separator_of,
    undivided,
)

# The separator is found by these.
N_SAMPLE_LINES = 20
# What Excel needs before the header of a file with another separator: sep=;
SEPARATOR_LINE = re.compile(r'"?sep=([;,\t])\1*"?', re.IGNORECASE)
MAX_LINE = 100_000  # characters; the longest line of AudioSet's lists has 250


def refuse(path: Path, line: int, rule: str, found: str, n_more: int = 0, cure: str = "correct the line") -> NoReturn:
    """Raise InputError for one line of a file.

    Parameters
    ----------
    rule
        What is expected of the line.
    found
        Content of the line.
    n_more
        Number of further lines with the same fault.
    cure
        What to do.
    """
    shown = shorten(found)
    more = f" ({n_more} more such {'line' if n_more == 1 else 'lines'})" if n_more else ""
    raise InputError(f"{path}, line {line}: {rule}; found {shown!r}{more}: {cure}")


def shorten(text: str, length: int = 80) -> str:
    """Shorten a text to ``length`` characters, with ``...`` in place of the rest."""
    return text if len(text) <= length else text[: length - 3] + "..."


def read_rows(path: Path, key: str, given: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of a CSV or tab-separated file, plain or gzip, without comments and blank lines.

    Spaces around a field are removed: AudioSet's ``a, 1.000, "b,c"`` gives the same fields as ``a,1.000,"b,c"``.

    Parameters
    ----------
    path
        UTF-8, UTF-16 or Windows-1252, with any line endings, separated by commas, semicolons or tabs. Comments are
        lines that begin with ``#`` before the first row, and with ``# `` after it. A quoted field may have line breaks;
        the row has the number of its first line. Rows whose fields are all empty, as Excel leaves behind, are blank
        lines.
    key
        Key of the configuration that names the file, for messages.
    given
        Encoding of a file that is neither UTF-8 nor UTF-16; None if it is not known.

    Yields
    ------
    (line number, counted from 1; fields)

    Raises
    ------
    InputError
        If the file cannot be read, is not text, or a line is not a row of a table.
    """
    encoding = None
    try:
        if other := other_kind(path):
            raise InputError(f"{path} is {other[0]}, not a text file: {other[1]}")
        encoding = encoding_of(path)
        is_guessed = encoding == GUESSED and given is None
        if encoding in (None, GUESSED):
            encoding = given or encoding
        with open(path, "rb") as file:
            is_gzip = file.read(2) == GZIP
        opened = gzip.open if is_gzip else open
        with opened(path, "rt", encoding=encoding or "utf-8-sig") as text:
            rows = _parse(path, key, iter(lambda: text.readline(MAX_LINE + 1), ""))
            yield from _with_remark(rows, path) if is_guessed else rows
    except UnicodeDecodeError as error:
        line = 1 if is_gzip or (encoding or "").startswith("utf-16") else _first_undecodable(path, encoding or "utf-8")
        kind = "not UTF-8 text, and probably not Windows-1252" if encoding is None else f"not {encoding} text"
        cure = "set metadata.encoding (such as windows-1251, mac-roman, iso-8859-2, shift-jis, gbk)"
        raise InputError(
            f"{path}{'' if is_gzip else f', line {line}'}: {kind} ({error.reason}): "
            f"{cure if key == 'metadata.segments' else f'set {key} to a CSV file'}, or save this file as UTF-8"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({reason}): set {key} to an existing, complete file") from error


def _with_remark(rows: Iterator[tuple[int, list[str]]], path: Path) -> Iterator[tuple[int, list[str]]]:
    """Say once, with an example, that the encoding of a file is guessed."""
    example = ""
    for row in rows:
        example = example or next((field for field in row[1] if not field.isascii()), "")
        yield row
    if example:
        logging.getLogger("soundsift").warning(
            "%s is not UTF-8 and is read as Windows-1252, for example %r: if that is wrong, save the file as UTF-8, or "
            "set metadata.encoding for a list", path, shorten(example),
        )  # fmt: skip


def _first_undecodable(path: Path, encoding: str) -> int:
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return number
    return 1


def _parse(path: Path, key: str, text: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    # comments become blank lines: they may contain an unpaired quote, and the line numbers must stay right
    n_blank = n_commented_rows = 0

    def uncommented() -> Iterator[str]:
        nonlocal n_commented_rows
        has_begun = False
        for text_line in text:
            is_comment = _is_comment(text_line, has_begun)
            n_commented_rows += is_comment and has_begun and any(mark in text_line for mark in ",;\t")
            has_begun |= not is_comment and bool(text_line.strip())
            yield "" if is_comment else text_line.rstrip(" \r\n")

    lines = uncommented()
    first = ""
    for first in lines:
        if first and not SEPARATOR_LINE.fullmatch(first):
            break
        n_blank += 1
        first = ""
    for pattern, kind, cure in OTHER_TEXT:
        if re.match(pattern, first.lstrip()):
            raise InputError(f"{path} is {kind}, not a table (line {n_blank + 1}: {first[:60]!r}): {cure}")
    if "\0" in first:
        raise InputError(f"{path} is not a text file (line {n_blank + 1} contains zero bytes): set {key} to a CSV file")
    sample = [first, *islice(lines, N_SAMPLE_LINES - 1)]
    line = n_blank
    unread: list[str] = []  # lines of the row that is being parsed

    def checked() -> Iterator[str]:
        for text_line in chain(sample, lines):
            at = line + len(unread) + 1
            if len(text_line) > MAX_LINE:
                refuse(path, at, f"a line may have at most {MAX_LINE:,} characters", text_line)
            if "\0" in text_line:
                refuse(path, at, "a line may not contain a zero byte", text_line.strip())
            unread.append(text_line)
            yield f"{text_line}\n"

    lines_with_text = [line for line in sample if line]
    if key == "metadata.segments" and (what := undivided(lines_with_text)):
        refuse(path, n_blank + 1, "no comma, semicolon or tab divides the lines into fields", first, cure=what)
    separator = separator_of(lines_with_text)
    if separator is None:
        refuse(path, n_blank + 1, "commas and semicolons divide the first rows alike: use tabs, or quote fields", first)
    reader = csv.reader(checked(), delimiter=separator, skipinitialspace=separator != "\t", strict=True)
    try:
        for fields in reader:
            if any(text_line.count(separator) == len(fields) - 1 > 0 for text_line in unread[1:]):
                rule = "a quote is opened and not closed, or a line inside of quotes looks like a row"
                refuse(path, line + 1, rule, unread[0])
            fields = [field.strip(INVISIBLE) for field in fields]
            if any(fields):
                yield line + 1, fields
            line += len(unread)
            unread.clear()
        if n_commented_rows:
            logging.getLogger("soundsift").warning(
                "%s: %d rows begin with # and a space and are taken for comments; put a name that begins so in quotes",
                path, n_commented_rows,
            )  # fmt: skip
    except csv.Error as error:
        found = unread[0] if unread else ""
        unclosed = found.count('"') % 2
        refuse(
            path, line + 1, "a quote is opened and not closed" if unclosed else f"not a row of a table ({error})", found
        )


def _is_comment(text_line: str, has_begun: bool) -> bool:
    """Whether a line is a comment: before the first row every line with ``#``, later only those of AudioSet's form.

    Names of files begin with ``#`` too, and so do the errors that Excel saves.
    """
    text_line = text_line.strip(INVISIBLE)
    if not has_begun:
        return text_line.startswith("#") and not re.match(EXCEL_ERROR, text_line)
    return text_line == "#" or text_line.startswith("# ")


def trimmed(fields: list[str], n: int) -> list[str]:
    """Drop empty fields beyond the n-th: a comma at the end of a line, or empty columns that Excel has saved."""
    return fields[:n] if not any(fields[n:]) else fields


def read_records(path: Path, columns: Sequence[str], key: str) -> Iterator[tuple[int, list[str]]]:
    """Read the named columns of a table with a header row.

    Yields
    ------
    (line number, counted from 1; one field per name in ``columns``)

    Raises
    ------
    InputError
        As :func:`read_rows`; also if a column is missing or a row has more or fewer fields than the header.
    """
    rows = read_rows(path, key)
    line, header = next(rows, (1, []))
    missing = [name for name in columns if name not in header]
    if missing:
        refuse(path, line, f"{key} needs the columns {', '.join(columns)}", ", ".join(header))
    at = [header.index(name) for name in columns]
    for line, fields in rows:
        fields = trimmed(fields, len(header))
        if len(fields) != len(header):
            refuse(path, line, f"{len(header)} fields were expected", ",".join(fields))
        yield line, [fields[i] for i in at]
