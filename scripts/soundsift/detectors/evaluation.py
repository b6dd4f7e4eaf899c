"""Evaluation of a detector on clips it was not trained on, beside simpler models trained on the same clips."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from soundsift.arrays import Float64Array, Int64Array
from soundsift.detectors.columns import ERROR_COLUMNS, PREDICTION_COLUMNS, PROBABILITY_COLUMNS
from soundsift.detectors.examples import Batches, read_examples, read_rows, read_split_columns
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.inference import Model, calibrated
from soundsift.detectors.metrics import ALWAYS_NO, DetectorMetrics, HeldOut, Performance, can_be_judged
from soundsift.detectors.model_file import probabilities
from soundsift.detectors.scoring import measure_performance
from soundsift.detectors.sequences import clip_sequences, missing_sequences
from soundsift.detectors.split import train_and_eval, truth_of
from soundsift.detectors.training import train
from soundsift.features.inputs import has_original, input_columns, original_columns

# Logistic regression copies its clips. On longer lists it is trained on a random sample of this size.
N_FOR_LOGISTIC = 100_000


@dataclass(frozen=True)
class Evaluation:
    """The results of an evaluation.

    Attributes
    ----------
    predictions
        :data:`PREDICTION_COLUMNS`, every clip of known truth.
    probabilities
        :data:`PROBABILITY_COLUMNS`, the eval clips.
    """

    metrics: DetectorMetrics
    predictions: pa.Table
    probabilities: pa.Table


def evaluate(
    features: Path, augmented: Path | None, batches: Batches, model: Model, detector: str, params: Hyperparameters,
    test_fraction: float | None,
) -> Evaluation:  # fmt: skip
    """Evaluate a detector and its baselines on the eval clips, if there are enough of them to judge it.

    The baselines are logistic regression on the same inputs and clips, the original 25 inputs with the same network and
    training (where the table has these features), and always answering "no".

    Parameters
    ----------
    features, augmented, batches, test_fraction
        As for training: :func:`soundsift.detectors.examples.read_examples`.
    """
    definition = model.definition
    table = read_split_columns(features, detector)
    train_rows, eval_rows = train_and_eval(table, detector, test_fraction, params.seed)
    truth = truth_of(table, detector)
    eval_truth = truth[eval_rows]
    margins = _margins(model, detector, features, batches, table["clip_id"])
    probability = expit(calibrated(margins, definition.calibrations[detector]))
    threshold = definition.thresholds[detector]

    def measured(of_model: Float64Array, at: float) -> Performance:
        return measure_performance(eval_truth, of_model, at, params.seed)

    held_out = HeldOut(**definition.held_out[detector]) if detector in definition.held_out else None
    is_judged = can_be_judged(len(eval_rows), int(eval_truth.sum()))
    compared: dict[str, Float64Array] = {}
    baselines: dict[str, Performance] = {}
    if is_judged:
        name = "logistic_regression"
        columns = definition.columns or input_columns(pq.read_schema(features).names, "all")
        compared[name], share = _logistic_regression(features, columns, train_rows, truth, eval_rows, params.seed)
        baselines[name] = measured(compared[name], share)
        if definition.columns != original_columns() and has_original(pq.read_schema(features).names):
            name = "the_original_25_inputs"
            examples = read_examples(features, augmented, detector, original_columns(), test_fraction, params.seed)
            trained = train(detector, examples, replace(params, model="statistics"))
            compared[name] = probabilities(trained.model, [read_rows(features, original_columns(), eval_rows)])
            baselines[name] = measured(compared[name], trained.threshold)
        baselines[ALWAYS_NO] = measured(np.zeros(len(eval_rows)), 0.5)

    uncalibrated = expit(margins[eval_rows].mean(axis=1))
    metrics = DetectorMetrics(
        detector=detector,
        n_train=len(train_rows),
        n_eval=len(eval_rows),
        n_unknown=int((truth < 0).sum()),
        positives=int(eval_truth.sum()),
        train_positives=int(truth[train_rows].sum()),
        threshold=threshold,
        held_out=held_out,
        performance=measured(probability[eval_rows], threshold) if is_judged else None,
        brier_score_uncalibrated=float(np.mean((uncalibrated - eval_truth) ** 2)) if is_judged else None,
        baselines=baselines,
    )
    if metrics.performance:
        balanced = metrics.performance.balanced_accuracy.value
        logging.info("%s: balanced accuracy %.3f on %d eval clips", detector, balanced, len(eval_rows))
    else:
        logging.warning("%s: %s", detector, metrics.why_not_judged)
    predictions = _predictions(table, truth, eval_rows, probability, threshold)
    compared |= {"probability": probability[eval_rows], "uncalibrated": uncalibrated}
    return Evaluation(metrics, predictions, _probabilities(table.take(eval_rows)["clip_id"], eval_truth, compared))


def _logistic_regression(
    features: Path, columns: Sequence[str], train_rows: Int64Array, truth: Int64Array, eval_rows: Int64Array, seed: int
) -> tuple[Float64Array, float]:
    """Train logistic regression; return its probabilities of the eval clips and the share of positives in training.

    The share is used as the threshold, as for the detector.
    """
    if len(train_rows) > N_FOR_LOGISTIC:
        train_rows = np.sort(np.random.default_rng(seed).choice(train_rows, N_FOR_LOGISTIC, replace=False))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(read_rows(features, columns, train_rows), truth[train_rows])
    probability: Float64Array = model.predict_proba(read_rows(features, columns, eval_rows))[:, 1]
    return probability, float(truth[train_rows].mean())


def _margins(model: Model, detector: str, features: Path, batches: Batches, clip_ids: pa.ChunkedArray) -> Float64Array:
    """Margins of every clip by each part of the detector, shape (n_clips, n_parts), a part of the clips at a time."""
    statistics, frames = model.networks[detector]
    found = []
    if statistics:
        found.append(np.concatenate([statistics.margin(x) for x in model.definition.inputs(features) if len(x)]))
    if frames:
        of_clips = np.full(len(clip_ids), np.nan)
        rows = {clip_id: row for row, clip_id in enumerate(clip_ids.to_pylist())}
        for ids, sequences in clip_sequences(batches.features):
            known = [i for i, clip_id in enumerate(ids) if clip_id in rows]
            if known:
                of_clips[[rows[ids[i]] for i in known]] = frames.margin([sequences[i] for i in known])
        if np.isnan(of_clips).any():
            raise missing_sequences([clip_ids[int(row)].as_py() for row in np.flatnonzero(np.isnan(of_clips))])
        found.append(of_clips)
    return np.stack(found, axis=1).astype(np.float64)


def _predictions(
    table: pa.Table, truth: Int64Array, eval_rows: Int64Array, probability: Float64Array, threshold: float
) -> pa.Table:
    known = np.flatnonzero(truth >= 0)
    columns = [
        table["clip_id"].take(known),
        np.where(np.isin(known, eval_rows), "eval", "train"),
        truth[known] == 1,
        probability[known],
        probability[known] >= threshold,
    ]
    return pa.table(columns, schema=pa.schema([(c.name, c.type) for c in PREDICTION_COLUMNS]))


def _probabilities(clip_ids: pa.ChunkedArray, truth: Int64Array, of_models: dict[str, Float64Array]) -> pa.Table:
    missing = pa.nulls(len(truth), pa.float64())
    columns = [clip_ids, truth == 1, *(of_models.get(c.name, missing) for c in PROBABILITY_COLUMNS[2:])]
    return pa.table(columns, schema=pa.schema([(c.name, c.type) for c in PROBABILITY_COLUMNS]))


def errors(features: Path, predictions: pa.Table) -> pa.Table:
    """Count the errors on the eval clips by label, with the labels of the features table: :func:`label_errors`."""
    of_eval = predictions.filter(pc.equal(predictions["split"], "eval"))
    clips = pq.read_table(features, columns=["clip_id", "labels"], partitioning=None)
    clips = clips.take(pc.index_in(of_eval["clip_id"], clips["clip_id"].combine_chunks()))
    return label_errors(of_eval, clips["labels"].to_pylist())


def label_errors(predictions: pa.Table, labels: Sequence[Sequence[str]]) -> pa.Table:
    """Count misses and false alarms by label, most errors first.

    Parameters
    ----------
    predictions
        :data:`PREDICTION_COLUMNS` of the eval clips.
    labels
        Of each of these clips.

    Returns
    -------
    :data:`ERROR_COLUMNS`. A clip is counted under each of its labels.
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
