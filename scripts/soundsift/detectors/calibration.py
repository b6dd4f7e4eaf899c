"""Calibration of a detector: from the output of its networks to probabilities."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from soundsift.arrays import Float64Array, Int64Array
from soundsift.detectors.drawing import sample
from soundsift.detectors.metrics import HeldOut

# Slope of all parts if none separates the classes. It is too small to matter, and keeps the order of the clips.
NO_SLOPE = 1e-3
# Draws of the bootstrap.
N_RESAMPLES = 200
# The bootstrap takes a sample of longer lists: of two million clips, the draws would take five minutes.
MOST_RESAMPLED = 100_000
# Fewer sources of a class give no interval of the threshold: simulated with two, 80 % of the intervals held the true
# threshold and were 0.4 wide; with ten, 92 %.
MIN_SOURCES = 10


class Calibration(NamedTuple):
    """How the margins of a detector's parts become log-odds.

    Attributes
    ----------
    weights
        The slope of each part, not negative, and the shift: the log-odds are ``margins @ slopes + shift``. A part whose
        higher margins do not go with the class has the slope 0.
    separates
        Whether a part separates the classes. Otherwise all slopes are :data:`NO_SLOPE`, and every probability is close
        to the share of positives.
    """

    weights: list[float]
    separates: bool


def calibrate(margins: Float64Array, truth: Int64Array, weight: Float64Array | None = None) -> Calibration:
    """Fit the slopes and the shift that turn margins into log-odds, by logistic regression (Platt 1999).

    Platt's targets lie a little inside 0 and 1, so the slopes stay finite where the margins separate the classes
    completely.

    Parameters
    ----------
    margins
        Logit of "present" minus logit of "absent" of held-out clips by each part of a detector, shape (n, n_parts).
    truth
        0 or 1, shape (n,).
    weight
        How often each clip counts, shape (n,); once if it is None.
    """
    weight = np.ones(len(truth)) if weight is None else weight
    n_positive, n_negative = (float(weight[truth == value].sum()) for value in (1, 0))
    target = np.where(truth == 1, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    # scikit-learn takes no fractional targets: each clip is given twice, as positive with its target as weight, and as
    # negative with the rest
    labels = np.repeat([1, 0], len(margins))
    weights = np.concatenate([target * weight, (1 - target) * weight])
    used = list(range(margins.shape[1]))
    while used:
        twice = np.concatenate([margins[:, used]] * 2)
        model = LogisticRegression(C=np.inf).fit(twice, labels, sample_weight=weights)
        slopes = model.coef_[0]
        if slopes.min() > 0:
            of_all = np.zeros(margins.shape[1])
            of_all[used] = slopes
            return Calibration([*of_all.tolist(), float(model.intercept_[0])], separates=True)
        used.pop(int(np.argmin(slopes)))
    shift = float(logit(np.average(target, weights=weight)))
    return Calibration([*[NO_SLOPE] * margins.shape[1], shift], separates=False)


def judge_held_out(
    margins: Float64Array, truth: Int64Array, source: Int64Array, calibration: Calibration, networks: Mapping[str, int],
    seed: int,
) -> HeldOut:  # fmt: skip
    """Judge the parts of a detector, and draw the sources again and again for the uncertainty of the threshold.

    Parameters
    ----------
    margins, truth
        As :func:`calibrate` takes them; both classes must be there.
    source
        Number of each clip's source, shape (n,). Clips of one source are mostly alike, so whole sources are drawn.
    calibration
        The result of :func:`calibrate`.
    networks
        {part: number of its networks}, in the order of the columns of ``margins``.
    """
    *slopes, shift = calibration.weights
    log_odds = margins @ np.array(slopes) + shift
    areas = {part: float(roc_auc_score(truth, margins[:, i])) for i, part in enumerate(networks)}
    if len(networks) > 1:
        areas["both"] = float(roc_auc_score(truth, log_odds))
    n_sources = min(len(np.unique(source[truth == value])) for value in (0, 1))
    rng = np.random.default_rng(seed)
    chosen = sample(truth, MOST_RESAMPLED, rng)
    low, high, thresholds = _resampled(log_odds[chosen], truth[chosen], source[chosen], rng)
    ends: tuple[float | None, float | None] = (None, None)
    if calibration.separates and low > 0.5 and n_sources >= MIN_SOURCES and thresholds:
        at = expit(np.percentile(thresholds, [2.5, 97.5]))
        ends = (float(at[0]), float(at[1]))
    return HeldOut(len(truth), dict(networks), areas, low, high, calibration.separates, n_sources, *ends)


def _resampled(
    log_odds: Float64Array, truth: Int64Array, source: Int64Array, rng: np.random.Generator
) -> tuple[float, float, list[float]]:
    """Draw the sources again and again: return the interval of the area under the ROC curve, and thresholds."""
    _, number = np.unique(source, return_inverse=True)
    n = int(number.max()) + 1
    areas, thresholds = [], []
    for _ in range(N_RESAMPLES):
        times = np.bincount(rng.integers(n, size=n), minlength=n)[number]
        drawn = np.flatnonzero(times)
        if len(np.unique(truth[drawn])) < 2:
            continue
        count = times[drawn].astype(np.float64)
        areas.append(roc_auc_score(truth[drawn], log_odds[drawn], sample_weight=count))
        (slope, shift), separates = calibrate(log_odds[drawn, np.newaxis], truth[drawn], count)
        if separates:
            thresholds.append((logit(np.average(truth[drawn], weights=count)) - shift) / slope)
    low, high = np.percentile(areas, [2.5, 97.5])
    return float(low), float(high), thresholds
