"""The files that AudioSet publishes: where, under which names, and which of them a run needs."""

from collections.abc import Mapping
from typing import Any

AUDIOSET = "resources/audioset"
# Where AudioSet publishes its lists and tables, by file name.
AUDIOSET_URLS = {
    **{
        name: f"https://storage.googleapis.com/us_audioset/youtube_corpus/v1/{folder}/{name}"
        for folder, name in (
            ("csv", "balanced_train_segments.csv"),
            ("csv", "unbalanced_train_segments.csv"),
            ("csv", "eval_segments.csv"),
            ("csv", "class_labels_indices.csv"),
            ("qa", "qa_true_counts.csv"),
        )
    },
    **{
        name: f"https://storage.googleapis.com/us_audioset/youtube_corpus/strong/{name}"
        for name in ("audioset_train_strong.tsv", "audioset_eval_strong.tsv", "mid_to_display_name.tsv")
    },
    "ontology.json": "https://raw.githubusercontent.com/audioset/ontology/master/ontology.json",
}
# Checksums of the published files of which an unchanged copy was at hand.
AUDIOSET_SHA256 = {
    "balanced_train_segments.csv": "3b83e5ff9ed72cfda37d4e36ce08250e107c1ea70f109f6ab6668ac200db5e94",
    "class_labels_indices.csv": "cdd1049833c4b86127c2773ac0d14a2754b6a6d0d1798002ed5c66e699708429",
    "qa_true_counts.csv": "43507dbfcee2ab1ed771f4412f20ad5ce5c90fd850abcaf982db443f7652a0b2",
}
TABLES = {
    "class_labels": "class_labels_indices.csv",
    "ontology": "ontology.json",
    "label_quality": "qa_true_counts.csv",
}


def audioset_files(config: Mapping[str, Any]) -> list[str]:
    """List the paths in a settled configuration that the workflow downloads from AudioSet."""
    named = [*config["metadata"]["segments"].values(), *(config["metadata"][key] for key in TABLES)]
    return [path for path in named if path in {f"{AUDIOSET}/{name}" for name in AUDIOSET_URLS}]
