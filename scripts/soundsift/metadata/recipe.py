"""What a published list means: its columns, its media, its licence and the paper to cite."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """A published list, as it is published.

    Attributes
    ----------
    name, page
        Of the data set, and the address of its page.
    header
        Columns by which the list is recognised; for a list without a header row the names of all its columns.
    columns
        {our name of a column: its name in the list}.
    label_ids
        Column with AudioSet's ids, used instead of ``columns["labels"]`` with a class table; empty for none.
    has_header
        Whether the list has a header row.
    seconds
        Duration of a segment, if the list has no ends; None if it has, or if its files are whole clips.
    label_separator
        Between the labels of a row; empty if a row has one label, which may contain commas.
    media
        Where the files are, relative to the list, with the fields ``{file}``, ``{fold}`` and ``{list}`` (stem of the
        list); empty for videos.
    licence, citation
        Of the list.
    """

    name: str
    page: str
    header: tuple[str, ...]
    columns: Mapping[str, str]
    licence: str
    citation: str
    label_ids: str = ""
    has_header: bool = True
    seconds: float | None = None
    label_separator: str = ","
    media: str = ""
