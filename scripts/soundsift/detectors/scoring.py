"""Metrics of a model on labelled clips, with bootstrap intervals.

All metrics are computed from cumulative weights along the clips sorted by probability. The same code therefore serves
the clips themselves (all weights 1) and all bootstrap resamples (a weight is the number of times a clip was drawn).
"""

import numpy as np

from soundsift.arrays import Float64Array, Int64Array
from soundsift.detectors.metrics import METRICS, Confusion, Interval, Performance


def scores(
    truth: Int64Array, probability: Float64Array, threshold: float, weights: Float64Array
) -> dict[str, Float64Array]:
    """Compute all metrics, once per row of weights.

    Parameters
    ----------
    truth
        Shape (n,), 0 or 1.
    probability
        Shape (n,), in [0, 1]. A clip is detected if its probability is at least ``threshold``.
    weights
        Shape (n_resamples, n), not negative.

    Returns
    -------
    {metric: shape (n_resamples,)} for :data:`METRICS` and the counts tp, fp, fn, tn. A ratio without a denominator
    (precision where nothing was detected) is 0; a rank metric without both classes is nan.
    """
    order = np.argsort(-probability, kind="stable")
    sorted_probability = probability[order]
    positive = np.cumsum(weights[:, order] * truth[order], axis=1)
    negative = np.cumsum(weights[:, order] * (1 - truth[order]), axis=1)
    n_positive, n_negative = positive[:, -1], negative[:, -1]
    total = n_positive + n_negative

    n_detected = int((sorted_probability >= threshold).sum())
    zero = np.zeros(len(weights))
    tp = positive[:, n_detected - 1] if n_detected else zero
    fp = negative[:, n_detected - 1] if n_detected else zero
    recall, precision = _ratio(tp, n_positive), _ratio(tp, tp + fp)

    # one point of the curves per distinct probability: clips of equal probability cannot be ranked
    last = np.flatnonzero(np.r_[sorted_probability[1:] != sorted_probability[:-1], True])
    hits = np.c_[zero, positive[:, last]]
    alarms = np.c_[zero, negative[:, last]]
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.diff(hits, axis=1)
        average_precision = np.nansum(steps * hits[:, 1:] / (hits + alarms)[:, 1:], axis=1) / n_positive
        area = (np.diff(alarms, axis=1) * (hits[:, 1:] + hits[:, :-1]) / 2).sum(axis=1)
        roc_auc = area / (n_positive * n_negative)
    return {
        "accuracy": _ratio(tp + n_negative - fp, total),
        "majority_accuracy": np.maximum(n_positive, n_negative) / total,
        "balanced_accuracy": (recall + _ratio(n_negative - fp, n_negative)) / 2,
        "precision": precision,
        "recall": recall,
        "f1": _ratio(2 * tp, 2 * tp + fp + n_positive - tp),
        "roc_auc": roc_auc,
        "average_precision": average_precision,
        "brier_score": (weights * (probability - truth) ** 2).sum(axis=1) / total,
        "tp": tp, "fp": fp, "fn": n_positive - tp, "tn": n_negative - fp,
    }  # fmt: skip


def _ratio(numerator: Float64Array, denominator: Float64Array) -> Float64Array:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def measure_performance(
    truth: Int64Array, probability: Float64Array, threshold: float, seed: int, n_resamples: int = 1000
) -> Performance:
    """Compute the metrics of a model on its eval clips, each with a 95 % percentile bootstrap interval over clips.

    Parameters
    ----------
    truth, probability, threshold
        As :func:`scores` takes them.
    seed
        Of the random resamples.
    """
    rng = np.random.default_rng(seed)
    n = len(truth)
    value = scores(truth, probability, threshold, np.ones((1, n)))
    resampled: dict[str, list[Float64Array]] = {name: [] for name in METRICS}
    chunk = max(1, min(n_resamples, 4_000_000 // n))
    for done in range(0, n_resamples, chunk):
        size = min(chunk, n_resamples - done)
        draws = rng.multinomial(n, np.full(n, 1 / n), size=size).astype(np.float64)
        found = scores(truth, probability, threshold, draws)
        # most metrics are undefined on a resample that lacks one of the classes
        usable = (found["tp"] + found["fn"] > 0) & (found["fp"] + found["tn"] > 0)
        for name in METRICS:
            resampled[name].append(found[name][usable])
    intervals = {}
    for name in METRICS:
        low, high = np.percentile(np.concatenate(resampled[name]), [2.5, 97.5])
        intervals[name] = Interval(float(value[name][0]), float(low), float(high))
    confusion = Confusion(**{name: int(value[name][0]) for name in ("tn", "fp", "fn", "tp")})
    return Performance(threshold=threshold, confusion=confusion, **intervals)
