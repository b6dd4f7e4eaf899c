from pathlib import Path

import librosa
import numpy as np
import pyarrow as pa
import pytest

from soundsift import features
from soundsift.errors import InputError, TrainingError
from soundsift.features import STATISTICS, FeatureParams, frame_columns, frame_features, summarize, summary_columns
from soundsift.tables import write_parquet

RATE_HZ = 22050
PARAMS = FeatureParams()
NAMES = [column.name for column in frame_columns()]


def named(samples: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(NAMES, frame_features(samples, RATE_HZ, PARAMS).T, strict=True))


def odd_signals() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    n = 3 * RATE_HZ
    click = np.zeros(n, dtype=np.float32)
    click[n // 2] = 1.0
    noise = rng.normal(size=n).astype(np.float32) * 0.1
    return {
        "noise": noise,
        "clipped": np.clip(noise * 40, -1, 1),
        "constant": np.full(n, 0.3, dtype=np.float32),
        "click": click,
        "silence": np.zeros(n, dtype=np.float32),
    }


@pytest.mark.parametrize("name", odd_signals())
def test_every_column_equals_librosas_own_separate_call(name: str) -> None:
    y = odd_signals()[name]
    found = named(y)
    kwargs = {"y": y, "sr": RATE_HZ}
    separate = {
        "spectral_centroid_hz": librosa.feature.spectral_centroid(**kwargs)[0],
        "spectral_bandwidth_hz": librosa.feature.spectral_bandwidth(**kwargs)[0],
        "spectral_rolloff_hz": librosa.feature.spectral_rolloff(**kwargs, roll_percent=0.85)[0],
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(y)[0],
        "rms": librosa.feature.rms(S=np.abs(librosa.stft(y)))[0],
    }
    separate |= {f"mfcc_{i:02d}": row for i, row in enumerate(librosa.feature.mfcc(**kwargs, n_mfcc=20), start=1)}
    chroma = librosa.feature.chroma_stft(**kwargs, tuning=0.0)
    separate |= {f"chroma_{p}": row for p, row in zip(features.PITCH_CLASSES, chroma, strict=True)}
    assert set(separate) == set(NAMES[1:])
    for column, expected in separate.items():
        span = max(float(np.ptp(expected)), float(np.abs(expected).max()), 1e-6)
        assert np.abs(found[column] - expected).max() <= 1e-3 * span, column


def test_a_tone_has_its_centroid_pitch_class_and_level_where_they_belong(tone: np.ndarray) -> None:
    inside = {name: values[5:-5] for name, values in named(tone).items()}
    assert inside["spectral_centroid_hz"].mean() == pytest.approx(440, rel=0.02)
    assert inside["zero_crossing_rate"].mean() == pytest.approx(2 * 440 / RATE_HZ, rel=0.02)
    # rms() of a Hann-windowed spectrum sees the window: sqrt(3/8) of the level of 0.5 / sqrt(2)
    assert inside["rms"].mean() == pytest.approx(0.5 / np.sqrt(2) * np.sqrt(3 / 8), rel=0.01)
    assert inside["chroma_a"].min() == 1.0


def test_frames_are_centred_on_their_time(tone: np.ndarray) -> None:
    late = np.concatenate([np.zeros(RATE_HZ, dtype=np.float32), tone])
    found = named(late)
    loud = found["time_seconds"][found["rms"] > found["rms"].max() / 2]
    assert loud[0] == pytest.approx(1.0, abs=512 / RATE_HZ)
    assert len(found["rms"]) == 1 + len(late) // 512


def test_silence_has_finite_features() -> None:
    frames = frame_features(np.zeros(RATE_HZ, dtype=np.float32), RATE_HZ, PARAMS)
    assert np.isfinite(frames).all()
    assert np.isfinite(summarize(frames[:, 1:], list(STATISTICS))).all()


def test_statistics_of_a_ramp_are_known() -> None:
    ramp = np.arange(101, dtype=np.float32)[:, np.newaxis]
    expected = {"mean": 50, "std": np.sqrt((101**2 - 1) / 12), "median": 50, "p10": 10, "p90": 90, "delta_std": 0}
    assert dict(zip(STATISTICS, summarize(ramp, list(STATISTICS)), strict=True)) == pytest.approx(expected)


def test_columns_and_values_keep_one_order_and_the_last_is_not_lost() -> None:
    # mistake 3 of the first version: slicing the table dropped the last feature
    frames = np.arange(38, dtype=np.float32)[np.newaxis, :].repeat(4, axis=0)
    columns = [column.name for column in summary_columns(20, ["mean", "std"])]
    values = summarize(frames[:, 1:], ["mean", "std"])
    assert len(columns) == len(values) == 37 * 2
    assert columns[:3] == ["mfcc_01_mean", "mfcc_01_std", "mfcc_02_mean"]
    assert columns[-2:] == ["chroma_b_mean", "chroma_b_std"]
    assert dict(zip(columns, values, strict=True))["chroma_b_mean"] == 37.0
    assert NAMES[:2] == ["time_seconds", "mfcc_01"]
    assert NAMES[21:26] == [
        "spectral_centroid_hz",
        "spectral_bandwidth_hz",
        "spectral_rolloff_hz",
        "zero_crossing_rate",
        "rms",
    ]


def test_a_row_holds_more_than_means_and_every_pitch_class_by_itself() -> None:
    # mistake 4 of the first version: only means over time, chroma averaged over all pitch classes
    from soundsift.config import settle

    names = {column.name for column in summary_columns(20, settle({})["features"]["statistics"])}
    for frame_column in NAMES[1:]:
        assert {f"{frame_column}_mean", f"{frame_column}_std", f"{frame_column}_delta_std"} <= names
    assert sum(name.startswith("chroma_") and name.endswith("_mean") for name in names) == 12


def written_frames(tmp_path: Path, clip_id: str, params: FeatureParams = PARAMS) -> Path:
    frames = frame_features(np.random.default_rng(0).normal(size=RATE_HZ).astype(np.float32), RATE_HZ, params)
    path = tmp_path / f"{clip_id}.parquet"
    write_parquet(features.frames_table(frames, clip_id, RATE_HZ, params), path)
    return path


def test_a_frames_file_says_its_clip_parameters_units_and_version(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    schema = pq.read_schema(written_frames(tmp_path, "-abc_0"))
    assert schema.metadata[b"clip_id"] == b"-abc_0"
    assert schema.metadata[b"hop_length"] == b"512"
    assert schema.metadata[b"librosa"].decode() == librosa.__version__
    assert schema.field("spectral_centroid_hz").metadata[b"unit"] == b"Hz"
    assert all(field.type == pa.float32() and field.metadata[b"meaning"] for field in schema)


def test_a_batch_of_frames_becomes_one_row_a_clip(tmp_path: Path) -> None:
    paths = [written_frames(tmp_path, name) for name in ("a_0", "b_0")]
    table = features.summary_table(paths, ["mean"])
    assert table["clip_id"].to_pylist() == ["a_0", "b_0"]
    assert table.column_names[1:] == [column.name for column in summary_columns(20, ["mean"])]
    assert features.definition_of(table)["n_fft"] == "2048"


def test_frames_made_with_other_parameters_are_refused(tmp_path: Path) -> None:
    paths = [written_frames(tmp_path, "a_0"), written_frames(tmp_path, "b_0", FeatureParams(n_fft=1024))]
    with pytest.raises(InputError, match="other parameters"):
        features.summary_table(paths, ["mean"])


def test_an_empty_batch_has_no_rows() -> None:
    assert features.summary_table([], ["mean"]).num_rows == 0


def test_the_original_features_are_25_means_with_chroma_as_one(tmp_path: Path) -> None:
    table = features.summary_table([written_frames(tmp_path, "a_0")], ["mean", "std"])
    names = features.input_columns(table, "original")
    assert len(names) == 25
    assert names[0] == "chroma_mean"
    assert names[-1] == "mfcc_19_mean"
    matrix = features.feature_matrix(table, names)
    chroma = [table[f"chroma_{p}_mean"][0].as_py() for p in features.PITCH_CLASSES]
    assert matrix[0, 0] == pytest.approx(np.mean(chroma), rel=1e-6)
    assert features.feature_matrix(table, features.input_columns(table, "all")).shape == (1, 74)


def test_a_value_that_is_not_finite_is_refused_by_clip_and_column() -> None:
    table = pa.table({"clip_id": ["a_0", "b_0"], "rms_mean": [0.1, float("nan")]})
    with pytest.raises(TrainingError, match=r"nan in column rms_mean, clip b_0"):
        features.feature_matrix(table, ["rms_mean"])
    with pytest.raises(TrainingError, match="lacks the column rms_std"):
        features.feature_matrix(table, ["rms_std"])
