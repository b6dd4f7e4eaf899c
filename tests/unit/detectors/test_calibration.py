import numpy as np
import pytest

from soundsift.detectors import calibration
from soundsift.detectors.calibration import NO_SLOPE, calibrate, judge_held_out


def margins_of(n: int, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Margins of two parts, of which the second is worth less, and the truth, a quarter of it 1."""
    truth = np.arange(n) % 4 // 3
    rng = np.random.default_rng(seed)
    parts = [apart * scale * (2.0 * truth - 1) + rng.normal(size=n) for scale in (1.0, 0.5)]
    return np.stack(parts, axis=1), truth


def test_a_clip_that_counts_twice_is_as_good_as_two() -> None:
    margins, truth = margins_of(200, 1.0)
    count = np.random.default_rng(1).integers(1, 4, size=200)
    repeated = np.repeat(np.arange(200), count)
    expected = calibrate(margins[repeated], truth[repeated]).weights
    assert calibrate(margins, truth, count.astype(float)).weights == pytest.approx(expected, abs=1e-3)


def test_parts_are_judged_alone_and_together_and_few_sources_make_the_threshold_less_certain() -> None:
    margins, truth = margins_of(400, 1.0)
    fitted = calibrate(margins, truth)
    networks = {"statistics": 6, "frames": 3}
    alone = judge_held_out(margins, truth, np.arange(400), fitted, networks, 0)
    assert (alone.n_clips, alone.networks) == (400, networks)
    area = alone.roc_auc
    assert list(area) == ["statistics", "frames", "both"]
    assert area["frames"] < area["statistics"] < area["both"]
    # of normal margins two deviations apart
    assert area["statistics"] == pytest.approx(0.92, abs=0.03)
    assert alone.low < area["both"] < alone.high
    assert alone.threshold_low < 0.25 < alone.threshold_high
    # its share alone varies by 0.042
    assert 0.05 < (alone.threshold_high - alone.threshold_low) / 2 < 0.15
    assert alone.remark == ""
    assert judge_held_out(margins, truth, np.arange(400), fitted, networks, 0) == alone


def test_few_sources_make_the_threshold_less_certain_than_as_many_clips() -> None:
    truth = np.arange(400) // 10 % 4 // 3
    # the clips of a source are alike
    rng = np.random.default_rng(0)
    alike = 2.0 * truth - 1 + np.repeat(rng.normal(size=40), 10) + rng.normal(scale=0.3, size=400)
    fitted = calibrate(alike[:, np.newaxis], truth)
    widths = []
    for source in (np.arange(400), np.arange(400) // 10):
        found = judge_held_out(alike[:, np.newaxis], truth, source, fitted, {"statistics": 1}, 0)
        assert found.threshold_low is not None and found.threshold_high is not None
        widths.append(found.threshold_high - found.threshold_low)
    assert widths[1] > 2 * widths[0]


def test_a_detector_of_noise_is_said_to_be_no_better_than_chance() -> None:
    remarks = []
    for seed in range(6):
        margins, truth = margins_of(100, 0.0, seed)
        fitted = calibrate(margins[:, :1], truth)
        found = judge_held_out(margins[:, :1], truth, np.arange(100), fitted, {"frames": 3}, 0)
        assert list(found.roc_auc) == ["frames"]
        remarks.append(found.remark)
    said = ["better than chance (ROC AUC 0." in remark or "do not separate" in remark for remark in remarks]
    assert sum(said) >= 5, remarks


@pytest.mark.parametrize("n_sources", [9, 10])
def test_few_sources_of_a_class_give_no_interval_of_the_threshold(n_sources: int) -> None:
    truth = np.repeat(np.arange(60) < n_sources, 5).astype(np.int64)
    margins = (2.0 * truth - 1 + np.random.default_rng(0).normal(size=300))[:, np.newaxis]
    found = judge_held_out(margins, truth, np.arange(300) // 5, calibrate(margins, truth), {"statistics": 1}, 0)
    assert (found.n_sources, found.remark) == (n_sources, "")
    assert (found.threshold_low is None, found.threshold_high is None) == 2 * (n_sources == 9,)


def test_a_detector_no_better_than_chance_has_no_interval_of_the_threshold() -> None:
    margins, truth = margins_of(100, 0.05)
    fitted = calibrate(margins[:, :1], truth)
    assert fitted.separates
    found = judge_held_out(margins[:, :1], truth, np.arange(100), fitted, {"frames": 3}, 0)
    assert "not clearly better than chance" in found.remark
    assert (found.threshold_low, found.threshold_high) == (None, None)


def test_a_slope_that_is_that_of_the_fallback_by_chance_is_no_fallback() -> None:
    margins, truth = margins_of(400, 1.0)
    slopes = calibrate(margins[:, :1], truth).weights[:-1]
    scaled = calibrate(margins[:, :1] * (slopes[0] / NO_SLOPE), truth)
    assert scaled.weights[0] == pytest.approx(NO_SLOPE, rel=1e-3)
    assert scaled.separates
    assert not calibrate(-margins[:, :1], truth).separates


def test_of_a_long_list_a_sample_is_drawn_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "MOST_RESAMPLED", 500)
    margins, truth = margins_of(4000, 1.0)
    drawn = []
    monkeypatch.setattr(
        calibration, "_resampled", lambda _, truth, *rest: drawn.append(len(truth)) or (0.9, 0.95, [0.0])
    )
    networks = {"statistics": 6, "frames": 3}
    found = judge_held_out(margins, truth, np.arange(4000), calibrate(margins, truth), networks, 0)
    assert drawn == [500]
    assert (found.n_clips, found.n_sources) == (4000, 1000)
