from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundsift.config.features import FeatureParams
from soundsift.errors import InputError
from soundsift.features import growing_parquet
from soundsift.features.definition import definition, definition_of
from soundsift.features.table import merge
from soundsift.media.columns import OUTCOME_COLUMNS
from soundsift.metadata.columns import CLIP_COLUMNS
from soundsift.tables import Column, schema_of, write_csv, write_parquet

FEATURE_COLUMNS = (Column("clip_id", pa.string(), "", "clip"), Column("rms_mean", pa.float32(), "full scale", "level"))
# out of alphabetical order, as lists are
BATCHES = {"train-00000": ["zz_0", "aa_0", "mm_0"], "train-00001": ["cc_0", "bb_0"]}
LEVEL = {"zz_0": 0.5, "aa_0": 0.25, "mm_0": 0.125, "cc_0": 1.0, "bb_0": 0.75}
TRUTH = {"zz_0": True, "aa_0": False, "mm_0": None, "cc_0": None, "bb_0": True}


class Run(NamedTuple):
    clips: pa.Table
    outcomes: list[Path]
    features: list[Path]
    features_path: Path
    coverage_path: Path


def clip_row(clip_id: str, batch: str) -> dict[str, object]:
    return {
        "clip_id": clip_id, "video_id": clip_id[:-2], "start_seconds": 0.0, "end_seconds": 10.0, "split": "train",
        "batch": batch, "labels": ["Music"], "label_ids": ["/m/04rlf"], "is_music": TRUTH[clip_id],
    }  # fmt: skip


def write_features(path: Path, clip_ids: Sequence[str], params: FeatureParams | None = None) -> Path:
    values = [pa.array(clip_ids, pa.string()), pa.array([LEVEL[i] for i in clip_ids], pa.float32())]
    schema = schema_of(FEATURE_COLUMNS, definition(22050, params or FeatureParams()))
    write_parquet(pa.Table.from_arrays(values, schema=schema), path)
    return path


def run(folder: Path, missing: Mapping[str, str] | None = None) -> Run:
    """Two batches whose features stand by name of the clip; ``missing`` is {clip: outcome}."""
    missing = missing or {}
    clips, outcomes, features = [], [], []
    for batch, ids in BATCHES.items():
        clips += [clip_row(i, batch) for i in ids]
        rows = [
            clip_row(i, batch) | {"outcome": missing[i], "reason": f"{missing[i]}, it says"}
            if i in missing
            else clip_row(i, batch)
            | {"outcome": "ok", "reason": "", "duration_seconds": 10.0, "peak_dbfs": -1.0, "loudness_dbfs": -20.0}
            for i in ids
        ]
        schema = pa.schema([(c.name, c.type) for c in OUTCOME_COLUMNS])
        outcomes.append(folder / f"{batch}.csv")
        write_csv(pa.Table.from_pylist(rows, schema=schema), outcomes[-1])
        features.append(write_features(folder / f"{batch}.parquet", sorted(set(ids) - set(missing))))
    schema = schema_of([*CLIP_COLUMNS, Column("is_music", pa.bool_(), "", "truth")])
    return Run(
        pa.Table.from_pylist(clips, schema=schema),
        outcomes, features, folder / "out" / "features.parquet", folder / "out" / "coverage.parquet",
    )  # fmt: skip


def refused(wanted: Run) -> str:
    with pytest.raises(InputError) as error:
        merge(*wanted)
    assert not list(wanted.features_path.parent.glob("*"))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_clips_stand_in_the_order_of_the_clip_table_each_with_its_own_features(tmp_path: Path) -> None:
    wanted = run(tmp_path)
    assert merge(*wanted) == (5, 5)
    table = pq.read_table(wanted.features_path)
    assert table["clip_id"].to_pylist() == ["zz_0", "aa_0", "mm_0", "cc_0", "bb_0"]
    assert table["rms_mean"].to_pylist() == [0.5, 0.25, 0.125, 1.0, 0.75]
    assert table["is_music"].to_pylist() == [True, False, None, None, True]
    assert table["labels"].to_pylist() == [["Music"]] * 5
    assert table["duration_seconds"].to_pylist() == [10.0] * 5


def test_a_missing_clip_is_in_the_coverage_and_not_in_the_features(tmp_path: Path) -> None:
    wanted = run(tmp_path, {"aa_0": "private", "bb_0": "unrecognised"})
    assert merge(*wanted) == (5, 3)
    assert pq.read_table(wanted.features_path)["clip_id"].to_pylist() == ["zz_0", "mm_0", "cc_0"]
    assert pq.read_table(wanted.features_path)["rms_mean"].to_pylist() == [0.5, 0.125, 1.0]
    coverage = pq.read_table(wanted.coverage_path)
    assert coverage["clip_id"].to_pylist() == ["zz_0", "aa_0", "mm_0", "cc_0", "bb_0"]
    assert coverage["outcome"].to_pylist() == ["ok", "private", "ok", "ok", "unrecognised"]
    assert coverage["reason"].to_pylist()[1] == "private, it says"
    assert coverage["duration_seconds"].to_pylist() == [10.0, None, 10.0, 10.0, None]
    assert coverage["is_music"].to_pylist() == [True, False, None, None, True]


def test_a_silent_clip_is_there(tmp_path: Path) -> None:
    wanted = run(tmp_path)
    text = wanted.outcomes[0].read_text()
    wanted.outcomes[0].write_text(text.replace('"ok"', '"silent"'))
    assert merge(*wanted) == (5, 5)


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_of_which_nothing_is_there_needs_no_features(batch: str, tmp_path: Path) -> None:
    wanted = run(tmp_path, dict.fromkeys(BATCHES[batch], "removed"))
    (tmp_path / f"{batch}.parquet").unlink()
    assert merge(*wanted) == (5, 5 - len(BATCHES[batch]))
    assert pq.read_table(wanted.coverage_path).num_rows == 5


def test_the_features_say_how_they_were_made(tmp_path: Path) -> None:
    wanted = run(tmp_path)
    merge(*wanted)
    table = pq.read_table(wanted.features_path)
    assert definition_of(table.schema) == definition(22050, FeatureParams())
    assert table.schema.field("rms_mean").metadata == {b"unit": b"full scale", b"meaning": b"level"}


def test_row_groups_hold_many_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing_parquet, "ROW_GROUP", 3)
    wanted = run(tmp_path, {"aa_0": "private"})
    merge(*wanted)
    for path, expected in ((wanted.features_path, [4]), (wanted.coverage_path, [3, 2])):
        found = pq.ParquetFile(path).metadata
        assert [found.row_group(i).num_rows for i in range(found.num_row_groups)] == expected


def test_batches_made_with_other_parameters_are_refused(tmp_path: Path) -> None:
    wanted = run(tmp_path)
    write_features(wanted.features[1], ["bb_0", "cc_0"], FeatureParams(n_fft=1024))
    assert refused(wanted).startswith("batch of clip cc_0 was made with other parameters")


def test_a_run_of_which_nothing_is_there_is_refused(tmp_path: Path) -> None:
    wanted = run(tmp_path, dict.fromkeys(TRUTH, "private"))
    assert refused(wanted).startswith("none of the 5 wanted clips is there")


@pytest.mark.parametrize("held", [["aa_0", "mm_0", "zz_0", "bb_0"], ["aa_0", "mm_0", "bb_0"]])
def test_features_of_other_clips_than_those_that_are_there_are_refused(held: list[str], tmp_path: Path) -> None:
    wanted = run(tmp_path)
    write_features(wanted.features[0], held)
    assert "train-00000.parquet has clips that are not there" in refused(wanted)


@pytest.mark.parametrize("held", [["aa_0", "mm_0"], []])
def test_a_clip_file_that_gave_no_features_is_a_corrupt_row_and_no_lost_batch(
    held: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = run(tmp_path, {"cc_0": "private"})
    write_features(wanted.features[0], held)
    assert merge(*wanted) == (5, len(held) + 1)
    assert pq.read_table(wanted.features_path)["clip_id"].to_pylist() == [*held, "bb_0"]
    coverage = pq.read_table(wanted.coverage_path)
    assert coverage.num_rows == 5
    corrupt = [row for row in coverage.to_pylist() if row["outcome"] == "corrupt"]
    assert [row["clip_id"] for row in corrupt] == [i for i in BATCHES["train-00000"] if i not in held]
    assert {row["reason"] for row in corrupt} == {
        "the clip file could not be read back: --forcerun convert_clips writes it again"
    }
    assert f"{len(corrupt)} clips of train-00000 are left out: the clip file could not be read back" in caplog.text


def test_outcomes_of_other_clips_are_refused_with_their_counts(tmp_path: Path) -> None:
    wanted = run(tmp_path)
    wanted.outcomes[1].write_text(wanted.outcomes[0].read_text())
    said = refused(wanted)
    assert "train-00001.csv lacks 2 of the 2 clips of its batch and has 3 others: delete it" in said
    assert "train-00000" not in said


def test_outcomes_that_end_before_their_batch_are_refused(tmp_path: Path) -> None:
    wanted = run(tmp_path)
    lines = wanted.outcomes[0].read_text().splitlines(keepends=True)
    wanted.outcomes[0].write_text("".join(lines[:-1]))
    assert "train-00000.csv lacks 1 of the 3 clips of its batch and has 0 others" in refused(wanted)


def test_a_batch_without_outcomes_is_refused_by_its_name(tmp_path: Path) -> None:
    wanted = run(tmp_path)
    said = refused(wanted._replace(outcomes=wanted.outcomes[:1], features=wanted.features[:1]))
    assert said.startswith("the clip table and the list of batches differ (train-00001): run again with")
    swapped = wanted._replace(outcomes=wanted.outcomes[::-1], features=wanted.features[::-1])
    assert "differ (in their order)" in refused(swapped)


def test_features_that_do_not_say_how_they_were_made_are_refused(tmp_path: Path) -> None:
    wanted = run(tmp_path)
    write_parquet(pq.read_table(wanted.features[0]).replace_schema_metadata(None), wanted.features[0])
    assert "does not say its sample_rate_hz" in refused(wanted)
