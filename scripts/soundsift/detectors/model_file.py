"""The model file of a detector: writing, reading, combining and applying it.

A model file is an ordinary Keras archive that any Keras loads. It has one additional member, ``soundsift.json``, with
the names and order of the inputs, the definition of these features, the thresholds and the calibration.
"""

import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from soundsift.arrays import Float32Array, Float64Array
from soundsift.config.features import FeatureParams
from soundsift.errors import TrainingError
from soundsift.features.definition import DEFINITION_KEYS, definition_of, params_of
from soundsift.features.inputs import matrices
from soundsift.files import whole_file

if TYPE_CHECKING:
    import keras

MEMBER = "soundsift.json"


@dataclass(frozen=True)
class Definition:
    """Inputs and outputs of a model.

    Attributes
    ----------
    columns
        Names of the inputs, in order.
    features
        Parameters of the features: :func:`soundsift.features.definition.definition`.
    thresholds
        {detector: threshold}. A clip counts as detected if its probability is at least the threshold.
    calibrations
        {detector: (slope, shift)}: :class:`soundsift.detectors.training.Trained`.
    synthetic
        Whether the model was trained on the synthetic sound of the demo.
    """

    columns: list[str]
    features: dict[str, str]
    thresholds: dict[str, float]
    calibrations: dict[str, list[float]]
    synthetic: bool = False

    def inputs(self, path: Path) -> Iterator[Float32Array]:
        """Read the model's inputs from a features table, one row group at a time.

        Yields
        ------
        Shape (n_rows, n_inputs).

        Raises
        ------
        TrainingError
            If the features were computed with other parameters than those the model was trained on.
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
        """Parameters of the features, and the sample rate in Hz."""
        return params_of(self.features)


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
        raise TrainingError(f"{path} is not a detector of this workflow ({error}): train it again") from error


def read_definition(path: str | Path) -> Definition:
    """Read the definition of a model without Keras; raise as :func:`load` does."""
    try:
        with zipfile.ZipFile(path) as archive:
            return Definition(**json.loads(archive.read(MEMBER)))
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise TrainingError(f"{path} is not a detector of this workflow ({error}): train it again") from error


def probabilities(model: "keras.Model", inputs: Iterable[Float32Array]) -> Float64Array:
    """Apply the model of one detector.

    Parameters
    ----------
    inputs
        Matrices of shape (n_rows, n_inputs).

    Returns
    -------
    Probability that the class is present, in all rows of all matrices, shape (n,).
    """
    return np.concatenate([np.asarray(model.predict_on_batch(x)[:, 1], dtype=np.float64) for x in inputs if len(x)])


def combine(models: "Mapping[str, tuple[keras.Model, Definition]]") -> "tuple[keras.Model, Definition]":
    """Combine detectors into one model with the same inputs and one named probability per detector.

    Raises
    ------
    TrainingError
        If the detectors have different inputs.
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
    # the layer needs a name that no detector can have: those are lower case
    inputs = keras.Input((len(first.columns),), name="Features")
    outputs: dict[str, Any] = {name: model(inputs)[:, 1] for name, (model, _) in models.items()}
    synthetic = any(definition.synthetic for _, definition in models.values())
    definition = Definition(first.columns, first.features, thresholds, calibrations, synthetic)
    return keras.Model(inputs, outputs, name="combined"), definition
