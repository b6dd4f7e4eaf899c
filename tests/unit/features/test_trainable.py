from pathlib import Path

import pyarrow as pa
import pytest

from soundsift.errors import TrainingError
from soundsift.features.trainable import check_trainable
from soundsift.tables import write_parquet


def table(path: Path, **truths: list[bool | None]) -> Path:
    """Six training clips and two eval clips."""
    splits = ["train"] * 6 + ["eval"] * 2
    columns = {f"is_{name}": pa.array(values, pa.bool_()) for name, values in truths.items()}
    write_parquet(pa.table({"split": splits, **columns}), path)
    return path


GOOD = [True, False, False, None, True, None, None, None]


def test_all_detectors_that_cannot_be_trained_are_named_in_one_line(tmp_path: Path) -> None:
    rare: list[bool | None] = [True, *[False] * 5, True, True]
    common: list[bool | None] = [*[True] * 5, None, False, False]
    path = table(tmp_path / "features.parquet", rare=rare, good=GOOD, common=common)
    with pytest.raises(TrainingError) as error:
        check_trainable(path)
    assert str(error.value).startswith(
        "detectors.rare (1 with it, 5 without, 0 unknown), detectors.common (5 with it, 0 without, 1 unknown) cannot be "
        "trained: of the 6 training clips that were obtained at least 2 must have the class and 2 must not: "
    )
    assert "\n" not in str(error.value)


def test_two_training_clips_of_each_side_are_enough(tmp_path: Path) -> None:
    check_trainable(table(tmp_path / "features.parquet", good=GOOD))
