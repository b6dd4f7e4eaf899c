"""What the rows of a list name: ids of videos and segments, and paths of files."""

import os
import posixpath

import pyarrow as pa
import pyarrow.compute as pc

from soundsift.metadata.dialect import EXCEL_ERROR
from soundsift.metadata.file_ids import file_id
from soundsift.metadata.list_columns import ListColumns

YOUTUBE_ID = r"[A-Za-z0-9_-]{11}"
ANY_ID = r"[A-Za-z0-9_-]{1,100}"
CLIP_ID = ANY_ID + "_[0-9]{1,11}(-[0-9]{1,11})?"
# What Excel makes of ids: a number with an exponent, a date, an error.
MONTH = "(Jan|Feb|Mar|Mrz|Mär|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez)"
EXCEL = (
    (r"^\d([.,]\d*)?E[+-]?\d+$", "a number that Excel has written with an exponent"),
    (rf"^\d{{1,2}}[-. ]{{1,2}}{MONTH}([-. ]{{1,2}}\d{{2,4}})?$", "a date that Excel has made"),
    (rf"^{MONTH}[- ]\d{{2}}$|^\d{{1,2}}[-./]\d{{1,2}}[-./]\d{{2,4}}$", "a date that Excel has made"),
    (f"^{EXCEL_ERROR}$", "an error of Excel, which takes a leading - or = for a formula"),
    (r"^=", "a formula: Excel puts = before a leading -"),
)
# What cannot be the path of a file here, and what to do.
NO_PATH = (
    (r"[^/\\]{256}", "a name may have at most 255 characters: rename the file"),
    ("^file:", "write the path alone, without file://"),
    (
        "^[A-Za-z][A-Za-z0-9+.-]+://",
        "a file must be a path; the part of an address before the name belongs into download.url: https://host/{file}",
    ),
    (
        r"^([A-Za-z]:[\\/]|\\\\)",
        r"a drive or server of Windows is not known here; write the path relative to the list (data\a.wav), or only "
        "the rest of it and download.url: file:///folder/{file}",
    ),
    ("^~/", "~ is not replaced in a list; write the path out, or relative to the list"),
)
# Not of labels, where 1,5 are two labels.
DECIMAL = (r"^\d+,\d+$", "a number with a decimal comma, perhaps a name such as 1.5 that Excel has changed")


def check_ids(columns: ListColumns, ids: pa.Array, key: str, youtube_ids: bool) -> None:
    check_excel(columns, ids, "id")
    pattern = YOUTUBE_ID if youtube_ids else ANY_ID
    letters = "11 letters, digits, _ or -" if youtube_ids else "1 to 100 letters, digits, _ or -"
    rule = "an address is no id; write only the 11 characters after v= or youtu.be/"
    columns.check(pc.invert(pc.match_substring_regex(ids, "^https?://|^(www|m)[.]|^youtu[.]be/")), rule)
    if key == "video_id":
        columns.check(pc.match_substring_regex(ids, f"^{pattern}$"), f"a video id must have {letters}")
    else:
        form = f"a segment id must be a video id ({letters}), _ and the start in milliseconds"
        columns.check(pc.match_substring_regex(ids, f"^{pattern}_[0-9]{{1,11}}$"), form)


def clip_ids_of(columns: ListColumns) -> pa.Array | None:
    """Return the ids of clips that a list gives itself, as an export does; None for other lists."""
    ids = columns.text.get("clip_id")
    if ids is not None:
        rule = "a clip id must be a video id, _ and the start in milliseconds; for files also - and the end"
        columns.check(pc.match_substring_regex(ids, f"^{CLIP_ID}$"), rule)
    return ids


def check_excel(columns: ListColumns, texts: pa.Array, name: str) -> None:
    """Refuse ids, names of files and labels that Excel has damaged; ``name`` is what they are."""
    for pattern, what in (*EXCEL, *([] if name == "label" else [DECIMAL])):
        good = pc.invert(pc.match_substring_regex(texts, pattern))
        columns.check(good, f"the {name} is {what}: import the column as text, or take the original list")


def check_files(columns: ListColumns) -> None:
    """Refuse what is no path of a file here."""
    names = columns.text["file"]
    columns.check(pc.not_equal(names, ""), "a row must name a file, also if it is that of the row before")
    check_excel(columns, names, "name of a file")
    for pattern, rule in NO_PATH:
        columns.check(pc.invert(pc.match_substring_regex(names, pattern)), rule)


def files_of(columns: ListColumns, root: str, in_list_folder: bool) -> tuple[pa.Array, pa.Array]:
    """Return the id and the path of every row's file.

    Parameters
    ----------
    root
        Folder from which the paths in ids count.
    in_list_folder
        Whether paths count from the folder of the list; otherwise they stay as they are.
    """
    known = paths_of(columns).dictionary_encode()
    place, folder = (path.as_posix() for path in (columns.path.resolve().parent, columns.path.parent))
    paths = known.dictionary.to_pylist()
    names = [file_id(posixpath.relpath(posixpath.join(place, path), root)) for path in paths]
    here = [posixpath.normpath(posixpath.join(folder, path)) for path in paths]
    first: dict[str, str] = {}
    is_twin = [_are_two(first.setdefault(name, path), path) for name, path in zip(names, here, strict=True)]
    rule = "another file of the list has the same name, with accents in the other form of Unicode: rename one of them"
    columns.check(pc.invert(pa.array(is_twin, pa.bool_()).take(known.indices)), rule)
    files = pa.array(here, pa.string()).take(known.indices) if in_list_folder else columns.text["file"]
    return pa.array(names, pa.string()).take(known.indices), files


def _are_two(one: str, other: str) -> bool:
    """Whether two paths with the same id are different files. On macOS they are the same file."""
    return one != other and os.path.isfile(one) and os.path.isfile(other) and not os.path.samefile(one, other)


def paths_of(columns: ListColumns) -> pa.Array:
    """Return the path of every row's file, relative to the list, with ``/``."""
    names = columns.text["file"]
    media = columns.recipe.media if columns.recipe else ""
    fold = columns.text.get("fold", pa.array([""] * len(names)))
    folder = columns.path.parent

    def path_of(name: str, number: str) -> str:
        if "\\" in name and not (folder / name).exists():
            name = name.replace("\\", "/")
        return posixpath.normpath(media.format(file=name, fold=number, list=columns.path.stem) if media else name)

    return pa.array(map(path_of, names.to_pylist(), fold.to_pylist()), pa.string())
