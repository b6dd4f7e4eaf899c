"""Measure the value of each group of statistics on sources that were left out of training.

    python benchmarks/ablation.py FEATURES.parquet PROVENANCE.csv

FEATURES.parquet is the table of a finished run. PROVENANCE.csv has the columns video_id and source. Only training clips
are used, in five folds that share no source, drawn three times. The model is a support vector machine on standardised
inputs.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from soundsift.detectors.split import train_and_eval, truth_of
from soundsift.features.inputs import feature_matrix, original_columns
from soundsift.features.statistics import STATISTICS
from soundsift.tables import read_parquet

QUANTILES, MODULATION = ("median", "p10", "p90"), ("modulation_slow", "modulation_syllable")
SETS = {
    "means": ("mean",),
    "and deviations": ("mean", "std"),
    "and quantiles": ("mean", "std", *QUANTILES),
    "and changes": ("mean", "std", *QUANTILES, "delta_std"),
    "and modulation (all)": tuple(STATISTICS),
    "all without quantiles": ("mean", "std", "delta_std", *MODULATION),
    "all without changes": ("mean", "std", *QUANTILES, *MODULATION),
    "all without modulation_slow": tuple(name for name in STATISTICS if name != "modulation_slow"),
    "all without modulation_syllable": tuple(name for name in STATISTICS if name != "modulation_syllable"),
    "modulation alone": MODULATION,
}


def by_machine(x: np.ndarray, truth: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Score new clips with a support vector machine; a score above 0 means that the class is present."""
    model = make_pipeline(StandardScaler(), SVC(C=3, class_weight="balanced")).fit(x, truth)
    return np.asarray(model.decision_function(new))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("provenance", type=Path)
    options = parser.parse_args()
    table = read_parquet(options.features)
    with open(options.provenance, encoding="utf-8") as file:
        source_of = {row["video_id"]: row["source"] for row in csv.DictReader(file)}
    sources = np.array([source_of[video_id] for video_id in table["video_id"].to_pylist()])
    columns = [name for name in table.column_names if name.endswith(tuple(f"_{statistic}" for statistic in STATISTICS))]
    x = feature_matrix(table, columns)
    longest_first = sorted(STATISTICS, key=len, reverse=True)
    statistic = np.array([next(name for name in longest_first if column.endswith(f"_{name}")) for column in columns])
    original = feature_matrix(table, original_columns())
    print(f"{'detector':8} {'statistics':32} {'inputs':>6} {'ROC AUC':>8} {'balanced accuracy':>18} {'worst fold':>10}")
    for detector in [name.removeprefix("is_") for name in table.column_names if name.startswith("is_")]:
        rows, _ = train_and_eval(table, detector, 0.2, 0)
        truth = truth_of(table, detector)
        inputs = {"the original 25": original} | {name: x[:, np.isin(statistic, of)] for name, of in SETS.items()}
        for name, chosen in inputs.items():
            auc, balanced = [], []
            for seed in range(3):
                folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
                for train, test in folds.split(rows, truth[rows], sources[rows]):
                    train, test = rows[train], rows[test]
                    found = by_machine(chosen[train], truth[train], chosen[test])
                    auc.append(roc_auc_score(truth[test], found))
                    balanced.append(balanced_accuracy_score(truth[test], found > 0))
            print(
                f"{detector:8} {name:32} {chosen.shape[1]:6} {np.mean(auc):8.3f} {np.mean(balanced):18.3f} "
                f"{np.min(balanced):10.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
