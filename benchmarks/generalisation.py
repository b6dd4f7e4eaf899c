"""Measure detectors on sources that were left out of training, for several designs.

    python benchmarks/generalisation.py RESULTS PROVENANCE.csv... [--folds 8] [--seeds 0 1 2] [--left-out families]

RESULTS is the folder of a finished run. PROVENANCE.csv has the columns video_id, kind and source, where "a+b" is a
mixture of two. Only training clips are used. ``--left-out`` chooses what a fold is:

- ``families``: families of sources (all languages of one collection, all variants of one piece) are distributed over
  the folds, so that each fold has sources of every kind.
- ``collections``: each fold is one collection as a whole, for example all read speech or all everyday sounds.

The clips of a fold are judged with a detector that was trained without its families. The table shows the mean over
folds and seeds with its standard error, and the worst fold: for whole clips, for windows of two to four seconds, and
for augmented versions of the clips without mixed-in clips. *against* is the difference to the first variant, mean over
the same folds with its standard error. A difference counts if it is larger than two standard errors. For collections it
shows the accuracy on each, because most of them have clips of one class only.
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
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from soundsift.arrays import BoolArray, Float64Array
from soundsift.detectors import training
from soundsift.detectors.examples import Batches, Examples, read_examples
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.inference import calibrated
from soundsift.detectors.model_file import networks_of
from soundsift.features.inputs import input_columns

STATISTICS = Hyperparameters(model="statistics")
LOGISTIC = partial(LogisticRegression, max_iter=2000, class_weight="balanced")
MACHINE = partial(SVC, C=3, class_weight="balanced")


class Variant(NamedTuple):
    """A design: how it is trained, and on which rows besides the clips.

    At most ``versions`` augmented versions of each clip; those with a mixed-in clip only if ``mixed``.
    """

    how: Hyperparameters | Callable[[], object]
    versions: int = 20
    windows: bool = True
    mixed: bool = True


VARIANTS = {
    "both": Variant(Hyperparameters()),
    "both, one version": Variant(Hyperparameters(), versions=1),
    "statistics": Variant(STATISTICS),
    "frames": Variant(Hyperparameters(model="frames")),
    "statistics, no windows": Variant(STATISTICS, windows=False),
    "statistics, no mixup": Variant(replace(STATISTICS, mixup=0.0)),
    "statistics, no versions": Variant(STATISTICS, versions=0),
    "frames, no versions": Variant(Hyperparameters(model="frames"), versions=0),
    "both, no mixup": Variant(Hyperparameters(mixup=0.0)),
    "both, no mixed-in clips": Variant(Hyperparameters(), mixed=False),
    "both, no versions": Variant(Hyperparameters(), versions=0),
    "both, no windows": Variant(Hyperparameters(), windows=False),
    "logistic regression": Variant(LOGISTIC),
    "support vector machine": Variant(MACHINE),
}
# A collection with fewer clips is not left out.
SMALLEST_COLLECTION = 25


def family(source: str) -> str:
    """Return the family of a source: the collection without the language, the piece without its variant."""
    name = re.sub(r"\.\w+$", "", source)
    return re.sub(r"-[a-z]{2,3}$|(_fast|_f|-old|_remake|_enhanced)+$", "", name)


def collection(kind: str, source: str) -> str:
    """Return the collection of a source; all sound files by themselves are one."""
    name = "files" if re.search(r"\.\w{2,4}$", source) else re.split(r"[-:]", source)[0]
    return f"{kind} of {name}"


def parts(row: dict[str, str]) -> list[tuple[str, str]]:
    """Return kind and source of each sound in a clip."""
    kinds = ["music", "speech"] if row["kind"] == "both" else [row["kind"]]
    return list(zip(kinds, row["source"].split("+"), strict=True))


def folds_of_families(rows: list[dict[str, str]], n_folds: int, seed: int) -> list[set[int]]:
    """Distribute families over folds: by kind, largest first, to the fold with the fewest clips; return each row's."""
    counts: dict[str, Counter[str]] = {"speech": Counter(), "music": Counter(), "other": Counter()}
    for row in rows:
        for kind, source in parts(row):
            counts[kind][family(source)] += 1
    fold: dict[str, int] = {}
    for found in counts.values():
        filled = [0] * n_folds
        shuffled = np.random.default_rng(seed).permutation(sorted(found)).tolist()
        for name in sorted(shuffled, key=lambda one: -found[one]):
            fold[name] = int(np.argmin(filled))
            filled[fold[name]] += found[name]
    return [{fold[family(source)] for _, source in parts(row)} for row in rows]


def folds_of_collections(rows: list[dict[str, str]]) -> tuple[list[str], list[set[int]]]:
    """Return the names of the collections, and to which of them each row belongs."""
    counts = Counter(collection(*part) for row in rows for part in parts(row))
    names = [name for name, n in sorted(counts.items()) if n >= SMALLEST_COLLECTION]
    return names, [{names.index(one) for part in parts(row) if (one := collection(*part)) in names} for row in rows]


def scores(examples: Examples, variant: Variant, out: BoolArray, seed: int) -> Float64Array:
    """Train without the videos that are left out; return scores of all rows, positive where the class is found."""
    used = ~out[examples.video] & ((examples.partner < 0) | ~out[examples.partner])
    used &= examples.version <= variant.versions
    used &= ~examples.is_window | variant.windows
    used &= (examples.partner < 0) | variant.mixed
    rows = np.flatnonzero(used)
    if not isinstance(variant.how, Hyperparameters):
        model = make_pipeline(StandardScaler(), variant.how()).fit(examples.x[rows], examples.truth[rows])
        return np.asarray(model.decision_function(examples.x))
    names = ("x", "truth", "video", "partner", "version", "is_window", "sequence")
    arrays = {name: getattr(examples, name)[rows] for name in names}
    few = replace(examples, **arrays, n_clips=int(used[: examples.n_clips].sum()))
    trained = training.train("left_out", few, replace(variant.how, seed=seed))
    judged = np.flatnonzero(examples.sequence >= 0)
    sequences = [examples.sequences.whole(number) for number in examples.sequence[judged].tolist()]
    margins = networks_of(trained.model).margins(examples.x[judged], sequences)
    threshold = np.log(trained.threshold / (1 - trained.threshold))
    found = np.full(len(examples.x), np.nan)
    window = examples.is_window[judged]
    for side, weights in ((~window, trained.weights), (window, trained.window_weights)):
        found[judged[side]] = calibrated(margins[side], weights) - threshold
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("provenance", type=Path, nargs="+")
    parser.add_argument("--left-out", choices=["families", "collections"], default="families")
    parser.add_argument("--folds", type=int, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--detectors", nargs="+", default=["music", "speech"])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    options = parser.parse_args()
    rows = {}
    for path in options.provenance:
        with open(path, encoding="utf-8") as file:
            rows |= {row["video_id"]: row for row in csv.DictReader(file)}
    features, augmented = options.results / "features.parquet", options.results / "augmented.parquet"
    batches = Batches(*(sorted((options.results / name).glob("train*.parquet")) for name in ("features", "augmented")))
    columns = input_columns(pq.read_schema(features).names, "all")
    for detector in options.detectors:
        examples = read_examples(features, augmented, detector, columns, None, 0, batches)
        clips = pq.read_table(features, columns=["video_id", "split", f"is_{detector}"]).to_pylist()
        # read_examples numbers the videos in this order
        own = [row["video_id"] for row in clips if row["split"] != "eval" and row[f"is_{detector}"] is not None]
        of_videos = [rows[video] for video in dict.fromkeys(own)]
        first: Float64Array | None = None
        for name in options.variants:
            began = time.perf_counter()
            if options.left_out == "families":
                found = by_family(examples, VARIANTS[name], of_videos, options.folds, options.seeds)
                line = described(found, first)
                first = found if first is None else first
            else:
                line = by_collection(examples, VARIANTS[name], of_videos, options.seeds)
            print(f"{detector:9} {name:24} {line} {time.perf_counter() - began:7.0f} s", flush=True)


def by_family(
    examples: Examples, variant: Variant, videos: list[dict[str, str]], n_folds: int, seeds: list[int]
) -> Float64Array:
    """Return ROC AUC and balanced accuracy of clips, windows and changed clips, shape (folds of all seeds, 6)."""
    found = []
    for seed in seeds:
        folds = folds_of_families(videos, n_folds, seed)
        for fold in range(n_folds):
            out = np.array([fold in of_video for of_video in folds])
            score = scores(examples, variant, out, seed)
            row: list[float] = []
            changed, window = examples.version > 0, examples.is_window
            for kind in (~changed & ~window, ~changed & window, changed & ~window & (examples.partner < 0)):
                test = np.flatnonzero(out[examples.video] & kind)
                truth = examples.truth[test]
                row += [roc_auc_score(truth, score[test]), balanced_accuracy_score(truth, score[test] > 0)]
            found.append(row)
    return np.array(found)


def described(found: Float64Array, first: Float64Array | None) -> str:
    """Return the means of a variant with their errors, its worst fold, and its difference to the first variant."""
    cells = []
    for word, column in (("clips:", 0), ("windows:", 2), ("changed:", 4)):
        balanced = found[:, column + 1]
        cells.append(
            f"{word} AUC {found[:, column].mean():.4f} balanced {balanced.mean():.4f} ± {_error(balanced):.4f} "
            f"worst {balanced.min():.3f}"
        )
        if first is not None:
            change = balanced - first[:, column + 1]
            cells[-1] += f" against {change.mean():+.4f} ± {_error(change):.4f}"
    return "   ".join(cells)


def _error(values: Float64Array) -> float:
    """Standard error of the mean over folds."""
    return float(np.std(values, ddof=1) / len(values) ** 0.5)


def by_collection(examples: Examples, variant: Variant, videos: list[dict[str, str]], seeds: list[int]) -> str:
    """Return the accuracy on each collection that was left out, mean over seeds."""
    names, folds = folds_of_collections(videos)
    cells = []
    for number, name in enumerate(names):
        out = np.array([number in of_video for of_video in folds])
        clips = np.flatnonzero(out[examples.video[: examples.n_clips]])
        right = [((scores(examples, variant, out, seed)[clips] > 0) == examples.truth[clips]).mean() for seed in seeds]
        cells.append(f"{name} {np.mean(right):.3f} ({len(clips)})")
    return ", ".join(cells)


if __name__ == "__main__":
    main()
