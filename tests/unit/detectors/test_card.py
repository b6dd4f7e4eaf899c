import pyarrow as pa

from soundsift.detectors.card import card
from soundsift.detectors.metrics import METRICS

JUDGED = {name: {"value": 0.9, "low": 0.8, "high": 0.95} for name in METRICS}
METRICS_JSON = {
    "n_train": 1200, "n_eval": 300, "n_unknown": 7, "positives": 100, "train_positives": 480, "threshold": 0.4, **JUDGED,
    "brier_score_uncalibrated": 0.0451, "confusion": {"tp": 90, "fn": 10, "fp": 5, "tn": 195},
    "baselines": {"always_no": {"threshold": 0.5, **JUDGED}},
}  # fmt: skip
CURVE = pa.table({"n_clips": [600], "metric": ["roc_auc"], "value": [0.9], "low": [0.85], "high": [0.95]})
ERRORS = pa.table(
    {"label": ["Rock", "Wind"], "with_it": [20, 0], "missed": [6, 0], "without_it": [0, 9], "false_alarms": [0, 0]}
)
NETWORK = {"hidden_units": [8, 4], "balance": "equal", "augment": 1, "members": 5, "seed": 3}


def test_a_card_says_what_the_detector_is_and_how_good() -> None:
    classes = {"classes": ["Speech"], "except": ["Speech synthesizer"]}
    text = card(
        "speech", classes, METRICS_JSON, CURVE, ERRORS, {"train": "mine.csv", "eval": "other.csv"}, {"n_fft": "2048"}, 232, NETWORK, True
    )  # fmt: skip
    for part in (
        "# The speech detector", "Speech, without Speech synthesizer.", "Up to 5 networks", "232 inputs", "8-4 units", "n_fft 2048",
        "at least 0.400", "`mine.csv`", "1,200 training clips, 480 of them with speech", "300 clips of the eval list, 100 of them with speech",
        "finds 90 of 100", "claims 5 of 200", "| roc auc | 0.900 (0.800 to 0.950) | 0.900 (0.800 to 0.950) |",
        "0.0451 before", "| 600 | roc auc |", "| Rock | 6 of 20 | 0 of 0 |",
    ):  # fmt: skip
        assert part in text, part
    assert "Wind" not in text


def test_a_card_without_an_eval_list_says_what_judged() -> None:
    text = card(
        "music", {"classes": ["Music"]}, METRICS_JSON, CURVE, ERRORS, {"train": "m.csv"}, {}, 25, NETWORK, False
    )
    assert "One network with 25 inputs" in text
    assert "not calibrated" in text
    assert "videos kept back from the training lists" in text
