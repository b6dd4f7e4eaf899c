import numpy as np
import pytest

from soundsift.features.definition import frame_columns
from soundsift.features.sequence import packed, sequence_of, unpacked

NAMES = [column.name for column in frame_columns()[1:]]


def test_a_step_is_the_mean_of_its_frames_and_the_level_is_in_db() -> None:
    frames = np.zeros((43, len(NAMES)), dtype=np.float32)
    frames[:, NAMES.index("mfcc_01")] = np.arange(43)
    frames[:, NAMES.index("rms")] = [0.1, 0.001] * 21 + [1.0]
    sequence = sequence_of(frames, 43.07)
    assert sequence.shape == (21, len(NAMES))
    assert sequence[:, NAMES.index("mfcc_01")] == pytest.approx(np.arange(0.5, 42, 2))
    assert sequence[:, NAMES.index("rms")] == pytest.approx(-40)


@pytest.mark.parametrize(("rate_hz", "n_in_step"), [(10.0, 1), (20.0, 1), (43.07, 2), (86.1, 4), (172.3, 9)])
def test_there_are_about_twenty_steps_per_second_whatever_the_hop_length(rate_hz: float, n_in_step: int) -> None:
    frames = np.ones((n_in_step * 50 + n_in_step - 1, len(NAMES)), dtype=np.float32)
    assert len(sequence_of(frames, rate_hz)) == 50


def test_silence_and_very_short_sound_have_finite_sequences() -> None:
    sequence = sequence_of(np.zeros((3, len(NAMES)), dtype=np.float32), 43.07)
    assert sequence.shape == (8, len(NAMES))
    assert sequence[0, NAMES.index("rms")] == pytest.approx(-100)


def test_a_packed_sequence_comes_back_in_half_precision() -> None:
    values = np.random.default_rng(0).normal(scale=100, size=(9, 37)).astype(np.float32)
    (found,) = unpacked([packed(values)], 37)
    assert np.array_equal(found, values.astype(np.float16))
