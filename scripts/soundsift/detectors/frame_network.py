"""The network on frames: convolutions over time, then mean and maximum over time, which suit sound of any length.

It hears what statistics over time cannot keep: the order and the shape of events. Its errors differ from those of the
network on statistics, so the two together are better than either (``benchmarks/generalisation.py``).
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from soundsift.arrays import Float32Array, Float64Array, Int64Array
from soundsift.detectors.drawing import class_weights, stream
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.inference import same_length
from soundsift.detectors.network import CONSTANT, CONSTANT_VARIANCE, Moments
from soundsift.detectors.sequences import Sequences

if TYPE_CHECKING:
    import keras

BATCH_SIZE = 64
# Channels of the convolutions, each over five steps. The first two are followed by a halving of the steps.
CHANNELS, KERNEL_STEPS, N_HALVINGS = (64, 64, 96), 5, 2
HIDDEN_UNITS = 64
CHANNEL_DROPOUT, DROPOUT = 0.1, 0.3
# Each batch is cut to one of these numbers of steps: 2 to 10 s.
CROP_STEPS = (40, 64, 96, 152, 216)
# Probability of masking neighbouring columns, or successive steps, of an example (Park et al. 2019), and the most.
MASK, MASK_COLUMNS, MASK_STEPS_SHARE = 0.5, 8, 1 / 6
# Training draws each sequence five times. Short lists take more passes, up to this share of ``min_steps`` or 40 passes.
PASSES, STEPS_SHARE, MOST_PASSES = 5, 0.5, 40
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 1e-3


def moments_of_steps(sequences: Sequences, numbers: Int64Array) -> Moments:
    """Compute mean and variance of the columns over all steps of some sequences; constant columns become 0."""
    n, total, squares = 0, 0.0, 0.0
    for number in numbers.tolist():
        values = sequences.whole(number).astype(np.float64)
        n, total, squares = n + len(values), total + values.sum(axis=0), squares + np.square(values).sum(axis=0)
    mean = np.asarray(total / n)
    variance = np.maximum(np.asarray(squares / n) - mean**2, 0)
    return Moments(
        mean, np.where(np.sqrt(variance) <= CONSTANT * np.maximum(np.abs(mean), 1e-9), CONSTANT_VARIANCE, variance)
    )


def frame_network(moments: Moments, input_limit: float, name: str) -> "keras.Model":
    """Build one network: inputs (n, n_steps, n_columns) of any n_steps, logits of (absent, present), shape (n, 2)."""
    import keras
    from keras import layers

    inputs = keras.Input((None, len(moments.mean)), name="frames")
    x = layers.Normalization(-1, moments.mean, moments.variance * input_limit**2, name="standardise")(inputs)
    x = layers.Rescaling(input_limit, name="scale")(layers.Activation("hard_tanh", name="clip")(x))
    for i, channels in enumerate(CHANNELS, start=1):
        x = layers.Conv1D(channels, KERNEL_STEPS, padding="same", use_bias=False, name=f"convolution_{i}")(x)
        x = layers.Activation("relu", name=f"relu_{i}")(layers.BatchNormalization(name=f"normalise_{i}")(x))
        if i <= N_HALVINGS:
            x = layers.MaxPooling1D(2, padding="same", name=f"halve_{i}")(x)
        x = layers.SpatialDropout1D(CHANNEL_DROPOUT, name=f"channel_dropout_{i}")(x)
    pools = [layers.GlobalAveragePooling1D(name="mean"), layers.GlobalMaxPooling1D(name="maximum")]
    x = layers.Concatenate(name="pooled")([pool(x) for pool in pools])
    x = layers.Dropout(DROPOUT, name="dropout_1")(x)
    x = layers.Dropout(DROPOUT, name="dropout_2")(layers.Dense(HIDDEN_UNITS, "relu", name="hidden")(x))
    return keras.Model(inputs, layers.Dense(2, name="logits")(x), name=name)


def fit(
    name: str, sequences: Sequences, truth: Int64Array, rows: Int64Array, params: Hyperparameters, seed: int
) -> "keras.Model":
    """Train one network on random crops.

    Parameters
    ----------
    truth
        Of every sequence, 0 or 1, shape (n_sequences,).
    rows
        Numbers of the sequences to train on.
    seed
        Of the draws.
    """
    import keras
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    moments = moments_of_steps(sequences, rows)
    model = frame_network(moments, params.input_limit, name)
    weights = class_weights(truth[rows], params.balance)
    targets = np.diag([weights[0], weights[1]]).astype(np.float32)

    def batches() -> Iterator[tuple[Float32Array, Float32Array]]:
        for numbers in stream(rows, truth, params.balance, rng, BATCH_SIZE):
            x = sequences.crops(numbers, int(rng.choice(CROP_STEPS)), rng)
            _mask(x, moments.mean.astype(np.float32), rng)
            yield x, targets[truth[numbers]]

    a_pass = len(rows) / BATCH_SIZE
    steps = math.ceil(max(PASSES * a_pass, min(STEPS_SHARE * params.min_steps, MOST_PASSES * a_pass)))
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        steps_per_execution=min(steps, 10),
    )
    # with a declared shape the graph is traced once for crops of all lengths
    shapes = (tf.TensorSpec((BATCH_SIZE, None, len(moments.mean))), tf.TensorSpec((BATCH_SIZE, 2)))
    drawn = tf.data.Dataset.from_generator(batches, output_signature=shapes).prefetch(4)
    model.fit(drawn, steps_per_epoch=steps, epochs=1, shuffle=False, verbose=0)
    return model


def _mask(x: Float32Array, mean: Float32Array, rng: np.random.Generator) -> None:
    """Set some columns and steps of each example to the mean, in place."""
    _, n_steps, n_columns = x.shape
    most = max(2, round(n_steps * MASK_STEPS_SHARE))
    for example in x:
        if rng.random() < MASK:
            width = int(rng.integers(1, MASK_COLUMNS + 1))
            first = int(rng.integers(0, n_columns - width))
            example[:, first : first + width] = mean[first : first + width]
        if rng.random() < MASK:
            width = int(rng.integers(1, most))
            first = int(rng.integers(0, n_steps - width))
            example[first : first + width] = mean


def margins(model: "keras.Model", sequences: Sequences, numbers: Int64Array) -> Float64Array:
    """Margins (logit of "present" minus logit of "absent") of whole sequences, shape (n,)."""
    found = np.empty(len(numbers))
    for same in same_length(np.diff(sequences.first)[numbers]):
        x = np.stack([sequences.whole(number) for number in numbers[same].tolist()])
        logits = np.asarray(model(x, training=False), dtype=np.float64)
        found[same] = logits[:, 1] - logits[:, 0]
    return found
