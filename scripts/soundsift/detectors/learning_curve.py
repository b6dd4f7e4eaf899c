"""Performance of a detector with fewer training clips."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from soundsift.detectors.columns import CURVE_COLUMNS
from soundsift.detectors.examples import read_examples, read_rows, read_split_columns
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.metrics import can_be_judged
from soundsift.detectors.model_file import probabilities
from soundsift.detectors.scoring import measure_performance
from soundsift.detectors.split import train_and_eval, truth_of
from soundsift.detectors.training import train_each

# Shares of the training videos at which the learning curve is measured.
CURVE_SHARES = (1.0, 1 / 2, 1 / 4, 1 / 8)
# On longer lists, the share 1 means about this many clips.
MAX_CURVE_CLIPS = 100_000


def measure(
    features: Path, augmented: Path | None, detector: str, columns: Sequence[str], params: Hyperparameters,
    test_fraction: float | None,
) -> pa.Table:  # fmt: skip
    """Train and evaluate a network on each of several shares of the training videos; each contains the smaller ones.

    All networks take as many training steps as the one on all videos.

    Parameters
    ----------
    features, augmented, columns, test_fraction
        As for training: :func:`soundsift.detectors.examples.read_examples`.
    params
        Of the networks. Each is a single one on statistics, so the last point is usually below the detector.

    Returns
    -------
    :data:`CURVE_COLUMNS`. There are no rows if the eval clips do not suffice to judge the detector.
    """
    schema = pa.schema([(c.name, c.type) for c in CURVE_COLUMNS])
    table = read_split_columns(features, detector)
    _, eval_rows = train_and_eval(table, detector, test_fraction, params.seed)
    truth = truth_of(table, detector)[eval_rows]
    if not can_be_judged(len(truth), int(truth.sum())):
        return schema.empty_table()
    eval_inputs = read_rows(features, columns, eval_rows)
    examples = read_examples(features, augmented, detector, columns, test_fraction, params.seed)
    largest = min(1.0, MAX_CURVE_CLIPS / examples.n_clips)
    parts = [examples.of_videos(share * largest, params.seed) for share in CURVE_SHARES]
    # a few long recordings may all have the class
    parts = [part for part in parts if len(np.unique(examples.truth[part])) == 2]
    models = train_each(detector, examples, parts, params)
    rows: dict[int, list[tuple[int, str, float, float, float]]] = {}
    for part, model in zip(reversed(parts), reversed(models), strict=True):
        n_clips = int((part < examples.n_clips).sum())
        found = measure_performance(truth, probabilities(model, [eval_inputs]), 0.5, params.seed)
        rows[n_clips] = [
            (n_clips, name, metric.value, metric.low, metric.high)
            for name, metric in (("roc_auc", found.roc_auc), ("average_precision", found.average_precision))
        ]
        logging.info("%s: %d training clips, ROC AUC %.3f", detector, n_clips, found.roc_auc.value)
    flat = [row for of_size in rows.values() for row in of_size]
    return pa.table(list(zip(*flat, strict=True)), schema=schema)
