"""How good a detector is with fewer training clips."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from soundsift.detectors.columns import CURVE_COLUMNS
from soundsift.detectors.examples import read_examples, read_facts, read_rows
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.metrics import judge
from soundsift.detectors.model_file import probabilities
from soundsift.detectors.split import train_and_eval, truth_of
from soundsift.detectors.training import train

# Parts of the training videos at which the learning curve is measured, and clips beyond which it is not.
CURVE_SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
N_FOR_CURVE = 100_000


def measure(
    features: Path, augmented: Path | None, detector: str, columns: Sequence[str], params: Hyperparameters,
    test_fraction: float | None,
) -> pa.Table:  # fmt: skip
    """Judge networks trained on parts of the training videos, each part within the next one.

    Returns
    -------
    :data:`CURVE_COLUMNS`. One network each, so the last point lies a little below the detector.
    """
    table = read_facts(features, detector)
    _, test = train_and_eval(table, detector, test_fraction, params.seed)
    truth = truth_of(table, detector)[test]
    judge_by = read_rows(features, columns, test)
    examples = read_examples(features, augmented, detector, columns, test_fraction, params.seed)
    largest = min(1.0, N_FOR_CURVE / examples.n_clips)
    rows: dict[int, list[tuple[Any, ...]]] = {}
    for share in CURVE_SHARES:
        part = examples.of_videos(share * largest, params.seed)
        trained = train(detector, part, params)
        found = judge(truth, probabilities(trained.model, [judge_by]), 0.5, params.seed)
        rows[part.n_clips] = [
            (part.n_clips, name, *(found[name][key] for key in ("value", "low", "high")))
            for name in ("roc_auc", "average_precision")
        ]
        logging.info("%s: %d clips, ROC AUC %.3f", detector, part.n_clips, found["roc_auc"]["value"])
    flat = [row for of_size in rows.values() for row in of_size]
    return pa.table(list(zip(*flat, strict=True)), schema=pa.schema([(c.name, c.type) for c in CURVE_COLUMNS]))
