"""How a detector does on clips it has not heard, beside simpler models trained on the very same clips."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from soundsift.detectors.columns import ERROR_COLUMNS, PREDICTION_COLUMNS
from soundsift.detectors.examples import Indices, read_examples, read_facts, read_rows
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.metrics import judge
from soundsift.detectors.model_file import Definition, probabilities
from soundsift.detectors.split import train_and_eval, truth_of
from soundsift.detectors.training import train
from soundsift.features.inputs import has_original, original_columns

if TYPE_CHECKING:
    import keras

Floats = npt.NDArray[np.float64]
# Of longer lists logistic regression, which copies its clips, sees a sample.
N_FOR_LOGISTIC = 100_000


@dataclass(frozen=True)
class Evaluation:
    """What is known of a detector.

    Attributes
    ----------
    metrics
        As ``metrics.json`` holds them.
    predictions
        Every clip of known truth, with the detector's probability.
    truth
        Of the eval clips, shape (n_eval,).
    probability
        {model: of the eval clips, shape (n_eval,)}, the detector's first, then each baseline's.
    uncalibrated
        The detector's before calibration, shape (n_eval,).
    """

    metrics: dict[str, Any]
    predictions: pa.Table
    truth: npt.NDArray[np.int64]
    probability: dict[str, Floats]
    uncalibrated: Floats


def evaluate(
    features: Path, augmented: Path | None, model: "keras.Model", definition: Definition, detector: str,
    params: Hyperparameters, test_fraction: float | None,
) -> Evaluation:  # fmt: skip
    """Judge a detector by the clips of the test side.

    Baselines: always answering "no", logistic regression on the same inputs and clips, and, where the table has them,
    the first version's 25 inputs with the same network and training.
    """
    table = read_facts(features, detector)
    learn, test = train_and_eval(table, detector, test_fraction, params.seed)
    truth = truth_of(table, detector)
    said = probabilities(model, definition.inputs(features))
    threshold = definition.thresholds[detector]
    probability, thresholds = {detector: said[test]}, {detector: threshold}

    name = "logistic regression"
    probability[name], thresholds[name] = _logistic(features, definition.columns, learn, truth, test, params.seed)
    if definition.columns != original_columns() and has_original(pq.read_schema(features).names):
        few = read_examples(features, augmented, detector, original_columns(), test_fraction, params.seed)
        trained = train(detector, few, params)
        name = "the original 25 inputs"
        probability[name] = probabilities(trained.model, [read_rows(features, original_columns(), test)])
        thresholds[name] = trained.threshold
    judged = {name: judge(truth[test], p, thresholds[name], params.seed) for name, p in probability.items()}
    judged["always no"] = judge(truth[test], np.zeros(len(test)), 0.5, params.seed)

    slope, shift = definition.calibrations[detector]
    uncalibrated = expit((logit(np.clip(said[test], 1e-12, 1 - 1e-12)) - shift) / slope)
    metrics = {
        "detector": detector,
        "n_train": len(learn),
        "n_eval": len(test),
        "n_unknown": int((truth < 0).sum()),
        "positives": int(truth[test].sum()),
        "train_positives": int(truth[learn].sum()),
        "threshold": threshold,
        **judged.pop(detector),
        "brier_score_uncalibrated": float(np.mean((uncalibrated - truth[test]) ** 2)),
        "baselines": {
            name.replace(" ", "_"): {"threshold": thresholds.get(name, 0.5), **v} for name, v in judged.items()
        },
    }
    logging.info("%s: balanced accuracy %.3f on %d clips", detector, metrics["balanced_accuracy"]["value"], len(test))
    return Evaluation(
        metrics, _predictions(table, truth, test, said, threshold), truth[test], probability, uncalibrated
    )


def _logistic(
    features: Path, columns: Sequence[str], learn: Indices, truth: Indices, test: Indices, seed: int
) -> tuple[Floats, float]:  # fmt: skip
    """What logistic regression says of the test clips, and the share of positives, its threshold as the detector's."""
    if len(learn) > N_FOR_LOGISTIC:
        learn = np.sort(np.random.default_rng(seed).choice(learn, N_FOR_LOGISTIC, replace=False))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(read_rows(features, columns, learn), truth[learn])
    said: Floats = model.predict_proba(read_rows(features, columns, test))[:, 1]
    return said, float(truth[learn].mean())


def _predictions(
    table: pa.Table, truth: npt.NDArray[np.int64], test: npt.NDArray[np.int64], probability: Floats, threshold: float
) -> pa.Table:
    known = np.flatnonzero(truth >= 0)
    columns = [
        table["clip_id"].take(known),
        np.where(np.isin(known, test), "eval", "train"),
        truth[known] == 1,
        probability[known],
        probability[known] >= threshold,
    ]
    return pa.table(columns, schema=pa.schema([(c.name, c.type) for c in PREDICTION_COLUMNS]))


def errors(features: Path, predictions: pa.Table) -> pa.Table:
    """Count what a detector got wrong among the eval clips: :func:`label_errors`."""
    judged = predictions.filter(pc.equal(predictions["split"], "eval"))
    clips = pq.read_table(features, columns=["clip_id", "labels"], partitioning=None)
    clips = clips.take(pc.index_in(judged["clip_id"], clips["clip_id"].combine_chunks()))
    return label_errors(judged, clips["labels"].to_pylist())


def label_errors(predictions: pa.Table, labels: Sequence[Sequence[str]]) -> pa.Table:
    """Count misses and false alarms by label, most errors first.

    Parameters
    ----------
    predictions
        Of the eval clips, :data:`soundsift.detectors.columns.PREDICTION_COLUMNS`.
    labels
        Of each of them.

    Returns
    -------
    :data:`ERROR_COLUMNS`; a clip counts under each of its labels.
    """
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row, names in zip(predictions.to_pylist(), labels, strict=True):
        for name in names:
            counted = counts[name]
            side = 0 if row["truth"] else 2
            counted[side] += 1
            counted[side + 1] += row["truth"] != row["predicted"]
    # most errors first, then most clips
    order = sorted(counts, key=lambda name: (-counts[name][1] - counts[name][3], -sum(counts[name]), name))
    columns = [order, *([counts[name][i] for name in order] for i in range(4))]
    return pa.table(columns, schema=pa.schema([(c.name, c.type) for c in ERROR_COLUMNS]))
