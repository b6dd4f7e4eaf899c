"""How a detector does on clips it has not seen, beside simpler models trained on the very same clips."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from soundsift.detector import PREDICTION_COLUMNS, Definition, probabilities
from soundsift.metrics import judge
from soundsift.split import train_and_eval, truth_of

if TYPE_CHECKING:
    import keras

Floats = npt.NDArray[np.float64]


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
    """

    metrics: dict[str, Any]
    predictions: pa.Table
    truth: npt.NDArray[np.int64]
    probability: dict[str, Floats]


def evaluate(
    table: pa.Table, model: "keras.Model", definition: Definition, detector: str,
    how_balanced: str, test_fraction: float, seed: int,
) -> Evaluation:  # fmt: skip
    """Judge a detector by the clips of the test side.

    Baselines: always answering "no", and logistic regression on the same inputs and training clips.
    """
    learn, test = train_and_eval(table, detector, test_fraction, seed)
    truth = truth_of(table, detector)
    x = definition.inputs(table)
    threshold = definition.thresholds[detector]
    probability = {
        detector: probabilities(model, x),
        "logistic regression": _logistic(x[learn], truth[learn], how_balanced, seed, x),
        "always no": np.zeros(len(x)),
    }
    judged = {name: judge(truth[test], p[test], threshold, seed) for name, p in probability.items()}
    metrics = {
        "detector": detector,
        "n_train": len(learn),
        "n_eval": len(test),
        "n_unknown": int((truth < 0).sum()),
        "positives": int(truth[test].sum()),
        "threshold": threshold,
        **judged.pop(detector),
        "baselines": {name.replace(" ", "_"): value for name, value in judged.items()},
    }
    logging.info("%s: balanced accuracy %.3f on %d clips", detector, metrics["balanced_accuracy"]["value"], len(test))
    return Evaluation(
        metrics,
        _predictions(table, truth, test, probability[detector], threshold),
        truth[test],
        {name: p[test] for name, p in probability.items() if name != "always no"},
    )


def _logistic(
    x: npt.NDArray[np.float32], truth: npt.NDArray[np.int64], how_balanced: str, seed: int,
    apply_to: npt.NDArray[np.float32],
) -> Floats:  # fmt: skip
    model = make_pipeline(
        StandardScaler(),
        LogisticRegression(
            max_iter=2000, class_weight=None if how_balanced == "none" else "balanced", random_state=seed
        ),
    )
    found: Floats = model.fit(x, truth).predict_proba(apply_to)[:, 1]
    return found


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
