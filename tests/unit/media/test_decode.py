import struct
from pathlib import Path

import av
import numpy as np
import pytest

from soundsift.demo import RATE_HZ as DEMO_RATE_HZ
from soundsift.demo import write_media
from soundsift.errors import MediaError
from soundsift.media import decode, levels
from soundsift.media.durations import duration_of
from tests.unit.media.sounds import RATE_HZ, clicks, write_whole


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


def test_damage_at_the_start_of_the_stretch_is_corrupt_and_sound_that_begins_late_is_not(tmp_path: Path) -> None:
    whole = tmp_path / "whole.m4a"
    noise = np.random.default_rng(0).normal(size=40 * DEMO_RATE_HZ) * 0.1
    write_media(whole, noise, picture=False)
    with av.open(str(whole)) as file:
        held = [(float(one.pts * one.time_base), one.pos, one.size) for one in file.demux(audio=0) if one.size]
    data = bytearray(whole.read_bytes())
    for _, at, size in (one for one in held if 10.5 <= one[0] < 16.0):
        data[at : at + size] = bytes(size)
    (tmp_path / "damaged.m4a").write_bytes(data)
    with pytest.raises(MediaError, match=r"3\.\d s are missing at the start") as failed:
        decode.cut(tmp_path / "damaged.m4a", 12.3, 22.3, RATE_HZ)
    assert failed.value.outcome == "corrupt"
    with av.open(str(whole)) as file, av.open(str(tmp_path / "late.mkv"), "w") as late:
        stream, picture = late.add_stream_from_template(file.streams.audio[0]), late.add_stream("mpeg4", rate=5)
        picture.width = picture.height = 16
        black = av.VideoFrame(16, 16, "yuv420p")
        black.pts = 0
        late.mux(picture.encode(black))
        late.mux(picture.encode(None))
        for packet in file.demux(audio=0):
            if packet.size:
                packet.pts += round(1.0 / packet.time_base)
                packet.dts, packet.stream = packet.pts, stream
                late.mux(packet)
    assert levels.duration_seconds(decode.cut(tmp_path / "late.mkv", 0.0, 5.0, RATE_HZ)) == pytest.approx(4.0, abs=0.06)


def test_sound_that_ends_before_the_picture_is_short_and_not_corrupt(tmp_path: Path) -> None:
    write_media(tmp_path / "v.mp4", clicks([0.5], 1), picture=True)
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert container.duration == 2_000_000
    assert levels.duration_seconds(decode.cut(tmp_path / "v.mp4", 0.0, 2.0, RATE_HZ)) == pytest.approx(1.0, abs=0.06)


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
    with av.open(str(tmp_path / "v.wav"), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, RATE_HZ), np.nan, dtype=np.float32), format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        container.mux(stream.encode(frame))
    with pytest.raises(MediaError, match="values that are not numbers"):
        decode.cut(tmp_path / "v.wav", 0.0, 0.5, RATE_HZ)


@pytest.mark.parametrize(("codec", "ending"), [
    ("flac", "flac"), ("flac", "oga"), ("libopus", "opus"), ("aac", "ts"), ("mp2", "mpg"),
])  # fmt: skip
def test_a_cut_after_the_seam_of_joined_files_is_that_of_a_decode_from_the_beginning(
    codec: str, ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"joined.{ending}"
    write_whole(path, codec, [(clicks([2.5, 4.5], 6), DEMO_RATE_HZ), (clicks([1.5, 7.5], 10), DEMO_RATE_HZ)])
    assert onsets_seconds(decode.cut(path, 13.0, 14.0, RATE_HZ)) == pytest.approx([0.5], abs=0.15)
    assert onsets_seconds(decode.cut(path, 4.0, 5.0, RATE_HZ)) == pytest.approx([0.5], abs=0.15)
    assert duration_of(path) == pytest.approx(16, abs=0.2)


def test_sound_beyond_two_gigabytes_of_unknown_size_is_found(tmp_path: Path) -> None:
    # sox writes this size into a pipe, and FFmpeg would end the sound there
    path, rate_hz, n_before = tmp_path / "long.wav", 48000, 0x7FFFF000
    head = b"RIFF" + struct.pack("<I", 0x7FFFF024) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16) + b"data" + struct.pack("<I", n_before)
    with open(path, "wb") as file:
        file.write(head)
        file.seek(len(head) + n_before)
        file.write(np.full(2 * rate_hz, 8192, dtype="<i2").tobytes())
    start = n_before / 2 / rate_hz
    found = decode.cut(path, start, start + 2, rate_hz)
    assert levels.duration_seconds(found) == pytest.approx(2, abs=0.01)
