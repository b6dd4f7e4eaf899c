import numpy as np
import pytest

from soundsift.config.features import FeatureParams
from soundsift.config.settings import settle
from soundsift.config.statistics import STATISTIC_NAMES
from soundsift.features.definition import frame_columns
from soundsift.features.frames import frame_features
from soundsift.features.statistics import STATISTICS, FrameSeries, summarize, summary_columns

RATE_HZ = 22050 / 512
NAMES = list(STATISTICS)


def statistics(values: np.ndarray) -> dict[str, float]:
    """Every statistic of one column."""
    series = FrameSeries(values.astype(np.float32)[:, np.newaxis], RATE_HZ)
    return dict(zip(NAMES, summarize(series, NAMES).tolist(), strict=True))


def test_statistics_of_a_ramp_are_known() -> None:
    found = statistics(np.arange(101))
    expected = {"mean": 50, "std": np.sqrt((101**2 - 1) / 12), "median": 50, "p10": 10, "p90": 90, "delta_std": 0}
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6)


def test_quantiles_are_numpys(rng: np.random.Generator) -> None:
    values = rng.normal(size=430)
    found = statistics(values)
    for name, share in (("p10", 0.1), ("median", 0.5), ("p90", 0.9)):
        assert found[name] == pytest.approx(np.quantile(values.astype(np.float32), share), abs=1e-6)


@pytest.mark.parametrize(("hz", "band"), [(1.0, "modulation_slow"), (4.0, "modulation_syllable"), (12.0, "neither")])
@pytest.mark.parametrize(("level", "swing"), [(0.0, 1.0), (-300.0, 5.0), (5000.0, 800.0)])
def test_a_movement_lies_in_its_band_however_large_it_is(hz: float, band: str, level: float, swing: float) -> None:
    t = np.arange(431) / RATE_HZ
    found = statistics(level + swing * np.sin(2 * np.pi * hz * t))
    for name in ("modulation_slow", "modulation_syllable"):
        assert found[name] == pytest.approx(float(name == band), abs=0.01)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
def test_two_movements_share_the_variation_by_the_squares_of_their_swings(ratio: float) -> None:
    t = np.arange(431) / RATE_HZ
    found = statistics(np.sin(2 * np.pi * t) + ratio * np.sin(2 * np.pi * 4 * t))
    assert found["modulation_slow"] == pytest.approx(1 / (1 + ratio**2), abs=0.01)
    assert found["modulation_syllable"] == pytest.approx(ratio**2 / (1 + ratio**2), abs=0.01)


@pytest.mark.parametrize("value", [0.0, -1131.3708, 1e-3])
def test_what_does_not_move_has_no_modulation(value: float) -> None:
    found = statistics(np.full(431, value) * (1 + 1e-7 * (np.arange(431) % 2)))
    assert [found[name] for name in NAMES if name.startswith("modulation")] == [0.0, 0.0]


@pytest.mark.parametrize("n_samples", [1, 600, 22050])
@pytest.mark.parametrize("level", [0.0, 1e-6, 1.0])
def test_every_statistic_of_every_clip_is_finite(n_samples: int, level: float, rng: np.random.Generator) -> None:
    samples = (rng.normal(size=n_samples) * level).clip(-1, 1).astype(np.float32)
    frames = frame_features(samples, 22050, FeatureParams())[:, 1:]
    row = summarize(FrameSeries(frames, RATE_HZ), NAMES)
    assert row.shape == ((len(frame_columns()) - 1) * len(NAMES),) == (len(summary_columns(20, NAMES)),)
    assert np.isfinite(row).all()


def test_the_configuration_names_exactly_the_statistics_that_have_a_function() -> None:
    assert list(STATISTIC_NAMES) == NAMES
    assert set(settle({})["features"]["statistics"]) <= set(NAMES)


def test_a_column_that_does_not_move_has_its_own_value_as_mean_and_no_deviation() -> None:
    steady = np.full((13782, 2), -1131.371, dtype=np.float32)
    series = FrameSeries(steady, 43.07)
    assert summarize(series, ["mean"]) == pytest.approx(steady[0], rel=1e-7)
    assert summarize(series, ["std", "delta_std"]).max() == 0.0
