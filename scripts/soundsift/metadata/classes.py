"""The sound classes that labels name, the accuracy of their labels, and the classes of each detector."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.config.metadata import SelectionParams
from soundsift.errors import ConfigError, InputError
from soundsift.metadata.columns import LABEL_COLUMNS
from soundsift.metadata.delimited import read_records, read_rows, refuse
from soundsift.metadata.ontology import NO_ONTOLOGY, Ontology, read_ontology

Mask = npt.NDArray[np.bool_]
# Labels of the lists that a message shows.
N_SHOWN = 5


def _plain(name: str) -> str:
    """Normalise a display name: lower case, no spaces around commas."""
    return re.sub(r"\s*,\s*", ",", name.strip()).casefold()


@dataclass(frozen=True)
class Classes:
    """All classes: first those of the class table, then those that only the ontology has.

    The position of a class in these lists is its *code*.

    Attributes
    ----------
    ids, names
        Id and display name.
    n_rated
        Number of labels of the class that listeners checked.
    accuracy
        Share of the checked labels that were right, in [0, 1]; NaN if none was checked.
    accurate
        Whether labels of the class are used.
    restrictions
        The ontology's restrictions, separated by commas; empty for none.
    """

    ids: list[str]
    names: list[str]
    n_rated: npt.NDArray[np.int64]
    accuracy: npt.NDArray[np.float64]
    accurate: Mask
    restrictions: list[str]

    @classmethod
    def of_own_labels(cls, names: list[str]) -> "Classes":
        """Take the labels of lists as classes. Their id is their name, and nothing is known about their accuracy."""
        n = len(names)
        return cls(names, names, np.zeros(n, np.int64), np.full(n, np.nan), np.ones(n, dtype=bool), [""] * n)

    @cached_property
    def _max_parts(self) -> int:
        """Number of comma-separated parts of the display name with the most commas."""
        return max(name.count(",") for name in self.names) + 1

    @cached_property
    def _codes(self) -> dict[str, int]:
        # an id takes precedence over a name, the class table over the ontology
        by_name = {_plain(name): code for code, name in reversed(list(enumerate(self.names)))}
        return by_name | {class_id: code for code, class_id in enumerate(self.ids)}

    def code_of(self, label: str) -> int | None:
        """Find the code of a class by its id or display name; None if there is no such class."""
        found = self._codes.get(label.strip())
        return self._codes.get(_plain(label)) if found is None else found

    def codes_of(self, labels: str) -> list[int]:
        """Find the codes of a field of labels: ids or display names, separated by commas.

        Display names may contain commas. At each position the longest display name that matches is taken.

        Raises
        ------
        KeyError
            With the first part that is not a class.
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
        """Suggest known names or ids that are similar to ``label``, as text for a message."""
        near = difflib.get_close_matches(label, [*self.names, *self.ids], n=3)
        return " or ".join(near) or "a display name or id of the class table"

    def table(self, detectors: Mapping[str, "Members"]) -> pa.Table:
        """Return the class table with one boolean column per detector: is the class one of the detector's classes?"""
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
    """Read the class table and the accuracy of each class's labels, as rated by listeners.

    Parameters
    ----------
    class_labels
        ``class_labels_indices.csv`` (index, mid, display_name), or ``mid_to_display_name.tsv`` of the strong labels.
    ontology
        Classes that are only in the ontology follow those of the class table, without a rating.
    label_quality
        ``qa_true_counts.csv``: label_id, num_rated, num_true.
    min_label_accuracy
        In [0, 1]. The labels of a class are used if num_true / num_rated is at least this.
    keep_unrated
        Whether the labels of a class without ratings are used.

    Raises
    ------
    InputError
        If a file is not as described, with its first line that is wrong.
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
            refuse(label_quality, line, "num_rated and num_true must be whole numbers", f"{of}, {right}")
        if int(right) > int(of):
            refuse(label_quality, line, "num_true must not be greater than num_rated", f"{right} of {of}")
        if class_id in rated:
            refuse(label_quality, line, "each label_id may occur only once", class_id)
        rated.add(class_id)
        if class_id not in code:
            refuse(label_quality, line, "a label_id must be a class of the class table or the ontology", class_id)
        n_rated[code[class_id]], n_true[code[class_id]] = int(of), int(right)
    for key, path, known in (("label_quality", label_quality, rated), ("ontology", ontology.path, set(ontology.names))):
        if not known & in_table:
            raise InputError(
                f"{path} and {class_labels} have no class in common: set metadata.{key} to the file that belongs to "
                "this class table"
            )
    with np.errstate(invalid="ignore"):
        accuracy = n_true / np.where(n_rated > 0, n_rated, np.nan)
    return Classes(
        ids=list(names), names=list(names.values()), n_rated=n_rated, accuracy=accuracy,
        accurate=np.where(n_rated > 0, accuracy >= min_label_accuracy, keep_unrated),
        restrictions=[", ".join(ontology.restrictions.get(class_id, ())) for class_id in names],
    )  # fmt: skip


def read_tables(tables: Mapping[str, Path], params: SelectionParams) -> tuple[Classes | None, Ontology]:
    """Read class table, label accuracy and ontology; without ``tables`` the labels of lists are taken as they stand.

    Parameters
    ----------
    tables
        ``{"class_labels": path, "ontology": path, "label_quality": path}``, or empty.
    """
    if not tables:
        return None, NO_ONTOLOGY
    ontology = read_ontology(tables["ontology"])
    bar, keep_unrated = params.min_label_accuracy, params.keep_unrated
    return read_classes(tables["class_labels"], ontology, tables["label_quality"], bar, keep_unrated), ontology


def _read_names(path: Path) -> dict[str, str]:
    """Read {class id: display name} from a class table; ids and names must be unique."""
    key = "metadata.class_labels"
    _, first = next(read_rows(path, key), (1, [""]))
    if len(first) == 2 and "mid" not in first:  # the class table of the strong labels has no header
        rows = read_rows(path, key)
    else:
        rows = read_records(path, ["mid", "display_name"], key)
    names: dict[str, str] = {}
    taken: set[str] = set()
    for line, fields in rows:
        if len(fields) != 2 or not all(fields):
            refuse(path, line, "a class must have an id and a display name", ",".join(fields))
        class_id, name = fields
        if class_id in names or _plain(name) in taken:
            refuse(path, line, "each id and each display name may occur only once", f"{class_id}, {name}")
        names[class_id] = name
        taken.add(_plain(name))
    if not names:
        raise InputError(f"{path} contains no class: set {key} to a table with rows")
    return names


@dataclass(frozen=True)
class Members:
    """The classes of a detector. Each attribute is a boolean array with one element per class.

    Attributes
    ----------
    counting
        The classes listed under ``classes`` and all their descendants, without the excepted ones.
    excepted
        The classes listed under ``except`` and all their descendants.
    above_excepted
        The counting classes that are ancestors of an excepted one. If a clip also has an excepted label, a label of
        such a class is not evidence: it may have been set only because of the excepted sound.
    """

    counting: Mask
    excepted: Mask
    above_excepted: Mask


def detector_members(
    detectors: Mapping[str, Mapping[str, Sequence[str]]], classes: Classes, ontology: Ontology
) -> dict[str, Members]:
    """Find the classes of each detector.

    Parameters
    ----------
    detectors
        ``{name: {"classes": [...], "except": [...]}}`` with ids or display names; ``except`` is optional.

    Raises
    ------
    ConfigError
        If a class is in neither the class table nor the ontology, or ``except`` leaves a detector without a class.
    """

    def ids_of(key: str, named: Sequence[str]) -> list[str]:
        found = []
        for label in named:
            code = classes.code_of(label)
            alike = sorted({name for name in classes.names if _plain(name) == _plain(label)})
            if label.strip() not in {*classes.names, *classes.ids} and len(alike) > 1:
                raise ConfigError(
                    f"{key} names {label!r}, but the lists have {' and '.join(alike)}: set it to those that are meant, "
                    "with the same upper and lower case"
                )
            if code is None and ontology is NO_ONTOLOGY:
                near = difflib.get_close_matches(label, classes.names, n=3) or classes.names[:N_SHOWN]
                shown = ", ".join(near) + ", ..." * (len(near) < len(classes.names))
                raise ConfigError(
                    f"{key} names {label!r}, which is no label of the lists ({shown}): set it to labels as they stand "
                    f"in the lists, or drop the detector with {'.'.join(key.split('.')[:2])}: null"
                )
            if code is None:
                raise ConfigError(
                    f"{key} names {label!r}, which is neither an id nor a display name of the class table: "
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
            raise ConfigError(
                f"detectors.{name}.except excludes every class of the detector: leave at least one in config.yaml"
            )
        members[name] = Members(mask(counting), mask(excepted), mask(ontology.ancestors(excepted) & counting))
    return members
