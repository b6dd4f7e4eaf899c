"""Training a detector so that it holds on recordings from elsewhere, and so that its probabilities mean something.

A few hundred clips are learned by heart, sources and all, unless that is prevented. What prevents it was measured on
sources left out of training (``benchmarks/generalisation.py``): every example is a mixture of two (*mixup*, Zhang et
al. 2018), changed versions of the clips stand beside them, and several members answer together, each of which leaves
out another part of the videos, and every other one the versions. By the clips left out, which their member has not
heard, the probabilities are calibrated (Platt 1999) and the threshold is set.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from soundsift.errors import TrainingError
from soundsift.examples import Examples, Floats, Indices
from soundsift.split import class_weights, draw_epoch
from soundsift.tables import Column

if TYPE_CHECKING:
    import keras

Moments = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

N_AT_ONCE = 4096
N_REPORTS = 30
# Clips at most that the history looks at.
N_SHOWN = 20_000
# A spread below this share of its mean is rounding: the column says nothing.
CONSTANT, ENDLESS = 1e-6, 1e30

HISTORY_COLUMNS = (
    Column("epoch", pa.int64(), "", "thirtieth parts of the training, from 1"),
    Column("loss", pa.float64(), "nat", "mean cross-entropy of the mixed training clips"),
    Column("accuracy", pa.float64(), "", "share of the mixed training clips whose stronger part was recognised"),
    Column("val_loss", pa.float64(), "nat", "mean cross-entropy of the clips that their member leaves out"),
    Column("val_accuracy", pa.float64(), "", "share of the clips that their member leaves out that were right"),
)


@dataclass(frozen=True)
class TrainingParams:
    """How a detector is trained.

    Attributes
    ----------
    hidden_units
        Of the hidden layers.
    balance
        ``equal``, ``weights`` or ``none``: :func:`soundsift.split.draw_epoch`.
    members
        Networks that answer together, each without another part of the videos, every other one without changed
        versions; fewer where a class has fewer videos.
    seed
        Of weights, order and parts.
    dropout
        Share of the hidden units that are silent at each step.
    mixup
        How far two clips are mixed: 1 for any share alike, less for mostly one of them, 0 for no mixing.
    min_steps, passes
        It learns from at least so many batches, and draws every clip so many times for each side of a mixture.
    learning_rate
        Of Adam at the start; it falls to zero along a cosine.
    reach
        Deviations from the mean at which inputs end. Voices of another kind lay five out in single columns.
    """

    hidden_units: Sequence[int] = (256, 128, 64)
    balance: str = "equal"
    members: int = 6
    seed: int = 0
    dropout: float = 0.3
    mixup: float = 1.0
    min_steps: int = 1000
    passes: int = 3
    learning_rate: float = 1e-3
    reach: float = 3.0


@dataclass(frozen=True)
class Trained:
    """A trained detector.

    Attributes
    ----------
    model
        Inputs to softmax over (not heard, heard).
    threshold
        Probability from which on the class counts as heard.
    slope, shift
        What the calibration made of the members' log-odds: slope * log-odds + shift.
    history
        :data:`HISTORY_COLUMNS`; the last two are null where nothing could be left out.
    """

    model: "keras.Model"
    threshold: float
    slope: float
    shift: float
    history: pa.Table


def train(name: str, examples: Examples, params: TrainingParams, columns: Sequence[str] = ()) -> Trained:
    """Train one detector.

    Parameters
    ----------
    columns
        Names of the inputs, for what is said of them.

    Raises
    ------
    TrainingError
        If no column differs between the clips.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(params.seed)
    tf.config.experimental.enable_op_determinism()
    part = _parts(examples, params)
    n_members = int(part.max()) + 1
    logging.info("%s: networks that answer together: %d", name, n_members)
    learn = [_learned_by(examples, part, number) for number in range(n_members)]
    moments = [_moments(examples.x, rows) for rows in learn]
    _complain_of_constants(name, moments, columns)
    side_by_side = _side_by_side(moments, params)
    history, margins = _fit(side_by_side, examples, learn, part, params)
    members = [_member(side_by_side, number, moments[number], params) for number in range(n_members)]
    truth = examples.truth[: examples.n_clips]
    slope, shift = calibrate(margins, truth) if n_members > 1 else (1.0, 0.0)
    # where probabilities are right, the share of positives parts the classes with the best balanced accuracy
    threshold = float(truth.mean()) if n_members > 1 else 0.5
    return Trained(_together(members, slope, shift, name), threshold, slope, shift, history)


def _parts(examples: Examples, params: TrainingParams) -> Indices:
    """Number of the part that leaves each video out, shape (n_videos,); all in part 0 where there are too few."""
    n_videos = int(max(examples.video.max(), examples.partner.max())) + 1
    clips = slice(0, examples.n_clips)
    seen = np.zeros(n_videos, dtype=bool)
    seen[examples.video[clips]] = True
    positive = np.bincount(examples.video[clips], weights=examples.truth[clips], minlength=n_videos) > 0
    videos = np.flatnonzero(seen)
    rarer = min(int(positive[videos].sum()), int((~positive[videos]).sum()))
    n_parts = min(params.members, rarer)
    part = np.zeros(n_videos, dtype=np.int64)
    if n_parts >= 2:
        folds = StratifiedKFold(n_parts, shuffle=True, random_state=params.seed)
        for number, (_, out) in enumerate(folds.split(videos, positive[videos])):
            part[videos[out]] = number
    return part


def _learned_by(examples: Examples, part: Indices, number: int) -> Indices:
    """Rows a member learns from: neither of their videos is left out.

    Every other member learns from the clips alone: together they did better than those or these by themselves.
    """
    if part.max() == 0:
        return np.arange(len(examples.x))
    out = part[examples.video] == number
    mixed_with_one_out = (examples.partner >= 0) & (part[examples.partner] == number)
    wanted = ~out & ~mixed_with_one_out
    if number % 2:
        wanted[examples.n_clips :] = False
    return np.flatnonzero(wanted)


def _moments(x: Floats, rows: Indices) -> Moments:
    """Mean and variance of the columns over some rows, a part at a time; what is constant varies without end.

    So a constant column stays at its mean whatever comes later.
    """
    pieces = [rows[at : at + N_AT_ONCE] for at in range(0, len(rows), N_AT_ONCE)]
    mean = sum(x[piece].sum(axis=0, dtype=np.float64) for piece in pieces) / len(rows)
    variance = sum(np.square(x[piece] - mean).sum(axis=0) for piece in pieces) / len(rows)
    return np.asarray(mean), np.where(np.sqrt(variance) <= CONSTANT * np.abs(mean), ENDLESS, variance)


def _complain_of_constants(name: str, moments: Sequence[Moments], columns: Sequence[str]) -> None:
    constant = np.all([variance == ENDLESS for _, variance in moments], axis=0)
    if constant.all():
        raise TrainingError(
            f"detector {name}: no feature differs between the training clips: see whether they are all silent"
        )
    named = [column for column, is_so in zip(columns, constant, strict=False) if is_so]
    if named:
        logging.warning("%s: the same in all training clips, so of no use: %s", name, ", ".join(named))


def _side_by_side(moments: "Sequence[Moments]", params: TrainingParams) -> "keras.Model":
    """All members as one network, inputs (n, n_members, n_columns): several times as fast as one after the other."""
    import keras

    mean, variance = (np.stack(values) for values in zip(*moments, strict=True))
    inputs = keras.Input(mean.shape, name="features")
    x = _within_reach(inputs, mean, variance, (1, 2), params.reach)
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


def _member(side_by_side: "keras.Model", number: int, moments: "Moments", params: TrainingParams) -> "keras.Model":
    """One of the members by itself: standardised inputs, ReLU layers, two numbers for softmax (not heard, heard)."""
    import keras

    mean, variance = moments
    inputs = keras.Input((len(mean),), name="features")
    x = _within_reach(inputs, mean, variance, -1, params.reach)
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


def _fit(
    model: "keras.Model", examples: Examples, learn: Sequence[Indices], part: Indices, params: TrainingParams
) -> tuple[pa.Table, npt.NDArray[np.float64]]:
    """Fit all members; return the history, and of every clip how much its member says "heard" over "not heard"."""
    import keras

    x, truth = examples.x, examples.truth
    weights = [class_weights(truth[rows], params.balance) for rows in learn]
    targets = np.stack([np.diag([weight[0], weight[1]]) for weight in weights]).astype(np.float32)
    n_drawn = len(draw_epoch(truth[learn[0]], params.balance, np.random.default_rng(0)))
    # batches of 64 for hundreds of clips, of up to 1,024 for millions
    size = int(2 ** np.clip(round(math.log2(max(1, n_drawn) / 250)), 6, 10))
    steps = math.ceil(max(params.min_steps, params.passes * n_drawn / size) / N_REPORTS)
    rngs = [np.random.default_rng([params.seed, number]) for number in range(len(learn))]
    mine = np.arange(len(learn))

    def batches() -> Iterator[tuple[Floats, Floats]]:
        streams = [
            [_stream(rows, truth, params.balance, rng, size) for rows, rng in zip(learn, rngs, strict=True)]
            for _ in range(2)
        ]
        while True:
            a, b = (np.stack([next(stream) for stream in side], axis=1) for side in streams)
            share = np.stack([_shares(params.mixup, size, rng) for rng in rngs], axis=1)
            # cross-entropy with shares as the target is sparse cross-entropy of both clips, by their shares
            rest = np.float32(1) - share
            yield (
                np.asarray(share * x[a] + rest * x[b]),
                np.asarray(share * targets[mine, truth[a]] + rest * targets[mine, truth[b]]),
            )

    clips = np.arange(examples.n_clips)
    asked = part[examples.video[clips]]
    history: dict[str, list[Any]] = {c.name: [] for c in HISTORY_COLUMNS}
    shown = clips[:: math.ceil(len(clips) / N_SHOWN)]

    def note(epoch: int, found: dict[str, float]) -> None:
        history["epoch"].append(epoch + 1)
        history["loss"].append(found["loss"])
        history["accuracy"].append(found["accuracy"])
        margins, heard = _margins(model, x, shown, asked[shown]), truth[shown] == 1
        history["val_loss"].append(float(np.mean(np.logaddexp(0, np.where(heard, -margins, margins)))))
        history["val_accuracy"].append(float(np.mean((margins > 0) == heard)))

    rate = keras.optimizers.schedules.CosineDecay(params.learning_rate, N_REPORTS * steps)
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=min(steps, 50),
    )
    model.fit(
        batches(), steps_per_epoch=steps, epochs=N_REPORTS, shuffle=False, verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=note)],
    )  # fmt: skip
    if len(learn) == 1:
        history |= {"val_loss": [None] * N_REPORTS, "val_accuracy": [None] * N_REPORTS}
    table = pa.table(history, schema=pa.schema([(c.name, c.type) for c in HISTORY_COLUMNS]))
    return table, _margins(model, x, clips, asked)


def _shares(mixup: float, size: int, rng: np.random.Generator) -> Floats:
    """Shares of the first clip in mixtures, shape (size, 1); all of it where nothing is to be mixed."""
    shares = rng.beta(mixup, mixup, size=(size, 1)) if mixup else np.ones((size, 1))
    return shares.astype(np.float32)


def _stream(rows: Indices, truth: Indices, how: str, rng: np.random.Generator, size: int) -> Iterator[Indices]:
    """Endless batches of one size, epoch after epoch."""
    left = rows[:0]
    while True:
        while len(left) < size:
            left = np.concatenate([left, rows[draw_epoch(truth[rows], how, rng)]])
        yield left[:size]
        left = left[size:]


def _margins(model: "keras.Model", x: Floats, rows: Indices, asked: Indices) -> npt.NDArray[np.float64]:
    """What the member ``asked`` says of each row, "heard" over "not heard", shape (n_rows,)."""
    n_members = model.input_shape[1]
    found = []
    for at in range(0, len(rows), N_AT_ONCE):
        piece = slice(at, at + N_AT_ONCE)
        said = np.asarray(model(np.repeat(x[rows[piece], np.newaxis], n_members, axis=1), training=False))
        chosen = said[np.arange(len(said)), asked[piece]].astype(np.float64)
        found.append(chosen[:, 1] - chosen[:, 0])
    return np.concatenate(found)


def calibrate(margins: npt.NDArray[np.float64], truth: Indices) -> tuple[float, float]:
    """Slope and shift that turn margins into log-odds, by Platt's logistic regression.

    His targets, a little inside 0 and 1, keep the slope finite where the classes part completely.
    """
    n_positive = int(truth.sum())
    n_negative = len(truth) - n_positive
    target = np.where(truth == 1, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    # each clip counts as heard by its target and as not heard by the rest
    twice, labels = np.concatenate([margins, margins])[:, np.newaxis], np.repeat([1, 0], len(margins))
    model = LogisticRegression(C=np.inf).fit(twice, labels, sample_weight=np.concatenate([target, 1 - target]))
    slope = float(model.coef_[0, 0])
    if slope > 0:
        return slope, float(model.intercept_[0])
    logging.warning("the clips left out are not told apart: every probability is near the share of positives")
    return 1e-3, float(logit(target.mean()))


def _together(members: "Sequence[keras.Model]", slope: float, shift: float, name: str) -> "keras.Model":
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
