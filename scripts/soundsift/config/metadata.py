"""Section ``metadata``: which clips are wanted, and what is known of their labels."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le, MinLen


@dataclass(frozen=True)
class ListParams:
    """The files that the clips and their labels are read from."""

    segments: Annotated[dict[str, str], MinLen(1)] | None = None
    """Your lists: {train: my_train.csv, eval: my_eval.csv}; empty for the demo. Any form AudioSet has is read, or a CSV
    with a header and the columns video_id, start_seconds, end_seconds and labels. The list named eval is the test list
    and may be left out; every other list is used for training."""
    class_labels: str | None = None
    """class_labels_indices.csv; empty for AudioSet's own. The columns are index, mid and display_name;
    mid_to_display_name.tsv is read too. AudioSet's own is downloaded."""
    ontology: str | None = None
    """ontology.json; empty for AudioSet's own. AudioSet's own is downloaded."""
    label_quality: str | None = None
    """qa_true_counts.csv; empty for AudioSet's own. The columns are label_id, num_rated and num_true. AudioSet's own is
    downloaded."""


@dataclass(frozen=True)
class SelectionParams:
    """Which rows of the lists become wanted clips."""

    min_label_accuracy: Annotated[float, Ge(0), Le(1)] = 0.8
    """Labels less accurate than this are ignored, 0 to 1. Accuracy is the share of a label's clips that listeners found
    right; a row left without a label is dropped."""
    keep_unrated: bool = True
    """Keep labels of classes that nobody rated."""
    max_clips: Annotated[int, Ge(1)] | None = None
    """Only the first N rows of each list; 100 for a first try. Empty takes all."""
    per_detector: Annotated[int, Ge(1)] | None = None
    """Only N clips with and N without each detector's class from each list. They are drawn by a hash of the clip id
    from the first 10,000 rows of the list, then from the next 10,000 if more are needed. Empty takes all."""
    seed: Annotated[int, Ge(0), Le(4294967295)] = 0
    """Another seed draws other clips for per_detector."""


@dataclass(frozen=True)
class MetadataParams(SelectionParams, ListParams):
    """Which clips are wanted, and what is known of their labels."""
