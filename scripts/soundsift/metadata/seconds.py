"""Times in lists: numbers of seconds and clock times, as programs and people write them."""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.metadata.dialect import INVISIBLE

# What nearly all lists have; Arrow converts it without Python.
PLAIN = r"^[0-9]{1,8}(\.[0-9]{0,9})?$"
NUMBER = re.compile(r"\+?(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,2}))?$", re.ASCII)
CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,4}):([0-5]?\d(?:[.,]\d*)?)$", re.ASCII)
# A comma that may divide thousands: exactly three digits follow, and no zero alone stands before it.
MAYBE_THOUSANDS = re.compile(r"\+?[1-9]\d{0,2}(,\d{3})+$", re.ASCII)
DECIMAL_COMMA = re.compile(r"\+?\d*,\d+$", re.ASCII)
# What programs write where there is no number.
NOTHING = ("", "na", "n/a", "nan", "none", "null")
MAYBE_DATE = re.compile(r"\d{1,2}[-. ]{1,2}[^\W\d_]{3}\b|[^\W\d_]{3}[- ]\d{2}$|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}$")
UNIT = re.compile(
    r"(\d+([.,]\d+)?\s*(h|m|s|ms|min|mins|sec|secs|seconds?|minutes?|hours?|sekunden?|minuten?)\.?\s*)+|PT.+", re.I
)
THOUSANDS = re.compile(r"\d{1,3}(['’ \u00a0\u202f]\d{3})+([.,]\d+)?|\d{1,3}(\.\d{3})+,\d+|\d{1,3}(,\d{3})+\.\d+")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]|\d+ days? ")
MAX_SECONDS = 1e8


def decimal_comma_in(columns: list[pa.Array]) -> bool | None:
    """Find out whether a list writes decimals with a comma; None if its commas may divide thousands as well.

    Examples
    --------
    >>> decimal_comma_in([pa.array(["0,5", "1,250"])])
    True
    >>> print(decimal_comma_in([pa.array(["1,250"])]))
    None
    """
    texts = [text for column in columns for text in pc.unique(column).to_pylist() if "," in text and ":" not in text]
    if not texts:
        return False
    return None if all(MAYBE_THOUSANDS.match(text) for text in texts) else True


def parse_seconds(text: str, decimal_comma: bool | None = False) -> float:
    """Read a time in seconds: a number, ``mm:ss`` or ``hh:mm:ss``; NaN if it is none of them.

    Parameters
    ----------
    decimal_comma
        Whether a comma is the decimal sign; None if that is not known.

    Examples
    --------
    >>> [parse_seconds(text) for text in ("1e1", ".5", "+5", "0:03", "1:02:03.5")]
    [10.0, 0.5, 5.0, 3.0, 3723.5]
    """
    text = text.strip(INVISIBLE)
    clock = CLOCK.match(text)
    if clock:
        hours, minutes, seconds = clock.groups()
        if hours is not None and int(minutes) > 59:
            return float("nan")
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))
    if decimal_comma and DECIMAL_COMMA.match(text):
        text = text.replace(",", ".")
    elif decimal_comma and re.match(r"\d{1,3}(\.\d{3})+$", text):  # thousands
        return float("nan")
    value = float(text) if NUMBER.match(text) else float("nan")
    return value if value < MAX_SECONDS else float("nan")


def read_seconds(column: pa.Array, decimal_comma: bool | None) -> npt.NDArray[np.float64]:
    """Read a column of times, shape (n,), in seconds. What cannot be read, and empty text, is NaN."""
    plain = pc.match_substring_regex(column, PLAIN)
    if not decimal_comma and pc.all(plain, min_count=0).as_py():
        return np.asarray(pc.cast(column, pa.float64()).to_numpy())
    distinct = column.dictionary_encode()
    values = np.array([parse_seconds(text, decimal_comma) for text in distinct.dictionary.to_pylist()])
    return np.asarray(values[distinct.indices.to_numpy()])


def advice(text: str, decimal_comma: bool | None) -> str:
    """Say how a time that cannot be read was understood, for a message; empty if there is nothing to say."""
    if decimal_comma is None and MAYBE_THOUSANDS.match(text):
        return (
            f"; {text!r} may be {text.replace(',', '.', 1)} or {text.replace(',', '')} seconds: write it with a point"
        )
    if text.lower() in NOTHING:
        return "; where the whole file is meant, start and end must both be empty"
    if UNIT.fullmatch(text):
        return "; write seconds without a unit, or minutes and seconds as 1:05"
    if THOUSANDS.fullmatch(text):
        return "; write thousands without a sign or space between them"
    if MOMENT.match(text):
        return "; a date or a time of day is no position in a file: write seconds from its beginning"
    if MAYBE_DATE.match(text):
        return f"; {text!r} may be a number of which Excel has made a date: import the column as text"
    if re.search("[ap]m$", text.lower()):
        return "; a time of day is no position in a file: write minutes and seconds, such as 3:25"
    if decimal_comma and "." in text:
        return "; commas are the decimal signs of this list"
    if ":" in text:
        return "; a time is mm:ss or hh:mm:ss, with seconds below 60"
    return ""
