"""Messages about a header that does not say which columns are ours: what the columns probably are, and what to do."""

import logging
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NoReturn

import numpy as np

from soundsift.metadata.column_names import HEADERS, KEYS, MEDIA_NAME, names_in, words_of
from soundsift.metadata.delimited import refuse
from soundsift.metadata.seconds import parse_seconds

# Names of a kind that a message shows.
N_NAMES = 8
# Words in the names of columns with times that lists call otherwise, such as "Start (s)", t_end or von.
TIME_WORD = re.compile(
    "t?(start|starts|begin|begins|beginn|beginning|anfang|von|from|in|onset|debut|début|inicio|início|inizio|tmin|xmin"
    "|van|początek|początku|начало|开始|開始)(time|s|sec|secs|seconds|ms|zeit|时间|時間)?"
    "|t?(end|ends|stop|stops|ende|bis|to|out|until|offset|fin|fine|fim|final|tmax|xmax|einde|tot|slut|koniec|końca|конец"
    "|结束|終了)(time|s|sec|secs|seconds|ms|zeit|时间|時間)?"
)
# Words in the names of columns with one time, which may also be that of the day.
POSITION = re.compile("time|timestamp|position|second|seconds|sec|zeit|zeitpunkt")
# Words in the names of columns with labels, as annotation programs write them.
LABEL_WORD = re.compile("species|annotation|annotations|text|value|transcription|sentence|caption|art|event|instrument")
# An address of a video on YouTube; its id is what lists have.
YOUTUBE_ADDRESS = r"(https?://)?(www\.|m\.)?(youtube\.com|youtu\.be)/.*"
# Words in the names of columns with numbers that are no start or end in seconds.
OTHER_NUMBER = re.compile("duration|dur|durations|length|len|dauer|länge|ms|msec|millis|milliseconds|samples?|frames?")
# Values of a table with one column for each class.
YES_OR_NO = ("0", "1", "0.0", "1.0", "true", "false", "yes", "no", "ja", "nein", "oui", "non", "x", "")


def refuse_header(
    path: Path, line: int, first: Sequence[str], names: Sequence[str], missing: str, what: str,
    rows: Sequence[Sequence[str]],
) -> NoReturn:  # fmt: skip
    """Refuse a header that lacks one of our columns: with the names that are known, and how to name another one."""
    if not any(names) and any({"labels", "file", "video_id"} & set(names_in(fields, {})) for fields in rows):
        refuse(path, line, "the header comes after other rows", ",".join(first), cure="remove the rows before it")
    known = HEADERS[missing] if missing not in KEYS else [alias for key in KEYS for alias in HEADERS[key]]
    are_times = missing in ("start_seconds", "end_seconds")
    unknown = [theirs for name, theirs in zip(names, first, strict=True) if theirs and not name]
    others = _not_seconds(unknown)
    likely = _likely_columns(first, names, rows)
    if are_times:
        likely = {name: theirs for name, theirs in likely.items() if name.endswith("_seconds")}
        likely = likely or {missing: next((name for name in unknown if name not in others), "NAME")}
    likely = {name: theirs for name, theirs in likely.items() if name not in names} or {missing: "NAME"}
    columns = ", ".join(f"{name}: {_in_yaml(theirs)}" for name, theirs in likely.items())
    cure = f"name the columns of your list, such as metadata.columns: {{{columns}}}"
    if any(name.endswith("_seconds") for name in likely):
        cure += ", if they are in seconds"
    if missing == "file" and not {"file", "video_id"} & set(likely):
        cure = f"add a column file, and {cure}"
    elif are_times and others:
        cure = f"add columns with start and end in seconds, which {' and '.join(others)} are not"
    shown = ", ".join(known[:N_NAMES]) + ", ..." * (len(known) > N_NAMES)
    refuse(path, line, f"no column of the header is the {what} (known names: {shown})", ",".join(first), cure=cure)


def _likely_columns(first: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, str]:
    """Find the columns that are probably ours, by their names and by the values of some rows: {our name: theirs}."""
    texts = {theirs: [fields[i] for fields in rows if i < len(fields) and fields[i]]
             for i, (name, theirs) in enumerate(zip(names, first, strict=True)) if theirs and not name}  # fmt: skip

    def of_form(pattern: str) -> Iterator[str]:
        return (name for name, found in texts.items() if found and all(re.fullmatch(pattern, t.lower()) for t in found))

    words = {name: set(words_of(name)) for name in texts}
    is_number = {name: all(not np.isnan(parse_seconds(text, True)) for text in found) for name, found in texts.items()}
    likely: dict[str, str] = {}
    if address := next(of_form(YOUTUBE_ADDRESS), None):
        likely["video_id"] = address
    elif file := next(chain(of_form(MEDIA_NAME), (n for n in texts if {"file", "datei"} & words[n])), None):
        likely["file"] = file
    times = [name for name in texts if any(TIME_WORD.fullmatch(word) for word in words[name])]
    times = [name for name in times if is_number[name] and not _not_seconds([name])]
    likely |= dict(zip(("start_seconds", "end_seconds"), times, strict=False))
    others = [name for name in texts if not is_number[name] and name not in likely.values()]
    named = [name for name in others if any(LABEL_WORD.fullmatch(word) for word in words[name])]
    if others and "labels" not in names:
        likely["labels"] = (named or others)[-1]
        others.remove(likely["labels"])
    if not {"file", "video_id"} & set(likely):
        distinct = [name for name in others if len(texts[name]) == len(set(texts[name])) > 1]
        likely |= dict(zip(["file"], distinct, strict=False))
    return {name: likely[name] for name in (*KEYS, "start_seconds", "end_seconds", "labels") if name in likely}


def _in_yaml(name: str) -> str:
    """Write the name of a column so that it can stand between braces in YAML."""
    return f'"{name}"' if re.search(r"[][{},:#&*!|>%@`]", name) else name


def refuse_class_columns(
    path: Path, line: int, first: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Refuse a list with one column for each class, or several columns of labels, in place of one."""
    numbered = [theirs for theirs in first if re.sub(r"[\W\d_]+$", "", theirs.lower()) in HEADERS["labels"]]
    if len(numbered) > 1:
        rule = f"the list has several columns of labels ({', '.join(numbered[:3])}{', ...' * (len(numbered) > 3)})"
        refuse(path, line, rule, ",".join(first), cure="write all labels of a row into one column, divided by ;")
    whole = [fields for fields in rows if len(fields) == len(first)]
    others = [i for i, name in enumerate(names) if first[i] and not name]
    found = [first[i] for i in others if whole and all(fields[i].lower() in YES_OR_NO for fields in whole)]
    if len(found) > max(1, len(others) - len(found)):
        shown = ", ".join(found[:3]) + ", ..." * (len(found) > 3)
        refuse(
            path, line, f"the list has one column for each class ({shown}) and none with labels", ",".join(first),
            cure="write the classes of each row into one column labels, as docs/lists.md shows",
        )  # fmt: skip


def refuse_two_names(path: Path, line: int, first: Sequence[str], name: str) -> None:
    """Refuse a header in which two columns have other names for one of ours."""
    found = [field for field in first if field.lower() in HEADERS[name]]
    if len(found) > 1 and name not in [field.lower() for field in found]:
        cure = f"set metadata.columns: {{{name}: {found[0]}}}, or another of them"
        refuse(path, line, f"the columns {' and '.join(found)} may both be the {name}", ",".join(first), cure=cure)


def refuse_unknown_times(
    path: Path, line: int, header: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Refuse a list of files whose times would be ignored, so that every row would become a whole file."""
    found = []
    for i, (name, theirs) in enumerate(zip(names, header, strict=True)):
        if name or not any(TIME_WORD.fullmatch(word) for word in words_of(theirs)):
            continue
        texts = [fields[i] for fields in rows if i < len(fields) and fields[i]]
        n_times = sum(not np.isnan(parse_seconds(text, "," in text)) for text in texts)
        if n_times * 2 > len(texts):
            found.append(theirs)
    if found:
        start, end = (*found, "NAME")[:2]
        columns = f"{{start_seconds: {start}, end_seconds: {end}}}"
        cure = f"set metadata.columns: {columns} if they are in seconds, or rename them"
        if others := _not_seconds(found):
            cure = f"add columns with start and end in seconds, which {' and '.join(others)} are not, or rename them"
        rule = f"the columns {', '.join(found)} look like times, and would be ignored"
        refuse(path, line, rule, ",".join(header), cure=cure)


def remark_numbers(path: Path, header: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Name columns that may be the times of a list of files, although their names do not say so clearly."""
    whole = [fields for fields in rows if len(fields) >= len(names)]
    values = np.array([[parse_seconds(text, "," in text) for text in fields[: len(names)]] for fields in whole])
    for i in range(len(names) - 1 if whole else 0):
        start, end = values[:, i], values[:, i + 1]
        varies = len(whole) == 1 or len(np.unique(end)) > 1
        if not names[i] and not names[i + 1] and varies and (start < end).all():
            logging.getLogger("soundsift").warning(
                "%s: every row is a whole file, and the columns %s and %s are not used; if they are start and end in "
                "seconds, set metadata.columns: {start_seconds: %s, end_seconds: %s}",
                path, header[i], header[i + 1], _in_yaml(header[i]), _in_yaml(header[i + 1]),
            )  # fmt: skip
            return
    for i, (name, theirs) in enumerate(zip(names, header, strict=True)):
        if not name and whole and any(map(POSITION.fullmatch, words_of(theirs))) and not np.isnan(values[:, i]).any():
            logging.getLogger("soundsift").warning(
                "%s: every row is a whole file, and the column %s is not used; if it is a time in the file, write "
                "columns with start and end", path, theirs,
            )  # fmt: skip


def _not_seconds(names: Sequence[str]) -> list[str]:
    """Choose the columns whose names say that they hold numbers, but no seconds from the beginning."""
    words = {name: words_of(name) for name in names}
    # ELAN writes seconds as ss.msec
    return [name for name in names if any(map(OTHER_NUMBER.fullmatch, words[name])) and "ss" not in words[name]]
