"""Write the reference pages from the code, so that they cannot fall behind it: python docs/generate.py."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from soundsift.config.settings import read_schema
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
from soundsift.tables import Column

DOCS = Path(__file__).resolve().parent


def configuration() -> str:
    """Every key with its type, default and meaning, section by section."""

    def row(key: str, rule: Mapping[str, Any]) -> str:
        kind = rule.get("type") or "one of " + ", ".join(rule["enum"])
        kind = " or ".join("empty" if k == "null" else k for k in kind) if isinstance(kind, list) else kind
        default = "empty" if rule["default"] is None else str(rule["default"]).replace("'", "")
        default = default.lower() if isinstance(rule["default"], bool) else default  # as YAML writes it
        return f"| `{key}` | {kind} | {default} | {rule['description']} |"

    text = [
        """# Configuration

`config.yaml` in the working directory; an overlay given with `--configfile` needs only the keys it changes, and single keys
can be set with `--config batch_size=512`, within a section with `--config 'metadata={max_clips: 100}'`. Relative paths count from the
working directory. An unknown key is refused.
"""
    ]
    for name, rule in read_schema()["properties"].items():
        rows = [row(f"{name}.{key}", sub) for key, sub in rule.get("properties", {}).items()]
        text += [f"## {name}", "", *([rule["description"], ""] if rows else [])]
        text += ["| key | type | default | meaning |", "| --- | --- | --- | --- |", *(rows or [row(name, rule)]), ""]
    return "\n".join(text)


def outcome_words() -> str:
    """Every outcome with its kind, its meaning and what to do."""
    head = """# Outcomes

Every wanted clip has exactly one outcome, in `results/coverage.parquet`, with the source's own words as the reason.
*Kept* clips are in the features table. *Permanent* ones are not asked for again, unless `download.retry_permanent` is true.
*Transient* ones are asked for again within the job and at the next run. *Open* is what nobody has classified yet: it does
not fail a run and is asked for again whenever its batch runs; please report its text. Keys are those under `download`;
[When YouTube says no](when-youtube-says-no.md) explains them.

| outcome | kind | meaning | what helps |
| --- | --- | --- | --- |
"""
    rows = (f"| `{word}` | {o.kind} | {o.meaning} | {o.advice} |" for word, o in outcomes.OUTCOMES.items())
    return head + "\n".join(rows) + "\n"


def columns() -> str:
    """Every table with its columns."""
    tables: dict[str, tuple[str, Sequence[Column]]] = {
        "results/metadata/clips.parquet": (
            "The wanted clips; the `is_` column stands for one per detector.",
            (*metadata_columns.CLIP_COLUMNS, *metadata_columns.truth_columns(["{detector}"])),
        ),
        "results/metadata/labels.parquet": (
            "The classes, with one `is_{detector}` column per detector: does the class count for it?",
            metadata_columns.LABEL_COLUMNS,
        ),
        "results/metadata/excluded.parquet": (
            "The rows of the lists that are no wanted clips; why, see [Reasons](#reasons).",
            metadata_columns.EXCLUDED_COLUMNS,
        ),
        "results/downloads/{batch}.csv": ("What the archive holds of a batch.", media_columns.DOWNLOAD_COLUMNS),
        "results/outcomes/{batch}.csv": (
            "What became of a batch. `results/coverage.parquet` has the same for all, with split, batch and truth.",
            media_columns.OUTCOME_COLUMNS,
        ),
        "results/missing.csv": ("Every wanted clip that is not there.", coverage.MISSING_COLUMNS),
        "results/frames/{batch}/{clip_id}.parquet": ("One row per analysis frame.", definition.frame_columns()),
        "results/detectors/{detector}/predictions.parquet": (
            "Every clip of known truth.",
            detector_columns.PREDICTION_COLUMNS,
        ),
        "results/detectors/{detector}/history.parquet": ("How training went.", detector_columns.HISTORY_COLUMNS),
        "results/detectors/{detector}/errors.parquet": (
            "Misses and false alarms on the eval clips by label.",
            detector_columns.ERROR_COLUMNS,
        ),
        "results/detectors/{detector}/learning.parquet": (
            "How good the detector is with fewer training clips.",
            detector_columns.CURVE_COLUMNS,
        ),
        "results/detections.csv": (
            "The recordings of one's own; then `{detector}_seconds`, for how long each detector's class is heard.",
            overview.RECORDING_COLUMNS,
        ),
        "results/detections/{name}.csv": ("Where it is heard.", detection_columns.SEGMENT_COLUMNS),
    }
    text = ["# Columns", ""]
    for name, (meaning, declared) in tables.items():
        text += [f"## `{name}`", "", meaning, "", "| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        text += [f"| `{c.name}` | {c.type} | {c.unit} | {c.meaning} |" for c in declared] + [""]
    text += [
        "## Reasons",
        "",
        "Why a row of a list stands in `results/metadata/excluded.parquet`:",
        "",
        "| reason | meaning |",
        "| --- | --- |",
        *(f"| `{word}` | {meaning} |" for word, meaning in metadata_columns.REASONS.items() if word != "kept"),
        "",
        "## `results/features.parquet`",
        "",
        "One row per clip that is there: the columns of `clips.parquet`, `duration_seconds`, `loudness_dbfs`, then for every",
        "frame column but the time each of `features.statistics`, as `{frame column}_{statistic}`:",
        "",
        "| statistic | meaning |",
        "| --- | --- |",
        *(f"| `{name}` | {one.meaning} |" for name, one in statistics.STATISTICS.items()),
        "",
        "## `results/augmented.parquet`",
        "",
        "One row per changed version of a training clip: these columns, then `is_{detector}` and the columns of a features row.",
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


PAGES = {"configuration.md": configuration, "outcomes.md": outcome_words, "columns.md": columns}

if __name__ == "__main__":
    for page, text in PAGES.items():
        (DOCS / page).write_text(text(), encoding="utf-8")
