from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundsift.config.features import FeatureParams
from soundsift.detectors import evaluation, learning_curve
from soundsift.detectors.columns import PREDICTION_COLUMNS
from soundsift.detectors.examples import read_examples
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.model_file import Definition
from soundsift.detectors.training import train
from soundsift.features.definition import PITCH_CLASSES, definition
from soundsift.tables import write_parquet

pytestmark = pytest.mark.tensorflow

MADE_WITH = definition(22050, FeatureParams())
COLUMNS = ["rms_mean", "rms_std", "mfcc_01_mean"]
QUICK = Hyperparameters(members=2, min_steps=150, passes=1)


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """120 clips, the last 40 for judging; the class is heard where rms_std is high."""
    rng = np.random.default_rng(0)
    truth = np.arange(120) % 2
    names = [*COLUMNS, *(f"chroma_{p}_mean" for p in PITCH_CLASSES)]
    names += ["spectral_centroid_hz_mean", "spectral_bandwidth_hz_mean", "spectral_rolloff_hz_mean"]
    names += ["zero_crossing_rate_mean", *(f"mfcc_{i:02d}_mean" for i in range(2, 20))]
    values = rng.normal(size=(120, len(names)))
    values[:, 1] += 3 * truth
    videos = [f"video{i}" for i in range(120)]
    table = pa.table(
        {
            "clip_id": videos, "video_id": videos, "split": ["eval" if i >= 80 else "train" for i in range(120)],
            "batch": ["b"] * 120, "labels": [["Music", "Rock"] if t else ["Wind"] for t in truth],
            "is_music": pa.array([bool(t) if i % 10 else None for i, t in enumerate(truth)]),
            **{name: values[:, i].astype(np.float32) for i, name in enumerate(names)},
        }
    )  # fmt: skip
    write_parquet(table.replace_schema_metadata(MADE_WITH), tmp_path / "features.parquet")
    return tmp_path / "features.parquet"


def test_evaluation_beats_always_no_and_the_25_inputs_and_counts_every_known_clip(features: Path) -> None:
    trained = train("music", read_examples(features, None, "music", COLUMNS, None, 0), QUICK)
    known = Definition(COLUMNS, MADE_WITH, {"music": trained.threshold}, {"music": [trained.slope, trained.shift]})
    result = evaluation.evaluate(features, None, trained.model, known, "music", QUICK, None)
    metrics = result.metrics
    assert (
        metrics["n_train"],
        metrics["train_positives"],
        metrics["n_eval"],
        metrics["positives"],
        metrics["n_unknown"],
    ) == (72, 40, 36, 20, 12)
    assert metrics["balanced_accuracy"]["value"] > 0.85
    assert set(metrics["baselines"]) == {"logistic_regression", "the_original_25_inputs", "always_no"}
    always_no = metrics["baselines"]["always_no"]
    assert always_no["accuracy"]["value"] == pytest.approx(16 / 36)
    assert always_no["confusion"] == {"tn": 16, "fp": 0, "fn": 20, "tp": 0}
    assert metrics["baselines"]["logistic_regression"]["roc_auc"]["value"] > 0.9
    assert metrics["baselines"]["logistic_regression"]["threshold"] == pytest.approx(40 / 72)
    # the deviation of the level, by which this class is told, is none of the 25
    assert metrics["baselines"]["the_original_25_inputs"]["roc_auc"]["value"] < 0.75
    assert result.predictions.num_rows == 108
    assert result.predictions["split"].to_pylist().count("eval") == 36
    truth, raw = result.truth, result.uncalibrated
    assert metrics["brier_score_uncalibrated"] == pytest.approx(np.mean((raw - truth) ** 2))
    odds = np.log(result.probability["music"] / (1 - result.probability["music"]))
    assert np.log(raw / (1 - raw)) * trained.slope + trained.shift == pytest.approx(odds, abs=1e-4)


def test_the_learning_curve_rises_with_what_is_learned_from(features: Path) -> None:
    one = Hyperparameters(members=1, min_steps=150, passes=1)
    curve = learning_curve.measure(features, None, "music", COLUMNS, one, None).to_pylist()
    assert [row["n_clips"] for row in curve[::2]] == sorted({row["n_clips"] for row in curve})
    assert curve[-1]["n_clips"] == 72
    assert {row["metric"] for row in curve} == {"roc_auc", "average_precision"}
    assert all(row["low"] <= row["value"] <= row["high"] for row in curve)
    assert curve[-1]["value"] > 0.8


def predictions(rows: list[tuple[str, bool, float]]) -> pa.Table:
    data = [(name, "eval", truth, p, p >= 0.5) for name, truth, p in rows]
    return pa.table(list(zip(*data, strict=True)), schema=pa.schema([(c.name, c.type) for c in PREDICTION_COLUMNS]))


SAID = [("a", True, 0.1), ("b", True, 0.9), ("c", False, 0.8), ("d", False, 0.7), ("e", False, 0.0)]


def test_errors_are_counted_under_every_label_most_first() -> None:
    labels = [["Music", "Rock"], ["Music"], ["Engine"], ["Engine", "Wind"], ["Wind"]]
    found = evaluation.label_errors(predictions(SAID), labels).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("Engine", 0, 0, 2, 2), ("Music", 2, 1, 0, 0), ("Wind", 0, 0, 2, 1), ("Rock", 1, 1, 0, 0),
    ]  # fmt: skip
