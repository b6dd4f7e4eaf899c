"""Columns of the tables that describe clips and classes."""

from collections.abc import Sequence

import pyarrow as pa

from soundsift.tables import Column

BATCH_COLUMNS = (
    Column("clip_id", pa.string(), "", "video id and start in milliseconds"),
    Column("video_id", pa.string(), "", "the video's id at its site"),
    Column("start_seconds", pa.float64(), "s", "where the labelled stretch begins in the video"),
    Column("end_seconds", pa.float64(), "s", "where it ends"),
)

CLIP_COLUMNS = (
    *BATCH_COLUMNS,
    Column("split", pa.string(), "", "eval for the list of that name, train for all others"),
    Column("batch", pa.string(), "", "the batch the clip is worked on in"),
    Column("labels", pa.list_(pa.string()), "", "display names of the labels that are accurate enough"),
    Column("label_ids", pa.list_(pa.string()), "", "their ids"),
)


def truth_columns(detectors: Sequence[str]) -> tuple[Column, ...]:
    """One nullable boolean per detector: null where the only evidence is a label below the accuracy bar."""
    return tuple(Column(f"is_{name}", pa.bool_(), "", f"is {name} heard? null: unknown") for name in detectors)


EXCLUDED_COLUMNS = (
    Column("clip_id", pa.string(), "", "video id and start in milliseconds"),
    Column("list", pa.string(), "", "the segment list's name in the configuration"),
    Column("line", pa.int32(), "", "its line in the list's file"),
    Column("reason", pa.string(), "", "why the row is no wanted clip"),
)

LABEL_COLUMNS = (
    Column("label_id", pa.string(), "", "the class's id"),
    Column("display_name", pa.string(), "", "its name"),
    Column("n_rated", pa.int64(), "", "how many of its labels were checked by listeners"),
    Column("accuracy", pa.float64(), "", "share of those found right; null where none was checked"),
    Column("accurate", pa.bool_(), "", "whether the class passes the accuracy bar"),
    Column("restrictions", pa.string(), "", "the ontology's: abstract, blacklist, both or empty"),
)

# why a row of a list is no wanted clip, in the order in which rows are looked at; a code is the place in here
REASONS = {
    "kept": "it is a wanted clip",
    "beyond_max_clips": "the list is cut at metadata.max_clips rows",
    "repeated": "the same clip stands in an earlier row, which got this row's labels too",
    "inaccurate": "none of its labels is of a class that passes metadata.min_label_accuracy",
    "eval_video": "another segment of its video is in the eval list",
    "not_chosen": "it is not among those that metadata.per_detector takes",
}
