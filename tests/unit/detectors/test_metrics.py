import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soundsift.detectors.metrics import (
    METRICS,
    Confusion,
    DetectorMetrics,
    HeldOut,
    Interval,
    Performance,
    can_be_judged,
    d_prime,
    means,
    read_metrics,
    write_metrics,
)
from soundsift.errors import InputError

# the order of the keys in metrics.json, which other programs read
KEYS = [
    "accuracy", "majority_accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "average_precision",
    "brier_score",
]  # fmt: skip


def performance(value: float = 0.9, confusion: Confusion | None = None, threshold: float = 0.4) -> Performance:
    """Every metric with the same value, and an interval of 0.1 around it."""
    intervals = {name: Interval(value, value - 0.05, value + 0.05) for name in METRICS}
    return Performance(threshold=threshold, confusion=confusion or Confusion(tn=195, fp=5, fn=10, tp=90), **intervals)


HELD_OUT = HeldOut(
    1190, {"statistics": 6, "frames": 3}, {"statistics": 0.91, "frames": 0.92, "both": 0.95}, 0.93, 0.97, True, 60,
    0.35, 0.46,
)  # fmt: skip


def detector_metrics(detector: str = "speech") -> DetectorMetrics:
    baselines = {"logistic_regression": performance(0.7), "always_no": performance(0.6, Confusion(200, 0, 100, 0), 0.5)}
    return DetectorMetrics(
        detector=detector, n_train=1200, n_eval=300, n_unknown=7, positives=100, train_positives=480,
        threshold=0.4, held_out=HELD_OUT, performance=performance(), brier_score_uncalibrated=0.0451,
        baselines=baselines,
    )  # fmt: skip


def test_the_file_has_exactly_the_keys_of_the_contract(tmp_path: Path) -> None:
    write_metrics(detector_metrics(), tmp_path / "metrics.json")
    found = json.loads((tmp_path / "metrics.json").read_text())
    counts = ["detector", "n_train", "n_eval", "n_unknown", "positives", "train_positives"]
    of_model = ["threshold", *KEYS, "confusion"]
    assert list(found) == [
        *counts,
        "threshold",
        "held_out",
        *of_model[1:],
        "brier_score_uncalibrated",
        "baselines",
    ]
    assert {name: list(one) for name, one in found["baselines"].items()} == {
        "logistic_regression": of_model, "always_no": of_model
    }  # fmt: skip
    for one in (found, *found["baselines"].values()):
        assert list(one["confusion"]) == ["tn", "fp", "fn", "tp"]
        assert all(list(one[name]) == ["value", "low", "high"] for name in KEYS)
    assert found["f1"] == {"value": 0.9, "low": 0.9 - 0.05, "high": 0.9 + 0.05}
    assert (found["threshold"], found["baselines"]["always_no"]["confusion"]["fn"]) == (0.4, 100)


def test_metrics_come_back_as_they_were_written(tmp_path: Path) -> None:
    written = detector_metrics()
    write_metrics(written, tmp_path / "metrics.json")
    assert read_metrics(tmp_path / "metrics.json") == written
    uncalibrated = replace(written, held_out=None)
    write_metrics(uncalibrated, tmp_path / "metrics.json")
    assert read_metrics(tmp_path / "metrics.json") == uncalibrated
    write_metrics(replace(written, n_unknown=8), tmp_path / "metrics.json")
    assert read_metrics(tmp_path / "metrics.json") != written


def not_judged(detector: str = "dog") -> DetectorMetrics:
    return replace(
        detector_metrics(detector), positives=1, performance=None, brier_score_uncalibrated=None, baselines={}
    )


def test_the_metrics_of_a_detector_that_was_not_judged_are_null(tmp_path: Path) -> None:
    write_metrics(not_judged(), tmp_path / "metrics.json")
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert (found["n_eval"], found["positives"], found["train_positives"], found["threshold"]) == (300, 1, 480, 0.4)
    assert {found[name] for name in (*KEYS, "confusion", "brier_score_uncalibrated")} == {None}
    assert found["baselines"] == {}
    assert read_metrics(tmp_path / "metrics.json") == not_judged()
    # the same keys as those of a detector that was judged
    write_metrics(detector_metrics(), tmp_path / "judged.json")
    assert list(json.loads((tmp_path / "judged.json").read_text())) == list(found)


def test_two_clips_of_each_kind_are_needed_and_the_reason_says_which_are_missing() -> None:
    assert [can_be_judged(*counts) for counts in ((4, 2), (4, 1), (4, 3), (0, 0))] == [True, False, False, False]
    reason = not_judged().why_not_judged
    assert "of the eval clips 1 are with dog and 299 without it, and at least 2 of each are needed. Add" in reason


def test_d_prime_is_the_distance_of_two_normal_distributions_with_that_area() -> None:
    rng = np.random.default_rng(0)
    absent, present = rng.normal(size=100_000), rng.normal(loc=1.5, size=100_000)
    assert d_prime(float(np.mean(present > absent))) == pytest.approx(1.5, abs=0.02)
    assert [d_prime(area) for area in (0.0, 0.5, 1.0)] == [-math.inf, 0.0, math.inf]


def test_means_are_those_of_the_judged_detectors() -> None:
    other = replace(detector_metrics(), performance=performance(0.5))
    found = means([detector_metrics(), not_judged(), other])
    assert (found.n, found.average_precision, found.roc_auc) == (2, pytest.approx(0.7), pytest.approx(0.7))


@pytest.mark.parametrize("key", ["f1", "confusion", "n_unknown", "baselines", "held_out"])
def test_metrics_without_a_key_are_refused_in_one_line(key: str, tmp_path: Path) -> None:
    write_metrics(detector_metrics(), tmp_path / "metrics.json")
    data = json.loads((tmp_path / "metrics.json").read_text())
    del data[key]
    (tmp_path / "metrics.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=f"{key}.*: delete it and run again"):
        read_metrics(tmp_path / "metrics.json")
