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
from sklearn.model_selection import StratifiedKFold

from soundsift.detectors.calibration import calibrate
from soundsift.detectors.columns import HISTORY_COLUMNS
from soundsift.detectors.examples import Examples, Floats, Indices
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.network import (
    ENDLESS,
    Moments,
    joined_network,
    margins_of,
    member_network,
    moments_of,
    side_by_side_network,
)
from soundsift.detectors.split import Truth
from soundsift.errors import TrainingError

if TYPE_CHECKING:
    import keras

N_REPORTS = 30
# Clips at most that the history looks at.
N_SHOWN = 20_000


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


def train(name: str, examples: Examples, params: Hyperparameters, columns: Sequence[str] = ()) -> Trained:
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
    moments = [moments_of(examples.x, rows) for rows in learn]
    _complain_of_constants(name, moments, columns)
    side_by_side = side_by_side_network(moments, params)
    history, margins = _fit(side_by_side, examples, learn, part, params)
    members = [member_network(side_by_side, number, moments[number], params) for number in range(n_members)]
    truth = examples.truth[: examples.n_clips]
    slope, shift = calibrate(margins, truth) if n_members > 1 else (1.0, 0.0)
    # where probabilities are right, the share of positives parts the classes with the best balanced accuracy
    threshold = float(truth.mean()) if n_members > 1 else 0.5
    return Trained(joined_network(members, slope, shift, name), threshold, slope, shift, history)


def _parts(examples: Examples, params: Hyperparameters) -> Indices:
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


def _complain_of_constants(name: str, moments: Sequence[Moments], columns: Sequence[str]) -> None:
    constant = np.all([variance == ENDLESS for _, variance in moments], axis=0)
    if constant.all():
        raise TrainingError(
            f"detector {name}: no feature differs between the training clips: see whether they are all silent"
        )
    named = [column for column, is_so in zip(columns, constant, strict=False) if is_so]
    if named:
        logging.warning("%s: the same in all training clips, so of no use: %s", name, ", ".join(named))


def _fit(
    model: "keras.Model", examples: Examples, learn: Sequence[Indices], part: Indices, params: Hyperparameters
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
        margins, heard = margins_of(model, x, shown, asked[shown]), truth[shown] == 1
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
    return table, margins_of(model, x, clips, asked)


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


def draw_epoch(truth: Truth, how: str, rng: np.random.Generator) -> Truth:
    """Draw the clips of one epoch, in random order.

    Parameters
    ----------
    truth
        Of the clips to learn from, shape (n,).
    how
        ``equal`` takes all clips of the smaller class and as many of the larger, drawn afresh at every call, so that no
        clip is left out for good; ``weights`` and ``none`` take all.

    Returns
    -------
    Indices into ``truth``; with ``equal`` half of them of each class.
    """
    if how != "equal":
        return rng.permutation(len(truth))
    sides = [rng.permutation(np.flatnonzero(truth == value)) for value in (0, 1)]
    n = min(map(len, sides))
    return rng.permutation(np.concatenate([side[:n] for side in sides]))


def class_weights(truth: Truth, how: str) -> dict[int, float]:
    """How much a clip of each class counts: with ``weights`` the inverse of the class's share, else 1."""
    if how != "weights":
        return {0: 1.0, 1: 1.0}
    return {value: len(truth) / (2 * int((truth == value).sum())) for value in (0, 1)}
