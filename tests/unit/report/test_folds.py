from dataclasses import replace
from pathlib import Path

import pytest

from soundsift.detectors.metrics import Interval
from soundsift.errors import InputError
from soundsift.report.folds import FOLD_COLUMNS, add_fold, settings_digest
from soundsift.report.run import lines, opening
from soundsift.tables import read_csv
from tests.unit.detectors.test_metrics import not_judged
from tests.unit.report.test_run import COUNTS, music


def add(path: Path, fold: str, accuracy: float, settings: str = "s1") -> list[str]:
    metrics = music()
    assert metrics.performance is not None
    performance = replace(metrics.performance, accuracy=Interval(accuracy, 0.0, 1.0))
    return add_fold(path, fold, {"music": replace(metrics, performance=performance)}, {"music": settings})


def test_the_mean_and_the_spread_are_over_all_folds_that_were_run(tmp_path: Path) -> None:
    path = tmp_path / "folds.csv"
    assert add(path, "1", 0.5) == [f"music: fold 1 is the first in {path}. Run the other folds for their mean."]
    add(path, "10", 0.9)
    (text,) = add(path, "2", 0.7)
    assert (
        f"music, mean of 3 folds (1, 2, 10; {path}): accuracy 70.0% (standard deviation 20.0%, 50.0% to 90.0%)" in text
    )
    assert "balanced accuracy 80.0% (standard deviation 0.0%, 80.0% to 80.0%), ROC AUC 0.800" in text
    assert read_csv(path, FOLD_COLUMNS)["accuracy"].to_pylist() == [0.5, 0.9, 0.7]


def test_a_fold_that_is_run_again_replaces_its_row_and_other_settings_are_not_averaged(tmp_path: Path) -> None:
    path = tmp_path / "folds.csv"
    add(path, "1", 0.5)
    add(path, "2", 0.7, settings="s2")
    (text,) = add(path, "1", 0.6)
    assert text.endswith("their mean. Runs with other lists or settings are not included (1).")
    (text,) = add(path, "2", 0.8)
    assert "accuracy 70.0%" in text and text.endswith(". Runs with other lists or settings are not included (1).")
    assert read_csv(path, FOLD_COLUMNS).num_rows == 3


def test_the_digest_depends_on_the_content_of_the_lists_and_on_the_settings(tmp_path: Path) -> None:
    for name, text in (("a.csv", "x"), ("b.csv", "x"), ("c.csv", "y")):
        (tmp_path / name).write_text(text)
    a, b, c = (settings_digest([tmp_path / f"{name}.csv"], {"clips": 1}) for name in "abc")
    assert a == b != c
    assert a != settings_digest([tmp_path / "a.csv"], {"clips": 2})


def test_a_damaged_table_of_folds_is_named(tmp_path: Path) -> None:
    (tmp_path / "folds.csv").write_text("fold\n1\n")
    with pytest.raises(InputError, match="folds.csv lacks the columns detector.*: delete it and run again"):
        add(tmp_path / "folds.csv", "1", 0.5)


def test_summary_and_report_have_the_sentences_about_folds() -> None:
    sentence = "music, mean of 5 folds"
    assert sentence in lines(COUNTS, {}, {}, {"music": music()}, False, of_folds=[sentence]).splitlines()
    svg = "<svg><title>x</title><desc>y</desc></svg>"
    assert f"<li>{sentence}</li>" in opening(COUNTS, {}, {"music": music()}, [svg, svg], [sentence])


def test_a_fold_in_which_a_detector_was_not_judged_is_named_and_not_averaged(tmp_path: Path) -> None:
    path = tmp_path / "folds.csv"
    because = " Not judged, because of too few clips with or without it: fold 1."
    (text,) = add_fold(path, "1", {"music": not_judged("music")}, {"music": "s1"})
    assert text == f"music: no fold in {path} could be judged.{because}"
    assert add(path, "2", 0.5)[0].endswith(f"Run the other folds for their mean.{because}")
    (text,) = add(path, "3", 0.7)
    assert f"music, mean of 2 folds (2, 3; {path}): accuracy 60.0%" in text
    assert text.endswith(because)
    assert read_csv(path, FOLD_COLUMNS)["accuracy"].to_pylist() == [None, 0.5, 0.7]
