"""Section ``metadata``: the lists of clips, the tables of classes, and the selection of clips."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, MinLen

from soundsift.config.constraints import Name

# The columns of a list that metadata.columns can name.
OUR_COLUMNS = ("video_id", "segment_id", "file", "start_seconds", "end_seconds", "labels", "fold")


@dataclass(frozen=True)
class ListParams:
    """Files with the clips and with the classes of their labels."""

    segments: Annotated[dict[Annotated[str, Name()], str], MinLen(1)] | None = None
    """Your lists: {train: my_train.csv, eval: my_eval.csv}; empty for the demo. A list is a published one, or a CSV
    file with a header and the columns video_id (or file), start_seconds, end_seconds and labels. The list named eval
    is the test list and may be left out; every other list is used for training."""
    classes: Literal["table", "own"] = "table"
    """table or own: own takes the labels of the lists as they stand. It uses no class table, ontology or accuracy."""
    class_labels: str | None = None
    """class_labels_indices.csv; empty to download AudioSet's. The columns are index, mid and display_name.
    mid_to_display_name.tsv is also accepted."""
    ontology: str | None = None
    """ontology.json; empty to download AudioSet's."""
    label_quality: str | None = None
    """qa_true_counts.csv; empty to download AudioSet's. The columns are label_id, num_rated and num_true."""


@dataclass(frozen=True)
class LayoutParams:
    """Which columns of the lists have what."""

    columns: dict[str, str] | None = None
    """Names of the columns in your lists: {video_id: ytid, labels: tag}. Possible are video_id,
    segment_id, file, start_seconds, end_seconds, labels and fold."""
    label_separator: str | None = None
    """Text between the labels of a row; empty for a comma, or ; or | where the lists use it. A label may contain
    commas if the lists use ; or | between labels. AudioSet's names may always contain commas."""
    group: str | None = None
    """Column whose values are kept together when data are split, such as speaker or album. Values that share a file are
    kept together too. Empty keeps the clips of a video or file together."""
    fold: str | None = None
    """Fold that is the test data, for lists with a column fold. The other folds are training data."""
    encoding: str | None = None
    """Encoding of lists that are neither UTF-8 nor UTF-16, such as windows-1251. Others are mac-roman, iso-8859-2,
    shift-jis, gbk and all that Python knows. Empty takes them for Windows-1252, with a warning, and refuses them if
    that is unlikely."""


@dataclass(frozen=True)
class SelectionParams:
    """Which rows of the lists become wanted clips."""

    min_label_accuracy: Annotated[float, Ge(0), Le(1)] = 0.8
    """Labels less accurate than this value (0 to 1) are ignored. The accuracy of a label is the share of its rated
    clips in which raters confirmed it. A row without a remaining label is left out."""
    keep_unrated: bool = True
    """Keep labels of classes that were not rated."""
    max_clips: Annotated[int, Ge(1)] | None = None
    """Use only the first N rows of each list; 100 for a first try. Empty uses all."""
    per_detector: Annotated[int, Ge(1)] | None = None
    """For each detector, use N clips with its class and N without it from each list. They are drawn by a hash of the
    clip id from the first 10,000 rows of the list, then from the next 10,000 if more are needed. Empty uses all."""
    seed: Annotated[int, Ge(0), Le(4294967295)] = 0
    """Seed of the selection by per_detector. Another seed selects other clips."""


@dataclass(frozen=True)
class MetadataParams(SelectionParams, LayoutParams, ListParams):
    """Lists of clips, tables of classes, and the selection of clips."""
