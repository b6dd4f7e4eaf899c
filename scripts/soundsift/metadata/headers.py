"""What the header or the first row of a list says: which list it is, and which of its columns are ours."""

import re
from collections.abc import Sequence
from pathlib import Path

from soundsift.config.metadata import LayoutParams
from soundsift.metadata.column_names import KEYS, MEDIA_NAME, names_in
from soundsift.metadata.delimited import refuse
from soundsift.metadata.header_advice import refuse_class_columns, refuse_header, refuse_two_names
from soundsift.metadata.recipe import Recipe
from soundsift.metadata.recipes import RECIPES

WEAK = ("video_id", "start_seconds", "end_seconds", "labels")
STRONG = ("segment_id", "start_seconds", "end_seconds", "labels")
AUDACITY = ("start_seconds", "end_seconds", "labels")
SEGMENT_ID = r"[A-Za-z0-9_-]{11}_[0-9]+"
# The label of a list of strong labels; without it, recording01_12 is an id of 14 characters.
AUDIOSET_ID = r"/[a-z]+/[a-z0-9_]+"
NUMBER = r"[0-9]+([.,][0-9]*)?"
# Names of columns begin with a letter; ids, times and labels in a first row without a header mostly do not.
COLUMN_NAME = r"([^\W\d][\w .()\[\]-]*)?"


def form_of(
    first: Sequence[str], layout: LayoutParams, ids_wanted: bool
) -> tuple[Recipe | None, list[str] | None, bool]:
    """Find out which list it is: what is published, the names of its columns, and whether it has a header row.

    The names are None for a label track of Audacity.
    """
    fields = [field.lower() for field in first]
    names = names_in(first, layout.columns or {})
    for recipe in RECIPES:
        if recipe.has_header and set(recipe.header) <= set(fields) and not layout.columns:
            columns = dict(recipe.columns)
            if ids_wanted and recipe.label_ids:
                columns["labels"] = recipe.label_ids
            ours = {theirs: name for name, theirs in columns.items()}
            return recipe, [ours.get(field, "") for field in fields], True
    if layout.columns or set(KEYS) & set(names):
        return None, names, True
    if any(fields) and all(re.fullmatch(COLUMN_NAME, field) for field in fields):
        return None, names, True  # a header without a name that is known
    if len(first) == 4 and re.fullmatch(SEGMENT_ID, first[0]) and re.fullmatch(AUDIOSET_ID, first[3]):
        return None, list(STRONG), False
    if len(first) == 3 and re.fullmatch(NUMBER, first[0]) and re.fullmatch(NUMBER, first[1]):
        return None, None, False
    for recipe in RECIPES:
        is_like = not recipe.has_header and len(first) == len(recipe.header) and first[-1] in ("train", "test")
        if is_like and re.fullmatch(NUMBER, first[1]) and not re.fullmatch(NUMBER, first[2]):
            return recipe, list(recipe.header), False
    return None, list(WEAK), False


def wanted_columns(
    path: Path, line: int, first: Sequence[str], names: Sequence[str], layout: LayoutParams, recipe: Recipe | None,
    rows: Sequence[Sequence[str]],
) -> list[str]:  # fmt: skip
    """Choose the columns that are read: what is labelled, when, and the labels; ``rows`` are some of its rows."""
    for name, theirs in (layout.columns or {}).items():
        if name not in names:
            rule = f"metadata.columns says that {name} is {theirs!r}, but the list has no such column"
            refuse(path, line, rule, ",".join(first))
    if names == list(AUDACITY):
        return list(AUDACITY)
    if recipe is None and any(re.fullmatch(MEDIA_NAME, field.lower()) for field in first):
        rule = "the first row has the name of a file, so the list has no header row"
        refuse(
            path,
            line,
            rule,
            ",".join(first),
            cure="add one, such as file,start_seconds,end_seconds,labels; a line with # before it is a comment",
        )
    chosen = layout.columns or {}
    keys = [name for name in KEYS if name in names]
    if "file" in keys and "segment_id" not in [field.lower() for field in first]:
        keys = [name for name in keys if name != "segment_id"]  # clip_id is the number of a row then
    if not keys:
        refuse_header(path, line, first, names, "file", "video or file", rows)
    key = next((name for name in keys if name in chosen), keys[0])
    needed = [key, "labels"]
    if key != "file":
        needed[1:1] = ["start_seconds"] if recipe and recipe.seconds else ["start_seconds", "end_seconds"]
    elif "start_seconds" in names or "end_seconds" in names:
        needed[1:1] = ["start_seconds", "end_seconds"]
    for name in needed:
        if names.count(name) > 1:
            refuse(path, line, f"the header must have the column {name} exactly once", ",".join(first))
        if name not in names:
            if name == "labels":
                refuse_class_columns(path, line, first, names, rows)
            refuse_header(path, line, first, names, name, name, rows)
        if recipe is None and name not in chosen:
            refuse_two_names(path, line, first, name)
    if recipe and "clip_id" in recipe.columns:
        needed[1:1] = [name for name in ("clip_id", "file") if name in names]
    if names.count("fold") > 1 and layout.fold is not None:
        refuse(path, line, "the header must have the column fold exactly once", ",".join(first))
    return [*needed[:-1], *(["fold"] if names.count("fold") == 1 else []), "labels"]
