"""Performance of a detector with fewer training clips."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from soundsift.detectors.columns import CURVE_COLUMNS
from soundsift.detectors.examples import read_examples, read_rows, read_split_columns
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.model_file import probabilities
from soundsift.detectors.scoring import measure_performance
from soundsift.detectors.split import train_and_eval, truth_of
from soundsift.detectors.training import train

# Shares of the training videos at which the learning curve is measured.
CURVE_SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
# On longer lists, the share 1 means about this many clips.
MAX_CURVE_CLIPS = 100_000


def measure(
    features: Path, augmented: Path | None, detector: str, columns: Sequence[str], params: Hyperparameters,
    test_fraction: float | None,
) -> pa.Table:  # fmt: skip
    """Train and evaluate a network on each of several shares of the training videos; each contains the smaller ones.

    Parameters
    ----------
    features, augmented, columns, test_fraction
        As for training: :func:`soundsift.detectors.examples.read_examples`.
    params
        With one member and networks on statistics only, so the last point is usually below the detector.

    Returns
    -------
    :data:`CURVE_COLUMNS`.
    """
    table = read_split_columns(features, detector)
    _, eval_rows = train_and_eval(table, detector, test_fraction, params.seed)
    truth = truth_of(table, detector)[eval_rows]
    eval_inputs = read_rows(features, columns, eval_rows)
    examples = read_examples(features, augmented, detector, columns, test_fraction, params.seed)
    largest = min(1.0, MAX_CURVE_CLIPS / examples.n_clips)
    rows: dict[int, list[tuple[int, str, float, float, float]]] = {}
    for share in CURVE_SHARES:
        part = examples.of_videos(share * largest, params.seed)
        trained = train(detector, part, params)
        found = measure_performance(truth, probabilities(trained.model, [eval_inputs]), 0.5, params.seed)
        rows[part.n_clips] = [
            (part.n_clips, name, metric.value, metric.low, metric.high)
            for name, metric in (("roc_auc", found.roc_auc), ("average_precision", found.average_precision))
        ]
        logging.info("%s: %d training clips, ROC AUC %.3f", detector, part.n_clips, found.roc_auc.value)
    flat = [row for of_size in rows.values() for row in of_size]
    return pa.table(list(zip(*flat, strict=True)), schema=pa.schema([(c.name, c.type) for c in CURVE_COLUMNS]))
