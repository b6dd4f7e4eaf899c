import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundsift import detector, evaluation
from soundsift.detector import Definition, TrainingParams
from soundsift.errors import TrainingError
from soundsift.frames import FeatureParams, definition

pytestmark = pytest.mark.tensorflow

MADE_WITH = definition(22050, FeatureParams())
COLUMNS = ["rms_mean", "rms_std", "mfcc_01_mean"]


def problem(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Two classes that differ in one of three inputs, whose scales are far apart."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 2
    x = rng.normal(size=(n, 3))
    x[:, 1] += 3 * truth
    return (x * [1, 1000, 0.001] + [0, 5000, 0]).astype(np.float32), truth, [f"video{i}" for i in range(n)]


def trained(name: str = "music", **params) -> "tuple[object, pa.Table]":
    x, truth, videos = problem()
    return detector.train(name, x, truth, videos, "equal", TrainingParams(**{"max_epochs": 30, **params}))


def define(name: str = "music", columns: list[str] | None = None) -> Definition:
    return Definition(columns or COLUMNS, MADE_WITH, {name: 0.5})


def test_a_detector_learns_what_can_be_learned_and_has_the_default_shape() -> None:
    model, history = trained()
    x, truth, _ = problem(seed=1)
    assert ((detector.probabilities(model, x) >= 0.5) == truth).mean() > 0.9
    dense = [(layer.units, layer.activation.__name__) for layer in model.layers if hasattr(layer, "units")]
    assert dense == [(256, "relu"), (128, "relu"), (64, "relu"), (2, "softmax")]
    assert history["epoch"].to_pylist() == list(range(1, history.num_rows + 1))
    assert history["val_loss"].null_count == 0


def test_the_scaler_sees_only_clips_it_learns_from() -> None:
    # mistake 5 of the first version: the scaler was fitted on test data too
    from soundsift.split import split_by_video

    x, truth, videos = problem()
    model, _ = trained()
    learn, hold = split_by_video(np.arange(len(x)), videos, truth, TrainingParams().held_out, 0)
    assert len(hold) == 30
    mean = np.asarray(model.get_layer("standardise").mean)[0]
    assert mean == pytest.approx(x[learn].mean(axis=0), rel=1e-4)
    assert mean[1] != pytest.approx(x.mean(axis=0)[1], rel=1e-6)


def test_the_same_clips_and_seed_give_the_same_detector() -> None:
    x, _, _ = problem(seed=1)
    first, second, other = (detector.probabilities(trained(seed=seed, max_epochs=5)[0], x) for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_saved_detector_comes_back_with_what_it_must_know_and_plain_keras_reads_it(tmp_path: Path) -> None:
    import keras

    model, _ = trained(max_epochs=2)
    detector.save(model, define(), tmp_path / "model.keras")
    x, _, _ = problem(seed=1)
    again, known = detector.load(tmp_path / "model.keras")
    assert known == define()
    assert np.array_equal(detector.probabilities(again, x), detector.probabilities(model, x))
    assert keras.models.load_model(tmp_path / "model.keras").name == "music"
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_combined_detectors_say_what_they_say_alone(tmp_path: Path) -> None:
    models = {}
    for name, seed in (("music", 1), ("speech", 2)):
        models[name] = (trained(name, seed=seed, max_epochs=2)[0], define(name))
    detector.save(*detector.combine(models), tmp_path / "combined.keras")
    combined, known = detector.load(tmp_path / "combined.keras")
    x, _, _ = problem(seed=3)
    found = combined.predict(x, verbose=0)
    assert set(found) == {"music", "speech"}
    for name, (model, _) in models.items():
        assert np.abs(found[name] - detector.probabilities(model, x)).max() < 1e-6
    assert known.thresholds == {"music": 0.5, "speech": 0.5}


def test_detectors_of_different_features_are_not_combined() -> None:
    model, _ = trained(max_epochs=1)
    with pytest.raises(TrainingError, match="different features"):
        detector.combine({"music": (model, define()), "speech": (model, define("speech", COLUMNS[::-1]))})


def test_features_made_otherwise_are_refused() -> None:
    table = pa.table({"clip_id": ["a"], **{name: [0.0] for name in COLUMNS}})
    with pytest.raises(TrainingError, match="made with n_fft 1024, the model with 2048"):
        define().inputs(table.replace_schema_metadata(MADE_WITH | {"n_fft": "1024"}))
    assert define().inputs(table.replace_schema_metadata(MADE_WITH)).shape == (1, 3)


def test_a_file_that_is_no_detector_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.keras").write_text("nothing")
    with zipfile.ZipFile(tmp_path / "b.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    for name in ("a.keras", "b.keras", "none.keras"):
        with pytest.raises(TrainingError, match="is no detector of this workflow"):
            detector.load(tmp_path / name)


def test_evaluation_beats_always_no_where_there_is_something_to_hear_and_counts_every_known_clip() -> None:
    n = 120
    x, truth, videos = problem(n)
    known = [bool(t) if i % 10 else None for i, t in enumerate(truth)]
    table = pa.table(
        {"clip_id": videos, "video_id": videos, "split": ["eval" if i >= 80 else "train" for i in range(n)],
         "is_music": pa.array(known), **{name: x[:, i] for i, name in enumerate(COLUMNS)}}
    ).replace_schema_metadata(MADE_WITH)  # fmt: skip
    model, _ = trained()
    result = evaluation.evaluate(table, model, define(), "music", "equal", 0.2, 0)
    assert (result.metrics["n_eval"], result.metrics["positives"]) == (36, 20)
    assert result.metrics["n_unknown"] == 12
    assert result.metrics["balanced_accuracy"]["value"] > 0.85
    always_no = result.metrics["baselines"]["always_no"]
    assert always_no["accuracy"]["value"] == pytest.approx(16 / 36)
    assert always_no["confusion"] == {"tn": 16, "fp": 0, "fn": 20, "tp": 0}
    assert result.metrics["baselines"]["logistic_regression"]["roc_auc"]["value"] > 0.9
    assert result.predictions.num_rows == 108
    assert result.predictions["split"].to_pylist().count("eval") == 36
