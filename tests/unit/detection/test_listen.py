import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from soundsift import load
from soundsift.code_digest import SCRIPTS
from soundsift.config import settings
from soundsift.config.features import FeatureParams
from soundsift.demo import write_media
from soundsift.detection.columns import SEGMENT_COLUMNS
from soundsift.detection.listen import WINDOW_SECONDS, Detector
from soundsift.detection.segments import find_segments
from soundsift.detectors.definition import Definition
from soundsift.detectors.inference import Model, Networks
from soundsift.errors import ConfigError, InputError, MediaError
from soundsift.features.definition import definition
from soundsift.features.frames import filters_of, frame_features, frames_table
from soundsift.features.inputs import feature_matrix
from soundsift.features.sequence import sequence_of
from soundsift.features.summary import summary_table
from soundsift.media import clip_file, encode
from soundsift.numba_cache import compile_librosa_once
from soundsift.tables import read_csv, write_parquet
from tests.unit.detection.models import write_tone_model

RATE_HZ = 22050
COLUMNS = ["zero_crossing_rate_mean", "mfcc_02_std"]
# of a probability of 0.95
LOG_ODDS = np.log(0.95 / 0.05)


class FakeEnsemble:
    """Replaces networks: few zero crossings are a tone. It stores its inputs."""

    def __init__(self) -> None:
        self.inputs: list[np.ndarray] = []

    def margin(self, x: np.ndarray) -> np.ndarray:
        self.inputs.append(x)
        return np.where(x[:, 0] < 0.1, 1.0, -1.0) * LOG_ODDS


def detector() -> Detector:
    known = Definition(COLUMNS, definition(RATE_HZ, FeatureParams()), {"tone": 0.5}, *2 * [{"tone": [1.0, 0.0]}])
    return Detector(Model(known, filters_of(RATE_HZ, FeatureParams()), {"tone": Networks(FakeEnsemble(), None)}))


def noise(seconds: float, rng: np.random.Generator) -> np.ndarray:
    return (0.1 * rng.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def tone(seconds: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def write(samples: np.ndarray, path: Path) -> Path:
    encode.write_clip(np.rint(samples * 32767).astype(np.int16), RATE_HZ, path)
    return path


def test_a_tone_in_noise_is_found_where_it_is(tmp_path: Path, rng: np.random.Generator) -> None:
    # longer than one block, with the tone across the boundary of two blocks
    path = write(np.concatenate([noise(110, rng), tone(25), noise(40.5, rng)]), tmp_path / "a.flac")
    result = detector().detect(path)
    assert result.duration_seconds == pytest.approx(175.5, abs=1e-3)
    assert len(result.probability["tone"]) == 176
    (segment,) = result
    assert segment.detector == "tone"
    assert abs(segment.start_seconds - 110) <= 1
    assert abs(segment.end_seconds - 135) <= 1
    assert segment.probability > 0.8
    assert (result.outcome, result.reason) == ("ok", "")


class FakeFrameEnsemble(FakeEnsemble):
    """Stores the sequences that the networks on frames get."""

    def margin(self, x: list[np.ndarray]) -> np.ndarray:
        self.inputs += x
        return np.zeros(len(x))


def both_networks() -> tuple[Detector, Networks]:
    networks = Networks(FakeEnsemble(), FakeFrameEnsemble())
    known = replace(detector().definition, window_calibrations={"tone": [1.0, 1.0, 0.0]})
    return Detector(Model(known, filters_of(RATE_HZ, FeatureParams()), {"tone": networks})), networks


def test_a_window_has_the_frames_of_the_recording_at_its_time(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write(np.concatenate([noise(2, rng), tone(3)]), tmp_path / "a.wav")
    listening, networks = both_networks()
    listening.detect(path)
    samples, _ = clip_file.read_samples(path)
    frames = frame_features(samples, RATE_HZ, FeatureParams())
    for at in range(4):
        first = round(at * RATE_HZ / 512)
        # without frames that reach beyond the window
        window = frames[first : first + (WINDOW_SECONDS * RATE_HZ - 1024) // 512]
        assert np.array_equal(networks.frames.inputs[at], sequence_of(window[:, 1:], RATE_HZ / 512).astype(np.float16))
        write_parquet(frames_table(window, str(at), RATE_HZ, FeatureParams()), tmp_path / f"{at}.parquet")
    rows = summary_table([tmp_path / f"{at}.parquet" for at in range(4)], ["mean", "std"])
    assert np.array_equal(networks.statistics.inputs[0], feature_matrix(rows, COLUMNS))


def test_what_a_window_holds_depends_on_nothing_beyond_it(rng: np.random.Generator) -> None:
    quiet = (0.01 * noise(9.5, rng) * np.linspace(0.001, 1, round(9.5 * RATE_HZ))).astype(np.float32)
    loud = quiet.copy()
    loud[8 * RATE_HZ :][:300] = 0.9
    found = {}
    for name, sound in (("quiet", quiet), ("loud", loud)):
        for n_at_once in (RATE_HZ, RATE_HZ // 3, len(sound)):
            listening, networks = both_networks()
            blocks = (sound[i : i + n_at_once] for i in range(0, len(sound), n_at_once))
            list(listening._per_second(blocks, WINDOW_SECONDS))
            found[name, n_at_once] = np.stack(networks.frames.inputs)
    first, *others = found.values()
    # seven windows end before the sound at 8 s
    assert first.shape[0] == 8
    for other in others:
        assert other[:7] == pytest.approx(first[:7], abs=0.02)
    assert found["loud", RATE_HZ] == pytest.approx(found["loud", len(loud)], abs=0.02)


def test_silence_has_no_segments_whatever_the_model_predicts(tmp_path: Path) -> None:
    result = detector().detect(write(np.zeros(20 * RATE_HZ), tmp_path / "a.flac"))
    assert result.outcome == "silent"
    assert len(result) == 0


@pytest.mark.parametrize(
    ("rate_hz", "n_fft", "hop_length"), [(22050, 2048, 43076), (8000, 31968, 16), (8000, 16384, 7808)]
)
def test_a_model_of_the_longest_frames_that_the_configuration_allows_is_read(
    rate_hz: int, n_fft: int, hop_length: int, tmp_path: Path
) -> None:
    assert settings.WINDOW_SECONDS == WINDOW_SECONDS
    given = {"clips": {"sample_rate_hz": rate_hz}, "features": {"n_fft": n_fft, "hop_length": hop_length}}
    settings.settle(given)
    with pytest.raises(ConfigError, match="features.n_fft / 2"):
        settings.settle(given | {"features": {"n_fft": n_fft, "hop_length": hop_length + 1}})
    path = write_tone_model(tmp_path / "a.keras", rate_hz, FeatureParams(n_fft=n_fft, hop_length=hop_length))
    assert load(path).detect(tone(5), RATE_HZ).duration_seconds == pytest.approx(5)


@pytest.mark.parametrize("seconds", [1.0, 2.99, 3.0, 3.01])
def test_the_shortest_recordings_are_one_segment(seconds: float, tmp_path: Path) -> None:
    (segment,) = detector().detect(write(tone(seconds), tmp_path / "a.wav"))
    assert (segment.start_seconds, segment.end_seconds) == (0.0, pytest.approx(seconds, abs=1e-3))


def test_a_recording_that_cannot_be_read_gives_its_outcome(tmp_path: Path) -> None:
    (tmp_path / "empty.mp3").touch()
    (tmp_path / "letter.wav").write_text("Dear all")
    write(tone(0.5), tmp_path / "short.wav")
    with av.open(str(tmp_path / "mute.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))))
        container.mux(stream.encode(None))
    found = {}
    for name in ("empty.mp3", "letter.wav", "short.wav", "mute.mkv", "none.wav"):
        with pytest.raises(MediaError) as error:
            detector().detect(tmp_path / name)
        found[name] = error.value.outcome
    assert found == {
        "empty.mp3": "corrupt", "letter.wav": "corrupt", "short.wav": "too_short", "mute.mkv": "no_audio",
        "none.wav": "corrupt",
    }  # fmt: skip


@pytest.mark.parametrize("ending", ["flac", "wav", "mp3"])
def test_a_truncated_recording_is_analysed_up_to_its_end(ending: str, tmp_path: Path, rng: np.random.Generator) -> None:
    path = write(np.concatenate([tone(30), noise(30, rng)]), tmp_path / f"whole.{ending}")
    assert detector().detect(path).reason == ""
    whole = path.read_bytes()
    (tmp_path / f"half.{ending}").write_bytes(whole[: len(whole) // 2])
    result = detector().detect(tmp_path / f"half.{ending}")
    assert result.outcome == "ok"
    assert result.reason.startswith(f"half.{ending} ")
    assert "says 60.0 s and ends after" in result.reason
    assert result.segments[0].start_seconds == 0.0


@pytest.mark.parametrize(("rate_hz", "layout"), [(8000, "mono"), (44100, "stereo"), (96000, "5.1")])
def test_any_sample_rate_and_layout_gives_the_same_result(rate_hz: int, layout: str, tmp_path: Path) -> None:
    n_channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(10 * rate_hz) / rate_hz)
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate_hz, layout=layout)
        samples = np.repeat(np.rint(wave * 32767).astype(np.int16), n_channels)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.sample_rate = rate_hz
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    result = detector().detect(tmp_path / "a.wav")
    assert result.duration_seconds == pytest.approx(10, abs=0.01)
    assert len(result) == 1


def test_one_low_second_does_not_split_a_segment_and_one_high_second_makes_none() -> None:
    p = np.full(60, 0.02)
    p[10:30] = 0.98
    p[20], p[45] = 0.3, 0.7
    found = find_segments({"a": p, "b": 1 - p}, {"a": 0.5, "b": 0.5}, 59.5)
    assert [(one.detector, one.start_seconds, one.end_seconds) for one in found] == [
        ("a", 10.0, 30.0), ("b", 0.0, 10.0), ("b", 30.0, 59.5)
    ]  # fmt: skip


def test_the_threshold_decides() -> None:
    p = np.full(30, 0.6)
    assert find_segments({"a": p}, {"a": 0.5}, 30.0) != []
    assert find_segments({"a": p}, {"a": 0.7}, 30.0) == []


def test_the_probability_of_a_second_is_that_of_the_windows_that_contain_it(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    p = detector().detect(write(np.concatenate([tone(10), noise(10, rng)]), tmp_path / "a.wav")).probability["tone"]
    # the model predicts 0.95 or 0.05: a window that has some of both is one of them
    assert p[:8] == pytest.approx([0.95] * 8)
    assert p[12:] == pytest.approx([0.05] * 8)


@pytest.mark.parametrize(("doubt", "n_segments"), [(-2.5, 1), (-3.5, 2)])
def test_presence_lasts_twenty_seconds_on_average(doubt: float, n_segments: int) -> None:
    """Two changes cost twice log(0.95 / 0.05), 5.9: two contrary seconds of 2.5 each do not outweigh it, of 3.5 each they do."""
    p = np.full(40, 0.99)
    p[20:22] = 1 / (1 + np.exp(-doubt))
    found = find_segments({"a": p}, {"a": 0.5}, 40.0)
    assert len(found) == n_segments
    if n_segments == 1:
        assert found[0].probability == pytest.approx(p.mean(), abs=1e-4)


def test_one_window_cannot_outweigh_its_neighbours(tmp_path: Path) -> None:
    sure = detector()
    sure.model.networks["tone"].statistics.margin = lambda x: np.where(np.arange(len(x)) == 10, -1e3, np.log(99))
    assert len(sure.detect(write(tone(30), tmp_path / "a.wav"))) == 1


def test_damage_in_the_middle_is_reported(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "a.m4a"
    write_media(path, noise(30, rng).astype(np.float64), picture=False)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = rng.bytes(4000)
    path.write_bytes(data)
    result = detector().detect(path)
    assert result.outcome == "ok"
    assert "packets that cannot be decoded" in result.reason


@pytest.mark.parametrize("n", [1, 2, 30, 300])
def test_segments_are_those_of_librosas_viterbi_search(n: int, rng: np.random.Generator) -> None:
    compile_librosa_once()
    from librosa.sequence import transition_loop, viterbi_binary

    for threshold in (0.02, 0.4, 0.5, 0.9):
        # a slow course with noise crosses the threshold many times
        course = np.log(threshold / (1 - threshold)) + np.cumsum(rng.normal(size=n)) / 2 + rng.normal(size=n)
        p = 1 / (1 + np.exp(-course))
        (states,) = viterbi_binary(p[np.newaxis], transition_loop(2, 0.95), p_state=np.array([threshold]))
        found = np.zeros(n, dtype=int)
        for segment in find_segments({"a": p}, {"a": threshold}, float(n)):
            seconds = slice(int(segment.start_seconds), int(segment.end_seconds))
            found[seconds] = 1
            assert segment.probability == pytest.approx(p[seconds].mean(), abs=1e-4)
        assert np.array_equal(found, states)


# ---- arrays


def test_samples_give_the_same_as_a_file_of_them(tmp_path: Path, rng: np.random.Generator) -> None:
    samples = np.rint(np.concatenate([noise(125, rng), tone(8.3)]) * 32767).astype(np.int16)
    encode.write_clip(samples, RATE_HZ, tmp_path / "a.wav")
    of_file = detector().detect(tmp_path / "a.wav")
    blocks: list[np.ndarray] = []
    detector().detect(tmp_path / "a.wav", on_block=blocks.append)
    for given in (samples, samples / 32768, np.stack([samples, samples])):
        of_array: list[np.ndarray] = []
        detector().detect(given, RATE_HZ, on_block=of_array.append)
        assert np.array_equal(np.concatenate(of_array), np.concatenate(blocks))
        of_samples = detector().detect(given, RATE_HZ)
        assert of_samples.segments == of_file.segments
        assert of_samples.duration_seconds == of_file.duration_seconds
        assert np.array_equal(of_samples.probability["tone"], of_file.probability["tone"])


def test_samples_of_another_rate_are_converted() -> None:
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(10 * 8000) / 8000)
    found = detector().detect(wave, 8000)
    assert found.duration_seconds == pytest.approx(10, abs=0.01)
    assert found.probability["tone"] == pytest.approx([0.95] * 10)
    assert np.array_equal(detector().probabilities(wave, 8000)["tone"], found.probability["tone"])


@pytest.mark.parametrize(
    ("samples", "rate_hz", "message"),
    [
        (np.zeros(30000), None, "sample_rate_hz is None"),
        (np.zeros((30000, 2)), 8000, r"samples have the shape \(30000, 2\)"),
        (np.zeros(30000, dtype=complex), 8000, "samples are complex128"),
        (np.zeros(30000, dtype=np.int64), 8000, "samples are int64: give floats .* int8, int16 or int32"),
        (np.full(30000, 5000.0), 8000, "samples reach 5000: divide them by their full scale"),
        ([0.0] * 30000, 8000, "samples are list: give a NumPy array"),
        (np.zeros(30000), 8000.5, "sample_rate_hz is 8000.5"),
    ],
)
def test_samples_that_cannot_be_understood_are_refused(samples: np.ndarray, rate_hz: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        detector().detect(samples, rate_hz)


def test_a_sample_rate_may_be_a_numpy_integer_or_a_whole_float() -> None:
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(5 * 8000) / 8000)
    expected = detector().probabilities(wave, 8000)["tone"]
    for rate_hz in (np.int32(8000), 8000.0, np.float32(8000)):
        assert np.array_equal(detector().probabilities(wave, rate_hz)["tone"], expected)


# ---- streams


@pytest.mark.parametrize("source", [[0.0], "a.wav", io.StringIO("a")])
def test_what_is_no_stream_is_refused(source: object) -> None:
    with pytest.raises(InputError, match="give a file that is open for reading bytes"):
        list(detector().stream(source))


def test_a_stream_gives_the_segments_of_the_file(tmp_path: Path, rng: np.random.Generator) -> None:
    pieces = [noise(20, rng), tone(25), noise(15, rng), tone(1), noise(20, rng), tone(30.4)]
    path = write(np.concatenate(pieces), tmp_path / "a.wav")
    with open(path, "rb") as file:
        assert list(detector().stream(file)) == list(detector().detect(path))


def test_a_segment_of_a_stream_is_given_before_the_stream_has_ended(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write(np.concatenate([tone(20), noise(60, rng)]), tmp_path / "a.wav")
    n_read = 0

    class Counted(io.FileIO):
        def read(self, size: int = -1) -> bytes | None:
            nonlocal n_read
            data = super().read(size)
            n_read += len(data or b"")
            return data

    with Counted(path) as source:
        segment = next(detector().stream(source))
    assert segment.end_seconds == pytest.approx(20, abs=1)
    assert n_read / (2 * RATE_HZ) < 20 + 10


def test_a_damaged_stream_gives_its_segments_and_then_the_reason(tmp_path: Path) -> None:
    path = write(tone(30), tmp_path / "a.flac")
    data = path.read_bytes()
    found = []
    with pytest.raises(MediaError, match="the stream ") as error:
        found.extend(detector().stream(io.BytesIO(data[: len(data) // 2] + bytes(2000))))
    assert error.value.outcome == "corrupt"
    with pytest.raises(MediaError, match="the stream cannot be decoded"):
        list(detector().stream(io.BytesIO(b"Dear all")))


# ---- results


def test_a_result_becomes_a_table_a_data_frame_and_a_file(tmp_path: Path, rng: np.random.Generator) -> None:
    result = detector().detect(np.concatenate([noise(20, rng), tone(20)]), RATE_HZ)
    (segment,) = result
    assert result.to_arrow().to_pylist() == [segment._asdict()]
    assert result.to_pandas().to_dict("records") == [segment._asdict()]
    result.to_csv(tmp_path / "a.csv")
    assert read_csv(tmp_path / "a.csv", SEGMENT_COLUMNS).to_pylist() == [segment._asdict()]


def test_without_pandas_a_data_frame_is_refused_in_one_line() -> None:
    code = """
import sys
class WithoutPandas:
    def find_spec(self, name, *_):
        if name.split(".")[0] == "pandas":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, WithoutPandas())
from soundsift.detection.result import Detections
from soundsift.errors import InputError
try:
    Detections(0.0, {}, ()).to_pandas()
except InputError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True
    )
    assert done.stdout == "to_pandas() needs pandas: install it with pip install pandas, or use to_arrow()\n", (
        done.stderr
    )


def test_detection_imports_neither_tensorflow_nor_librosa() -> None:
    slow = ("tensorflow", "keras", "librosa", "numba", "sklearn", "pandas", "matplotlib", "pydub", "snakemake")
    code = f"""
import sys
import soundsift
assert soundsift.load
import soundsift.detection.listen
print([name for name in {slow} if name in sys.modules])
"""
    this_tree = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run([sys.executable, "-c", code], env=this_tree, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
