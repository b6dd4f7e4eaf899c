"""The classes of sound that labels name: how far labels can be trusted, and which classes a detector listens for."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.errors import ConfigError, InputError
from soundsift.metadata.columns import LABEL_COLUMNS
from soundsift.metadata.delimited import read_records, read_rows, refuse
from soundsift.metadata.ontology import Ontology

Mask = npt.NDArray[np.bool_]


def _plain(name: str) -> str:
    """A display name without what people write differently: capitals, blanks around commas."""
    return re.sub(r"\s*,\s*", ",", name.strip()).casefold()


@dataclass(frozen=True)
class Classes:
    """Every class with its name and how far its labels can be trusted: those of the class table, then those that only
    the ontology has. A class is known by its position here, its *code*."""

    ids: list[str]
    names: list[str]
    n_rated: npt.NDArray[np.int64]
    accuracy: npt.NDArray[np.float64]
    accurate: Mask
    restrictions: list[str]

    @cached_property
    def _max_parts(self) -> int:
        """Into how many parts commas cut the longest name."""
        return max(name.count(",") for name in self.names) + 1

    @cached_property
    def _codes(self) -> dict[str, int]:
        # ids win over names, the class table over the ontology
        by_name = {_plain(name): code for code, name in reversed(list(enumerate(self.names)))}
        return by_name | {class_id: code for code, class_id in enumerate(self.ids)}

    def code_of(self, label: str) -> int | None:
        """Find a class by its id or display name; None if there is none."""
        found = self._codes.get(label.strip())
        return self._codes.get(_plain(label)) if found is None else found

    def codes_of(self, labels: str) -> list[int]:
        """Find the classes of a label field, ids or display names separated by commas.

        Display names may hold commas themselves: the longest name that fits is taken.

        Raises
        ------
        KeyError
            With the first part that is no class.
        """
        parts = [part.strip() for part in labels.split(",")]
        plain = [part.casefold() for part in parts]
        codes = []
        start = 0
        while start < len(parts):
            for end in range(min(len(parts), start + self._max_parts), start, -1):
                code = self._codes.get(",".join(plain[start:end]))
                if code is not None:
                    break
            else:
                end, code = start + 1, self._codes.get(parts[start])
            if code is None:
                raise KeyError(parts[start])
            codes.append(code)
            start = end
        return codes

    def nearest(self, label: str) -> str:
        """Say which known names or ids look like ``label``."""
        near = difflib.get_close_matches(label, [*self.names, *self.ids], n=3)
        return " or ".join(near) or "a display name or id of the class table"

    def table(self, detectors: Mapping[str, "Members"]) -> pa.Table:
        """Return the class table with one column per detector: does the class count for it?"""
        columns = [
            pa.array(self.ids), pa.array(self.names), pa.array(self.n_rated),
            pa.array(self.accuracy, mask=np.isnan(self.accuracy)), pa.array(self.accurate), pa.array(self.restrictions),
        ]  # fmt: skip
        names = [c.name for c in LABEL_COLUMNS]
        for detector, members in detectors.items():
            columns.append(pa.array(members.counting))
            names.append(f"is_{detector}")
        return pa.table(columns, names=names)


def read_classes(
    class_labels: Path, ontology: Ontology, label_quality: Path, min_label_accuracy: float, keep_unrated: bool
) -> Classes:
    """Read the class table and how accurate listeners found each class's labels.

    Parameters
    ----------
    class_labels
        ``class_labels_indices.csv`` (index, mid, display_name), or ``mid_to_display_name.tsv`` of the strong labels.
    ontology
        Its classes that are not in the class table are added behind, unrated.
    label_quality
        ``qa_true_counts.csv``: label_id, num_rated, num_true.
    min_label_accuracy
        In [0, 1]; a class passes if num_true / num_rated is at least this.
    keep_unrated
        Whether a class that nobody rated passes.

    Raises
    ------
    InputError
        Naming the file and its first line that is wrong.
    """
    names = _read_names(class_labels)
    in_table = set(names)
    names |= {class_id: name for class_id, name in ontology.names.items() if class_id not in names}
    code = {class_id: i for i, class_id in enumerate(names)}
    n_rated = np.zeros(len(names), dtype=np.int64)
    n_true = np.zeros(len(names), dtype=np.int64)
    rated: set[str] = set()
    for line, (class_id, of, right) in read_records(
        label_quality, ["label_id", "num_rated", "num_true"], "metadata.label_quality"
    ):
        if not (re.fullmatch(r"\d{1,9}", of) and re.fullmatch(r"\d{1,9}", right)):
            refuse(label_quality, line, "num_rated and num_true are whole numbers", f"{of}, {right}")
        if int(right) > int(of):
            refuse(label_quality, line, "num_true is at most num_rated, or the accuracy is above 1", f"{right} of {of}")
        if class_id in rated:
            refuse(label_quality, line, "each label_id stands once", class_id)
        rated.add(class_id)
        if class_id not in code:
            refuse(label_quality, line, "a label_id is a class of the class table or the ontology", class_id)
        n_rated[code[class_id]], n_true[code[class_id]] = int(of), int(right)
    for key, path, known in (("label_quality", label_quality, rated), ("ontology", ontology.path, set(ontology.names))):
        if not known & in_table:
            raise InputError(
                f"{path} has no class of {class_labels}: set metadata.{key} to the file that belongs to it"
            )
    with np.errstate(invalid="ignore"):
        accuracy = n_true / np.where(n_rated > 0, n_rated, np.nan)
    return Classes(
        ids=list(names), names=list(names.values()), n_rated=n_rated, accuracy=accuracy,
        accurate=np.where(n_rated > 0, accuracy >= min_label_accuracy, keep_unrated),
        restrictions=[", ".join(ontology.restrictions.get(class_id, ())) for class_id in names],
    )  # fmt: skip


def _read_names(path: Path) -> dict[str, str]:
    """{class id: display name} of a class table, each id and each name once."""
    key = "metadata.class_labels"
    _, first = next(read_rows(path, key), (1, [""]))
    if len(first) == 2 and "mid" not in first:  # the strong labels' table has no header
        rows = read_rows(path, key)
    else:
        rows = read_records(path, ["mid", "display_name"], key)
    names: dict[str, str] = {}
    taken: set[str] = set()
    for line, fields in rows:
        if len(fields) != 2 or not all(fields):
            refuse(path, line, "a class has an id and a display name", ",".join(fields))
        class_id, name = fields
        if class_id in names or _plain(name) in taken:
            refuse(path, line, "each id and each display name stands once", f"{class_id}, {name}")
        names[class_id] = name
        taken.add(_plain(name))
    if not names:
        raise InputError(f"{path} has no class in it: set {key} to a table with rows")
    return names


@dataclass(frozen=True)
class Members:
    """Which classes count for a detector, each a boolean array with one element per class.

    Attributes
    ----------
    counting
        The classes that the detector names and everything below them, but for the excepted.
    excepted
        The excepted classes and everything below them.
    above_excepted
        Classes that count but stand above an excepted one: beside a label of that, theirs says nothing more.
    """

    counting: Mask
    excepted: Mask
    above_excepted: Mask


def detector_members(
    detectors: Mapping[str, Mapping[str, Sequence[str]]], classes: Classes, ontology: Ontology
) -> dict[str, Members]:
    """Find the classes of each detector, ``{name: {"classes": [...], "except": [...]}}``, by id or display name.

    Raises
    ------
    ConfigError
        If a detector names a class that neither the class table nor the ontology has, or excepts all it names.
    """

    def ids_of(key: str, named: Sequence[str]) -> list[str]:
        found = []
        for label in named:
            code = classes.code_of(label)
            if code is None:
                raise ConfigError(
                    f"{key} names {label!r}, neither an id nor a display name of the class table: "
                    f"set it in config.yaml to {classes.nearest(label)}"
                )
            found.append(classes.ids[code])
        return found

    def mask(ids: set[str]) -> Mask:
        return np.array([class_id in ids for class_id in classes.ids], dtype=bool)

    members = {}
    for name, wanted in detectors.items():
        excepted = ontology.descendants(ids_of(f"detectors.{name}.except", wanted.get("except", ())))
        counting = ontology.descendants(ids_of(f"detectors.{name}", wanted["classes"])) - excepted
        if not counting:
            raise ConfigError(f"detectors.{name} excepts every class it names: leave one in config.yaml")
        members[name] = Members(mask(counting), mask(excepted), mask(ontology.ancestors(excepted) & counting))
    return members
