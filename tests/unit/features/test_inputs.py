from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundsift.config.features import FeatureParams
from soundsift.errors import InputError, TrainingError
from soundsift.features import inputs, summary
from soundsift.features.definition import PITCH_CLASSES, definition_of, frame_columns
from soundsift.features.frames import frame_features, frames_table
from soundsift.features.statistics import FrameSeries, summarize, summary_columns
from soundsift.tables import write_parquet

RATE_HZ = 22050
PARAMS = FeatureParams()
NAMES = [column.name for column in frame_columns()]


def test_columns_and_values_keep_one_order_and_the_last_is_not_lost() -> None:
    # mistake 3 of the first version: slicing the table dropped the last feature
    frames = np.arange(len(NAMES), dtype=np.float32)[np.newaxis, :].repeat(4, axis=0)
    columns = [column.name for column in summary_columns(20, ["mean", "std"])]
    values = summarize(FrameSeries(frames[:, 1:], 43.0), ["mean", "std"])
    assert len(columns) == len(values) == (len(NAMES) - 1) * 2
    assert columns[:3] == ["mfcc_01_mean", "mfcc_01_std", "mfcc_02_mean"]
    assert columns[-2:] == ["chroma_b_mean", "chroma_b_std"]
    assert dict(zip(columns, values, strict=True))["chroma_b_mean"] == NAMES.index("chroma_b")
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
    from soundsift.config.settings import settle

    names = {column.name for column in summary_columns(20, settle({})["features"]["statistics"])}
    for frame_column in NAMES[1:]:
        assert {f"{frame_column}_mean", f"{frame_column}_std", f"{frame_column}_delta_std"} <= names
    assert sum(name.startswith("chroma_") and name.endswith("_mean") for name in names) == 12


def written_frames(tmp_path: Path, clip_id: str, params: FeatureParams = PARAMS) -> Path:
    frames = frame_features(np.random.default_rng(0).normal(size=RATE_HZ).astype(np.float32), RATE_HZ, params)
    path = tmp_path / f"{clip_id}.parquet"
    write_parquet(frames_table(frames, clip_id, RATE_HZ, params), path)
    return path


def test_a_batch_of_frames_becomes_one_row_a_clip(tmp_path: Path) -> None:
    paths = [written_frames(tmp_path, name) for name in ("a_0", "b_0")]
    table = summary.summary_table(paths, ["mean"])
    assert table["clip_id"].to_pylist() == ["a_0", "b_0"]
    assert table.column_names[1:-1] == [column.name for column in summary_columns(20, ["mean"])]
    assert definition_of(table.schema)["n_fft"] == "2048"


def test_frames_made_with_other_parameters_are_refused(tmp_path: Path) -> None:
    paths = [written_frames(tmp_path, "a_0"), written_frames(tmp_path, "b_0", FeatureParams(n_fft=1024))]
    with pytest.raises(InputError, match="other parameters"):
        summary.summary_table(paths, ["mean"])


def test_an_empty_batch_has_no_rows() -> None:
    assert summary.summary_table([], ["mean"]).num_rows == 0


def test_the_original_features_are_25_means_with_chroma_as_one(tmp_path: Path) -> None:
    table = summary.summary_table([written_frames(tmp_path, "a_0")], ["mean", "std"])
    names = inputs.input_columns(table.column_names, "original")
    assert len(names) == 25
    assert names[0] == "chroma_mean_of_mean"
    assert names[-1] == "mfcc_19_mean"
    matrix = inputs.feature_matrix(table, names)
    chroma = [table[f"chroma_{p}_mean"][0].as_py() for p in PITCH_CLASSES]
    assert matrix[0, 0] == pytest.approx(np.mean(chroma), rel=1e-6)
    assert inputs.has_original(table.column_names)
    assert not inputs.has_original([name for name in table.column_names if name != "chroma_b_mean"])


def test_all_inputs_are_the_same_in_every_key(tmp_path: Path) -> None:
    table = summary.summary_table([written_frames(tmp_path, "a_0")], ["mean", "std"])
    names = inputs.input_columns(table.column_names, "all")
    n_single = sum(not name.startswith("chroma_") for name in NAMES[1:])
    assert len(names) == len(set(names)) == n_single * 2 + 4 * 2
    assert names[-4:] == [f"chroma_{how}_of_std" for how in ("mean", "std", "min", "max")]
    higher = table.rename_columns(
        {
            f"chroma_{pitch}_{statistic}": f"chroma_{PITCH_CLASSES[(i + 5) % 12]}_{statistic}"
            for i, pitch in enumerate(PITCH_CLASSES) for statistic in ("mean", "std")
        }
    )  # fmt: skip
    assert inputs.feature_matrix(higher, names) == pytest.approx(inputs.feature_matrix(table, names), abs=1e-6)
    one = dict(zip(names, inputs.feature_matrix(table, names)[0], strict=True))
    assert one["chroma_max_of_mean"] == max(table[f"chroma_{p}_mean"][0].as_py() for p in PITCH_CLASSES)


def test_a_long_table_is_read_piece_by_piece(tmp_path: Path) -> None:
    table = pa.table({"clip_id": list(map(str, range(50))), "rms_mean": np.arange(50.0), "labels": [["a"]] * 50})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=16)
    pieces = list(inputs.matrices(tmp_path / "t.parquet", ["rms_mean"]))
    assert [len(piece) for piece in pieces] == [16, 16, 16, 2]
    assert np.concatenate(pieces)[:, 0].tolist() == list(range(50))
    with pytest.raises(TrainingError, match="lacks the column rms_std"):
        list(inputs.matrices(tmp_path / "t.parquet", ["rms_std"]))
    content = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"t\.parquet cannot be read as Parquet \(.*\): delete it and run again"):
        list(inputs.matrices(tmp_path / "t.parquet", ["rms_mean"]))


def test_a_value_that_is_not_finite_is_refused_by_clip_and_column() -> None:
    table = pa.table({"clip_id": ["a_0", "b_0"], "rms_mean": [0.1, float("nan")]})
    with pytest.raises(TrainingError, match=r"nan in column rms_mean, clip b_0"):
        inputs.feature_matrix(table, ["rms_mean"])
    with pytest.raises(TrainingError, match="lacks the column rms_std"):
        inputs.feature_matrix(table, ["rms_std"])
