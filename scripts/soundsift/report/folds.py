"""Leave-one-fold-out evaluation: the metrics of all folds that were run, their mean and their spread."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from soundsift.detectors.metrics import METRICS, DetectorMetrics
from soundsift.files import sha256_of
from soundsift.tables import Column, read_csv, write_csv

FOLD_COLUMNS = (
    Column("fold", pa.string(), "", "the fold that was the test data"),
    Column("detector", pa.string(), "", "name of the detector"),
    Column("settings", pa.string(), "", "digest of lists and settings; only rows with the same digest are averaged"),
    Column("n_train", pa.int64(), "clips", "training clips, without their augmented versions"),
    Column("n_eval", pa.int64(), "clips", "eval clips"),
    Column("positives", pa.int64(), "clips", "eval clips in which the class is present"),
    *(Column(name, pa.float64(), "", "as in metrics.json, on the eval clips; null if not judged") for name in METRICS),
)
# What the sentences give, and how it is written.
SHOWN = {"accuracy": ".1%", "balanced_accuracy": ".1%", "roc_auc": ".3f"}


def settings_digest(lists: Sequence[Path], settings: Mapping[str, Any]) -> str:
    """Return a short text that is the same for folds that may be averaged.

    Parameters
    ----------
    settings
        What the metrics depend on beside the lists, without the fold.
    """
    # with a letter at the beginning, or programs would take 1e1234 for a number
    text = json.dumps([[sha256_of(path) for path in lists], settings], sort_keys=True)
    return f"s{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def add_fold(path: Path, fold: str, metrics: Mapping[str, DetectorMetrics], digests: Mapping[str, str]) -> list[str]:
    """Add the metrics of a fold to the table of all folds. They replace those of an earlier run with the same settings.

    Parameters
    ----------
    path
        The table, with :data:`FOLD_COLUMNS`. No step deletes it: the other results are those of one fold only.
    metrics, digests
        Metrics and :func:`settings_digest` of each detector.

    Returns
    -------
    For each detector a sentence with the mean and the spread over the folds with the same settings.
    """
    rows = [_row(fold, name, of_detector, digests[name]) for name, of_detector in metrics.items()]
    table = pa.Table.from_pylist(rows, schema=pa.schema([(c.name, c.type) for c in FOLD_COLUMNS]))
    if path.exists():
        old = read_csv(path, FOLD_COLUMNS)
        is_replaced = pc.is_in(_keys(old), value_set=_keys(table).combine_chunks())
        table = pa.concat_tables([old.filter(pc.invert(is_replaced)), table])
    write_csv(table, path)
    return [_sentence(table, name, digest, path) for name, digest in digests.items()]


def _row(fold: str, detector: str, metrics: DetectorMetrics, digest: str) -> dict[str, Any]:
    counts = {name: getattr(metrics, name) for name in ("n_train", "n_eval", "positives")}
    intervals = metrics.performance.intervals() if metrics.performance else {}
    values = {name: interval.value for name, interval in intervals.items()}
    return {"fold": fold, "detector": detector, "settings": digest, **counts, **values}


def _keys(table: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(table["fold"], table["detector"], table["settings"], "\n")


def _sentence(table: pa.Table, detector: str, digest: str, path: Path) -> str:
    rows = [row for row in table.to_pylist() if row["detector"] == detector]
    of_settings = [row for row in rows if row["settings"] == digest]
    of_settings.sort(key=lambda row: (len(row["fold"]), row["fold"]))
    n_other = len(rows) - len(of_settings)
    alike = [row for row in of_settings if row["roc_auc"] is not None]
    not_judged = ", ".join(row["fold"] for row in of_settings if row["roc_auc"] is None)
    other = f" Not judged, because of too few clips with or without it: fold {not_judged}." if not_judged else ""
    other += f" Runs with other lists or settings are not included ({n_other})." if n_other else ""
    if not alike:
        return f"{detector}: no fold in {path} could be judged.{other}"
    if len(alike) == 1:
        return f"{detector}: fold {alike[0]['fold']} is the first in {path}. Run the other folds for their mean.{other}"
    shown = []
    for name, form in SHOWN.items():
        values = [row[name] for row in alike]
        word = name.replace("_", " ").replace("roc auc", "ROC AUC")
        spread = f"standard deviation {stdev(values):{form}}, {min(values):{form}} to {max(values):{form}}"
        shown.append(f"{word} {mean(values):{form}} ({spread})")
    folds = ", ".join(row["fold"] for row in alike)
    return f"{detector}, mean of {len(alike)} folds ({folds}; {path}): {', '.join(shown)}.{other}"
