import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from soundsift.config.features import FeatureParams
from soundsift.demo import write_media
from soundsift.detection.listen import Detector, load
from soundsift.detection.segments import find_segments
from soundsift.detectors.model_file import Definition
from soundsift.errors import MediaError, TrainingError
from soundsift.features.definition import definition
from soundsift.features.frames import frame_features, frames_table
from soundsift.features.inputs import feature_matrix
from soundsift.features.summary import summary_table
from soundsift.media import clip_file, encode, levels
from soundsift.tables import write_parquet

RATE_HZ = 22050
COLUMNS = ["zero_crossing_rate_mean", "mfcc_02_std"]


class FakeModel:
    """Replaces a Keras model: few zero crossings are a tone. It stores its inputs."""

    def __init__(self) -> None:
        self.inputs: list[np.ndarray] = []

    def predict_on_batch(self, x: np.ndarray) -> dict[str, np.ndarray]:
        self.inputs.append(x)
        return {"tone": np.where(x[:, 0] < 0.1, 0.95, 0.05)}


def detector() -> Detector:
    known = Definition(COLUMNS, definition(RATE_HZ, FeatureParams()), {"tone": 0.5}, {"tone": [1.0, 0.0]})
    model: Any = FakeModel()
    return Detector(model, known)


def noise(seconds: float, rng: np.random.Generator) -> np.ndarray:
    return (0.1 * rng.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def tone(seconds: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def write(samples: np.ndarray, path: Path) -> Path:
    encode.write_clip(levels.as_segment(np.rint(samples * 32767).astype(np.int16), RATE_HZ), path)
    return path


def test_a_tone_in_noise_is_found_where_it_is(tmp_path: Path, rng: np.random.Generator) -> None:
    # longer than one block, with the tone across the boundary of two blocks
    path = write(np.concatenate([noise(110, rng), tone(25), noise(40.5, rng)]), tmp_path / "a.flac")
    result = detector().analyse(path)
    assert result.duration_seconds == pytest.approx(175.5, abs=1e-3)
    assert len(result.probability["tone"]) == 176
    (row,) = result.segments.to_pylist()
    assert row["detector"] == "tone"
    assert abs(row["start_seconds"] - 110) <= 1
    assert abs(row["end_seconds"] - 135) <= 1
    assert row["probability"] > 0.8
    assert (result.outcome, result.reason) == ("ok", "")


def test_a_window_has_the_features_of_a_clip_of_the_same_samples(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write(np.concatenate([noise(2, rng), tone(3)]), tmp_path / "a.wav")
    tested = detector()
    tested.detect(path)
    samples, _ = clip_file.read_samples(path)
    for at in range(3):
        clip = frame_features(samples[at * RATE_HZ : (at + 3) * RATE_HZ], RATE_HZ, FeatureParams())
        write_parquet(frames_table(clip, str(at), RATE_HZ, FeatureParams()), tmp_path / f"{at}.parquet")
    rows = summary_table([tmp_path / f"{at}.parquet" for at in range(3)], ["mean", "std"])
    (given,) = tested.model.inputs
    assert np.allclose(given[:3], feature_matrix(rows, COLUMNS), rtol=1e-5)


def test_silence_has_no_segments_whatever_the_model_predicts(tmp_path: Path) -> None:
    result = detector().analyse(write(np.zeros(20 * RATE_HZ), tmp_path / "a.flac"))
    assert result.outcome == "silent"
    assert result.segments.num_rows == 0


@pytest.mark.parametrize("seconds", [1.0, 2.99, 3.0, 3.01])
def test_the_shortest_recordings_are_one_segment(seconds: float, tmp_path: Path) -> None:
    (row,) = detector().detect(write(tone(seconds), tmp_path / "a.wav")).to_pylist()
    assert (row["start_seconds"], row["end_seconds"]) == (0.0, pytest.approx(seconds, abs=1e-3))


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
            detector().analyse(tmp_path / name)
        found[name] = error.value.outcome
    assert found == {
        "empty.mp3": "corrupt", "letter.wav": "corrupt", "short.wav": "too_short", "mute.mkv": "no_audio",
        "none.wav": "corrupt",
    }  # fmt: skip


@pytest.mark.parametrize("ending", ["flac", "wav", "mp3"])
def test_a_truncated_recording_is_analysed_up_to_its_end(ending: str, tmp_path: Path, rng: np.random.Generator) -> None:
    path = write(np.concatenate([tone(30), noise(30, rng)]), tmp_path / f"whole.{ending}")
    assert detector().analyse(path).reason == ""
    whole = path.read_bytes()
    (tmp_path / f"half.{ending}").write_bytes(whole[: len(whole) // 2])
    result = detector().analyse(tmp_path / f"half.{ending}")
    assert result.outcome == "ok"
    assert result.reason.startswith(f"half.{ending} ")
    assert "says 60.0 s and ends after" in result.reason
    assert result.segments["start_seconds"][0].as_py() == 0.0


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
    result = detector().analyse(tmp_path / "a.wav")
    assert result.duration_seconds == pytest.approx(10, abs=0.01)
    assert result.segments.num_rows == 1


def test_one_low_second_does_not_split_a_segment_and_one_high_second_makes_none() -> None:
    p = np.full(60, 0.02)
    p[10:30] = 0.98
    p[20], p[45] = 0.3, 0.7
    found = find_segments({"a": p, "b": 1 - p}, {"a": 0.5, "b": 0.5}, 59.5).to_pylist()
    assert [(row["detector"], row["start_seconds"], row["end_seconds"]) for row in found] == [
        ("a", 10.0, 30.0), ("b", 0.0, 10.0), ("b", 30.0, 59.5)
    ]  # fmt: skip


def test_the_threshold_decides() -> None:
    p = np.full(30, 0.6)
    assert find_segments({"a": p}, {"a": 0.5}, 30.0).num_rows == 1
    assert find_segments({"a": p}, {"a": 0.7}, 30.0).num_rows == 0


def test_the_probability_of_a_second_is_that_of_the_windows_that_contain_it(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    p = detector().analyse(write(np.concatenate([tone(10), noise(10, rng)]), tmp_path / "a.wav")).probability["tone"]
    # the model predicts 0.95 or 0.05: a window of three seconds that has some of both is one of them
    assert p[:8] == pytest.approx([0.95] * 8)
    assert p[12:] == pytest.approx([0.05] * 8)


@pytest.mark.parametrize(("doubt", "n_segments"), [(-2.5, 1), (-3.5, 2)])
def test_presence_lasts_twenty_seconds_on_average(doubt: float, n_segments: int) -> None:
    """Two changes cost twice log(0.95 / 0.05), 5.9: two contrary seconds of 2.5 each do not outweigh it, of 3.5 each they do."""
    p = np.full(40, 0.99)
    p[20:22] = 1 / (1 + np.exp(-doubt))
    found = find_segments({"a": p}, {"a": 0.5}, 40.0)
    assert found.num_rows == n_segments
    if n_segments == 1:
        assert found["probability"][0].as_py() == pytest.approx(p.mean(), abs=1e-4)


def test_one_window_cannot_outweigh_its_neighbours(tmp_path: Path) -> None:
    sure = detector()
    sure.model.predict_on_batch = lambda x: {"tone": np.where(np.arange(len(x)) == 10, 0.0, 0.99)}
    assert sure.analyse(write(tone(30), tmp_path / "a.wav")).segments.num_rows == 1


def test_damage_in_the_middle_is_reported(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "a.m4a"
    write_media(path, noise(30, rng).astype(np.float64), picture=False)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = rng.bytes(4000)
    path.write_bytes(data)
    result = detector().analyse(path)
    assert result.outcome == "ok"
    assert "packets that cannot be decoded" in result.reason


def test_without_tensorflow_the_error_names_the_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(
        TrainingError, match=r'^detection needs TensorFlow for now: pip install "soundsift\[workflow\]"$'
    ):
        load(tmp_path / "combined.keras")
