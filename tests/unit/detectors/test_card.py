from dataclasses import replace

import pyarrow as pa
import pytest

from soundsift.detectors.card import card
from soundsift.detectors.metrics import HeldOut
from tests.unit.detectors.test_metrics import detector_metrics, not_judged

CURVE = pa.table({"n_clips": [600], "metric": ["roc_auc"], "value": [0.9], "low": [0.85], "high": [0.95]})
ERRORS = pa.table(
    {"label": ["Rock", "Wind"], "with_it": [20, 0], "missed": [6, 0], "without_it": [0, 9], "false_alarms": [0, 0]}
)
NETWORK = {"model": "both", "hidden_units": [8, 4], "balance": "equal", "augment": 1, "members": 5, "seed": 3}
LISTS = {"train": "mine.csv", "eval": "other.csv"}


def test_a_card_describes_the_detector_its_data_and_its_performance() -> None:
    classes = {"classes": ["Speech"], "except": ["Speech synthesizer"]}
    text = card(
        classes,
        detector_metrics(),
        CURVE,
        ERRORS,
        LISTS,
        {"n_fft": "2048", "n_mels": "128"},
        232,
        NETWORK,
        [0.71, 0.52, 0.1],
        True,
    )
    for part in (
        "# The speech detector\n", "Speech, without Speech synthesizer.\n", "There are 6 networks on statistics and 3 networks on frames.", "weighted: 0.71 for statistics and 0.52 for frames.",
        "lie between 0.350 and 0.460 (95 %", "| networks | ROC AUC on 1,190 training clips |\n| --- | --- |\n| statistics | 0.910 |\n| frames | 0.920 |\n| both | 0.950 (0.930 to 0.970) |\n", "`training.model: both`, the default:", "weights of the parts, the calibration",
        "| inputs | 232 statistics", "mono sound; the frame features at about 20",
        "statistics | 8-4 units", "| n_fft 2048, n_mels 128 |\n", "probability of 0.400 |", "- List `train`: `mine.csv`.\n- List `eval`: `other.csv`, for evaluation only.\n",
        "1,200 training clips, 480 of them with speech", "per training clip: 1 (room", "300 clips of the eval list, 100 of\nthem with speech",
        "finds 90 of 100", "in 5 of 200 clips without it",
        "| | speech | logistic regression | always no |\n| --- | --- | --- | --- |\n| accuracy |",
        "| roc auc | 0.900 (0.850 to 0.950) | 0.700 (0.650 to 0.750) | 0.600 (0.550 to 0.650) |\n",
        "from 0.0451 to 0.9000", "| 600 | roc auc | 0.900 (0.850 to 0.950) |\n\n## Errors", "| Rock | 6 of 20 | 0 of 0 |\n\n",
    ):  # fmt: skip
        assert part in text, part
    assert "Wind" not in text
    assert not {"{", "}"} & set(text)


def test_a_card_without_an_eval_list_names_the_held_out_videos() -> None:
    text = card(
        {"classes": ["Music"]},
        replace(detector_metrics("music"), threshold=0.5, held_out=None),
        CURVE,
        ERRORS,
        {"train": "m.csv"},
        {},
        25,
        NETWORK | {"model": "statistics"},
        [1.0, 0.0],
        True,
    )
    assert "There is one network of a kind." in text
    assert "not calibrated" in text
    assert "The threshold is 0.5, because there were too few clips" in text
    assert "Fitted for this detector" not in text
    assert "300 clips of videos held out from the training lists" in text
    assert "ontology: Music.\n" in text


@pytest.mark.parametrize("separates", [True, False])
def test_a_card_says_that_a_detector_learned_little_or_nothing(separates: bool) -> None:
    held_out = HeldOut(90, {"statistics": 6}, {"statistics": 0.55}, 0.45, 0.65, separates, 40, None, None)
    metrics = replace(detector_metrics(), held_out=held_out)
    text = card(
        {"classes": ["A"]}, metrics, CURVE, ERRORS, LISTS, {}, 25, NETWORK | {"model": "statistics"}, [0.1, 0.0], True
    )
    assert "There are 6 networks on statistics." in text
    assert "| statistics | 0.550 (0.450 to 0.650) |" in text
    if separates:
        assert "Be careful: on the training clips" in text
        assert "not clearly better than chance (ROC AUC 0.55, 0.45 to 0.65)." in text
        assert "accuracy.\nNo interval of the threshold is given, because the detector is not clearly better" in text
    else:
        assert "Be careful: its networks do not separate the clips that they held out, so it gives the more" in text
        assert "The threshold is 0.5, because the networks did not separate" in text
        assert "about 80 %" not in text


def test_a_card_without_an_interval_of_the_threshold_says_why() -> None:
    few = replace(detector_metrics().held_out, n_sources=4, threshold_low=None, threshold_high=None)
    reasons = {
        "the training clips with speech, or those without it, come from only 4 sources.": detector_metrics(),
        "the detector was not judged.": not_judged("speech"),
    }
    for reason, metrics in reasons.items():
        held_out = few if metrics.performance else metrics.held_out
        text = card(
            {"classes": ["Speech"]}, replace(metrics, held_out=held_out), CURVE, ERRORS, LISTS, {}, 25, NETWORK,
            [0.7, 0.5, 0.1], True,
        )  # fmt: skip
        assert f"balanced accuracy.\nNo interval of the threshold is given, because {reason}\n" in text.replace(
            "best\nbalanced", "best balanced"
        )
        assert "lie between" not in text
        assert "about 80 %" in text


def test_a_label_with_a_bar_stays_in_its_cell_and_a_detector_without_errors_has_a_row() -> None:
    errors = pa.table({"label": ["A|B"], "with_it": [2], "missed": [1], "without_it": [0], "false_alarms": [0]})
    metrics = replace(detector_metrics(), baselines={})
    text = card({"classes": ["Music"]}, metrics, CURVE, errors, LISTS, {}, 25, NETWORK, [0.7, 0.5, 0.1], True)
    assert "| A/B | 1 of 2 | 0 of 0 |" in text
    assert "| | speech |\n| --- | --- |\n" in text
    without = card(
        {"classes": ["Music"]}, metrics, CURVE, errors.slice(0, 0), LISTS, {}, 25, NETWORK, [0.7, 0.5, 0.1], True
    )
    assert "| none | 0 | 0 |" in without


def test_the_card_of_a_detector_that_was_not_judged_says_why_and_has_no_figures() -> None:
    text = card(
        {"classes": ["Dog"]}, not_judged(), CURVE[:0], ERRORS[:0], LISTS, {}, 25, NETWORK, [0.7, 0.5, 0.1], True
    )
    assert (
        "## Performance\n\nThe detector was not judged, because of the eval clips 1 are with dog and 299 without"
        in text
    )
    assert "## Intended use and limits" in text
    assert "480 of them with dog" in text
    assert "probability of 0.400 |" in text
    for absent in ("| accuracy", "Brier", "## Errors", "learning.svg", "metrics above"):
        assert absent not in text, absent


@pytest.mark.parametrize(("augment", "is_mixed"), [(1, True), (2, False), (0, False)])
def test_a_card_lists_only_the_augmentation_that_was_done(augment: int, is_mixed: bool) -> None:
    network = NETWORK | {"augment": augment}
    classes = {"classes": ["Speech"]}
    text = card(classes, detector_metrics(), CURVE, ERRORS, LISTS, {}, 25, network, [0.7, 0.5, 0.1], is_mixed)
    versions = [line for line in text.splitlines() if "ugmented versions" in line]
    done = (
        f"{augment} (room, microphone, speed, noise, codec{', a mixed-in clip' * is_mixed}), and windows of 2 to 4 s."
    )
    none = "- There are no augmented versions of the training clips."
    assert versions == [f"- Augmented versions per training clip: {done}" if augment else none]
