from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
import pytest

from soundsift.config.clips import ClipParams
from soundsift.config.features import FeatureParams
from soundsift.config.statistics import StatisticsParams
from soundsift.config.training import TrainingParams
from soundsift.detectors.card import card
from soundsift.detectors.metrics import Confusion, DetectorMetrics, HeldOut
from tests.unit.detectors.test_metrics import detector_metrics, not_judged, performance

CURVE = pa.table({"n_clips": [600], "metric": ["roc_auc"], "value": [0.9], "low": [0.85], "high": [0.95]})
ERRORS = pa.table(
    {"label": ["Rock", "Wind"], "with_it": [20, 0], "missed": [6, 0], "without_it": [0, 9], "false_alarms": [0, 0]}
)
NETWORK = {"model": "both", "hidden_units": [8, 4], "balance": "equal", "augment": 1, "members": 5, "seed": 3}
LISTS = {"train": "mine.csv", "eval": "other.csv"}


def settings(**training: Any) -> dict[str, dict[str, Any]]:
    """The sections of the configuration with some other values of ``training``."""
    features = asdict(FeatureParams()) | asdict(StatisticsParams()) | {"log_mel": False}
    return {"clips": asdict(ClipParams()), "features": features, "training": asdict(TrainingParams()) | training}


def speech_card(
    metrics: DetectorMetrics | None = None, weights: tuple[float, ...] = (0.7, 0.5, 0.1), has_groups: bool = False,
    changed: Mapping[str, Mapping[str, Any]] | None = None, **training: Any,
) -> str:  # fmt: skip
    found = settings(**training)
    found = {name: section | dict((changed or {}).get(name, {})) for name, section in found.items()}
    return card({"classes": ["Speech"]}, metrics or detector_metrics(), CURVE, ERRORS, LISTS, {}, 25, found, weights,
                True, has_groups)  # fmt: skip


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
        settings(**NETWORK),
        [0.71, 0.52, 0.1],
        True,
        False,
    )
    for part in (
        "# The speech detector\n", "Speech, without Speech synthesizer.\n", "There are 6 networks on statistics and 3 networks on frames.", "weighted: 0.71 for statistics and 0.52 for frames.",
        "lie between 0.350 and 0.460 (95 %", "| networks | ROC AUC on 1,190 training clips |\n| --- | --- |\n| statistics | 0.910 |\n| frames | 0.920 |\n| both | 0.950 (0.930 to 0.970) |\n", "The default is `training.model: both`.", "`training.hidden_units: [8, 4]`, `training.members: 5`,", "weights of the parts, the calibration",
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
        settings(**NETWORK | {"model": "statistics"}),
        [1.0, 0.0],
        True,
        False,
    )
    assert "There is one network of a kind." in text
    assert "not calibrated, because there were too few videos" in text
    assert "The threshold is 0.5, because the probabilities are not calibrated." in text
    assert "Fitted for this detector" not in text
    assert "300 clips of videos held out from the training lists" in text
    assert "ontology: Music.\n" in text


@pytest.mark.parametrize("separates", [True, False])
def test_a_card_says_that_a_detector_learned_little_or_nothing(separates: bool) -> None:
    held_out = HeldOut(90, {"statistics": 6}, {"statistics": 0.55}, 0.45, 0.65, separates, 40, None, None)
    metrics = replace(detector_metrics(), held_out=held_out)
    text = card(
        {"classes": ["A"]},
        metrics,
        CURVE,
        ERRORS,
        LISTS,
        {},
        25,
        settings(model="statistics"),
        [0.1, 0.0],
        True,
        False,
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
            {"classes": ["Speech"]}, replace(metrics, held_out=held_out), CURVE, ERRORS, LISTS, {}, 25, settings(**NETWORK),
            [0.7, 0.5, 0.1], True, False,
        )  # fmt: skip
        assert f"balanced accuracy.\nNo interval of the threshold is given, because {reason}\n" in text.replace(
            "best\nbalanced", "best balanced"
        )
        assert "lie between" not in text
        assert "about 80 %" in text


def test_a_label_with_a_bar_stays_in_its_cell_and_a_detector_without_errors_has_a_row() -> None:
    errors = pa.table({"label": ["A|B"], "with_it": [2], "missed": [1], "without_it": [0], "false_alarms": [0]})
    metrics = replace(detector_metrics(), baselines={})
    text = card(
        {"classes": ["Music"]}, metrics, CURVE, errors, LISTS, {}, 25, settings(**NETWORK), [0.7, 0.5, 0.1], True, False
    )
    assert "| A/B | 1 of 2 | 0 of 0 |" in text
    assert "| | speech |\n| --- | --- |\n" in text
    without = card(
        {"classes": ["Music"]},
        metrics,
        CURVE,
        errors.slice(0, 0),
        LISTS,
        {},
        25,
        settings(**NETWORK),
        [0.7, 0.5, 0.1],
        True,
        False,
    )
    assert "| none | 0 | 0 |" in without


def test_the_card_of_a_detector_that_was_not_judged_says_why_and_has_no_figures() -> None:
    text = card(
        {"classes": ["Dog"]},
        not_judged(),
        CURVE[:0],
        ERRORS[:0],
        LISTS,
        {},
        25,
        settings(**NETWORK),
        [0.7, 0.5, 0.1],
        True,
        False,
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
    network = settings(augment=augment)
    classes = {"classes": ["Speech"]}
    text = card(classes, detector_metrics(), CURVE, ERRORS, LISTS, {}, 25, network, [0.7, 0.5, 0.1], is_mixed, False)
    versions = [line for line in text.splitlines() if "ugmented versions" in line]
    done = f"{augment} (room, microphone, speed, noise, codec{', a mixed-in clip' * is_mixed})."
    none = "- There are no augmented versions of the training clips."
    assert versions == [f"- Augmented versions per training clip: {done}" if augment else none]


def test_one_member_is_the_reason_why_a_detector_is_not_calibrated() -> None:
    metrics = replace(detector_metrics(), threshold=0.5, held_out=None)
    text = speech_card(metrics, (1.0, 0.0), model="statistics", members=1)
    assert "not calibrated, because `training.members` is 1, so" in text
    for untrue in ("too few", "Calibration changed", "fits the share of positives", "Fitted for this detector"):
        assert untrue not in text, untrue
    assert "Its threshold of 0.5 was not fitted" in text


def test_a_threshold_is_said_to_fit_the_lists_only_if_it_does() -> None:
    assert "Its threshold fits the share of positives in the training lists." in speech_card()
    held_out = replace(detector_metrics().held_out, separates=False)
    text = speech_card(replace(detector_metrics(), held_out=held_out, threshold=0.5))
    assert "fits the share" not in text
    assert "Fitted for this detector" not in text


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("training", "min_steps", 1, "`training.min_steps: 1`"),
        ("training", "features", "original", "`training.features: original`"),
        ("features", "statistics", ["mean", "std"], "`features.statistics: [mean, std]`"),
        ("clips", "sample_rate_hz", 8000, "`clips.sample_rate_hz: 8000`"),
    ],
)
def test_a_card_names_the_settings_that_are_not_the_defaults(section: str, key: str, value: Any, words: str) -> None:
    text = speech_card(changed={section: {key: value}})
    assert f"- Chosen by the configuration, instead of the default: {words}.\n" in text
    assert "once for all detectors: the rest of the features," in text
    usual = speech_card()
    assert "by the configuration" not in usual
    assert "once for all detectors: the features," in usual


def test_a_card_says_of_both_parts_no_more_than_was_shown() -> None:
    assert "better than either" not in speech_card()
    assert "difference was less than two standard errors" in speech_card()
    assert "two standard errors" not in speech_card(weights=(0.7, 0.1), model="frames")


def test_too_few_sources_are_the_reason_even_if_the_detector_was_not_judged() -> None:
    few = replace(detector_metrics().held_out, n_sources=4, threshold_low=None, threshold_high=None)
    text = speech_card(replace(not_judged("speech"), held_out=few))
    assert "is given, because the training clips with speech, or those without it, come from only 4 sources." in text
    assert "because the detector was not judged" not in text


@pytest.mark.parametrize("augment", [0, 2])
@pytest.mark.parametrize("model", ["statistics", "frames", "both"])
def test_a_card_says_of_each_part_which_pieces_of_clips_it_learns_from(model: str, augment: int) -> None:
    text = speech_card(weights=(0.7, 0.1) if model != "both" else (0.7, 0.5, 0.1), model=model, augment=augment)
    windows = "Networks on statistics also learn from a window of 2 to 4 s of each clip and version."
    crops = f"Networks on frames learn from crops of 2 to 10 s of the clips{' and versions' * bool(augment)}."
    assert (windows in text) == (model != "frames" and augment > 0)
    assert (crops in text) == (model != "statistics")


def test_a_card_says_that_groups_are_kept_together_where_there_are_groups() -> None:
    sentences = (
        "share of the training videos, and keeps those of one group together.", "No group and no video has both",
        "- Clips of one group (`metadata.group`) are kept together",
    )  # fmt: skip
    text = speech_card(has_groups=True)
    assert all(one in text for one in sentences)
    assert "group" not in speech_card()


def test_only_a_weight_of_0_is_shown_as_0() -> None:
    assert "weighted: less than 0.01 for statistics and 0.00 for frames." in speech_card(weights=(0.004, 0.0, 1.0))


def test_a_card_does_not_call_a_detector_without_an_error_certain() -> None:
    metrics = replace(detector_metrics(), performance=performance(1.0, Confusion(tn=200, fp=0, fn=0, tp=100)))
    assert "but it may make some on others: at a true error rate of 1.0 %, one list" in speech_card(metrics)
    assert "makes no error" not in speech_card()
