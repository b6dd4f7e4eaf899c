"""Measure detectors on sources that were left out of training, for every design choice.

    python benchmarks/generalisation.py RESULTS PROVENANCE.csv [--detector NAME] [--variant PART_OF_NAME]

RESULTS is the folder of a finished run. PROVENANCE.csv has the columns video_id, kind and source, where "a+b" is a
mixture of two. Only training clips are used. Families of sources (all languages of one collection, all variants of one
piece) are distributed over four folds, so that each fold has sources of every kind. The clips of a fold are evaluated
with a detector that was trained without its families. The table shows the mean and the worst fold, for the clips and
for their augmented versions (other rooms, microphones, speeds).
"""

import argparse
import csv
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from soundsift.detectors import training
from soundsift.detectors.examples import Examples
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.features.inputs import feature_matrix, input_columns, original_columns

N_FOLDS = 4
DEFAULT = Hyperparameters()
LOGISTIC = partial(LogisticRegression, max_iter=2000, class_weight="balanced")
MACHINE = partial(SVC, C=3, class_weight="balanced")
# (inputs, with augmented versions, hyperparameters or a scikit-learn model)
VARIANTS: dict[str, tuple[str, bool, Hyperparameters | Callable[[], object]]] = {
    "as it is": ("all", True, DEFAULT),
    "the original 25 inputs": ("original", True, DEFAULT),
    "every pitch class by itself": ("single", True, DEFAULT),
    "inputs without end": ("all", True, replace(DEFAULT, input_limit=1e6)),
    "no augmented versions": ("all", False, DEFAULT),
    "no mixing": ("all", True, replace(DEFAULT, mixup=0.0)),
    "no mixing, no augmented versions": ("all", False, replace(DEFAULT, mixup=0.0)),
    "one network, uncalibrated": ("all", True, replace(DEFAULT, members=1)),
    "balance: weights": ("all", True, replace(DEFAULT, balance="weights")),
    "balance: none": ("all", True, replace(DEFAULT, balance="none")),
    "dropout 0.5": ("all", True, replace(DEFAULT, dropout=0.5)),
    "64 units": ("all", True, replace(DEFAULT, hidden_units=[64])),
    "512-256-128-64 units": ("all", True, replace(DEFAULT, hidden_units=[512, 256, 128, 64])),
    "logistic regression": ("all", False, LOGISTIC),
    "logistic regression, versions": ("all", True, LOGISTIC),
    "support vector machine": ("all", False, MACHINE),
    "support vector machine, versions": ("all", True, MACHINE),
}  # fmt: skip


def family(source: str) -> str:
    """Return the family of a source: the collection without the language, the piece without its variant."""
    name = re.sub(r"\.\w+$", "", source)
    return re.sub(r"-[a-z]{2,3}$|(_fast|_f|-old|_remake|_enhanced)+$", "", name)


def folds_of_families(rows: list[dict[str, str]]) -> dict[str, int]:
    """Distribute families over folds: by kind, largest first, to the fold with the fewest clips of that kind."""
    counts: dict[str, Counter[str]] = {"speech": Counter(), "music": Counter(), "other": Counter()}
    for row in rows:
        for kind, source in zip(parts(row["kind"]), row["source"].split("+"), strict=True):
            counts[kind][family(source)] += 1
    fold: dict[str, int] = {}
    for found in counts.values():
        filled = [0] * N_FOLDS
        for name, n in sorted(found.items(), key=lambda item: (-item[1], item[0])):
            fold[name] = int(np.argmin(filled))
            filled[fold[name]] += n
    return fold


def parts(kind: str) -> list[str]:
    """Return the kinds of sound in a clip, in the order of its sources."""
    return ["music", "speech"] if kind == "both" else [kind]


def evaluate(
    detector: str, columns: list[str], with_versions: bool, how: Hyperparameters | Callable[[], object],
    clips: "pq.Table", versions: "pq.Table", folds: list[set[int]],
) -> tuple[np.ndarray, float, int]:  # fmt: skip
    """Return metrics by fold (ROC AUC and balanced accuracy of clips, then of versions), seconds, and parameters."""
    tables = (clips, versions)
    x = np.concatenate([feature_matrix(table, columns) for table in tables])
    truth = np.concatenate(
        [[-1 if t is None else int(t) for t in table[f"is_{detector}"].to_pylist()] for table in tables]
    )
    names = clips["video_id"].to_pylist()
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    own = np.array([number[name] for name in [*names, *versions["video_id"].to_pylist()]])
    other = np.array([-1] * len(names) + [number.get(name, -1) for name in versions["partner_video_id"].to_pylist()])
    is_clip = np.arange(len(x)) < len(names)
    found, seconds, n_parameters = [], 0.0, 0
    for fold in range(N_FOLDS):
        out = np.array([fold in of for of in folds])
        train = ~out[own] & ((other < 0) | ~out[other]) & (truth >= 0) & (is_clip | with_versions)
        began = time.perf_counter()
        if isinstance(how, Hyperparameters):
            rows = np.flatnonzero(train)
            examples = Examples(x[rows], truth[rows], own[rows], other[rows], int(is_clip[rows].sum()))
            trained = training.train(detector, examples, how)
            scores, threshold = trained.model.predict_on_batch(x)[:, 1], trained.threshold
            n_parameters = trained.model.count_params()
        else:
            model = make_pipeline(StandardScaler(), how()).fit(x[train], truth[train])
            scores, threshold = model.decision_function(x), 0.0
        seconds += (time.perf_counter() - began) / N_FOLDS
        row: list[float] = []
        for side in (is_clip, ~is_clip & (other < 0)):
            test = out[own] & (truth >= 0) & side
            row += [
                roc_auc_score(truth[test], scores[test]),
                balanced_accuracy_score(truth[test], scores[test] >= threshold),
            ]
        found.append(row)
    return np.array(found), seconds, n_parameters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("provenance", type=Path)
    parser.add_argument("--detector", default="", help="only this detector")
    parser.add_argument("--variant", default="", help="only variants whose name has this in it")
    options = parser.parse_args()
    clips = pq.read_table(options.results / "features.parquet")
    clips = clips.filter([split != "eval" for split in clips["split"].to_pylist()])
    versions = pq.read_table(options.results / "augmented.parquet")
    with open(options.provenance, encoding="utf-8") as file:
        rows = {row["video_id"]: row for row in csv.DictReader(file)}
    of_videos = [rows[name] for name in dict.fromkeys(clips["video_id"].to_pylist())]
    fold = folds_of_families(of_videos)
    folds = [{fold[family(source)] for source in row["source"].split("+")} for row in of_videos]
    names = clips.column_names
    pooled = input_columns(names, "all")
    chroma = [name for name in names if name.startswith("chroma_")]
    inputs = {
        "all": pooled,
        "original": original_columns(),
        "single": [name for name in pooled if not name.startswith("chroma_")] + chroma,
    }
    print(f"{len(of_videos)} videos of {len(fold)} families in {N_FOLDS} folds")
    head = f"{'ROC AUC':>8} {'worst':>6} {'bal. acc.':>10} {'worst':>6}"
    print(f"{'detector':9} {'':33}{head}   changed:{head} {'seconds':>8} {'parameters':>11}")
    for detector in [name.removeprefix("is_") for name in names if name.startswith("is_")]:
        if options.detector not in ("", detector):
            continue
        for name, (columns, with_versions, how) in VARIANTS.items():
            if options.variant not in name:
                continue
            found, seconds, n = evaluate(detector, inputs[columns], with_versions, how, clips, versions, folds)
            mean, worst = found.mean(axis=0), found.min(axis=0)
            text = [f"{mean[i]:8.3f} {worst[i]:6.3f} {mean[i + 1]:10.3f} {worst[i + 1]:6.3f}" for i in (0, 2)]
            print(f"{detector:9} {name:33}{text[0]}           {text[1]} {seconds:8.1f} {n:11,}", flush=True)


if __name__ == "__main__":
    main()
