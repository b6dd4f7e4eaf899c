"""The network of a detector."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from soundsift.detectors.examples import Floats, Indices
from soundsift.detectors.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    import keras

# Rows worked on together.
N_AT_ONCE = 4096

Moments = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
# A spread below this share of its mean is rounding: the column says nothing.
CONSTANT, ENDLESS = 1e-6, 1e30


def moments_of(x: Floats, rows: Indices) -> Moments:
    """Mean and variance of the columns over some rows, a part at a time; what is constant varies without end.

    So a constant column stays at its mean whatever comes later.
    """
    pieces = [rows[at : at + N_AT_ONCE] for at in range(0, len(rows), N_AT_ONCE)]
    mean = sum(x[piece].sum(axis=0, dtype=np.float64) for piece in pieces) / len(rows)
    variance = sum(np.square(x[piece] - mean).sum(axis=0) for piece in pieces) / len(rows)
    return np.asarray(mean), np.where(np.sqrt(variance) <= CONSTANT * np.abs(mean), ENDLESS, variance)


def side_by_side_network(moments: "Sequence[Moments]", params: Hyperparameters) -> "keras.Model":
    """All members as one network, inputs (n, n_members, n_columns): several times as fast as one after the other."""
    import keras

    mean, variance = (np.stack(values) for values in zip(*moments, strict=True))
    inputs = keras.Input(mean.shape, name="features")
    x = _within_reach(inputs, mean, variance, (1, 2), params.input_limit)
    for units in params.hidden_units:
        x = keras.layers.EinsumDense("bmi,mio->bmo", (len(mean), units), "relu", bias_axes="mo")(x)
        x = keras.layers.Dropout(params.dropout)(x)
    outputs = keras.layers.EinsumDense("bmi,mio->bmo", (len(mean), 2), bias_axes="mo")(x)
    return keras.Model(inputs, outputs)


def _within_reach(inputs: Any, mean: Any, variance: Any, axis: int | tuple[int, ...], reach: float) -> Any:
    """Standardise, and count what lies further out than anything learned from as lying at the edge."""
    import keras

    x = keras.layers.Normalization(axis, mean, variance * reach**2, name="standardise")(inputs)
    return keras.layers.Rescaling(reach, name="reach")(keras.layers.Activation("hard_tanh", name="within")(x))


def member_network(
    side_by_side: "keras.Model", number: int, moments: "Moments", params: Hyperparameters
) -> "keras.Model":
    """One of the members by itself: standardised inputs, ReLU layers, two numbers for softmax (not heard, heard)."""
    import keras

    mean, variance = moments
    inputs = keras.Input((len(mean),), name="features")
    x = _within_reach(inputs, mean, variance, -1, params.input_limit)
    for i, units in enumerate(params.hidden_units, start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"hidden_{i}")(x)
    outputs = keras.layers.Dense(2, name="logits")(x)
    model = keras.Model(inputs, outputs, name=f"member_{number + 1}")
    layers = [layer for layer in side_by_side.layers if isinstance(layer, keras.layers.EinsumDense)]
    for own, of_all in zip(
        (layer for layer in model.layers if isinstance(layer, keras.layers.Dense)), layers, strict=True
    ):
        own.set_weights([weights[number] for weights in of_all.get_weights()])
    return model


def margins_of(model: "keras.Model", x: Floats, rows: Indices, asked: Indices) -> npt.NDArray[np.float64]:
    """What the member ``asked`` says of each row, "heard" over "not heard", shape (n_rows,)."""
    n_members = model.input_shape[1]
    found = []
    for at in range(0, len(rows), N_AT_ONCE):
        piece = slice(at, at + N_AT_ONCE)
        said = np.asarray(model(np.repeat(x[rows[piece], np.newaxis], n_members, axis=1), training=False))
        chosen = said[np.arange(len(said)), asked[piece]].astype(np.float64)
        found.append(chosen[:, 1] - chosen[:, 0])
    return np.concatenate(found)


def joined_network(members: "Sequence[keras.Model]", slope: float, shift: float, name: str) -> "keras.Model":
    """Members that answer together: the mean of what they say, calibrated, as softmax over (not heard, heard)."""
    import keras

    inputs = keras.Input(members[0].input_shape[1:], name="features")
    said = [member(inputs) for member in members]
    softmax = keras.layers.Dense(2, activation="softmax", name="softmax")
    model = keras.Model(
        inputs, softmax(keras.layers.Average(name="mean")(said) if len(said) > 1 else said[0]), name=name
    )
    softmax.set_weights([slope * np.eye(2), np.array([0.0, shift])])
    return model
