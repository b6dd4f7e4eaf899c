"""Calibration of a detector: from the output of its networks to probabilities."""

from collections.abc import Sequence

import numpy as np
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from soundsift.arrays import Float64Array, Int64Array

# Slope of all parts if none separates the classes. It is too small to matter, and keeps the order of the clips.
NO_SLOPE = 1e-3


def calibrate(margins: Float64Array, truth: Int64Array) -> list[float]:
    """Fit the slopes and the shift that turn margins into log-odds, by logistic regression (Platt 1999).

    Platt's targets lie a little inside 0 and 1, so the slopes stay finite where the margins separate the classes
    completely.

    Parameters
    ----------
    margins
        Logit of "present" minus logit of "absent" of held-out clips by each part of a detector, shape (n, n_parts).
    truth
        0 or 1, shape (n,).

    Returns
    -------
    The slope of each part, not negative, and the shift: the log-odds are ``margins @ slopes + shift``. A part whose
    higher margins do not go with the class has the slope 0. If that is so for all parts, all have :data:`NO_SLOPE`, and
    every probability is close to the share of positives.
    """
    n_positive = int(truth.sum())
    n_negative = len(truth) - n_positive
    target = np.where(truth == 1, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    # scikit-learn takes no fractional targets: each clip is given twice, as positive with its target as weight, and as
    # negative with the rest
    labels, weight = np.repeat([1, 0], len(margins)), np.concatenate([target, 1 - target])
    used = list(range(margins.shape[1]))
    while used:
        twice = np.concatenate([margins[:, used]] * 2)
        model = LogisticRegression(C=np.inf).fit(twice, labels, sample_weight=weight)
        slopes = model.coef_[0]
        if slopes.min() > 0:
            of_all = np.zeros(margins.shape[1])
            of_all[used] = slopes
            return [*of_all.tolist(), float(model.intercept_[0])]
        used.pop(int(np.argmin(slopes)))
    return [*[NO_SLOPE] * margins.shape[1], float(logit(target.mean()))]


def separates(weights: Sequence[float]) -> bool:
    """Return whether a part of a detector separates the held-out clips, by the result of :func:`calibrate`."""
    return any(slope != NO_SLOPE for slope in weights[:-1])
