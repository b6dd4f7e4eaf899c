from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from soundsift.demo import RATE_HZ as DEMO_RATE_HZ
from soundsift.errors import MediaError
from soundsift.media import decode
from soundsift.media.stream import samples_of
from tests.unit.media.sounds import RATE_HZ, clicks, write_whole


def test_a_whole_file_comes_in_pieces_that_are_the_samples_of_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    write_whole(path, "flac", [(clicks([1.0, 2.5, 4.0], 5.0), DEMO_RATE_HZ)])
    pieces = list(samples_of(path, RATE_HZ, 50_000))
    assert [len(piece) for piece in pieces] == [50_000, 50_000, 5 * RATE_HZ - 100_000]
    cut = np.frombuffer(decode.cut(path, 0.0, 5.0, RATE_HZ).raw_data, dtype=np.int16) / 32768
    assert np.abs(np.concatenate(pieces) - cut).max() <= 1 / 32768


def write_late(path: Path, sounds: list[tuple[float, np.ndarray]]) -> None:
    """A file whose sound has gaps: pieces with when they begin, in seconds, beside a still picture from 0 on."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4" if path.suffix == ".mp4" else "vp8", rate=1)
        picture.width = picture.height = 16
        stream = container.add_stream("aac" if path.suffix == ".mp4" else "libopus", rate=48000, layout="mono")
        resampler = av.AudioResampler("fltp" if path.suffix == ".mp4" else "flt", "mono", 48000, 960)
        ends = max(at + len(sound) / 48000 for at, sound in sounds)
        for second in range(int(ends)):
            still = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))
            still.pts, still.time_base = second, Fraction(1)
            container.mux(picture.encode(still))
        for at, sound in sounds:
            for first in range(0, len(sound), 960):
                whole = sound[first : first + 960].astype(np.float32)[np.newaxis]
                frame = av.AudioFrame.from_ndarray(whole, format="fltp", layout="mono")
                frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
                frame.pts = round(at * 48000) + first
                for piece in resampler.resample(frame):
                    container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
        container.mux(picture.encode(None))


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
@pytest.mark.parametrize("gap_seconds", [0.6, 20, 100])
def test_sound_stays_where_the_time_stamps_place_it(name: str, gap_seconds: float, tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(5 * 48000) / 48000)
    write_late(tmp_path / name, [(4.0, tone), (9.0 + gap_seconds, tone)])
    samples = np.concatenate(list(samples_of(tmp_path / name, RATE_HZ, 100_000)))
    assert len(samples) / RATE_HZ == pytest.approx(14 + gap_seconds, abs=0.2)
    sounding = {4.2, 8.8, 9.2 + gap_seconds, 13.8 + gap_seconds}
    for at in sounding | {1.0, 3.8, 9.2, 8.8 + gap_seconds}:
        near = samples[round((at - 0.05) * RATE_HZ) : round((at + 0.05) * RATE_HZ)]
        assert (np.abs(near).max() > 0.1) == (at in sounding), at


def test_a_sample_that_is_no_number_costs_no_other(tmp_path: Path) -> None:
    wave = np.full((1, 4 * RATE_HZ), 0.5, dtype=np.float32)
    wave[0, 2 * RATE_HZ] = np.nan
    with av.open(str(tmp_path / "v.wav"), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(wave, format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        container.mux(stream.encode(frame))
    found = []
    with pytest.raises(MediaError, match="contains 1 samples that are not numbers"):
        found.extend(samples_of(tmp_path / "v.wav", RATE_HZ, 30_000))
    samples = np.concatenate(found)
    assert len(samples) == 4 * RATE_HZ
    assert np.sum(np.abs(samples - 0.5) > 0.01) < 100
