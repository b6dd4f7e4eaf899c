from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundsift.config.features import FeatureParams
from soundsift.detectors import evaluation, learning_curve
from soundsift.detectors.columns import PREDICTION_COLUMNS, PROBABILITY_COLUMNS
from soundsift.detectors.definition import Definition
from soundsift.detectors.drawing import stream
from soundsift.detectors.examples import Batches, read_examples
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.inference import Model
from soundsift.detectors.metrics import Confusion
from soundsift.detectors.model_file import networks_of
from soundsift.detectors.training import Trained, train
from soundsift.errors import TrainingError
from soundsift.features.definition import PITCH_CLASSES, definition
from soundsift.features.frames import filters_of
from soundsift.tables import read_parquet, write_parquet

pytestmark = pytest.mark.tensorflow

MADE_WITH = definition(22050, FeatureParams())
NO_BATCHES = Batches([], [])
COLUMNS = ["rms_mean", "rms_std", "mfcc_01_mean"]
QUICK = Hyperparameters(model="statistics", members=2, min_steps=150, passes=1)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 clips, the last 40 for evaluation; the class is present where rms_std is high."""
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
    path = tmp_path_factory.mktemp("features") / "features.parquet"
    write_parquet(table.replace_schema_metadata(MADE_WITH), path)
    return path


@pytest.fixture(scope="module")
def trained(features: Path) -> Trained:
    return train("music", read_examples(features, None, "music", COLUMNS, None, 0), QUICK)


def model_of(trained: Trained, columns: list[str] = COLUMNS) -> Model:
    known = Definition(
        columns,
        MADE_WITH,
        {"music": trained.threshold},
        {"music": trained.weights},
        {"music": trained.window_weights},
        held_out={"music": asdict(trained.held_out)},
    )
    return Model(known, filters_of(22050, FeatureParams()), {"music": networks_of(trained.model)})


def test_evaluation_beats_always_no_and_the_25_inputs_and_counts_every_known_clip(
    features: Path, trained: Trained, tmp_path: Path
) -> None:
    result = evaluation.evaluate(features, None, NO_BATCHES, model_of(trained), "music", QUICK, None)
    metrics, baselines = result.metrics, result.metrics.baselines
    counts = (metrics.n_train, metrics.train_positives, metrics.n_eval, metrics.positives, metrics.n_unknown)
    assert counts == (72, 40, 36, 20, 12)
    assert metrics.detector == "music"
    assert metrics.performance.threshold == metrics.threshold == trained.threshold
    assert metrics.held_out == trained.held_out
    assert metrics.held_out.n_clips == 72
    assert list(metrics.held_out.networks) == list(metrics.held_out.roc_auc) == ["statistics"]
    assert metrics.held_out.threshold_low < trained.threshold < metrics.held_out.threshold_high
    assert metrics.held_out.low < metrics.held_out.roc_auc["statistics"] < metrics.held_out.high
    assert metrics.performance.balanced_accuracy.value > 0.85
    assert set(baselines) == {"logistic_regression", "the_original_25_inputs", "always_no"}
    assert baselines["always_no"].accuracy.value == pytest.approx(16 / 36)
    assert baselines["always_no"].confusion == Confusion(tn=16, fp=0, fn=20, tp=0)
    assert baselines["logistic_regression"].roc_auc.value > 0.9
    assert baselines["logistic_regression"].threshold == pytest.approx(40 / 72)
    # the only distinctive feature, the deviation of the level, is not among the 25
    assert baselines["the_original_25_inputs"].roc_auc.value < 0.75
    assert result.predictions.num_rows == 108
    assert result.predictions["split"].to_pylist().count("eval") == 36
    write_parquet(result.probabilities, tmp_path / "probabilities.parquet")
    table = read_parquet(tmp_path / "probabilities.parquet", PROBABILITY_COLUMNS)
    of_eval = result.predictions.filter([split == "eval" for split in result.predictions["split"].to_pylist()])
    for name in ("clip_id", "truth", "probability"):
        assert table[name].to_pylist() == of_eval[name].to_pylist()
    truth, raw = table["truth"].to_numpy(), table["uncalibrated"].to_numpy()
    for name in ("logistic_regression", "the_original_25_inputs"):
        brier = np.mean((table[name].to_numpy() - truth) ** 2)
        assert baselines[name].brier_score.value == pytest.approx(brier), name
    assert metrics.brier_score_uncalibrated == pytest.approx(np.mean((raw - truth) ** 2))
    odds = np.log(table["probability"].to_numpy() / (1 - table["probability"].to_numpy()))
    slope, shift = trained.weights
    assert np.log(raw / (1 - raw)) * slope + shift == pytest.approx(odds, abs=1e-4)


def test_without_the_original_features_that_baseline_is_null(features: Path, trained: Trained, tmp_path: Path) -> None:
    write_parquet(read_parquet(features).drop_columns(["mfcc_19_mean"]), tmp_path / "few.parquet")
    few = tmp_path / "few.parquet"
    result = evaluation.evaluate(few, None, NO_BATCHES, model_of(trained), "music", QUICK, None)
    assert set(result.metrics.baselines) == {"logistic_regression", "always_no"}
    assert result.probabilities["the_original_25_inputs"].null_count == 36
    assert result.probabilities["logistic_regression"].null_count == 0


def test_the_learning_curve_rises_with_the_number_of_training_clips(features: Path) -> None:
    one = Hyperparameters(model="statistics", members=1, min_steps=60, passes=1)
    curve = learning_curve.measure(features, None, "music", COLUMNS, one, None).to_pylist()
    assert [row["n_clips"] for row in curve[::2]] == sorted({row["n_clips"] for row in curve})
    assert curve[-1]["n_clips"] == 72
    assert {row["metric"] for row in curve} == {"roc_auc", "average_precision"}
    assert all(row["low"] <= row["value"] <= row["high"] for row in curve)
    assert curve[-1]["value"] > 0.8


def test_the_learning_curve_has_no_point_whose_clips_are_of_one_class(features: Path, tmp_path: Path) -> None:
    # a few recordings that all have the class, of which one has clips without it
    table = read_parquet(features)
    rows = table.to_pylist()
    for i, row in enumerate(rows):
        row["video_id"] = f"v{i % 8 if i < 80 else i}"
        row["is_music"] = i % 2 == 0 if i >= 80 else i % 8 != 3 or i > 40
    write_parquet(pa.Table.from_pylist(rows, schema=table.schema), tmp_path / "features.parquet")
    one = Hyperparameters(model="statistics", members=1, min_steps=30, passes=1)
    curve = learning_curve.measure(tmp_path / "features.parquet", None, "music", COLUMNS, one, None)
    assert curve["n_clips"].to_pylist()[-1] == 80
    assert curve.num_rows < 8
    with pytest.raises(TrainingError, match="all examples of a network are of one class"):
        next(stream(np.arange(5), np.ones(5, dtype=np.int64), "equal", np.random.default_rng(0), 2))


def test_a_detector_with_one_eval_clip_of_its_class_is_applied_but_not_judged(
    features: Path, trained: Trained, tmp_path: Path
) -> None:
    table = read_parquet(features)
    of_eval = [i >= 80 for i in range(120)]
    truth = [
        None if e and t and i != 81 else t
        for i, (e, t) in enumerate(zip(of_eval, table["is_music"].to_pylist(), strict=True))
    ]
    at = table.column_names.index("is_music")
    path = tmp_path / "features.parquet"
    write_parquet(table.set_column(at, "is_music", pa.array(truth)), path)
    result = evaluation.evaluate(path, None, NO_BATCHES, model_of(trained), "music", QUICK, None)
    assert (result.metrics.positives, result.metrics.n_eval) == (1, 17)
    assert result.metrics.performance is None
    assert result.metrics.baselines == {}
    assert result.metrics.threshold == trained.threshold
    assert result.predictions["split"].to_pylist().count("eval") == 17
    assert result.probabilities["probability"].null_count == 0
    assert result.probabilities["logistic_regression"].null_count == 17
    assert evaluation.errors(path, result.predictions)["with_it"].to_pylist().count(1) == 2
    assert learning_curve.measure(path, None, "music", COLUMNS, QUICK, None).num_rows == 0


def predictions(rows: list[tuple[str, bool, float]]) -> pa.Table:
    data = [(name, "eval", truth, p, p >= 0.5) for name, truth, p in rows]
    return pa.table(list(zip(*data, strict=True)), schema=pa.schema([(c.name, c.type) for c in PREDICTION_COLUMNS]))


EVAL_CLIPS = [("a", True, 0.1), ("b", True, 0.9), ("c", False, 0.8), ("d", False, 0.7), ("e", False, 0.0)]


def test_errors_are_counted_under_every_label_most_first() -> None:
    labels = [["Music", "Rock"], ["Music"], ["Engine"], ["Engine", "Wind"], ["Wind"]]
    found = evaluation.label_errors(predictions(EVAL_CLIPS), labels).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("Engine", 0, 0, 2, 2), ("Music", 2, 1, 0, 0), ("Wind", 0, 0, 2, 1), ("Rock", 1, 1, 0, 0),
    ]  # fmt: skip
