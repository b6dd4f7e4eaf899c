"""Write the files that are generated from the code: python docs/generate.py, or make docs."""

from collections.abc import Sequence
from pathlib import Path

from soundsift.config import reference
from soundsift.detection import columns as detection_columns
from soundsift.detection import overview
from soundsift.detectors import columns as detector_columns
from soundsift.features import (
    augmented_columns,
    augmented_table,
    definition,
    statistics,
)
from soundsift.media import columns as media_columns
from soundsift.media import (
    coverage,
    outcomes,
)
from soundsift.metadata import columns as metadata_columns
from soundsift.metadata.reasons import REASONS
from soundsift.report import folds
from soundsift.tables import Column

ROOT = Path(__file__).resolve().parents[1]


def shipped_config() -> str:
    """Write the configuration of the demo: every key with its default and a comment."""
    head = """# The built-in demo, as shipped. Every key is explained in docs/configuration.md; an overlay given with
# --configfile needs only the keys it changes.

"""
    return head + reference.config_yaml().rstrip() + "\n"


def configuration() -> str:
    """Write the page of keys: type, default and meaning of each, by section."""
    head = """# Configuration

The workflow reads `config.yaml` in the working directory. An overlay, given with `--configfile`, needs only the keys it changes. To set
single keys, use `--config batch_size=512`, or within a section `--config 'metadata={max_clips: 100}'`. An empty value stands for the
default. Relative paths count from the working directory. An unknown key is an error.

"""
    return head + reference.page()


def outcome_words() -> str:
    """Write the page of outcomes: kind, meaning and advice of each."""
    head = """# Outcomes

Every wanted clip has exactly one outcome in `results/coverage.parquet`. The reason beside it is the message of the source.
*Kept* clips are in the features table. Clips with a *permanent* outcome are not requested again, unless `download.retry_permanent`
is true. Clips with a *transient* outcome are requested again within the job and at the next run. With `on_transient: record` the
job goes on without them, and they are requested again whenever [their batch runs](when-youtube-says-no.md#ask-again-for-missing-clips). An *open*
outcome is a failure that is not classified yet. It does not fail a run, and the clip is requested again whenever its batch runs.
Please report its message. Keys without a section are under `download`; [When YouTube says no](when-youtube-says-no.md) explains them.

| outcome | kind | meaning | what to do |
| --- | --- | --- | --- |
"""
    rows = (f"| `{word}` | {o.kind} | {o.meaning} | {o.advice} |" for word, o in outcomes.OUTCOMES.items())
    return head + "\n".join(rows) + "\n"


def columns() -> str:
    """Write the page of tables and their columns."""
    tables: dict[str, tuple[str, Sequence[Column]]] = {
        "results/metadata/clips.parquet": (
            "The wanted clips. There is one `is_` column per detector.",
            (*metadata_columns.CLIP_COLUMNS, *metadata_columns.truth_columns(["{detector}"])),
        ),
        "results/metadata/labels.parquet": (
            "The classes. One `is_{detector}` column per detector says whether the class counts for it.",
            metadata_columns.LABEL_COLUMNS,
        ),
        "results/metadata/excluded.parquet": (
            "The rows of the lists that did not become wanted clips; see [Reasons](#reasons).",
            metadata_columns.EXCLUDED_COLUMNS,
        ),
        "results/downloads/{batch}.csv": ("The media of a batch in the archive.", media_columns.DOWNLOAD_COLUMNS),
        "results/outcomes/{batch}.csv": (
            "The outcomes of a batch. `results/coverage.parquet` has those of all batches, with split, batch and truth.",
            media_columns.OUTCOME_COLUMNS,
        ),
        "results/missing.csv": ("Every wanted clip that is missing.", coverage.MISSING_COLUMNS),
        "results/frames/{batch}/{clip_id}.parquet": ("One row per analysis frame.", definition.frame_columns()),
        "results/detectors/{detector}/predictions.parquet": (
            "Every clip whose truth is known.",
            detector_columns.PREDICTION_COLUMNS,
        ),
        "results/detectors/{detector}/probabilities.parquet": (
            "The detector and its baselines on the eval clips.",
            detector_columns.PROBABILITY_COLUMNS,
        ),
        "results/detectors/{detector}/history.parquet": ("The course of training.", detector_columns.HISTORY_COLUMNS),
        "results/detectors/{detector}/errors.parquet": (
            "False negatives and false positives among the eval clips, by label.",
            detector_columns.ERROR_COLUMNS,
        ),
        "results/detectors/{detector}/learning.parquet": (
            "The performance of the detector with fewer training clips.",
            detector_columns.CURVE_COLUMNS,
        ),
        "results/folds.csv": (
            "One row per fold that was run and detector, with `metadata.fold`. It stays when the next fold is run.",
            folds.FOLD_COLUMNS,
        ),
        "results/detections.csv": (
            "Your recordings. Each detector adds a column `{detector}_seconds`: for how long its class is present.",
            (*overview.RECORDING_COLUMNS, overview.NAME_COLUMN),
        ),
        "results/detections/{name}.csv": (
            "The segments of a recording in which a class is present.",
            detection_columns.SEGMENT_COLUMNS,
        ),
    }
    text = ["# Columns", ""]
    for name, (meaning, declared) in tables.items():
        text += [f"## `{name}`", "", meaning, "", "| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        text += [f"| `{c.name}` | {c.type} | {c.unit} | {c.meaning} |" for c in declared] + [""]
    text += [
        "## Reasons",
        "",
        "The reasons in `results/metadata/excluded.parquet`:",
        "",
        "| reason | meaning |",
        "| --- | --- |",
        *(f"| `{word}` | {meaning} |" for word, meaning in REASONS.items() if word != "kept"),
        "",
        "## `results/features.parquet`",
        "",
        "One row per available clip. The first columns are those of `clips.parquet`, `duration_seconds` and `loudness_dbfs`.",
        "The other columns are the statistics in `features.statistics` of every frame column except `time_seconds`. They are",
        "named `{frame column}_{statistic}`.",
        "",
        "| statistic | meaning |",
        "| --- | --- |",
        *(f"| `{name}` | {one.meaning} |" for name, one in statistics.STATISTICS.items()),
        "",
        "## `results/augmented.parquet`",
        "",
        "One row per augmented version of a training clip. The table lists its first columns. The other columns are one",
        "`is_{detector}` column per detector, and the features.",
        "",
        "| column | type | unit | meaning |",
        "| --- | --- | --- | --- |",
        *(
            f"| `{c.name}` | {c.type} | {c.unit} | {c.meaning} |"
            for c in (*augmented_columns.VERSION_COLUMNS, *augmented_table.VIDEO_COLUMNS)
        ),
        "",
    ]
    return "\n".join(text)


# what is written, by its path in the repository
FILES = {
    "config.yaml": shipped_config,
    "workflow/schemas/config.schema.yaml": reference.json_schema,
    "docs/configuration.md": configuration,
    "docs/outcomes.md": outcome_words,
    "docs/columns.md": columns,
}

if __name__ == "__main__":
    for path, text in FILES.items():
        (ROOT / path).write_text(text(), encoding="utf-8")
