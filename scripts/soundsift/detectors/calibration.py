"""Calibration of a detector: from the output of its networks to probabilities."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from soundsift.arrays import Float64Array, Int64Array
from soundsift.detectors.metrics import HeldOut

# Slope of all parts if none separates the classes. It is too small to matter, and keeps the order of the clips.
NO_SLOPE = 1e-3
# Draws of the bootstrap.
N_RESAMPLES = 200


def calibrate(margins: Float64Array, truth: Int64Array, weight: Float64Array | None = None) -> list[float]:
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

    Returns
    -------
    The slope of each part, not negative, and the shift: the log-odds are ``margins @ slopes + shift``. A part whose
    higher margins do not go with the class has the slope 0. If that is so for all parts, all have :data:`NO_SLOPE`, and
    every probability is close to the share of positives.
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
            return [*of_all.tolist(), float(model.intercept_[0])]
        used.pop(int(np.argmin(slopes)))
    return [*[NO_SLOPE] * margins.shape[1], float(logit(np.average(target, weights=weight)))]


def separates(weights: Sequence[float]) -> bool:
    """Return whether a part of a detector separates the held-out clips, by the result of :func:`calibrate`."""
    return any(slope != NO_SLOPE for slope in weights[:-1])


def judge_held_out(
    margins: Float64Array, truth: Int64Array, source: Int64Array, weights: Sequence[float], networks: Mapping[str, int],
    seed: int,
) -> HeldOut:  # fmt: skip
    """Judge the parts of a detector, and draw the sources again and again for the uncertainty of the threshold.

    Parameters
    ----------
    margins, truth
        As :func:`calibrate` takes them; both classes must be there.
    source
        Number of each clip's source, shape (n,). Clips of one source are mostly alike, so whole sources are drawn.
    weights
        The result of :func:`calibrate`.
    networks
        {part: number of its networks}, in the order of the columns of ``margins``.
    """
    log_odds = margins @ np.array(weights[:-1]) + weights[-1]
    areas = {part: float(roc_auc_score(truth, margins[:, i])) for i, part in enumerate(networks)}
    if len(networks) > 1:
        areas["both"] = float(roc_auc_score(truth, log_odds))
    _, number = np.unique(source, return_inverse=True)
    rng = np.random.default_rng(seed)
    resampled, thresholds = [], []
    for _ in range(N_RESAMPLES):
        times = np.bincount(rng.integers(number.max() + 1, size=number.max() + 1), minlength=number.max() + 1)[number]
        drawn = np.flatnonzero(times)
        if len(np.unique(truth[drawn])) < 2:
            continue
        count = times[drawn].astype(np.float64)
        resampled.append(roc_auc_score(truth[drawn], log_odds[drawn], sample_weight=count))
        slope, shift = calibrate(log_odds[drawn, np.newaxis], truth[drawn], count)
        if slope != NO_SLOPE:
            thresholds.append((logit(np.average(truth[drawn], weights=count)) - shift) / slope)
    low, high = np.percentile(resampled, [2.5, 97.5])
    ends: tuple[float | None, float | None] = (None, None)
    if separates(weights) and thresholds:
        at = expit(np.percentile(thresholds, [2.5, 97.5]))
        ends = (float(at[0]), float(at[1]))
    return HeldOut(len(truth), dict(networks), areas, float(low), float(high), *ends)
