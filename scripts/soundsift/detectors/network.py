"""The network on statistics, as a table of layers, and the Keras graphs that are built from it and from its parts.

Two graphs have the same layers: the network that trains all members in parallel, with inputs (n, n_members, n_inputs),
and the network of a single member, with inputs (n, n_inputs), which is what a model file holds.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from soundsift.arrays import AnyArray, Float32Array, Float64Array, Int64Array
from soundsift.detectors.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    import keras

# Rows per call of a network or of NumPy, which bounds memory.
ROWS_PER_CALL = 4096

# A standard deviation below this share of the mean is a rounding error: the column is constant.
CONSTANT = 1e-6
# Variance given to constant columns.
CONSTANT_VARIANCE = 1e30


class Moments(NamedTuple):
    """Mean and variance of the input columns over the clips of one member, shape (n_inputs,) each."""

    mean: Float64Array
    variance: Float64Array


class Layer(NamedTuple):
    """One row of the table of layers.

    Attributes
    ----------
    kind
        ``standardise`` subtracts the mean and divides by ``size`` standard deviations, ``clip`` limits to -1..1,
        ``scale`` multiplies by ``size``, ``dense`` has ``size`` units, ``dropout`` switches off the share ``size`` of
        the units at each training step.
    name
        In the Keras graph of a member.
    """

    kind: Literal["standardise", "clip", "scale", "dense", "dropout"]
    name: str
    size: float = 0.0
    activation: str | None = None


def layers_of(params: Hyperparameters) -> list[Layer]:
    """The layers of a member, from its inputs to the logits of (absent, present)."""
    hidden = [
        layer
        for i, units in enumerate(params.hidden_units, start=1)
        for layer in (
            Layer("dense", f"hidden_{i}", units, "relu"),
            Layer("dropout", f"dropout_{i}", params.dropout),
        )
    ]
    return [
        Layer("standardise", "standardise", params.input_limit),
        Layer("clip", "clip"),
        Layer("scale", "scale", params.input_limit),
        *hidden,
        Layer("dense", "logits", 2),
    ]


def moments_of(x: AnyArray, rows: Int64Array) -> Moments:
    """Compute mean and variance of the columns over some rows, a part of them at a time.

    A constant column gets a variance of 1e30, so its standardised value is 0 for any later input.
    """
    pieces = [rows[start : start + ROWS_PER_CALL] for start in range(0, len(rows), ROWS_PER_CALL)]
    mean = np.asarray(sum(x[piece].sum(axis=0, dtype=np.float64) for piece in pieces) / len(rows))
    variance = sum(np.square(x[piece] - mean).sum(axis=0) for piece in pieces) / len(rows)
    return Moments(mean, np.where(np.sqrt(variance) <= CONSTANT * np.abs(mean), CONSTANT_VARIANCE, variance))


def parallel_network(moments: Sequence[Moments], params: Hyperparameters) -> "keras.Model":
    """Build all members as one network with inputs (n, n_members, n_inputs) and logits (n, n_members, 2).

    It trains several times as fast as one member after the other.
    """
    import keras

    mean, variance = (np.stack(values) for values in zip(*moments, strict=True))
    inputs = outputs = keras.Input(mean.shape, name="features")
    for layer in layers_of(params):
        outputs = _keras_layer(layer, mean, variance, n_members=len(moments))(outputs)
    return keras.Model(inputs, outputs)


def member_network(parallel: "keras.Model", number: int, moments: Moments, params: Hyperparameters) -> "keras.Model":
    """Build one member by itself, with its weights taken from the trained parallel network and without dropout.

    Parameters
    ----------
    number
        Of the member, from 0.
    moments
        Of the same member.
    """
    import keras

    inputs = outputs = keras.Input(moments.mean.shape, name="features")
    for layer in layers_of(params):
        if layer.kind != "dropout":
            outputs = _keras_layer(layer, *moments, n_members=None)(outputs)
    model = keras.Model(inputs, outputs, name=f"member_{number + 1}")
    for layer in layers_of(params):
        if layer.kind == "dense":
            weights = parallel.get_layer(layer.name).get_weights()
            model.get_layer(layer.name).set_weights([of_all[number] for of_all in weights])
    return model


def make_variables(compiled: "keras.Model", outputs: tuple[int, ...]) -> None:
    """Make the variables of optimizer and metrics for outputs of this shape. Keras would trace each step twice."""
    compiled.optimizer.build(compiled.trainable_variables)
    nothing = np.zeros(outputs, dtype=np.float32)
    compiled.compute_metrics(None, nothing, nothing)


def _keras_layer(layer: Layer, mean: Float64Array, variance: Float64Array, n_members: int | None) -> Any:
    """Make the Keras layer of a row of the table: for all members in parallel, or for one if ``n_members`` is None."""
    from keras import layers

    name, size, activation = layer.name, layer.size, layer.activation
    match layer.kind:
        case "standardise":
            axis = -1 if n_members is None else (1, 2)
            return layers.Normalization(axis, mean, variance * size**2, name=name)
        case "clip":
            return layers.Activation("hard_tanh", name=name)
        case "scale":
            return layers.Rescaling(size, name=name)
        case "dropout":
            return layers.Dropout(size, name=name)
        case "dense" if n_members is None:
            return layers.Dense(int(size), activation, name=name)
        case "dense":
            shape = (n_members, int(size))
            return layers.EinsumDense("bmi,mio->bmo", shape, activation, bias_axes="mo", name=name)


def held_out_margins(model: "keras.Model", x: Float32Array, rows: Int64Array, member: Int64Array) -> Float64Array:
    """Margins (logit of "present" minus logit of "absent") that one member of the parallel network gives each row.

    Parameters
    ----------
    rows
        Rows of ``x``, shape (n,).
    member
        Number of the member that gives the margin, for each of these rows, shape (n,).

    Returns
    -------
    Shape (n,).
    """
    n_members = model.input_shape[1]
    margins = []
    for start in range(0, len(rows), ROWS_PER_CALL):
        piece = slice(start, start + ROWS_PER_CALL)
        logits = np.asarray(model(np.repeat(x[rows[piece], np.newaxis], n_members, axis=1), training=False))
        chosen = logits[np.arange(len(logits)), member[piece]].astype(np.float64)
        margins.append(chosen[:, 1] - chosen[:, 0])
    return np.concatenate(margins)


def detector_network(parts: "Sequence[Sequence[keras.Model]]", weights: Sequence[float], name: str) -> "keras.Model":
    """Average the logits of the members of each part, and combine and calibrate the parts.

    Parameters
    ----------
    parts
        The members on statistics, those on frames, or both.
    weights
        One slope per part and the shift, of the calibration.

    Returns
    -------
    Outputs are probabilities of (absent, present). Inputs are those of the parts.
    """
    import keras

    inputs, means = [], []
    for members in parts:
        like = members[0].input
        one = keras.Input(like.shape[1:], name=like.name)
        logits = [member(one) for member in members]
        inputs.append(one)
        means.append(keras.layers.Average(name=f"mean_of_{like.name}")(logits) if len(logits) > 1 else logits[0])
    joined = keras.layers.Concatenate(name="parts")(means) if len(means) > 1 else means[0]
    softmax = keras.layers.Dense(2, activation="softmax", name="softmax")
    model = keras.Model(inputs if len(inputs) > 1 else inputs[0], softmax(joined), name=name)
    *slopes, shift = weights
    softmax.set_weights([np.concatenate([slope * np.eye(2) for slope in slopes]), np.array([0.0, shift])])
    return model
