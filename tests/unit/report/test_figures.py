import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from soundsift.config.features import FeatureParams
from soundsift.detectors.metrics import Confusion
from soundsift.features.frames import frame_features, frames_table
from soundsift.files import sha256_of
from soundsift.report.figures import coverage, detectors, features, metadata

TRUTH = np.array([1, 0] * 20)
PROBABILITIES = np.linspace(0, 1, 40)
HISTORY = {"epoch": [1, 2, 3], "loss": [0.7, 0.4, 0.2], "val_loss": [0.7, 0.5, 0.4]}
CURVE = pa.table(
    {
        "n_clips": [50, 50, 1000, 1000],
        "metric": ["roc_auc", "average_precision"] * 2,
        "value": [0.8, 0.7, 0.9, 0.8],
        "low": [0.7, 0.6, 0.8, 0.7],
        "high": [0.9, 0.8, 1.0, 0.9],
    }
)
FIGURES: dict[str, tuple[list[str], Callable[[Path], None]]] = {
    "coverage": (
        ["Wanted clips by outcome", "clips", "private", "train", "eval"],
        lambda path: coverage.coverage({"train": {"ok": 9, "private": 2}, "eval": {"ok": 3, "removed": 1}}, path),
    ),
    "class_counts": (
        ["Clips by class", "clips that carry the label", "Music", "Dog", "train", "eval"],
        lambda path: metadata.class_counts(
            pa.table({"class": ["Music", "Dog"], "train clips": [900, 20], "eval clips": [30, 0]}), path
        ),
    ),
    "truths": (
        [
            "Wanted clips with and without each detector's class",
            "wanted clips",
            "music, train",
            "1,300",
            "2,000",
            "7 unknown",
        ],
        lambda path: metadata.truths(
            pa.table({"split": ["train"], "detector": ["music"], "with": [1300], "without": [2000], "unknown": [7]}),
            path,
        ),
    ),
    "truths_of_a_rare_class": (
        ["dog, train", "3 with, 0 unknown", "2,000"],
        lambda path: metadata.truths(
            pa.table({"split": ["train"], "detector": ["dog"], "with": [3], "without": [2000], "unknown": [0]}), path
        ),
    ),
    "co_occurrence": (
        ["Clips that carry both labels", "Music", "Speech", "12k", "40", "% of the clips with the row's label"],
        lambda path: metadata.co_occurrence(["Music", "Speech"], np.array([[12_000, 40], [40, 90]]), [0, 1], path),
    ),
    "confusion": (
        [
            "music: right and wrong answers",
            "eval clips",
            "with music",
            "without music",
            "36",
            "75 %",
            "90 %",
            "predicted by the detector",
            "confusion matrix",
        ],
        lambda path: detectors.confusion(Confusion(tn=36, fp=4, fn=5, tp=15), "music", path),
    ),
    "answers": (
        [
            "Right and wrong answers in a hundred clips",
            "of 100 eval clips",
            "with music",
            "without speech",
            "75",
            "10",
            "0",
        ],
        lambda path: detectors.answers(
            {"music": Confusion(tn=36, fp=4, fn=5, tp=15), "speech": Confusion(tn=9, fp=0, fn=0, tp=3)}, path
        ),
    ),
    "answers_of_no_detector": (
        ["Right and wrong answers in a hundred clips", "no detector was judged"],
        lambda path: detectors.answers({}, path),
    ),
    "not_judged": (
        ["dog: curves", "not judged, because of the eval clips 1 are with dog"],
        lambda path: detectors.not_judged("dog: curves", "not judged, because of the eval clips 1 are with dog", path),
    ),
    "distributions": (
        [
            "music: features of clips with and without it",
            "level (dB)",
            "with music",
            "% of clips",
            "separates 100 of 100 pairs",
        ],
        lambda path: features.distributions({"level (dB)": -TRUTH.astype(np.float32)}, TRUTH, "music", path),
    ),
    "curves": (
        ["music: ROC", "music: precision and recall", "logistic regression", "false alarm rate", "chance"],
        lambda path: detectors.curves(
            TRUTH, {"music": PROBABILITIES, "logistic regression": 1 - PROBABILITIES}, "music", path
        ),
    ),
    "history": (
        ["music: training", "cross-entropy (nat)", "part of the training", "held-out clips", "0.5"],
        lambda path: detectors.history(pa.table(HISTORY), "music", path),
    ),
    "calibration": (
        ["music: calibration on 40 eval clips", "share of clips with music", "perfectly calibrated"],
        lambda path: detectors.calibration(TRUTH, {"before": PROBABILITIES, "after": PROBABILITIES**2}, "music", path),
    ),
    "learning_curve": (
        ["music: would more clips help?", "training clips", "50", "1,000", "ROC AUC", "average precision"],
        lambda path: detectors.learning_curve(CURVE, "music", path),
    ),
    "probabilities": (
        ["music: probabilities by the detector", "probability of music", "threshold"],
        lambda path: detectors.probabilities(TRUTH, PROBABILITIES, 0.5, "music", path),
    ),
}


def words(path: Path) -> set[str]:
    """Texts of the text elements of a figure."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return {"".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_an_svg_with_its_title_and_axes_and_the_same_bytes_each_time(name: str, tmp_path: Path) -> None:
    expected, draw = FIGURES[name]
    draw(tmp_path / "new" / "one.svg")
    draw(tmp_path / "new" / "other.svg")
    assert set(expected) <= words(tmp_path / "new" / "one.svg")
    assert sha256_of(tmp_path / "new" / "one.svg") == sha256_of(tmp_path / "new" / "other.svg")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["one.svg", "other.svg"]
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "name, description_part",
    [
        ("coverage", "train: 9 ok, 2 private; eval: 3 ok, 1 removed"),
        ("class_counts", "Most frequent: Music, 900 train and 30 eval; Dog, 20 train and 0 eval"),
        ("truths", "music, train: 1,300 with, 2,000 without, 7 unknown"),
        (
            "confusion",
            "Of 20 clips with music 15 are detected and 5 missed; in 4 of 40 clips without it there is a false alarm",
        ),
        ("answers", "with speech: 100 right, 0 wrong; without speech: 100 right, 0 wrong"),
        ("curves", "Area under the ROC curve: music 0.475, logistic regression 0.525"),
        ("history", "mixed training clips: from 0.700 to 0.200, held-out clips: from 0.700 to 0.400 nat"),
        ("learning_curve", "ROC AUC: 0.800 with 50 clips, 0.900 with 1,000 clips; average precision: 0.700 with 50"),
        (
            "probabilities",
            "Median probability of clips with music: 0.487, without music: 0.513; the threshold is 0.500",
        ),
        ("distributions", "level (dB): 100 of 100"),
    ],
)
def test_a_figure_has_a_description_in_words(name: str, description_part: str, tmp_path: Path) -> None:
    FIGURES[name][1](tmp_path / "one.svg")
    root = ElementTree.parse(tmp_path / "one.svg").getroot()
    assert root.get("role") == "img"
    title, description = (root.findtext("{http://www.w3.org/2000/svg}" + tag) for tag in ("title", "desc"))
    assert title in words(tmp_path / "one.svg")
    assert description_part in str(description)


def test_a_feature_without_a_value_for_some_clips_and_one_that_never_varies_are_drawn(tmp_path: Path) -> None:
    values = {"gappy": np.where(np.arange(40) % 3, TRUTH, np.nan), "constant": np.zeros(40)}
    features.distributions(values, TRUTH, "music", tmp_path / "one.svg")
    assert {"gappy", "constant", "separates 50 of 100 pairs"} <= words(tmp_path / "one.svg")


def test_a_tone_is_drawn_with_its_frequency_where_the_cursor_expects_it(tone: npt.NDArray[np.float32]) -> None:
    frames = frames_table(frame_features(tone, 22050, FeatureParams()), "a_0", 22050, FeatureParams())
    drawn = features.clip(tone, 22050, frames, "a_0: Tone")
    assert "3.0 s of sound" in drawn
    # each within a few Hz of 440
    assert {round(float(hz), -1) for hz in re.findall(r"(?:centroid|with as many\)) ([\d,]+) Hz", drawn)} == {440}
    width = float(re.findall(r'viewBox="0 0 ([\d.]+)', drawn)[0])
    box = re.findall(r'id="patch_2">\s*<path d="M ([\d.]+) [\d.]+ \s*L ([\d.]+)', drawn)[0]
    assert [float(x) / width for x in box] == pytest.approx(features.CLIP_SPAN, abs=0.001)


def test_a_class_name_with_a_dollar_is_no_formula(tmp_path: Path) -> None:
    metadata.class_counts(
        pa.table({"class": ["Rock $\\frac{1$"], "train clips": [9], "eval clips": [0]}), tmp_path / "one.svg"
    )
    assert "Rock $\\frac{1$" in words(tmp_path / "one.svg")


def test_a_class_that_no_clip_carries_is_not_drawn(tmp_path: Path) -> None:
    table = pa.table({"class": ["Music", "Dog"], "train clips": [0, 0], "eval clips": [3, 0]})
    metadata.class_counts(table, tmp_path / "one.svg")
    assert "Music" in words(tmp_path / "one.svg") and "Dog" not in words(tmp_path / "one.svg")


def test_a_coverage_of_one_outcome_is_drawn(tmp_path: Path) -> None:
    coverage.coverage({"train": {"ok": 5}}, tmp_path / "one.svg")
    assert {"Wanted clips by outcome", "ok", "5"} <= words(tmp_path / "one.svg")


def test_an_outcome_that_one_split_lacks_counts_zero_there(tmp_path: Path) -> None:
    coverage.coverage({"train": {"ok": 7}, "eval": {"removed": 4}}, tmp_path / "one.svg")
    assert {"7", "4", "0", "removed"} <= words(tmp_path / "one.svg")


def test_training_without_held_out_clips_is_drawn_without_them(tmp_path: Path) -> None:
    table = pa.table({**HISTORY, "val_loss": pa.array([None] * 3, pa.float64())})
    detectors.history(table, "music", tmp_path / "one.svg")
    assert "mixed training clips" in words(tmp_path / "one.svg")
    assert "held-out clips" not in words(tmp_path / "one.svg")


def test_a_figure_that_cannot_be_drawn_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(OSError, match="no space"):
        detectors.confusion(Confusion(tn=1, fp=1, fn=1, tp=1), "music", tmp_path / "one.svg")
    assert list(tmp_path.iterdir()) == []
    plt.close("all")
