"""The model of a detector: saved with what it must know of its inputs, read back, combined, applied.

A model file is an ordinary Keras archive that any Keras loads. One more member, ``soundsift.json``, holds what the
network cannot: the names and order of its inputs, how those features are made, and the detectors' thresholds.
"""

import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from soundsift.config.features import FeatureParams
from soundsift.errors import TrainingError
from soundsift.features.definition import DEFINITION_KEYS, definition_of
from soundsift.features.inputs import matrices
from soundsift.files import whole_file

if TYPE_CHECKING:
    import keras

Floats = npt.NDArray[np.float32]
MEMBER = "soundsift.json"


@dataclass(frozen=True)
class Definition:
    """What a model must know of its inputs and outputs.

    Attributes
    ----------
    columns
        Names of its inputs, in order.
    features
        How they are made: :func:`soundsift.features.definition.definition`.
    thresholds
        {detector: probability from which on the class counts as heard}.
    calibrations
        {detector: (slope, shift)}: :class:`soundsift.detectors.training.Trained`.
    synthetic
        Whether it has learned from the demo, which knows nothing of real sound.
    """

    columns: list[str]
    features: dict[str, str]
    thresholds: dict[str, float]
    calibrations: dict[str, list[float]]
    synthetic: bool = False

    def inputs(self, path: Path) -> Iterator[Floats]:
        """Take the model's inputs from a Parquet file, some thousand rows of shape (n_rows, n_columns) after another.

        Raises
        ------
        TrainingError
            If the table was made with other parameters than the model was trained on.
        """
        found = definition_of(pq.read_schema(path))
        for key in DEFINITION_KEYS:
            if key != "librosa" and found[key] != self.features[key]:
                raise TrainingError(
                    f"the table was made with {key} {found[key]}, the model with {self.features[key]}: "
                    "train again or make the table again"
                )
        return matrices(path, self.columns)

    def feature_params(self) -> tuple[FeatureParams, int]:
        """How to make the features of a recording: the parameters, and the sampling rate in Hz."""
        params = {name: kind(self.features[name]) for name, kind in get_type_hints(FeatureParams).items()}
        return FeatureParams(**params), int(self.features["sample_rate_hz"])


def save(model: "keras.Model", definition: Definition, path: Path) -> None:
    """Write a model with its definition."""
    with whole_file(path) as temporary:
        keras_name = temporary.with_suffix(".keras")
        try:
            model.save(keras_name)
            with zipfile.ZipFile(keras_name, "a") as archive:
                archive.writestr(MEMBER, json.dumps(asdict(definition), indent=1))
            os.replace(keras_name, temporary)
        finally:
            keras_name.unlink(missing_ok=True)


def load(path: str | Path) -> "tuple[keras.Model, Definition]":
    """Read a model with its definition.

    Raises
    ------
    TrainingError
        If the file is no model of this workflow.
    """
    import keras

    definition = read_definition(path)
    try:
        return keras.models.load_model(path, compile=False), definition
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"{path} is no detector of this workflow ({error}): train it again") from error


def read_definition(path: str | Path) -> Definition:
    """Read only the definition of a model; raises as :func:`load` does."""
    try:
        with zipfile.ZipFile(path) as archive:
            return Definition(**json.loads(archive.read(MEMBER)))
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise TrainingError(f"{path} is no detector of this workflow ({error}): train it again") from error


def probabilities(model: "keras.Model", inputs: Iterable[Floats]) -> npt.NDArray[np.float64]:
    """Probability that the class is heard, shape (n_clips,); ``inputs`` are matrices of some rows each."""
    said = [np.asarray(model.predict_on_batch(x)[:, 1], dtype=np.float64) for x in inputs if len(x)]
    return np.concatenate(said)


def combine(models: "Mapping[str, tuple[keras.Model, Definition]]") -> "tuple[keras.Model, Definition]":
    """Join detectors into one model: the same inputs, one named probability per detector.

    Raises
    ------
    TrainingError
        If the detectors do not share their inputs.
    """
    import keras

    first_name, (_, first) = next(iter(models.items()))
    thresholds: dict[str, float] = {}
    calibrations: dict[str, list[float]] = {}
    for name, (_, definition) in models.items():
        if (definition.columns, definition.features) != (first.columns, first.features):
            raise TrainingError(
                f"detectors {first_name} and {name} were trained on different features: train both again"
            )
        thresholds |= definition.thresholds
        calibrations |= definition.calibrations
    # no detector can have this name
    inputs = keras.Input((len(first.columns),), name="Features")
    outputs: dict[str, Any] = {name: model(inputs)[:, 1] for name, (model, _) in models.items()}
    synthetic = any(definition.synthetic for _, definition in models.values())
    definition = Definition(first.columns, first.features, thresholds, calibrations, synthetic)
    return keras.Model(inputs, outputs, name="combined"), definition
