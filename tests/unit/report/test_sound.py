import io
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from soundsift.media.encode import write_clip
from soundsift.report.sound import sound_for_page


@pytest.mark.parametrize("ending", ["mp3", "flac", "wav"])
def test_the_sound_of_a_page_is_small_and_has_the_same_frequency_and_level(
    ending: str, tone: npt.NDArray[np.float32], tmp_path: Path
) -> None:
    write_clip((tone * 32767).astype(np.int16), 22050, tmp_path / f"a.{ending}")
    sound = sound_for_page(tmp_path / f"a.{ending}")
    assert len(sound) < 3 * 6500
    with av.open(io.BytesIO(sound)) as container:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert len(samples) == pytest.approx(len(tone), abs=2500)
    middle = samples[22050:44100]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 440
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)
