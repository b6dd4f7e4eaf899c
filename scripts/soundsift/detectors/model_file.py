"""The model file of a detector: writing it, and reading and combining its Keras models.

A model file is an ordinary Keras archive that any Keras loads. It has two additional members: ``soundsift.json``, the
definition (:mod:`soundsift.detectors.definition`), and ``soundsift.npz``, the same networks and the filters of the
features for detection without TensorFlow and librosa (:mod:`soundsift.detectors.inference`).
"""

import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from soundsift.arrays import Float32Array, Float64Array
from soundsift.detectors.definition import ARRAYS, MEMBER, Definition, not_a_detector, read_definition
from soundsift.detectors.inference import Ensemble, arrays_of
from soundsift.errors import TrainingError
from soundsift.features.transform import Filters
from soundsift.files import whole_file

if TYPE_CHECKING:
    import keras


def save(model: "keras.Model", definition: Definition, filters: Filters, path: Path) -> None:
    """Write the model of one detector, or a combined one, with everything that detection needs.

    Parameters
    ----------
    filters
        With which the features were computed that the model was trained on.
    """
    is_combined = isinstance(model.output, dict)
    parts = {name: model.get_layer(name) if is_combined else model for name in definition.thresholds}
    arrays = arrays_of(filters, {name: ensemble_of(part) for name, part in parts.items()})
    with whole_file(path) as temporary:
        keras_name = temporary.with_suffix(".keras")
        try:
            model.save(keras_name)
            with zipfile.ZipFile(keras_name, "a") as archive:
                archive.writestr(MEMBER, definition.to_json())
                archive.writestr(ARRAYS, arrays)
            os.replace(keras_name, temporary)
        finally:
            keras_name.unlink(missing_ok=True)


def load(path: str | Path) -> "tuple[keras.Model, Definition]":
    """Read the Keras model with its definition.

    Raises
    ------
    TrainingError
        If the file is not a model of this workflow, or of another version of it.
    """
    import keras

    definition = read_definition(path)
    try:
        return keras.models.load_model(path, compile=False), definition
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise not_a_detector(path, str(error)) from error


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


def ensemble_of(model: "keras.Model") -> Ensemble:
    """Take the arrays of a model made by :func:`soundsift.detectors.network.ensemble_network`, for use without Keras.

    Raises
    ------
    TypeError
        If a member has other layers than those of :func:`soundsift.detectors.network.layers_of`.
    """
    import keras

    members = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    chains = [member.layers[1:] for member in members]
    for _, normalization, clip, scale, *dense in (member.layers for member in members):
        kinds = [type(layer).__name__ for layer in (normalization, clip, scale, *dense)]
        activations = [layer.activation.__name__ for layer in (clip, *dense)]
        if kinds != ["Normalization", "Activation", "Rescaling", *["Dense"] * len(dense)] or activations != [
            "hard_tanh",
            *["relu"] * (len(dense) - 1),
            "linear",
        ]:
            raise TypeError(f"layers {kinds} with activations {activations} are not those of a member network")

    def of_all(arrays: Any) -> Float32Array:
        return np.stack([np.asarray(array, dtype=np.float32) for array in arrays])

    dense = range(3, len(chains[0]))
    return Ensemble(
        mean=of_all(chain[0].mean for chain in chains),
        scale=of_all(np.maximum(np.sqrt(chain[0].variance), keras.config.epsilon()) for chain in chains),
        limit=np.asarray(chains[0][2].scale, dtype=np.float32),
        kernels=tuple(of_all(chain[i].kernel for chain in chains) for i in dense),
        biases=tuple(of_all(chain[i].bias for chain in chains)[:, np.newaxis] for i in dense),
    )
