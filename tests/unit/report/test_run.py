import pyarrow as pa
import pytest

from soundsift.detectors.metrics import METRICS
from soundsift.report.run import detector_table, lines, opening, unrecognised

COUNTS = {"train": {"ok": 6, "private": 2, "silent": 1}, "eval": {"ok": 3, "removed": 3, "private": 1}}


def figures(value: float) -> dict[str, dict[str, float]]:
    return {name: {"value": value, "low": value - 0.05, "high": value + 0.05} for name in METRICS}


def judged() -> dict[str, object]:
    return {
        **figures(0.8), "accuracy": {"value": 0.85, "low": 0.8, "high": 0.9}, "positives": 20, "n_eval": 60,
        "confusion": {"tp": 15, "fn": 5, "fp": 4, "tn": 36},
        "baselines": {"logistic_regression": figures(0.7), "always_no": figures(2 / 3)},
    }  # fmt: skip


def test_the_first_lines_say_what_is_there_and_what_is_missing() -> None:
    text = lines(COUNTS, {}, {}, {}, is_demo=False).splitlines()
    assert text[0] == "10 of 16 wanted clips are there (62.5%)."
    assert text[1] == "Missing: 3 private, 3 removed; clip by clip in results/missing.csv."
    assert text[-1].startswith("Report: results/report.html.")
    assert len(text) == 3


def test_rows_left_out_are_counted_by_reason_most_frequent_first() -> None:
    text = lines(COUNTS, {"repeated": 1, "inaccurate": 2000}, {}, {}, is_demo=False).splitlines()
    assert text[0] == "16 of the lists' 2,017 rows are wanted clips; left out: 2,000 inaccurate, 1 repeated."


def test_errors_that_nobody_knows_are_told_in_full_and_counted_over_videos() -> None:
    reasons = ["[youtube] aa: The moon is full", "[youtube] bb: The moon is full", "[youtube] cc: Private"]
    missing = pa.table(
        {"video_id": ["aa", "bb", "cc"], "outcome": ["unrecognised", "unrecognised", "private"], "reason": reasons}
    )
    found = unrecognised(missing)
    assert found == {"[youtube] ...: The moon is full": 2}
    text = lines(COUNTS, {}, found, {}, False)
    assert "Unrecognised on 2 clips, worth reporting: [youtube] ...: The moon is full" in text


def test_nothing_is_said_of_missing_clips_where_none_is_missing() -> None:
    text = lines({"train": {"ok": 3, "silent": 1}}, {}, {}, {}, is_demo=False)
    assert text.startswith("4 of 4 wanted clips are there (100.0%).\nReport:")
    assert "Missing" not in text


def test_a_detector_is_told_in_one_line_of_clips() -> None:
    text = lines(COUNTS, {}, {}, {"music": judged()}, is_demo=False).splitlines()
    assert text[2] == (
        "music: finds 15 of 20 clips with it, claims 4 of 40 without it. Right on 85.0%; always saying no: 66.7%. "
        "Balanced accuracy 80.0% (95 % interval 75.0% to 85.0%, 60 clips)."
    )


@pytest.mark.parametrize("is_demo", [True, False])
def test_only_the_demo_is_called_synthetic(is_demo: bool) -> None:
    text = lines(COUNTS, {}, {}, {"music": judged()}, is_demo)
    assert ("This is the demo: its sound is synthetic" in text) == is_demo
    assert text.endswith("\n") and not text.endswith("\n\n")


def test_the_table_of_a_detector_has_its_baselines_beside_it() -> None:
    table = detector_table(judged())
    assert table.column_names == ["metric", "this detector", "logistic regression", "always no"]
    assert table["metric"].to_pylist() == [name.replace("_", " ") for name in METRICS]
    assert table["this detector"].to_pylist()[0] == "0.850 (0.800 to 0.900)"
    assert table["logistic regression"].to_pylist()[0] == "0.700 (0.650 to 0.750)"


def test_the_report_opens_with_counts_reasons_and_each_detector_in_a_hundred_clips() -> None:
    svg = "<svg><title>{}</title><desc>in words</desc></svg>"
    text = opening(COUNTS, {"repeated": 4}, {"music": judged()}, [svg.format("coverage"), svg.format("answers")])
    assert "16 of the lists' 20 rows".replace("'", "&#x27;") in text
    assert "10 of 16 wanted clips are there (62.5%). Missing: 3 private, 3 removed; clip by clip in" in text
    assert (
        "<li>music: finds 75 of 100 clips with music and wrongly claims 10 of 100 without (15 of 20 "
        "and 4 of 40 were counted). It is right on 85.0% of 60 "
        "eval clips; always saying no would be right on 66.7%.</li>"
    ) in text
    assert text.index('alt="coverage. in words"') < text.index("<li>") < text.index('alt="answers. in words"')
