import numpy as np
import pytest
from sklearn import metrics as sk

from soundsift.detectors.metrics import METRICS, Confusion, Interval
from soundsift.detectors.scoring import measure_performance, scores


def invented(seed: int, n: int = 200, decimals: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Truth and a probability that correlates with it, with many ties."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, size=n)
    return truth, np.clip(0.35 * truth + rng.uniform(0, 0.8, size=n), 0, 1).round(decimals)


def plain(truth: np.ndarray, probability: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    found = scores(truth, probability, threshold, np.ones((1, len(truth))))
    return {name: float(values[0]) for name, values in found.items()}


@pytest.mark.parametrize("decimals", [0, 1, 2, 6])
@pytest.mark.parametrize(("seed", "threshold"), [(1, 0.5), (2, 0.3), (3, 0.8)])
def test_every_metric_equals_scikit_learns(seed: int, threshold: float, decimals: int) -> None:
    truth, probability = invented(seed, decimals=decimals)
    predicted = probability >= threshold
    tn, fp, fn, tp = sk.confusion_matrix(truth, predicted).ravel()
    expected = {
        "accuracy": sk.accuracy_score(truth, predicted),
        "majority_accuracy": max(truth.mean(), 1 - truth.mean()),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, predicted),
        "precision": sk.precision_score(truth, predicted),
        "recall": sk.recall_score(truth, predicted),
        "f1": sk.f1_score(truth, predicted),
        "roc_auc": sk.roc_auc_score(truth, probability),
        "average_precision": sk.average_precision_score(truth, probability),
        "brier_score": sk.brier_score_loss(truth, probability),
        "tp": tp, "fp": fp, "fn": fn, "tn": tn,
    }  # fmt: skip
    assert plain(truth, probability, threshold) == pytest.approx(expected)
    assert set(METRICS) < set(expected)


def test_integer_weights_equal_repeated_clips() -> None:
    truth, probability = invented(4)
    weights = np.random.default_rng(5).integers(0, 4, size=(3, len(truth)))
    found = scores(truth, probability, 0.5, weights.astype(float))
    for row, repeats in enumerate(weights):
        repeated = plain(np.repeat(truth, repeats), np.repeat(probability, repeats))
        assert {name: values[row] for name, values in found.items()} == pytest.approx(repeated)


def test_the_order_of_the_clips_does_not_matter() -> None:
    truth, probability = invented(6)
    order = np.random.default_rng(7).permutation(len(truth))
    assert plain(truth[order], probability[order]) == pytest.approx(plain(truth, probability))


def test_a_clip_at_the_threshold_is_detected() -> None:
    found = plain(np.array([1, 0]), np.array([0.5, 0.49]))
    assert [found[name] for name in ("tp", "fp", "fn", "tn")] == [1, 0, 0, 1]


def test_equal_probabilities_are_not_ranked() -> None:
    found = plain(np.array([1, 0, 0, 0]), np.full(4, 0.2))
    assert found["roc_auc"] == 0.5
    assert found["average_precision"] == 0.25


def test_where_nothing_is_detected_precision_and_f1_are_zero() -> None:
    found = plain(np.array([1, 0, 0]), np.zeros(3))
    assert (found["precision"], found["recall"], found["f1"]) == (0, 0, 0)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["balanced_accuracy"] == 0.5


def test_where_all_are_detected_recall_is_one() -> None:
    found = plain(np.array([1, 0, 0]), np.ones(3))
    assert (found["precision"], found["recall"]) == (pytest.approx(1 / 3), 1)


def test_a_rank_metric_without_both_classes_is_not_a_number() -> None:
    assert np.isnan(plain(np.ones(3, dtype=int), np.array([0.1, 0.6, 0.9]))["roc_auc"])
    without = plain(np.zeros(3, dtype=int), np.array([0.1, 0.6, 0.9]))
    assert np.isnan(without["roc_auc"])
    assert np.isnan(without["average_precision"])


@pytest.mark.parametrize("seed", range(5))
def test_intervals_contain_the_value(seed: int) -> None:
    for name, found in measure_performance(*invented(seed), threshold=0.5, seed=seed).intervals().items():
        assert 0 <= found.low <= found.value <= found.high <= 1, name
        assert found.high - found.low > 0.01, name


def test_the_interval_of_a_share_is_as_wide_as_the_binomial_one() -> None:
    truth = np.array([1, 0] * 200)
    probability = np.where(np.arange(400) < 320, truth, 1 - truth).astype(float)
    accuracy = measure_performance(truth, probability, 0.5, seed=1).accuracy
    half = 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert accuracy.value == 0.8
    assert accuracy.low == pytest.approx(0.8 - half, abs=0.006)
    assert accuracy.high == pytest.approx(0.8 + half, abs=0.006)


def test_a_detector_without_errors_has_intervals_of_width_zero() -> None:
    truth = np.array([1, 0] * 20)
    found = measure_performance(truth, truth.astype(float), 0.5, seed=1)
    assert found.brier_score == Interval(0, 0, 0)
    for name in set(METRICS) - {"majority_accuracy", "brier_score"}:
        assert found.intervals()[name] == Interval(1, 1, 1)
    assert found.confusion == Confusion(tn=20, fp=0, fn=0, tp=20)
    assert found.threshold == 0.5


def test_intervals_are_finite_when_some_resamples_lack_a_class() -> None:
    found = measure_performance(np.array([1, 0, 0, 0]), np.array([0.9, 0.1, 0.8, 0.2]), 0.5, seed=1)
    assert np.isfinite([(one.value, one.low, one.high) for one in found.intervals().values()]).all()


def test_the_same_seed_gives_the_same_intervals() -> None:
    first, again, other = (
        measure_performance(*invented(1), threshold=0.5, seed=seed, n_resamples=50) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.accuracy.value == other.accuracy.value
    assert first.average_precision != other.average_precision


def test_resamples_without_a_class_widen_no_interval() -> None:
    truth = np.array([1, 1] + [0] * 98)
    found = measure_performance(truth, truth.astype(float), 0.5, seed=0).intervals()
    for name in ("recall", "precision", "f1", "balanced_accuracy", "roc_auc"):
        assert found[name] == Interval(1, 1, 1), name
