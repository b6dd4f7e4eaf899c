import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundsift.config.features import FeatureParams
from soundsift.detectors import model_file, network
from soundsift.detectors.definition import Definition, read_definition
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.inference import read_model
from soundsift.errors import TrainingError
from soundsift.features.definition import definition
from soundsift.features.frames import filters_of
from soundsift.tables import write_parquet
from tests.unit.detectors.test_metrics import HELD_OUT
from tests.unit.detectors.test_training import problem

pytestmark = pytest.mark.tensorflow

MADE_WITH = definition(22050, FeatureParams())
COLUMNS = ["rms_mean", "rms_std", "mfcc_01_mean"]


@cache
def detector(name: str = "music", seed: int = 0) -> object:
    """Two networks with random weights, averaged and calibrated."""
    import keras

    keras.utils.set_random_seed(seed)
    x, params = problem().x, Hyperparameters()
    moments = [network.moments_of(x, np.arange(part, len(x), 2)) for part in range(2)]
    parallel = network.parallel_network(moments, params)
    members = [network.member_network(parallel, number, moments[number], params) for number in range(2)]
    return network.detector_network([members], [1.5, 0.1], name)


def define(name: str = "music", columns: list[str] | None = None) -> Definition:
    return Definition(columns or COLUMNS, MADE_WITH, {name: 0.5}, {name: [1.5, 0.1]}, {name: [1.4, 0.2]})


def test_a_saved_detector_comes_back_with_its_definition_and_plain_keras_reads_it(tmp_path: Path) -> None:
    import keras

    model = detector()
    model_file.save(model, define(), filters_of(22050, FeatureParams()), tmp_path / "model.keras")
    x = problem(seed=1).x
    again, known = model_file.load(tmp_path / "model.keras")
    assert known == define()
    assert np.array_equal(model_file.probabilities(again, [x]), model_file.probabilities(model, [x]))
    assert keras.models.load_model(tmp_path / "model.keras").name == "music"
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_combined_detectors_give_the_same_probabilities_as_alone(tmp_path: Path) -> None:
    alone = {}
    for name, seed in (("music", 1), ("speech", 2), ("features", 3)):
        alone[name] = (detector(name, seed), define(name))
    alone["music"] = (alone["music"][0], replace(alone["music"][1], held_out={"music": asdict(HELD_OUT)}))
    model_file.save(*model_file.combine(alone), filters_of(22050, FeatureParams()), tmp_path / "combined.keras")
    combined, known = model_file.load(tmp_path / "combined.keras")
    x = problem(seed=3).x
    found = combined.predict(x, verbose=0)
    assert set(found) == {"music", "speech", "features"}
    for name, (model, _) in alone.items():
        assert np.abs(found[name] - model_file.probabilities(model, [x])).max() < 1e-6
    assert known.thresholds == {"music": 0.5, "speech": 0.5, "features": 0.5}
    assert not known.synthetic
    assert known.held_out == {"music": asdict(HELD_OUT)}
    assert known.calibrations == {name: [1.5, 0.1] for name in alone}
    assert known.window_calibrations == {name: [1.4, 0.2] for name in alone}


def test_one_detector_of_the_demo_s_makes_the_combined_one_synthetic(tmp_path: Path) -> None:
    alone = {
        "music": (detector(), define()),
        "speech": (detector("speech", 1), replace(define("speech"), synthetic=True)),
    }
    model_file.save(*model_file.combine(alone), filters_of(22050, FeatureParams()), tmp_path / "combined.keras")
    assert read_definition(tmp_path / "combined.keras").synthetic


def test_detectors_of_different_features_are_not_combined() -> None:
    model = detector()
    with pytest.raises(TrainingError, match="different features"):
        model_file.combine({"music": (model, define()), "speech": (model, define("speech", COLUMNS[::-1]))})


def test_features_computed_with_other_parameters_are_refused(tmp_path: Path) -> None:
    table = pa.table({"clip_id": ["a"], **{name: [0.0] for name in COLUMNS}})
    write_parquet(table.replace_schema_metadata(MADE_WITH | {"n_fft": "1024"}), tmp_path / "other.parquet")
    write_parquet(table.replace_schema_metadata(MADE_WITH), tmp_path / "same.parquet")
    with pytest.raises(TrainingError, match="made with n_fft 1024, the model with 2048"):
        define().inputs(tmp_path / "other.parquet")
    assert [x.shape for x in define().inputs(tmp_path / "same.parquet")] == [(1, 3)]


@pytest.mark.parametrize("read", [model_file.load, read_model])
def test_a_file_that_is_no_detector_is_refused_in_one_line(read: Callable[[Path], object], tmp_path: Path) -> None:
    (tmp_path / "a.keras").write_text("nothing")
    detector().save(tmp_path / "b.keras")
    with zipfile.ZipFile(tmp_path / "c.keras", "w") as archive:
        archive.writestr("soundsift.json", "[]")
    with zipfile.ZipFile(tmp_path / "d.keras", "w") as archive:
        archive.writestr("soundsift.json", '{"format": 3, "columns": []}')
    with zipfile.ZipFile(tmp_path / "e.keras", "w") as archive:
        archive.writestr("soundsift.json", '{"format": 99, "new": {}}')
    with zipfile.ZipFile(tmp_path / "f.keras", "w") as archive:
        archive.writestr("soundsift.json", define().to_json())
    reasons = {
        "a.keras": "not a zip file", "b.keras": "has no soundsift.json, as if Keras had saved it alone", "c.keras": "",
        "d.keras": "missing", "e.keras": "its format is 99, this version reads 3", "f.keras": "",
        "none.keras": "No such file", ".": "Is a directory",
    }  # fmt: skip
    for name, reason in reasons.items():
        with pytest.raises(TrainingError, match=f"is not a detector of this workflow .*{reason}") as error:
            read(tmp_path / name)
        assert len(str(error.value).splitlines()) == 1
