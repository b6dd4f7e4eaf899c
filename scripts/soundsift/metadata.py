"""From segment lists and label tables to clips whose truth is known.

A segment list is AudioSet's own: one line a segment, ``video_id, start, end, "label,label"``, with or without
the blanks and quotes, comment lines beginning with ``#``.
"""

import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.batches import BATCH_COLUMNS, batch_names
from soundsift.errors import ConfigError, InputError
from soundsift.ontology import with_descendants
from soundsift.tables import Column

SEGMENT = (
    r"^\s*(?P<video_id>[A-Za-z0-9_-]{11})\s*,\s*(?P<start>\d+\.?\d*)\s*,\s*(?P<end>\d+\.?\d*)\s*,"
    r'\s*"?(?P<labels>[^"\s]+)"?\s*$'
)
IGNORED = r"^\s*(#.*)?$"

CLIP_COLUMNS = (
    *BATCH_COLUMNS,
    Column("split", pa.string(), "", "eval for the list of that name, train for all others"),
    Column("batch", pa.string(), "", "the batch the clip is worked on in"),
    Column("labels", pa.list_(pa.string()), "", "display names of the labels that are accurate enough"),
    Column("label_ids", pa.list_(pa.string()), "", "their ids"),
)
LABEL_COLUMNS = (
    Column("label_id", pa.string(), "", "the class's id"),
    Column("display_name", pa.string(), "", "its name"),
    Column("n_rated", pa.int64(), "", "how many of its labels were checked by listeners"),
    Column("accuracy", pa.float64(), "", "share of those found right; null where none was checked"),
    Column("accurate", pa.bool_(), "", "whether the class passes the accuracy bar"),
)


@dataclass(frozen=True)
class Classes:
    """Every class with its name and how far its labels can be trusted, in the order of the class table."""

    ids: list[str]
    names: list[str]
    n_rated: npt.NDArray[np.int64]
    accuracy: npt.NDArray[np.float64]
    accurate: npt.NDArray[np.bool_]

    def table(self, detectors: Mapping[str, npt.NDArray[np.bool_]]) -> pa.Table:
        """Return the class table with one column per detector: does the class count for it?"""
        columns = [
            pa.array(self.ids), pa.array(self.names), pa.array(self.n_rated),
            pa.array(self.accuracy, mask=np.isnan(self.accuracy)), pa.array(self.accurate),
        ]  # fmt: skip
        names = [c.name for c in LABEL_COLUMNS]
        for detector, members in detectors.items():
            columns.append(pa.array(members))
            names.append(f"is_{detector}")
        return pa.table(columns, names=names)


def truth_columns(detectors: Sequence[str]) -> tuple[Column, ...]:
    """One nullable boolean per detector: null where the only evidence is a label below the accuracy bar."""
    return tuple(Column(f"is_{name}", pa.bool_(), "", f"is {name} heard? null: unknown") for name in detectors)


def read_segments(path: Path) -> pa.Table:
    """Read a segment list.

    Returns
    -------
    Table of video_id, start_seconds, end_seconds, label_ids (one string, ids separated by commas), in the order of
    the list.

    Raises
    ------
    InputError
        Naming the first line that is not a segment.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): set metadata.segments to existing lists"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is no text file ({error.reason} at byte {error.start}): a segment list in CSV was expected"
        ) from error
    lines = pa.array(text.splitlines(), pa.large_string())
    wanted = pc.invert(pc.match_substring_regex(lines, IGNORED))
    fields = pc.extract_regex(lines, SEGMENT)
    bad = pc.and_(wanted, pc.invert(pc.is_valid(fields)))
    _refuse_first(path, lines, bad, 'a segment is written as: video_id (11 characters), start, end, "label,label"')
    fields = fields.filter(wanted)
    if len(fields) == 0:
        raise InputError(f"{path} has no segment in it: set metadata.segments to a list with rows")
    part = {name: pc.struct_field(fields, name) for name in ("video_id", "start", "end", "labels")}
    start, end = pc.cast(part["start"], pa.float64()), pc.cast(part["end"], pa.float64())
    too_late = np.zeros(len(lines), dtype=bool)
    too_late[np.flatnonzero(wanted.to_numpy(zero_copy_only=False))] = pc.less_equal(end, start).to_numpy(
        zero_copy_only=False
    )
    _refuse_first(path, lines, pa.array(too_late), "the end must lie after the start")
    return pa.table(
        {
            "video_id": part["video_id"].cast(pa.string()),
            "start_seconds": start,
            "end_seconds": end,
            "label_ids": part["labels"].cast(pa.string()),
        }
    )


def _refuse_first(path: Path, lines: pa.Array, bad: pa.Array, rule: str) -> None:
    index = pc.index(bad, True).as_py()
    if index >= 0:
        found = lines[index].as_py().strip()[:80]
        raise InputError(f"{path}, line {index + 1}: {rule}; found {found!r}: mend the line")


def read_classes(
    class_labels: Path, label_quality: Path | None, min_label_accuracy: float, keep_unrated: bool
) -> Classes:
    """Read the class table and how accurate each class's labels were found to be.

    Parameters
    ----------
    class_labels
        ``class_labels_indices.csv``: index, mid, display_name.
    label_quality
        ``qa_true_counts.csv``: label_id, num_rated, num_true; None trusts every label.
    min_label_accuracy
        In [0, 1]; a class passes if num_true / num_rated is at least this.
    keep_unrated
        Whether a class that nobody rated passes.
    """
    import pandas as pd

    def table(path: Path, columns: list[str], key: str) -> "pd.DataFrame":
        try:
            frame = pd.read_csv(path, skipinitialspace=True)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path} cannot be read ({error}): set metadata.{key} to a CSV with {', '.join(columns)}"
            ) from error
        missing = [name for name in columns if name not in frame.columns]
        if missing:
            raise InputError(
                f"{path} lacks the columns {', '.join(missing)}: metadata.{key} wants {', '.join(columns)}"
            )
        return frame

    classes = table(class_labels, ["mid", "display_name"], "class_labels")
    n_rated = np.zeros(len(classes), dtype=np.int64)
    n_true = np.zeros(len(classes), dtype=np.int64)
    accurate = np.ones(len(classes), dtype=bool)
    if label_quality is not None:
        quality = table(label_quality, ["label_id", "num_rated", "num_true"], "label_quality")
        counts_are_numbers = all(quality[c].dtype.kind in "iu" for c in ("num_rated", "num_true"))
        if not counts_are_numbers or quality["label_id"].duplicated().any():
            raise InputError(
                f"{label_quality} must have each label_id once, with whole numbers: mend metadata.label_quality"
            )
        counts = quality.set_index("label_id").reindex(classes["mid"]).fillna(0)
        n_rated, n_true = (counts[c].to_numpy(dtype=np.int64) for c in ("num_rated", "num_true"))
    with np.errstate(invalid="ignore"):
        accuracy = n_true / np.where(n_rated > 0, n_rated, np.nan)
    if label_quality is not None:
        accurate = np.where(n_rated > 0, accuracy >= min_label_accuracy, keep_unrated)
    return Classes(
        ids=classes["mid"].tolist(), names=classes["display_name"].tolist(),
        n_rated=n_rated, accuracy=accuracy, accurate=accurate,
    )  # fmt: skip


def detector_members(
    detectors: Mapping[str, Sequence[str]], classes: Classes, children: Mapping[str, Sequence[str]]
) -> dict[str, npt.NDArray[np.bool_]]:
    """Which classes count for each detector: those it names, by id or display name, and all their descendants.

    Returns
    -------
    {detector: boolean array, one element per class of the class table}

    Raises
    ------
    ConfigError
        If a detector names a class that the class table does not have.
    """
    known = set(classes.ids)
    by_name = dict(zip(classes.names, classes.ids, strict=True))
    members = {}
    for detector, named in detectors.items():
        wanted = [name if name in known or name in children else by_name.get(name) for name in named]
        if None in wanted:
            unknown = named[wanted.index(None)]
            near = difflib.get_close_matches(unknown, [*by_name, *known], n=3) or [
                "a class of class_labels_indices.csv"
            ]
            raise ConfigError(
                f"detectors.{detector} names {unknown!r}, neither an id nor a display name of the class table: "
                f"set it in config.yaml to {' or '.join(near)}"
            )
        family = with_descendants([name for name in wanted if name], children)
        members[detector] = np.array([class_id in family for class_id in classes.ids], dtype=bool)
    return members


def select_clips(
    segments: Mapping[str, pa.Table],
    classes: Classes,
    detectors: Mapping[str, npt.NDArray[np.bool_]],
    batch_size: int,
    max_clips: int | None = None,
) -> pa.Table:
    """Turn segment lists into the table of wanted clips.

    A row keeps its accurate labels and is dropped if none is left. A clip's truth for a detector is true if an
    accurate label says so, false if no label of the class stands on the row at all, and null if the only labels
    that say so are below the accuracy bar.

    Parameters
    ----------
    segments
        {list name: table of :func:`read_segments`}; the list named ``eval`` is the test list.
    detectors
        As :func:`detector_members` gives it.
    batch_size
        Rows of a list that share a batch.
    max_clips
        Take only the first so many rows of each list.

    Returns
    -------
    Table with :data:`CLIP_COLUMNS` and :func:`truth_columns`, in the order of the lists.
    """
    tables = [
        _select_list(name, table.slice(0, max_clips), classes, detectors, batch_size)
        for name, table in segments.items()
    ]
    return _without_repeats(pa.concat_tables(tables))


def _select_list(
    list_name: str, table: pa.Table, classes: Classes, detectors: Mapping[str, npt.NDArray[np.bool_]], batch_size: int
) -> pa.Table:
    labels = pc.split_pattern(table["label_ids"].combine_chunks(), ",")
    flat = pc.list_flatten(labels)
    codes = pc.index_in(flat, pa.array(classes.ids))
    if codes.null_count:
        unknown = flat.filter(pc.is_null(codes))[0].as_py()
        raise InputError(
            f"the list {list_name!r} uses the label {unknown!r}, which the class table does not have: "
            "set metadata.class_labels to the table that belongs to the list"
        )
    code = codes.to_numpy()
    row = pc.list_parent_indices(labels).to_numpy()
    n_rows = table.num_rows
    kept = classes.accurate[code]

    def any_label(of: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        return np.bincount(row[of], minlength=n_rows) > 0

    wanted = np.flatnonzero(any_label(kept))
    lengths = np.bincount(row[kept], minlength=n_rows)[wanted]
    offsets = pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())
    kept_codes = pa.array(code[kept])
    picked = table.take(pa.array(wanted))
    start_ms = pc.cast(pc.round(pc.multiply(picked["start_seconds"], 1000.0)), pa.int64())
    columns = {
        "clip_id": pc.binary_join_element_wise(picked["video_id"], pc.cast(start_ms, pa.string()), "_"),
        "video_id": picked["video_id"],
        "start_seconds": picked["start_seconds"],
        "end_seconds": picked["end_seconds"],
        "split": pa.array(["eval" if list_name == "eval" else "train"] * len(wanted), pa.string()),
        "batch": pa.array(batch_names(list_name, wanted, batch_size), pa.string()),
        "labels": pa.ListArray.from_arrays(offsets, pa.array(classes.names).take(kept_codes)),
        "label_ids": pa.ListArray.from_arrays(offsets, pa.array(classes.ids).take(kept_codes)),
    }
    for detector, members in detectors.items():
        said = any_label(members[code])[wanted]
        sure = any_label(members[code] & kept)[wanted]
        columns[f"is_{detector}"] = pa.array(sure, mask=said & ~sure)
    return pa.table(columns)


def _without_repeats(clips: pa.Table) -> pa.Table:
    """Refuse a clip that is in both splits; keep one of equal clips; keep a test video out of training."""
    ids = np.asarray(clips["clip_id"].to_pylist(), dtype=object)
    is_eval = pc.equal(clips["split"], "eval").to_numpy()
    both = sorted(set(ids[is_eval]) & set(ids[~is_eval]))
    if both:
        raise InputError(
            f"{len(both)} clips stand in the eval list and in a training list ({', '.join(both[:3])}): "
            "a clip can teach or test, not both; take them out of one list"
        )
    _, first = np.unique(ids, return_index=True)
    keep = np.zeros(len(ids), dtype=bool)
    keep[first] = True
    if not keep.all():
        logging.warning("%d repeated clips left out: each is taken from its first row", (~keep).sum())
    test_videos = pc.unique(clips["video_id"].filter(pa.array(is_eval)))
    shared = pc.is_in(clips["video_id"], value_set=test_videos).to_numpy() & ~is_eval
    if shared.any():
        logging.warning("%d training clips left out: their videos are in the eval list", shared.sum())
    return clips.filter(pa.array(keep & ~shared))
