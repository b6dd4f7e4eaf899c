import numpy as np
import pytest

from soundsift.media import levels
from tests.unit.media.sounds import RATE_HZ


def test_levels_are_relative_to_full_scale() -> None:
    square = np.tile(np.array([16384, -16384], dtype=np.int16), 5000)
    half, silence = levels.as_segment(square, RATE_HZ), levels.as_segment(np.zeros(10000, dtype=np.int16), RATE_HZ)
    assert levels.peak_dbfs(half) == pytest.approx(-6.02, abs=0.01)
    assert levels.loudness_dbfs(half) == pytest.approx(-6.02, abs=0.01)
    assert levels.peak_dbfs(silence) == levels.loudness_dbfs(silence) == -100.0
