"""The metrics of a detector, as ``metrics.json`` holds them."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import NormalDist, fmean
from typing import Any

from soundsift.errors import InputError
from soundsift.files import read_json, write_json

ALWAYS_NO = "always_no"
# A detector is judged if there are at least this many eval clips with its class, and as many without it.
N_TO_JUDGE = 2
TO_JUDGE = (
    "Add clips to the eval list (without one, to the training list), or see results/coverage.parquet for missing clips"
)


def can_be_judged(n_eval: int, positives: int) -> bool:
    """Whether the eval clips suffice to judge a detector. With fewer, no metric means anything."""
    return min(positives, n_eval - positives) >= N_TO_JUDGE


def rate_without_error(n_clips: int) -> float:
    """Return the rate of errors, 0 to 1, at which one list of this many clips in twenty has no error.

    Examples
    --------
    >>> round(rate_without_error(100), 3)
    0.03
    """
    return float(1 - 0.05 ** (1 / n_clips))


@dataclass(frozen=True)
class Interval:
    """A metric on the eval clips with its 95 % bootstrap interval over these clips.

    Examples
    --------
    >>> print(Interval(0.9, 0.85, 0.95))
    0.900 (0.850 to 0.950)
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Confusion:
    """Numbers of true negatives, false positives, false negatives and true positives."""

    tn: int
    fp: int
    fn: int
    tp: int

    @property
    def n_positive(self) -> int:
        """Clips in which the class is present."""
        return self.tp + self.fn

    @property
    def n_negative(self) -> int:
        """Clips in which the class is absent."""
        return self.tn + self.fp


@dataclass(frozen=True)
class Performance:
    """The metrics of one model on the eval clips.

    Attributes
    ----------
    threshold
        A clip counts as detected if its probability is at least this, 0 to 1.
    majority_accuracy
        Accuracy of always answering with the more frequent class.
    brier_score
        Mean squared error of the probability.
    """

    threshold: float
    accuracy: Interval
    majority_accuracy: Interval
    balanced_accuracy: Interval
    precision: Interval
    recall: Interval
    f1: Interval
    roc_auc: Interval
    average_precision: Interval
    brier_score: Interval
    confusion: Confusion

    def intervals(self) -> dict[str, Interval]:
        """All metrics by name, in the order of :data:`METRICS`."""
        return {name: getattr(self, name) for name in METRICS}


METRICS = tuple(field.name for field in fields(Performance) if field.type is Interval)
_NOT_JUDGED = dict.fromkeys(field.name for field in fields(Performance) if field.name != "threshold")


@dataclass(frozen=True)
class HeldOut:
    """How a detector answers for training clips that its networks were not trained on.

    Attributes
    ----------
    n_clips
        Number of these clips.
    networks
        {part: number of its networks}; the parts are ``statistics`` and ``frames``.
    roc_auc
        {part: area under the ROC curve of its networks alone}, and ``both`` of both together.
    low, high
        95 % bootstrap interval over sources of the last of these areas.
    separates
        Whether the networks separate the clips with the class from the others.
    n_sources
        Sources with the class, or without it, whichever are fewer.
    threshold_low, threshold_high
        95 % bootstrap interval of the threshold: calibration and share of positives are computed again on other draws
        of the sources. None if :attr:`remark` is not empty, or if there are too few sources.
    """

    n_clips: int
    networks: dict[str, int]
    roc_auc: dict[str, float]
    low: float
    high: float
    separates: bool
    n_sources: int
    threshold_low: float | None
    threshold_high: float | None

    @property
    def remark(self) -> str:
        """What a user must know of a detector that learned little or nothing; otherwise an empty string."""
        if not self.separates:
            return "its networks do not separate the clips that they held out, so it gives the more frequent answer"
        if self.low <= 0.5:
            area = f"ROC AUC {list(self.roc_auc.values())[-1]:.2f}, {self.low:.2f} to {self.high:.2f}"
            return f"on the training clips that its networks held out it is not clearly better than chance ({area})"
        return ""


@dataclass(frozen=True)
class DetectorMetrics:
    """The metrics of a detector and of its baselines.

    Attributes
    ----------
    n_train, train_positives
        Training clips, without augmented versions, and those in which the class is present.
    n_eval, positives
        Eval clips, and those in which the class is present.
    n_unknown
        Clips of unknown truth, which are used neither for training nor for evaluation.
    threshold
        Of the detector: the share of positives among the training clips, or 0.5 if it is not calibrated.
    held_out
        On the training clips that its networks held out; None if the detector is not calibrated.
    performance
        Of the detector; None if it was not judged: :func:`can_be_judged`.
    brier_score_uncalibrated
        Of the detector before calibration; None if it was not judged.
    baselines
        {name: performance on the same clips}; :data:`ALWAYS_NO` is always among them. Empty if the detector was not
        judged.
    """

    detector: str
    n_train: int
    n_eval: int
    n_unknown: int
    positives: int
    train_positives: int
    threshold: float
    held_out: HeldOut | None
    performance: Performance | None
    brier_score_uncalibrated: float | None
    baselines: dict[str, Performance]

    @property
    def why_not_judged(self) -> str:
        """Why there is no performance, and what to do about it."""
        return (
            f"not judged, because of the eval clips {self.positives:,} are with {self.detector} and "
            f"{self.n_eval - self.positives:,} without it, and at least {N_TO_JUDGE} of each are needed. {TO_JUDGE}"
        )


@dataclass(frozen=True)
class Means:
    """Means of several detectors: their number, mean average precision and mean ROC AUC."""

    n: int
    average_precision: float
    roc_auc: float


def means(metrics: Iterable[DetectorMetrics]) -> Means:
    """Average the detectors that were judged; there must be one."""
    judged = [one.performance for one in metrics if one.performance]
    return Means(
        len(judged),
        fmean(one.average_precision.value for one in judged),
        fmean(one.roc_auc.value for one in judged),
    )


def d_prime(roc_auc: float) -> float:
    """Distance between clips with and without a class, in standard deviations, from the area under the ROC curve.

    It is the distance of two normal distributions of equal variance with this area. Like papers on AudioSet, the
    summary gives that of the mean area (Gemmeke et al. 2017).

    Examples
    --------
    >>> round(d_prime(0.95), 3)
    2.326
    """
    return math.sqrt(2) * NormalDist().inv_cdf(roc_auc) if 0 < roc_auc < 1 else math.copysign(math.inf, roc_auc - 0.5)


def write_metrics(metrics: DetectorMetrics, path: Path) -> None:
    """Write ``metrics.json``.

    The detector's performance is at the top level, beside the counts. That of each baseline is under ``baselines``.
    The metrics of a detector that was not judged are null.
    """
    data: dict[str, Any] = {}
    for name, value in asdict(metrics).items():
        data |= (value or _NOT_JUDGED) if name == "performance" else {name: value}
    write_json(data, path)


def read_metrics(path: Path) -> DetectorMetrics:
    """Read ``metrics.json``.

    Raises
    ------
    InputError
        If a key is missing or unknown.
    """
    data = read_json(path)
    try:
        own = {name: data.pop(name) for name in _NOT_JUDGED} | {"threshold": data["threshold"]}
        performance = None if own["confusion"] is None else _performance(own)
        held_out = data.pop("held_out")
        baselines = {name: _performance(one) for name, one in data.pop("baselines").items()}
        return DetectorMetrics(
            **data,
            held_out=HeldOut(**held_out) if held_out else None,
            performance=performance,
            baselines=baselines,
        )
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not hold the metrics of this version ({error}): delete it and run again"
        ) from error


def _performance(data: dict[str, Any]) -> Performance:
    intervals = {name: Interval(**data[name]) for name in METRICS}
    return Performance(threshold=data["threshold"], confusion=Confusion(**data["confusion"]), **intervals)
