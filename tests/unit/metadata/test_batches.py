from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundsift.errors import InputError
from soundsift.metadata import batches
from soundsift.metadata.batches import Clip
from soundsift.planning import read_batches


def clips(n_rows: int, batch_size: int = 4, without: tuple[int, ...] = (), label: str = "Dog") -> pa.Table:
    rows = np.array([i for i in range(n_rows) if i not in without])
    return pa.table(
        {
            "clip_id": [f"{i:011d}_{i}000" for i in rows],
            "video_id": [f"{i:011d}" for i in rows],
            "start_seconds": [float(i) for i in rows],
            "end_seconds": [i + 9.5 for i in rows],
            "split": ["train"] * len(rows),
            "batch": batches.batch_names("train", rows, batch_size),
            "labels": [[label]] * len(rows),
            "is_dog": [label == "Dog"] * len(rows),
        }
    )


def written(table: pa.Table, folder: Path) -> dict[str, bytes]:
    names = folder.with_suffix(".txt")
    assert batches.write_batches(table, folder, names) == len(list(folder.iterdir()))
    sizes = {path.stem: path.stat().st_size for path in folder.iterdir()}
    assert read_batches(names) == sizes
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_batch_is_a_run_of_rows_counted_from_zero() -> None:
    names = batches.batch_names("unbalanced", np.array([0, 3, 4, 11, 40_000]), 4)
    assert names.to_pylist() == [
        "unbalanced-00000",
        "unbalanced-00000",
        "unbalanced-00001",
        "unbalanced-00002",
        "unbalanced-10000",
    ]


def test_a_batch_of_one_is_a_batch_per_row() -> None:
    assert batches.batch_names("eval", np.array([0, 1, 2]), 1).to_pylist() == ["eval-00000", "eval-00001", "eval-00002"]


def test_an_empty_list_has_no_batches(tmp_path: Path) -> None:
    assert batches.batch_names("train", np.array([], dtype=np.int64), 4).to_pylist() == []
    assert batches.write_batches(clips(0), tmp_path / "batches", tmp_path / "batches.txt") == 0
    assert list((tmp_path / "batches").iterdir()) == []


def test_every_clip_is_in_the_file_of_its_batch(tmp_path: Path) -> None:
    table = pa.concat_tables([clips(10), clips(3).set_column(5, "batch", pa.array(["eval-00000"] * 3))])
    assert set(written(table, tmp_path / "b")) == {
        f"{n}.csv" for n in ("train-00000", "train-00001", "train-00002", "eval-00000")
    }
    assert list(read_batches(tmp_path / "b.txt")) == ["train-00000", "train-00001", "train-00002", "eval-00000"]
    assert [clip.clip_id for clip in batches.read_batch(tmp_path / "b" / "train-00001.csv")] == [
        f"{i:011d}_{i}000" for i in (4, 5, 6, 7)
    ]
    assert batches.read_batch(tmp_path / "b" / "train-00002.csv")[1] == Clip(
        "00000000009_9000", "00000000009", 9.0, 18.5
    )
    assert len(batches.read_batch(tmp_path / "b" / "eval-00000.csv")) == 3


def test_appended_rows_change_the_last_batch_and_add_new_ones(tmp_path: Path) -> None:
    before, after = written(clips(10), tmp_path / "before"), written(clips(13), tmp_path / "after")
    assert {name for name in after if after[name] != before.get(name)} == {"train-00002.csv", "train-00003.csv"}


def test_a_stricter_filter_changes_only_the_batch_that_loses_a_row(tmp_path: Path) -> None:
    before, after = written(clips(12), tmp_path / "before"), written(clips(12, without=(5,)), tmp_path / "after")
    assert {name for name in before if after[name] != before[name]} == {"train-00001.csv"}


def test_labels_never_enter_a_batch(tmp_path: Path) -> None:
    assert written(clips(10), tmp_path / "before") == written(clips(10, label="Music"), tmp_path / "after")


def test_a_batch_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train-00000.csv").write_text("clip_id,video_id\na,b\n")
    with pytest.raises(InputError, match="lacks the columns start_seconds, end_seconds"):
        batches.read_batch(tmp_path / "train-00000.csv")
