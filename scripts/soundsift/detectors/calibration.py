"""Probabilities from what a network says."""

import logging

import numpy as np
import numpy.typing as npt
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from soundsift.detectors.examples import Indices


def calibrate(margins: npt.NDArray[np.float64], truth: Indices) -> tuple[float, float]:
    """Slope and shift that turn margins into log-odds, by Platt's logistic regression.

    His targets, a little inside 0 and 1, keep the slope finite where the classes part completely.
    """
    n_positive = int(truth.sum())
    n_negative = len(truth) - n_positive
    target = np.where(truth == 1, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    # each clip counts as heard by its target and as not heard by the rest
    twice, labels = np.concatenate([margins, margins])[:, np.newaxis], np.repeat([1, 0], len(margins))
    model = LogisticRegression(C=np.inf).fit(twice, labels, sample_weight=np.concatenate([target, 1 - target]))
    slope = float(model.coef_[0, 0])
    if slope > 0:
        return slope, float(model.intercept_[0])
    logging.warning("the clips left out are not told apart: every probability is near the share of positives")
    return 1e-3, float(logit(target.mean()))
