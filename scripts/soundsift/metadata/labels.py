"""The labels of the rows of a list: how they are divided, and which classes they name."""

import ast
import json
import logging
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.metadata.classes import Classes
from soundsift.metadata.delimited import shorten
from soundsift.metadata.dialect import INVISIBLE

Integers = npt.NDArray[np.int32]  # half the memory of int64: AudioSet has millions of labels
BRACKETS = ("[]", "()", "{}")
QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
QUOTED_LIST = re.compile(rf"\s*(?:(?:{QUOTED.pattern})(?:\s*,\s*|\s+|\s*$))*", re.DOTALL)
DICTIONARY = re.compile(rf"\[?\s*\{{\s*(?:{QUOTED.pattern})\s*:")
# Letters that a web page writes as words: their semicolon would divide labels.
ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|#\d+);")
# What programs and people write where no label is known.
UNKNOWN = ("na", "n/a", "nan", "null", "?", "-", "unknown")
IN_QUOTES = re.compile(r"(['\"]).*\1|[“„].*[”“]", re.DOTALL)
N_SHOWN = 5
Check = Callable[[pa.Array, str], None]


def each_once(row: Integers, code: Integers) -> tuple[Integers, Integers]:
    """Group labels by row and remove repeated labels of a row; the order within a row stays."""
    key = row.astype(np.int64) * (int(code.max(initial=0)) + 1) + code
    once = np.sort(np.unique(key, return_index=True)[1])
    once = once[np.argsort(row[once], kind="stable")]
    return row[once], code[once]


def listed(text: str) -> list[str] | None:
    """Read labels that are written as a list, tuple or set of Python, as JSON or by NumPy; None if they are not.

    Examples
    --------
    >>> listed("['Speech', 'Music']")
    ['Speech', 'Music']
    >>> listed("['Speech' 'Music']")
    ['Speech', 'Music']
    """
    if text[:1] + text[-1:] not in BRACKETS or not QUOTED_LIST.fullmatch(text[1:-1]):
        return None
    with suppress(ValueError):
        return [str(label) for label in json.loads(text)]  # other escapes than those of Python
    try:
        # each by itself: Python joins the strings of NumPy, which have no comma between them
        return [str(ast.literal_eval(quoted)) for quoted in QUOTED.findall(text[1:-1])]
    except (ValueError, SyntaxError, MemoryError):
        return None


def is_in_brackets(text: str) -> bool:
    return len(text) > 2 and text[:1] + text[-1:] in BRACKETS


def is_unquoted_list(text: str, separator: str) -> bool:
    """Return whether labels are in brackets without quotes: ``[dog, rain]``; they would keep the brackets."""
    is_one_pair = is_in_brackets(text) and not any(bracket in text[1:-1] for bracket in "[](){}")
    return is_one_pair and bool(separator) and separator in text[1:-1] and listed(text) is None


def _check_brackets(labels: pa.Array, separator: str, check: Check) -> None:
    """Refuse labels that would keep the brackets of a list, or are a dictionary.

    Some corpora have single labels such as ``[noise]`` among others. They are kept, and this is said.
    """
    distinct = labels.dictionary_encode()
    texts = distinct.dictionary.to_pylist()
    good = pa.array([not DICTIONARY.match(text) for text in texts]).take(distinct.indices)
    rule = (
        "labels are written as a dictionary or JSON; write only the names of those that are true, as in ['dog', 'rain']"
    )
    check(good, f"{rule}, and their times into columns of their own")
    good = pa.array([not ENTITY.search(text) for text in texts]).take(distinct.indices)
    check(good, "a label has a letter as web pages write it, such as &amp; in place of &; write the letter itself")
    if separator != "\n":
        good = pa.array(["\n" not in text or listed(text) is not None for text in texts]).take(distinct.indices)
        rule = "labels have a line break; write ; or | between them, or set metadata.label_separator to a line break"
        check(good, rule)
    kept = [text for text in texts if is_in_brackets(text) and listed(text) is None]
    bad = [text for text in texts if is_unquoted_list(text, separator)]
    bad = kept if all(map(is_in_brackets, texts)) else bad
    good = pc.invert(pc.is_in(labels, value_set=pa.array(bad, pa.string())))
    check(good, "labels in brackets must be in quotes, as in ['dog', 'rain']; or write them without brackets")
    if kept:
        logging.getLogger("soundsift").warning(
            "brackets are taken for parts of labels, for example of %r: if that is wrong, write them without brackets",
            shorten(kept[0]),
        )  # fmt: skip


def remark_names(names: Sequence[str]) -> None:
    """Say what is unusual about labels that stand as they are in the lists."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), []).append(name)
    twins = [" and ".join(found) for found in alike.values() if len(found) > 1]
    remarks = {
        "labels that differ only in upper and lower case are classes of their own: %s; write them alike if they mean "
        "the same": twins,
        "these labels are classes like others: %s; remove their rows if nobody knows what is heard in them": [
            repr(name) for name in names if name.lower() in UNKNOWN
        ],
        "quotes are taken for parts of labels: %s; remove them if they are not": [
            name for name in names if IN_QUOTES.fullmatch(name)
        ],
    }
    for message, found in remarks.items():
        if found:
            shown = ", ".join(found[:N_SHOWN]) + ", ..." * (len(found) > N_SHOWN)
            logging.getLogger("soundsift").warning(message, shown)


def separators_of_labels(lists: Mapping[str, Iterable[str]]) -> dict[str, str | None]:
    """Find what divides the labels of lists that have classes of their own; None if both ``;`` and ``|`` may do so.

    Where a list uses one of them, a comma is part of a label. So it is in the other lists, if they use neither: a label
    must not be one class in the training list and two in the eval list.

    Examples
    --------
    >>> separators_of_labels({"train": ["violin, fiddle;music"], "eval": ["violin, fiddle"]})
    {'train': ';', 'eval': ';'}
    """
    texts = {name: [text for text in found if listed(text) is None] for name, found in lists.items()}
    used = {name: [mark for mark in ";|" if any(mark in text for text in found)] for name, found in texts.items()}
    of_all = sorted({mark for marks in used.values() for mark in marks})
    found = {name: marks or of_all or [","] for name, marks in used.items()}
    separators = {name: marks[0] if len(marks) == 1 else None for name, marks in found.items()}
    _remark_commas({name: texts[name] for name, mark in separators.items() if mark not in (None, ",")})
    return separators


def _remark_commas(lists: Mapping[str, Sequence[str]]) -> None:
    """Say once, with an example, that commas are parts of labels."""
    with_comma = [(name, text) for name, found in lists.items() for text in found if re.search(",[^;|]", text)]
    if with_comma:
        name, example = with_comma[0]
        logging.getLogger("soundsift").warning(
            "labels are divided by ; or |, so commas are parts of labels, for example of %r in the list %s: "
            "if that is wrong, write all labels with one separator, or set metadata.label_separator",
            shorten(example), name,
        )  # fmt: skip


def split_labels(text: str, separator: str) -> list[str]:
    """Divide a field of labels; an empty separator means that it is one label.

    Examples
    --------
    >>> split_labels("playing violin, fiddle", "")
    ['playing violin, fiddle']
    """
    parts = listed(text)
    if parts is None:
        parts = text.split(separator) if separator else [text]
    clean = (unicodedata.normalize("NFC", " ".join(part.strip(INVISIBLE).split())) for part in parts)
    return [part for part in clean if part]


def own_labels(labels: pa.Array, separator: str | None, check: Check) -> tuple[Integers, list[str]]:
    """Take the labels of a list as they stand.

    Parameters
    ----------
    separator
        Between labels; None if both ``;`` and ``|`` are in use.

    Returns
    -------
    row, names
        One element per label: its position in ``labels``, and the label.
    """
    distinct = labels.dictionary_encode()
    texts = distinct.dictionary.to_pylist()
    if separator is None:
        good = pc.invert(pc.match_substring_regex(labels, r"[;|]"))
        check(good, "labels are divided by ; or by |, and this list has both: set metadata.label_separator to one")
        separator = ","
    _check_brackets(labels, separator, check)
    parts = [split_labels(text, separator) for text in texts]
    check(pa.array([bool(found) for found in parts]).take(distinct.indices), "a segment must have at least one label")
    per_row = pa.array(parts, pa.list_(pa.string())).take(distinct.indices)
    return pc.list_parent_indices(per_row).to_numpy().astype(np.int32), pc.list_flatten(per_row).to_pylist()


def find_classes(labels: pa.Array, classes: Classes, separator: str | None, check: Check) -> tuple[Integers, Integers]:
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
            codes[i] = _codes_of(distinct.dictionary[i].as_py(), classes, separator)
        except KeyError as error:
            wrong[i] = str(error.args[0])
    if wrong:
        first = next(i for i in distinct.indices.to_pylist() if i in wrong)
        good = pc.invert(pc.is_in(distinct.indices, pa.array(list(wrong), pa.int32())))
        label = shorten(wrong[first])
        check(
            good,
            f"the label {label!r} is in neither the class table nor the ontology (did you mean "
            f"{classes.nearest(label)}? or set metadata.class_labels to the table that belongs to the list, or "
            "metadata.classes to own)",
        )
    clear = pc.is_valid(code).to_numpy(zero_copy_only=False) & ~np.isin(position.to_numpy(), unclear)
    position = np.r_[position.to_numpy()[clear], np.repeat(unclear, [len(codes[i]) for i in unclear])].astype(np.int32)
    code = np.r_[code.fill_null(0).to_numpy()[clear], [c for i in unclear for c in codes[i]]].astype(np.int32)
    position, code = each_once(position, code)
    offsets = np.r_[0, np.cumsum(np.bincount(position, minlength=len(distinct.dictionary)))]
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(code))
    per_row = lists.take(distinct.indices)
    return pc.list_parent_indices(per_row).to_numpy().astype(np.int32), pc.list_flatten(per_row).to_numpy()


def _codes_of(text: str, classes: Classes, separator: str | None) -> list[int]:
    """Find the classes of a field of labels, divided by commas, or else by ``;`` or ``|``, or written as a list."""
    parts = listed(text)
    if parts is None:
        try:
            return classes.codes_of(text)
        except KeyError:
            used = [mark for mark in (separator or ";|") if mark in text and mark != ","]
            if not used:
                raise
            parts = split_labels(text, used[0])
    return [code for part in parts for code in classes.codes_of(part.strip(INVISIBLE))]
