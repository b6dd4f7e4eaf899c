from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from soundsift.demo import RATE_HZ as DEMO_RATE_HZ
from soundsift.demo import write_media
from soundsift.errors import MediaError
from soundsift.media import clip_file, decode, encode, levels
from soundsift.media.stream import samples_of

RATE_HZ = 22050


def clicks(at_seconds: list[float], n_seconds: float) -> np.ndarray:
    """Silence with bursts of 2 ms at the given times."""
    samples = np.zeros(int(n_seconds * DEMO_RATE_HZ))
    for at in at_seconds:
        first = round(at * DEMO_RATE_HZ)
        samples[first : first + 48] = 0.9
    return samples


def onsets_seconds(clip: levels.AudioSegment) -> list[float]:
    """Where bursts begin in a clip."""
    loud = np.abs(np.array(clip.get_array_of_samples())) > 6000
    at = np.flatnonzero(loud) / RATE_HZ
    return [float(t) for i, t in enumerate(at) if i == 0 or t - at[i - 1] > 0.1]


@pytest.mark.parametrize("name", ["v.m4a", "v.mp4", "v.webm"])
def test_cut_keeps_exactly_the_labelled_seconds(name: str, tmp_path: Path) -> None:
    # mistakes 1 and 2 of the first version: ten samples instead of ten seconds, and every window ten seconds late
    write_media(tmp_path / name, clicks([2.5, 12.5, 22.5], 30), picture=name.endswith("mp4"))
    clip = decode.cut(tmp_path / name, 10.0, 20.0, RATE_HZ)
    assert len(clip.get_array_of_samples()) == 10 * RATE_HZ
    assert onsets_seconds(clip) == pytest.approx([2.5], abs=0.001)


@pytest.mark.parametrize("name", ["v.m4a", "v.mp4", "v.webm"])
def test_cut_is_exact_to_the_sample_wherever_it_begins(name: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=12 * DEMO_RATE_HZ) * 0.1
    write_media(tmp_path / name, noise, picture=name.endswith("mp4"))
    whole = np.array(decode.cut(tmp_path / name, 0.0, 12.0, RATE_HZ).get_array_of_samples(), dtype=float)
    for start in (2.0, 5.0, 7.3):
        part = np.array(decode.cut(tmp_path / name, start, start + 2, RATE_HZ).get_array_of_samples(), dtype=float)
        first = round(start * RATE_HZ)
        match = [part @ whole[first + lag : first + lag + len(part)] for lag in range(-60, 61)]
        assert int(np.argmax(match)) - 60 == 0


def test_cut_at_the_start_and_past_the_end_keeps_what_is_there(tmp_path: Path) -> None:
    write_media(tmp_path / "v.m4a", clicks([0.5, 7.5], 8), picture=False)
    assert onsets_seconds(decode.cut(tmp_path / "v.m4a", 0.0, 4.0, RATE_HZ)) == pytest.approx([0.5], abs=0.001)
    rest = decode.cut(tmp_path / "v.m4a", 5.0, 15.0, RATE_HZ)
    assert levels.duration_seconds(rest) == pytest.approx(3.0, abs=0.06)
    assert onsets_seconds(rest) == pytest.approx([2.5], abs=0.001)
    assert levels.duration_seconds(decode.cut(tmp_path / "v.m4a", 20.0, 30.0, RATE_HZ)) == 0.0


def test_a_section_that_begins_elsewhere_on_the_time_axis_is_cut_by_its_own_start(tmp_path: Path) -> None:
    write_media(tmp_path / "v.m4a", clicks([1.25], 4), picture=False)
    assert onsets_seconds(decode.cut(tmp_path / "v.m4a", 1.0, 3.0, RATE_HZ)) == pytest.approx([0.25], abs=0.001)


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s32le", "pcm_f32le", "pcm_f64le"])
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
def test_every_sample_format_and_layout_becomes_the_mean_of_its_channels(
    codec: str, layout: str, tmp_path: Path
) -> None:
    import av

    rng = np.random.default_rng(0)
    n_channels = av.AudioLayout(layout).nb_channels
    wave = (rng.integers(-100, 100, size=(2 * RATE_HZ, n_channels)) * 256).astype(np.int16)
    with av.open(str(tmp_path / "s.wav"), "w") as container:
        stream = container.add_stream(codec, rate=RATE_HZ, layout=layout)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(stream.format, layout, RATE_HZ)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
    clip = decode.cut(tmp_path / "s.wav", 0.5, 1.5, RATE_HZ)
    wanted = wave[RATE_HZ // 2 : RATE_HZ // 2 + RATE_HZ].mean(axis=1)
    assert np.abs(np.array(clip.get_array_of_samples()) - wanted).max() <= (0 if layout == "mono" else 0.5001)


@pytest.mark.parametrize(("ending", "worst"), [("wav", 0.0), ("flac", 0.0), ("mp3", 0.02)])
def test_a_written_clip_reads_back_with_its_true_length_and_place(ending: str, worst: float, tmp_path: Path) -> None:
    t = np.arange(5 * RATE_HZ) / RATE_HZ
    wave = (12000 * np.sin(2 * np.pi * 500 * t) * (t > 2)).astype(np.int16)
    encode.write_clip(levels.as_segment(wave, RATE_HZ), tmp_path / f"c.{ending}")
    samples, rate_hz = clip_file.read_samples(tmp_path / f"c.{ending}")
    assert (len(samples), rate_hz) == (len(wave), RATE_HZ)
    assert np.abs(samples - wave / 32768).max() <= worst
    assert [path.name for path in tmp_path.iterdir()] == [f"c.{ending}"]


@pytest.mark.parametrize("ending", ["flac", "mp3", "wav"])
def test_half_a_clip_file_is_no_clip(ending: str, tmp_path: Path) -> None:
    samples = (np.random.default_rng(0).normal(size=4 * RATE_HZ) * 3000).astype(np.int16)
    path = tmp_path / f"c.{ending}"
    encode.write_clip(levels.as_segment(samples, RATE_HZ), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(
        MediaError, match=r"c\.\w+ (cannot be decoded|says 4\.0 s and ends after [12]\.\d s|is shorter than)"
    ) as failed:
        clip_file.read_samples(path)
    assert failed.value.outcome == "corrupt"


def test_levels_are_relative_to_full_scale() -> None:
    square = np.tile(np.array([16384, -16384], dtype=np.int16), 5000)
    half, silence = levels.as_segment(square, RATE_HZ), levels.as_segment(np.zeros(10000, dtype=np.int16), RATE_HZ)
    assert levels.peak_dbfs(half) == pytest.approx(-6.02, abs=0.01)
    assert levels.loudness_dbfs(half) == pytest.approx(-6.02, abs=0.01)
    assert levels.peak_dbfs(silence) == levels.loudness_dbfs(silence) == -100.0


def test_what_is_no_sound_gets_its_outcome(tmp_path: Path) -> None:
    write_media(tmp_path / "mute.mp4", None, picture=True)
    (tmp_path / "page.m4a").write_text("<!doctype html>")
    (tmp_path / "empty.m4a").write_bytes(b"")
    for name, outcome in (("mute.mp4", "no_audio"), ("page.m4a", "corrupt"), ("empty.m4a", "corrupt")):
        with pytest.raises(MediaError) as failed:
            decode.cut(tmp_path / name, 0.0, 1.0, RATE_HZ)
        assert failed.value.outcome == outcome


@pytest.mark.parametrize("ending", ["m4a", "webm"])
def test_a_file_that_ends_before_its_header_says_is_corrupt_where_it_lacks_the_stretch(
    ending: str, tmp_path: Path
) -> None:
    write_media(tmp_path / f"whole.{ending}", clicks([1.0, 9.0], 10), picture=False)
    data = (tmp_path / f"whole.{ending}").read_bytes()
    if ending == "m4a":  # its index stands behind the sound
        half, index = data.index(b"moov") // 2, data.index(b"moov") - 4
        data = data[:half] + bytes(index - half) + data[index:]
    else:
        data = data[: len(data) // 2]
    (tmp_path / f"half.{ending}").write_bytes(data)
    assert onsets_seconds(decode.cut(tmp_path / f"half.{ending}", 0.0, 4.0, RATE_HZ)) == pytest.approx([1.0], abs=0.001)
    with pytest.raises(MediaError, match=r"cannot be decoded|says 10\.0 s and ends after [45]\.\d s") as failed:
        decode.cut(tmp_path / f"half.{ending}", 2.0, 10.0, RATE_HZ)
    assert failed.value.outcome == "corrupt"


def test_sound_that_ends_before_the_picture_is_short_and_not_corrupt(tmp_path: Path) -> None:
    import av

    write_media(tmp_path / "v.mp4", clicks([0.5], 1), picture=True)
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert container.duration == 2_000_000
    assert levels.duration_seconds(decode.cut(tmp_path / "v.mp4", 0.0, 2.0, RATE_HZ)) == pytest.approx(1.0, abs=0.06)


def write_whole(path: Path, codec: str, parts: list[tuple[np.ndarray, int]]) -> None:
    """Write mono sound by a codec; every part has its own sampling rate, frames follow each other."""
    import av

    data = b""
    for samples, rate_hz in parts:
        with av.open(str(path), "w") as container:
            encode.encode(container, codec, {"b": "128k"}, (samples * 32767).astype(np.int16), rate_hz)
        data += path.read_bytes()
    path.write_bytes(data)


@pytest.mark.parametrize("start", [0.0, 0.3, 5.0, 20.0])
def test_an_mp3_is_cut_on_the_axis_of_its_own_first_sample(start: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=25 * RATE_HZ) * 0.1
    write_whole(tmp_path / "v.mp3", "libmp3lame", [(noise, RATE_HZ)])
    part = np.array(decode.cut(tmp_path / "v.mp3", start, start + 2, RATE_HZ).get_array_of_samples(), dtype=float)
    assert len(part) == 2 * RATE_HZ
    first, inner = round(start * RATE_HZ), slice(1000, -1000)
    match = [part[inner] @ noise[first + 1000 + lag : first + len(part) - 1000 + lag] for lag in range(-600, 601)]
    assert abs(int(np.argmax(match)) - 600) <= 1


def test_a_sampling_rate_that_changes_on_the_way_is_no_damage(tmp_path: Path) -> None:
    parts = [
        (np.full(4 * rate, 0.1) * np.sin(2 * np.pi * 500 * np.arange(4 * rate) / rate), rate) for rate in (44100, 22050)
    ]
    write_whole(tmp_path / "v.aac", "aac", parts)
    clip = decode.cut(tmp_path / "v.aac", 2.0, 6.0, RATE_HZ)
    assert levels.duration_seconds(clip) == 4.0
    samples = np.array(clip.get_array_of_samples(), dtype=float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * RATE_HZ / len(samples) == pytest.approx(500, abs=1)


def test_samples_that_are_no_numbers_are_damage(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "v.wav"), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, RATE_HZ), np.nan, dtype=np.float32), format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        container.mux(stream.encode(frame))
    with pytest.raises(MediaError, match="values that are no numbers"):
        decode.cut(tmp_path / "v.wav", 0.0, 0.5, RATE_HZ)


def test_a_whole_file_comes_in_pieces_that_are_the_samples_of_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    write_whole(path, "flac", [(clicks([1.0, 2.5, 4.0], 5.0), DEMO_RATE_HZ)])
    pieces = list(samples_of(path, RATE_HZ, 50_000))
    assert [len(piece) for piece in pieces] == [50_000, 50_000, 5 * RATE_HZ - 100_000]
    cut = np.frombuffer(decode.cut(path, 0.0, 5.0, RATE_HZ).raw_data, dtype=np.int16) / 32768
    assert np.abs(np.concatenate(pieces) - cut).max() <= 1 / 32768


def write_late(path: Path, sounds: list[tuple[float, np.ndarray]]) -> None:
    """A file whose sound has gaps: pieces with when they begin, in seconds, beside a still picture from 0 on."""
    import av

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
@pytest.mark.parametrize("gap_seconds", [20, 100])
def test_sound_stays_where_the_time_stamps_place_it(name: str, gap_seconds: int, tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(5 * 48000) / 48000)
    write_late(tmp_path / name, [(4.0, tone), (9.0 + gap_seconds, tone)])
    samples = np.concatenate(list(samples_of(tmp_path / name, RATE_HZ, 100_000)))
    assert len(samples) / RATE_HZ == pytest.approx(14 + gap_seconds, abs=0.2)
    sounding = {4.2, 8.8, 9.2 + gap_seconds, 13.8 + gap_seconds}
    for at in sounding | {1.0, 3.8, 9.2, 8.8 + gap_seconds}:
        near = samples[round((at - 0.05) * RATE_HZ) : round((at + 0.05) * RATE_HZ)]
        assert (np.abs(near).max() > 0.1) == (at in sounding), at


def test_a_sample_that_is_no_number_costs_no_other(tmp_path: Path) -> None:
    import av

    wave = np.full((1, 4 * RATE_HZ), 0.5, dtype=np.float32)
    wave[0, 2 * RATE_HZ] = np.nan
    with av.open(str(tmp_path / "v.wav"), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(wave, format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        container.mux(stream.encode(frame))
    found = []
    with pytest.raises(MediaError, match="holds 1 samples that are no numbers"):
        found.extend(samples_of(tmp_path / "v.wav", RATE_HZ, 30_000))
    samples = np.concatenate(found)
    assert len(samples) == 4 * RATE_HZ
    assert np.sum(np.abs(samples - 0.5) > 0.01) < 100
