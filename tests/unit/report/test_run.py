from dataclasses import replace

import pyarrow as pa
import pytest

from soundsift.detectors.metrics import METRICS, Confusion, DetectorMetrics, Interval
from soundsift.report.run import detector_table, lines, opening, overview_table, unrecognised
from tests.unit.detectors.test_metrics import HELD_OUT, not_judged, performance

COUNTS = {"train": {"ok": 6, "private": 2, "silent": 1}, "eval": {"ok": 3, "removed": 3, "private": 1}}


def music() -> DetectorMetrics:
    own = replace(performance(0.8, Confusion(tn=36, fp=4, fn=5, tp=15)), accuracy=Interval(0.85, 0.8, 0.9))
    baselines = {"logistic_regression": performance(0.7), "always_no": performance(2 / 3)}
    return DetectorMetrics(
        detector="music", n_train=100, n_eval=60, n_unknown=0, positives=20, train_positives=50,
        threshold=0.4, held_out=None, performance=own, brier_score_uncalibrated=0.1, baselines=baselines,
    )  # fmt: skip


def test_the_first_lines_say_what_is_there_and_what_is_missing() -> None:
    text = lines(COUNTS, {}, {}, {}, is_demo=False).splitlines()
    assert text[0] == "10 of 16 wanted clips are there (62.5%)."
    assert text[1] == "Missing: 3 private, 3 removed; clip by clip in results/missing.csv."
    assert text[-1].startswith("Report: results/report.html.")
    assert len(text) == 3


def test_rows_left_out_are_counted_by_reason_most_frequent_first() -> None:
    text = lines(COUNTS, {"repeated": 1, "inaccurate": 2000}, {}, {}, is_demo=False).splitlines()
    assert text[0] == "16 of the lists' 2,017 rows are wanted clips; left out: 2,000 inaccurate, 1 repeated."


def test_unrecognised_errors_are_shown_in_full_and_counted_over_videos() -> None:
    reasons = ["[youtube] aa: The moon is full", "[youtube] bb: The moon is full", "[youtube] cc: Private"]
    missing = pa.table(
        {"video_id": ["aa", "bb", "cc"], "outcome": ["unrecognised", "unrecognised", "private"], "reason": reasons}
    )
    found = unrecognised(missing)
    assert found == {"[youtube] ...: The moon is full": 2}
    text = lines(COUNTS, {}, found, {}, False)
    assert "Unrecognised error on 2 clips, please report it: [youtube] ...: The moon is full" in text


def test_missing_clips_are_not_mentioned_where_none_is_missing() -> None:
    text = lines({"train": {"ok": 3, "silent": 1}}, {}, {}, {}, is_demo=False)
    assert text.startswith("4 of 4 wanted clips are there (100.0%).\nReport:")
    assert "Missing" not in text


def test_a_detector_has_one_line_of_clip_counts() -> None:
    text = lines(COUNTS, {}, {}, {"music": music()}, is_demo=False).splitlines()
    assert text[2] == (
        "music: finds 15 of 20 clips with it; 4 false alarms in 40 clips without it. Accuracy 85.0% (always answering no: "
        "66.7%). Balanced accuracy 80.0% (95 % interval 75.0% to 85.0%, 60 clips)."
    )


def test_no_error_among_few_clips_is_not_said_to_be_certain() -> None:
    judged = music()
    assert judged.performance is not None
    perfect = replace(judged.performance, confusion=Confusion(tn=40, fp=0, fn=0, tp=20))
    text = lines(COUNTS, {}, {}, {"music": replace(judged, performance=perfect)}, is_demo=False)
    assert "(no error in 60 clips; at a true error rate of 4.9%, one list in twenty has none)." in text
    of_twenty = (1 - 0.049) ** 60
    assert of_twenty == pytest.approx(0.05, abs=0.002)


@pytest.mark.parametrize("is_judged", [True, False])
def test_a_detector_that_learned_little_is_named(is_judged: bool) -> None:
    metrics = music() if is_judged else not_judged("music")
    little = replace(HELD_OUT, low=0.45)
    text = lines(COUNTS, {}, {}, {"music": replace(metrics, held_out=little)}, is_demo=False)
    assert "\nBe careful with music: on the training clips that its networks held out it is not clearly better" in text
    assert "Be careful" not in lines(COUNTS, {}, {}, {"music": replace(metrics, held_out=HELD_OUT)}, is_demo=False)


@pytest.mark.parametrize("is_demo", [True, False])
def test_only_the_demo_is_called_synthetic(is_demo: bool) -> None:
    text = lines(COUNTS, {}, {}, {"music": music()}, is_demo)
    assert ("This is the demo: its sound is synthetic" in text) == is_demo
    assert text.endswith("\n") and not text.endswith("\n\n")


def test_the_table_of_a_detector_has_its_baselines_beside_it() -> None:
    table = detector_table(music())
    assert table.column_names == ["metric", "this detector", "logistic regression", "always no"]
    assert table["metric"].to_pylist() == [name.replace("_", " ") for name in METRICS]
    assert table["this detector"].to_pylist()[0] == "0.850 (0.800 to 0.900)"
    assert table["logistic regression"].to_pylist()[0] == "0.700 (0.650 to 0.750)"


def test_the_report_opens_with_counts_reasons_and_each_detector_in_a_hundred_clips() -> None:
    svg = "<svg><title>{}</title><desc>in words</desc></svg>"
    text = opening(COUNTS, {"<repeated>": 4}, {"music": music()}, [svg.format("coverage"), svg.format("answers")])
    assert "16 of the lists&#39; 20 rows are wanted clips; left out: 4 &lt;repeated&gt;." in text
    assert "10 of 16 wanted clips are there (62.5%). Missing: 3 private, 3 removed; clip by clip in" in text
    assert (
        "<li>music: finds 75 of 100 clips with music (15 of 20) and reports a false alarm in 10 of 100 clips without music "
        "(4 of 40). Its accuracy on 60 eval clips is 85.0%; always answering no has 66.7%.</li>"
    ) in text
    assert text.index('alt="coverage. in words"') < text.index("<li>") < text.index('alt="answers. in words"')


def test_detectors_that_were_not_judged_are_named_together_after_the_others() -> None:
    three = {"dog": not_judged(), "music": music(), "rain": not_judged("rain")}
    sentence = "are needed: dog (1 with, 299 without), rain (1 with, 299 without). Add clips to the eval list"
    text = lines(COUNTS, {}, {}, three, is_demo=False).splitlines()
    assert text[2].startswith("music: finds 15 of 20 clips")
    assert text[3].startswith(
        "Not judged, because at least 2 eval clips with the class and 2 without it are needed: dog"
    )
    assert sentence in text[3]
    svg = "<svg><title>a</title><desc>b</desc></svg>"
    page = opening(COUNTS, {}, three, [svg, svg])
    assert page.count("<li>") == 1
    assert sentence in page
    assert "Not judged" not in lines(COUNTS, {}, {}, {"music": music()}, is_demo=False)


def test_from_three_judged_detectors_on_their_means_are_given_once() -> None:
    svg = "<svg><title>a</title><desc>b</desc></svg>"
    two = {"music": music(), "speech": music(), "dog": not_judged()}
    assert "Mean of" not in lines(COUNTS, {}, {}, two, is_demo=False)
    assert "Mean of" not in opening(COUNTS, {}, two, [svg, svg])
    four = two | {"rain": replace(music(), performance=performance(0.6))}
    sentence = "Mean of 3 detectors (not judged: 1): average precision 0.733, ROC AUC 0.733 (d' 0.88)."
    assert lines(COUNTS, {}, {}, four, is_demo=False).count(sentence) == 1
    assert opening(COUNTS, {}, four, [svg, svg]).count(sentence.replace("'", "&#39;")) == 1
    del four["dog"]
    assert "Mean of 3 detectors: average" in lines(COUNTS, {}, {}, four, is_demo=False)


def test_means_have_no_infinite_distance() -> None:
    three = dict.fromkeys(("music", "speech", "dog"), replace(music(), performance=performance(1.0)))
    assert "ROC AUC 1.000.\n" in lines(COUNTS, {}, {}, three, is_demo=False)


def test_all_detectors_are_rows_of_one_table_empty_where_they_were_not_judged() -> None:
    assert overview_table({"dog": not_judged(), "music": music()}).to_pylist() == [
        {
            "detector": "dog", "training clips with it": 480, "eval clips with it": 1, "eval clips without it": 299,
            "average precision": None, "roc auc": None, "balanced accuracy": None,
        },
        {
            "detector": "music", "training clips with it": 50, "eval clips with it": 20, "eval clips without it": 40,
            "average precision": 0.8, "roc auc": 0.8, "balanced accuracy": 0.8,
        },
    ]  # fmt: skip
