"""Columns of the tables that describe clips and classes."""

from collections.abc import Sequence

import pyarrow as pa

from soundsift.tables import Column

BATCH_COLUMNS = (
    Column("clip_id", pa.string(), "", "video id, underscore, start in milliseconds; for files also - and the end"),
    Column("video_id", pa.string(), "", "id of the video on its site, or id made of the path of a file"),
    Column("start_seconds", pa.float64(), "s", "start of the labelled segment in the video"),
    Column("end_seconds", pa.float64(), "s", "end of the labelled segment in the video"),
)

CLIP_COLUMNS = (
    *BATCH_COLUMNS,
    Column("split", pa.string(), "", "eval for clips of the list named eval, train for all others"),
    Column("batch", pa.string(), "", "batch in which the clip is processed"),
    Column("labels", pa.list_(pa.string()), "", "display names of the labels that pass metadata.min_label_accuracy"),
    Column("label_ids", pa.list_(pa.string()), "", "ids of these labels"),
)


FILE_COLUMN = Column("file", pa.string(), "", "path of the file that the clip is from; empty for a video")
# Columns of clips.parquet that it has only if a list names files, or if metadata.group is set.
EXTRA_COLUMNS = (
    FILE_COLUMN,
    Column("group", pa.string(), "", "value of metadata.group, which is kept together when data are split"),
)


def truth_columns(detectors: Sequence[str]) -> tuple[Column, ...]:
    """One nullable boolean column per detector; null if the only evidence is a label below the accuracy limit."""
    return tuple(Column(f"is_{name}", pa.bool_(), "", f"is {name} present? null: unknown") for name in detectors)


EXCLUDED_COLUMNS = (
    Column("clip_id", pa.string(), "", "video id, underscore, start in milliseconds"),
    Column("list", pa.string(), "", "name of the segment list in the configuration"),
    Column("line", pa.int32(), "", "line of the row in the list's file"),
    Column("reason", pa.string(), "", "why the row was not selected"),
)

LABEL_COLUMNS = (
    Column("label_id", pa.string(), "", "id of the class"),
    Column("display_name", pa.string(), "", "display name of the class"),
    Column("n_rated", pa.int64(), "", "number of labels of the class that listeners checked"),
    Column("accuracy", pa.float64(), "", "share of the checked labels that were right; null if none was checked"),
    Column("accurate", pa.bool_(), "", "whether labels of the class pass metadata.min_label_accuracy"),
    Column("restrictions", pa.string(), "", "restrictions in the ontology: abstract, blacklist, both or empty"),
)
