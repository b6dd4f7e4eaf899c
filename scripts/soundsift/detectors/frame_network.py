"""The network on frames: convolutions over time, then mean and maximum over time, which suit sound of any length.

It hears what statistics over time cannot keep: the order and the shape of events. Its errors differ from those of the
network on statistics, so the two together are better than either (``benchmarks/generalisation.py``).
"""

import logging
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from soundsift.arrays import Float32Array, Float64Array, Int64Array
from soundsift.detectors.columns import HISTORY_COLUMNS, N_EPOCHS
from soundsift.detectors.drawing import class_weights, stream
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.inference import same_length
from soundsift.detectors.network import Moments, make_variables, moments_of
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
# Training draws each sequence five times. Short lists take more passes, up to ``min_steps`` or 40 passes.
PASSES, MOST_PASSES = 5, 40
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 1e-3


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
    sequences: Sequences, truth: Int64Array, rows: Sequence[Int64Array], params: Hyperparameters
) -> "tuple[list[keras.Model], dict[str, list[Any]]]":
    """Train the member networks on random crops, one after the other.

    Parameters
    ----------
    truth
        Of every sequence, 0 or 1, shape (n_sequences,).
    rows
        Numbers of the sequences that each member is trained on. The moments are those of all of them together, so that
        one graph, whose tracing takes seconds, serves for all members.

    Returns
    -------
    The networks, and the history: :data:`~soundsift.detectors.columns.HISTORY_COLUMNS`, mean over the networks. The
    clips that were left out are not judged during training, so their columns are None.
    """
    import keras
    import tensorflow as tf

    moments = moments_of(sequences.values, sequences.steps(np.unique(np.concatenate(rows))))
    a_pass = max(map(len, rows)) / BATCH_SIZE
    wanted = max(PASSES * a_pass, min(params.min_steps, MOST_PASSES * a_pass))
    steps = math.ceil(wanted / N_EPOCHS)
    trainer = frame_network(moments, params.input_limit, "trainer")
    trainer.compile(
        optimizer=keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(LEARNING_RATE, N_EPOCHS * steps), weight_decay=WEIGHT_DECAY
        ),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    make_variables(trainer, (1, 2))
    # with a declared shape the graph is traced once for crops of all lengths
    shapes = (tf.TensorSpec((BATCH_SIZE, None, len(moments.mean))), tf.TensorSpec((BATCH_SIZE, 2)))
    members, histories = [], []
    for number, of_member in enumerate(rows):
        logging.info("network %d of %d on frames: %d steps", number + 1, len(rows), N_EPOCHS * steps)
        member = frame_network(moments, params.input_limit, f"frames_{number + 1}")
        trainer.set_weights(member.get_weights())
        for variable in trainer.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        drawn = partial(_batches, sequences, truth, of_member, params, moments.mean.astype(np.float32), number)
        batches = tf.data.Dataset.from_generator(drawn, output_signature=shapes).prefetch(4)
        found = trainer.fit(batches, steps_per_epoch=steps, epochs=N_EPOCHS, shuffle=False, verbose=0)
        histories.append(found.history)
        member.set_weights(trainer.get_weights())
        members.append(member)
    history: dict[str, list[Any]] = {c.name: [None] * N_EPOCHS for c in HISTORY_COLUMNS}
    history["epoch"] = list(range(1, N_EPOCHS + 1))
    for name in ("loss", "accuracy"):
        history[name] = np.mean([of_member[name] for of_member in histories], axis=0).tolist()
    return members, history


def _batches(
    sequences: Sequences, truth: Int64Array, rows: Int64Array, params: Hyperparameters, mean: Float32Array, number: int
) -> Iterator[tuple[Float32Array, Float32Array]]:
    """Yield crops and targets without end."""
    rng = np.random.default_rng([params.seed, number])
    weights = class_weights(truth[rows], params.balance)
    targets = np.diag([weights[0], weights[1]]).astype(np.float32)
    for numbers in stream(rows, truth, params.balance, rng, BATCH_SIZE):
        x = sequences.crops(numbers, int(rng.choice(CROP_STEPS)), rng)
        _mask(x, mean, rng)
        yield x, targets[truth[numbers]]


def _mask(x: Float32Array, mean: Float32Array, rng: np.random.Generator) -> None:
    """Set some columns and steps of each example to the mean, in place."""
    _, n_steps, n_columns = x.shape
    most = max(1, round(n_steps * MASK_STEPS_SHARE))
    for example in x:
        if rng.random() < MASK:
            width = int(rng.integers(1, MASK_COLUMNS + 1))
            first = int(rng.integers(0, n_columns - width + 1))
            example[:, first : first + width] = mean[first : first + width]
        if rng.random() < MASK:
            width = int(rng.integers(1, most + 1))
            first = int(rng.integers(0, n_steps - width + 1))
            example[first : first + width] = mean


def margins(model: "keras.Model", sequences: Sequences, numbers: Int64Array) -> Float64Array:
    """Margins (logit of "present" minus logit of "absent") of whole sequences, shape (n,)."""
    found = np.empty(len(numbers))
    for same in same_length(sequences.length[numbers]):
        x = np.stack([sequences.whole(number) for number in numbers[same].tolist()])
        logits = np.asarray(model(x, training=False), dtype=np.float64)
        found[same] = logits[:, 1] - logits[:, 0]
    return found
