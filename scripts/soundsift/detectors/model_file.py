"""The model file of a detector: writing it, and reading and combining its Keras models.

A model file is an ordinary Keras archive that any Keras loads. It has two additional members: ``soundsift.json``, the
definition (:mod:`soundsift.detectors.definition`), and ``soundsift.npz``, the same networks and the filters of the
features for detection without TensorFlow and librosa (:mod:`soundsift.detectors.inference`).
"""

import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from soundsift.arrays import Float32Array, Float64Array
from soundsift.detectors.definition import ARRAYS, MEMBER, Definition, not_a_detector, read_definition
from soundsift.detectors.inference import Ensemble, FrameEnsemble, Networks, arrays_of
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
    arrays = arrays_of(filters, {name: networks_of(part) for name, part in parts.items()})
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
    """Apply the model of one detector that has only networks on statistics.

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

    The inputs are ``Features`` and ``Frames``, those of them that the detectors have.

    Raises
    ------
    TrainingError
        If the detectors have different inputs.
    """
    import keras

    first_name, (_, first) = next(iter(models.items()))
    thresholds: dict[str, float] = {}
    calibrations: dict[str, list[float]] = {}
    window_calibrations: dict[str, list[float]] = {}
    held_out: dict[str, dict[str, Any]] = {}
    first_model = next(iter(models.values()))[0]
    for name, (model, definition) in models.items():
        same_inputs = [one.shape for one in model.inputs] == [one.shape for one in first_model.inputs]
        if not same_inputs or (definition.columns, definition.features) != (first.columns, first.features):
            raise TrainingError(
                f"detectors {first_name} and {name} were trained on different features: train both again"
            )
        thresholds |= definition.thresholds
        calibrations |= definition.calibrations
        window_calibrations |= definition.window_calibrations
        held_out |= definition.held_out
    # the layers need names that no detector can have: those are lower case
    inputs = [keras.Input(one.shape[1:], name=one.name.capitalize()) for one in first_model.inputs]
    given = inputs if len(inputs) > 1 else inputs[0]
    outputs: dict[str, Any] = {name: model(given)[:, 1] for name, (model, _) in models.items()}
    synthetic = any(definition.synthetic for _, definition in models.values())
    definition = Definition(
        first.columns, first.features, thresholds, calibrations, window_calibrations, synthetic, held_out
    )
    return keras.Model(given, outputs, name="combined"), definition


def networks_of(model: "keras.Model") -> Networks:
    """Take the arrays of a model made by :func:`soundsift.detectors.network.detector_network`, for use without Keras.

    Raises
    ------
    TypeError
        If a member has other layers than those of :func:`soundsift.detectors.network.layers_of` or
        :func:`soundsift.detectors.frame_network.frame_network`.
    """
    import keras

    members = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    of_frames = [member for member in members if len(member.input_shape) == 3]
    of_statistics = [member for member in members if len(member.input_shape) == 2]
    return Networks(
        _ensemble(of_statistics) if of_statistics else None, _frame_ensemble(of_frames) if of_frames else None
    )


def _ensemble(members: "Sequence[keras.Model]") -> Ensemble:
    for _, normalization, clip, scale, *dense in (member.layers for member in members):
        kinds = [type(layer).__name__ for layer in (normalization, clip, scale, *dense)]
        activations = [layer.activation.__name__ for layer in (clip, *dense)]
        if kinds != ["Normalization", "Activation", "Rescaling", *["Dense"] * len(dense)] or activations != [
            "hard_tanh",
            *["relu"] * (len(dense) - 1),
            "linear",
        ]:
            raise TypeError(f"layers {kinds} with activations {activations} are not those of a member network")
    dense_layers = list(zip(*(member.layers[4:] for member in members), strict=True))
    return Ensemble(
        **_scaling(members),
        kernels=tuple(_stacked(layer.kernel for layer in of_members) for of_members in dense_layers),
        biases=tuple(_stacked(layer.bias for layer in of_members)[:, np.newaxis] for of_members in dense_layers),
    )


def _frame_ensemble(members: "Sequence[keras.Model]") -> FrameEnsemble:
    def layers(prefix: str) -> "list[list[Any]]":
        found = [[layer for layer in member.layers if layer.name.startswith(prefix)] for member in members]
        return [list(of_members) for of_members in zip(*found, strict=True)]

    convolutions, shifts = [], []
    for of_members, normal in zip(layers("convolution_"), layers("normalise_"), strict=True):
        factors = [one.gamma / np.sqrt(one.moving_variance + one.epsilon) for one in normal]
        kernels = [layer.kernel * factor for layer, factor in zip(of_members, factors, strict=True)]
        convolutions.append(_stacked(kernels))
        shifts.append(
            _stacked(one.beta - one.moving_mean * factor for one, factor in zip(normal, factors, strict=True))
        )
    dense = [*layers("hidden"), *layers("logits")]
    if len(dense) != 2 or not convolutions:
        raise TypeError(f"layers {[layer.name for layer in members[0].layers]} are not those of a network on frames")
    scaling = _scaling(members)
    return FrameEnsemble(
        **scaling | {name: scaling[name][:, 0, 0] for name in ("mean", "scale")},
        n_halvings=np.asarray(len(layers("halve_"))),
        convolutions=tuple(convolutions),
        shifts=tuple(shifts),
        kernels=tuple(_stacked(layer.kernel for layer in of_members) for of_members in dense),
        biases=tuple(_stacked(layer.bias for layer in of_members) for of_members in dense),
    )


def _scaling(members: "Sequence[keras.Model]") -> dict[str, Float32Array]:
    """Mean, scale and limit of the first layers of all members."""
    import keras

    normalizations = [member.layers[1] for member in members]
    return {
        "mean": _stacked(one.mean for one in normalizations),
        "scale": _stacked(np.maximum(np.sqrt(one.variance), keras.config.epsilon()) for one in normalizations),
        "limit": np.asarray(members[0].layers[3].scale, dtype=np.float32),
    }


def _stacked(arrays: Iterable[Any]) -> Float32Array:
    return np.stack([np.asarray(array, dtype=np.float32) for array in arrays])
