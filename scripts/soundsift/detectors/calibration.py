"""Calibration of a detector: from the output of its networks to probabilities."""

import logging

import numpy as np
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from soundsift.arrays import Float64Array, Int64Array


def calibrate(margins: Float64Array, truth: Int64Array) -> tuple[float, float]:
    """Fit the slope and shift that turn margins into log-odds, by logistic regression (Platt 1999).

    Platt's targets lie a little inside 0 and 1, so the slope stays finite where the margins separate the classes
    completely.

    Parameters
    ----------
    margins
        Logit of "present" minus logit of "absent" of held-out clips, shape (n,).
    truth
        0 or 1, shape (n,).

    Returns
    -------
    slope, shift
        The log-odds are ``slope * margin + shift``. Where higher margins do not go with the class, the slope is 0.001
        and every probability is close to the share of positives.
    """
    n_positive = int(truth.sum())
    n_negative = len(truth) - n_positive
    target = np.where(truth == 1, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    # scikit-learn takes no fractional targets: each clip is given twice, as positive with its target as weight, and as
    # negative with the rest
    twice, labels = np.concatenate([margins, margins])[:, np.newaxis], np.repeat([1, 0], len(margins))
    model = LogisticRegression(C=np.inf).fit(twice, labels, sample_weight=np.concatenate([target, 1 - target]))
    slope = float(model.coef_[0, 0])
    if slope > 0:
        return slope, float(model.intercept_[0])
    logging.warning(
        "the networks do not separate the held-out clips: all probabilities are near the share of positives"
    )
    return 1e-3, float(logit(target.mean()))
