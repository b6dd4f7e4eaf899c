from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundsift.config.features import FeatureParams
from soundsift.errors import InputError
from soundsift.features import augmented_table
from soundsift.features.augmented_columns import VERSION_COLUMNS
from soundsift.features.definition import definition, definition_of
from soundsift.features.sequence import SEQUENCE_COLUMN
from soundsift.features.table import merge
from soundsift.tables import read_parquet, schema_of, write_parquet
from tests.unit.features.test_table import FEATURE_COLUMNS, run


def test_the_truth_of_a_version_follows_from_its_clips(tmp_path: Path) -> None:
    made = run(tmp_path)
    merge(made.clips, made.outcomes, made.features, made.features_path, made.coverage_path)
    versions = [
        ("zz_0", 1, None, False, 0.1, b"s"), ("aa_0", 1, None, True, 0.2, None), ("aa_0", 2, "zz_0", False, 0.3, b"s"),
        ("aa_0", 3, "mm_0", False, 0.4, b"s"), ("mm_0", 1, "zz_0", False, 0.5, b"s"),
        ("gone_0", 1, None, False, 0.6, b"s"), ("aa_0", 4, "gone_0", False, 0.7, b"s"),
    ]  # fmt: skip
    columns = (*VERSION_COLUMNS, FEATURE_COLUMNS[1], SEQUENCE_COLUMN)
    table = pa.table(list(zip(*versions, strict=True)), schema=schema_of(columns, definition(22050, FeatureParams())))
    write_parquet(table, tmp_path / "augmented" / "train-00000.parquet")
    assert (
        augmented_table.merge(made.features_path, [tmp_path / "augmented" / "train-00000.parquet"], tmp_path / "a") == 5
    )
    found = read_parquet(tmp_path / "a")
    assert found["clip_id"].to_pylist() == ["zz_0", "aa_0", "aa_0", "aa_0", "mm_0"]
    # the class is present in zz, absent in aa and unknown in mm
    assert found["is_music"].to_pylist() == [True, False, True, None, True]
    assert found["video_id"].to_pylist() == ["zz", "aa", "aa", "aa", "mm"]
    assert found["partner_video_id"].to_pylist() == [None, None, "zz", "mm", "zz"]
    assert found["is_window"].to_pylist() == [False, True, False, False, False]
    assert "sequence" not in found.column_names
    assert found["rms_mean"].to_pylist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert definition_of(found.schema) == definition_of(pq.read_schema(made.features_path))


def test_versions_made_with_other_parameters_are_refused(tmp_path: Path) -> None:
    made = run(tmp_path)
    merge(made.clips, made.outcomes, made.features, made.features_path, made.coverage_path)
    columns = (*VERSION_COLUMNS, FEATURE_COLUMNS[1])
    other = schema_of(columns, definition(22050, FeatureParams(n_fft=1024)))
    write_parquet(
        pa.table([["zz_0"], [1], pa.nulls(1, pa.string()), [False], [0.1]], schema=other),
        tmp_path / "train-00000.parquet",
    )
    with pytest.raises(InputError, match="made with other parameters .*--forcerun augment_clips"):
        augmented_table.merge(made.features_path, [tmp_path / "train-00000.parquet"], tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("alone", "together", "warning"), [(2, 18, False), (3, 17, True), (1, 0, True), (0, 20, False)]
)
def test_clips_that_are_alone_in_their_batch_are_counted_in_one_warning(
    alone: int, together: int, warning: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = run(tmp_path)
    merge(made.clips, made.outcomes, made.features, made.features_path, made.coverage_path)
    columns = (*VERSION_COLUMNS, FEATURE_COLUMNS[1])
    schema = schema_of(columns, definition(22050, FeatureParams()))
    batches = [[f"alone{i}"] for i in range(alone)] + [[f"together{i}" for i in range(together)]]
    paths = []
    for number, clip_ids in enumerate(batches):
        rows = [(clip_id, version, None, False, 0.1) for clip_id in clip_ids for version in (1, 2)]
        columns_of_rows = list(zip(*rows, strict=True)) if rows else [[]] * len(columns)
        paths.append(tmp_path / f"train-{number:05d}.parquet")
        write_parquet(pa.table(columns_of_rows, schema=schema), paths[-1])
    augmented_table.merge(made.features_path, paths, tmp_path / "a.parquet")
    expected = (
        f"{alone} of {alone + together} training clips have no clip mixed in, because they are alone in their batch"
    )
    assert [message.startswith(expected) for message in caplog.messages] == [True] * warning


def test_without_any_version_the_table_is_empty(tmp_path: Path) -> None:
    made = run(tmp_path)
    merge(made.clips, made.outcomes, made.features, made.features_path, made.coverage_path)
    assert augmented_table.merge(made.features_path, [], tmp_path / "a.parquet") == 0
    table = read_parquet(tmp_path / "a.parquet")
    assert table.num_rows == 0
    assert table.column_names[-1] == "is_music"
