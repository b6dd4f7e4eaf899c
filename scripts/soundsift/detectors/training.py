"""Training of a detector that generalises to other sources and whose probabilities are calibrated.

A network overfits a few hundred clips easily, and also learns the character of their sources. The measures against
this were chosen on sources held out from training (``benchmarks/generalisation.py``):

- Every example is a mixture of two (*mixup*, Zhang et al. 2018).
- Augmented versions of the clips, and windows of a few seconds, are training examples too.
- The logits of several member networks are averaged. Each member holds out another part of the videos, and every second
  one is trained without augmented versions.

A detector has two parts: networks on statistics of the clip, and networks on its frames
(:mod:`soundsift.detectors.frame_network`). The clips that a member holds out serve to weight and calibrate the parts
(Platt 1999) and to set the threshold.
"""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from sklearn.model_selection import StratifiedKFold

from soundsift.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from soundsift.detectors import frame_network
from soundsift.detectors.calibration import Calibration, calibrate, judge_held_out
from soundsift.detectors.columns import HISTORY_COLUMNS, N_EPOCHS
from soundsift.detectors.drawing import class_weights, draw_epoch, stream
from soundsift.detectors.examples import Examples
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.metrics import HeldOut
from soundsift.detectors.network import (
    CONSTANT_VARIANCE,
    Moments,
    detector_network,
    held_out_margins,
    make_variables,
    member_network,
    moments_of,
    parallel_network,
)
from soundsift.errors import TrainingError

if TYPE_CHECKING:
    import keras

# The history is computed on at most this many held-out clips.
N_HISTORY_CLIPS = 20_000
# Networks on frames. Each holds out the videos of every third member on statistics, and so on.
N_FRAME_MEMBERS = 3


@dataclass(frozen=True)
class Trained:
    """A trained detector.

    Attributes
    ----------
    model
        To probabilities of (absent, present), shape (n, 2). Its inputs are ``features``, shape (n, n_inputs), and
        ``frames``, shape (n, n_steps, n_columns), each if it has that part.
    threshold
        A clip counts as detected if its probability is at least this, 0 to 1.
    weights, window_weights
        One slope per part and the shift, for whole clips and for windows: calibrated log-odds are the mean log-odds of
        each part's members times its slope, plus the shift.
    history
        :data:`HISTORY_COLUMNS`; the last two are null if no video was held out.
    held_out
        None if no video was held out.
    """

    model: "keras.Model"
    threshold: float
    weights: list[float]
    window_weights: list[float]
    history: pa.Table
    held_out: HeldOut | None


def train(name: str, examples: Examples, params: Hyperparameters, columns: Sequence[str] = ()) -> Trained:
    """Train one detector.

    Parameters
    ----------
    columns
        Names of the inputs, for the warning about constant ones.

    Raises
    ------
    TrainingError
        If no column differs between the clips.
    """
    _make_deterministic(params)
    part = _parts(examples, params)
    is_calibrated = part.max() > 0
    unchanged = np.flatnonzero(examples.version == 0)
    parts: list[tuple[list[keras.Model], Float64Array]] = []
    history: dict[str, list[Any]] = {}
    if params.model != "frames":
        statistics, history, margins = _statistics(name, examples, part, unchanged, params, columns)
        parts.append((statistics, margins))
    if params.model != "statistics":
        members, of_frames, margins = _frames(name, examples, part, unchanged, params)
        parts.append((members, margins))
        history = history or of_frames
    margins = np.stack([of_part for _, of_part in parts], axis=1)
    usable = np.asarray(np.isfinite(margins).all(axis=1))
    window = examples.is_window[unchanged]
    truth = examples.truth[unchanged]
    of_clips = of_windows = Calibration([*[1 / len(parts)] * len(parts), 0.0], separates=True)
    held_out = None
    if is_calibrated:
        rows, source = np.flatnonzero(~window & usable), examples.video[unchanged]
        of_clips = of_windows = calibrate(margins[rows], truth[rows], _counts(truth, ~window, usable))
        names = ("statistics", "frames") if len(parts) > 1 else (params.model,)
        networks = {part: len(members) for part, (members, _) in zip(names, parts, strict=True)}
        held_out = judge_held_out(margins[rows], truth[rows], source[rows], of_clips, networks, params.seed)
        rows = np.flatnonzero(window & usable)
        if len(np.unique(truth[rows])) == 2:
            found = calibrate(margins[rows], truth[rows], _counts(truth, window, usable))
            of_windows = found if found.separates else of_clips
    # with calibrated probabilities the share of positives is the threshold of the best balanced accuracy
    threshold = float(examples.truth[: examples.n_clips].mean()) if is_calibrated else 0.5
    if not of_clips.separates:
        threshold = 0.5  # the more frequent answer
    model = detector_network([members for members, _ in parts], of_clips.weights, name)
    table = pa.table(history, schema=pa.schema([(c.name, c.type) for c in HISTORY_COLUMNS]))
    return Trained(model, threshold, of_clips.weights, of_windows.weights, table, held_out)


def _counts(truth: Int64Array, wanted: BoolArray, usable: BoolArray) -> Float64Array:
    """How often each wanted and usable row counts, so that both classes have their share of all wanted rows.

    Of long lists only a sample of the rows is usable, which has more clips of the rarer class.
    """
    counts = np.ones(len(truth))
    for value in (0, 1):
        of_class = wanted & (truth == value)
        n_usable = int((of_class & usable).sum())
        if n_usable:
            counts[of_class] = of_class.sum() / n_usable
    found = counts[wanted & usable]
    return np.asarray(found / found.mean())


def _make_deterministic(params: Hyperparameters) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(params.seed)
    tf.config.experimental.enable_op_determinism()


def _statistics(
    name: str, examples: Examples, part: Int64Array, unchanged: Int64Array, params: Hyperparameters,
    columns: Sequence[str],
) -> "tuple[list[keras.Model], dict[str, list[Any]], Float64Array]":  # fmt: skip
    """Train the members on statistics; return them, the history, and held-out margins of the unchanged rows."""
    n_members = int(part.max()) + 1
    logging.info("%s: training %d networks on statistics, whose logits are averaged", name, n_members)
    rows = [_training_rows(examples, part, number) for number in range(n_members)]
    clips = np.arange(examples.n_clips)
    observed = clips[:: math.ceil(len(clips) / N_HISTORY_CLIPS)]
    present = examples.truth[observed] == 1
    history: dict[str, list[Any]] = {c.name: [] for c in HISTORY_COLUMNS}

    def record(epoch: int, logs: dict[str, float]) -> None:
        margins = held_out_margins(parallel, examples.x, observed, part[examples.video[observed]])
        history["epoch"].append(epoch + 1)
        history["loss"].append(logs["loss"])
        history["accuracy"].append(logs["accuracy"])
        history["val_loss"].append(float(np.mean(np.logaddexp(0, np.where(present, -margins, margins)))))
        history["val_accuracy"].append(float(np.mean((margins > 0) == present)))

    parallel, moments = _parallel(name, examples, rows, params, columns)
    _fit(parallel, examples, rows, params, record)
    if n_members == 1:
        history |= {"val_loss": [None] * N_EPOCHS, "val_accuracy": [None] * N_EPOCHS}
    margins = held_out_margins(parallel, examples.x, unchanged, part[examples.video[unchanged]])
    return [member_network(parallel, i, moments[i], params) for i in range(n_members)], history, margins


def train_each(
    name: str, examples: Examples, rows: Sequence[Int64Array], params: Hyperparameters
) -> list["keras.Model"]:
    """Train a network on statistics on each of several sets of rows. It is not calibrated.

    All are trained in one graph, for as many steps as the first set needs.

    Returns
    -------
    As :attr:`Trained.model`, one for each set.
    """
    _make_deterministic(params)
    parallel, moments = _parallel(name, examples, rows, params)
    _fit(parallel, examples, rows, params)
    return [
        detector_network([[member_network(parallel, i, moments[i], params)]], [1.0, 0.0], name)
        for i in range(len(rows))
    ]


def _parallel(
    name: str, examples: Examples, rows: Sequence[Int64Array], params: Hyperparameters, columns: Sequence[str] = ()
) -> "tuple[keras.Model, list[Moments]]":
    """Make the graph of a network for each set of rows, and the moments of their inputs."""
    moments = [moments_of(examples.x, of_member) for of_member in rows]
    _report_constants(name, moments, columns)
    return parallel_network(moments, params), moments


def _frames(
    name: str, examples: Examples, part: Int64Array, unchanged: Int64Array, params: Hyperparameters
) -> "tuple[list[keras.Model], dict[str, list[Any]], Float64Array]":
    """Train the members on frames; return them, the history, and held-out margins of the unchanged rows.

    A margin is nan where the row has no sequence.
    """
    n_members = min(N_FRAME_MEMBERS, int(part.max()) + 1)
    logging.info("%s: training %d networks on frames, whose logits are averaged", name, n_members)
    held_out_by = part[examples.video] % n_members
    partner_held_out_by = np.where(examples.partner >= 0, part[examples.partner] % n_members, -1)
    usable = (examples.sequence >= 0) & ~examples.is_window
    rows = [
        np.flatnonzero(usable if n_members == 1 else usable & (held_out_by != number) & (partner_held_out_by != number))
        for number in range(n_members)
    ]
    if any(len(np.unique(examples.truth[of_member])) < 2 for of_member in rows):
        raise TrainingError(
            f"detector {name}: a network on frames would have clips of one class only: give a longer list, or set "
            "training.model to statistics"
        )
    truth = np.zeros(len(examples.sequences), dtype=np.int64)
    truth[examples.sequence[usable]] = examples.truth[usable]
    numbers = [examples.sequence[of_member] for of_member in rows]
    members, history = frame_network.fit(examples.sequences, truth, numbers, params)
    margins = np.full(len(unchanged), np.nan)
    for number, member in enumerate(members):
        own = np.flatnonzero((held_out_by == number)[unchanged] & (examples.sequence >= 0)[unchanged])
        margins[own] = frame_network.margins(member, examples.sequences, examples.sequence[unchanged[own]])
    return members, history, margins


def _parts(examples: Examples, params: Hyperparameters) -> Int64Array:
    """Number of the member that holds out each video, shape (n_videos,); all 0 if there are too few videos."""
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
        for number, (_, held_out) in enumerate(folds.split(videos, positive[videos])):
            part[videos[held_out]] = number
    else:  # a few long recordings that all have the class
        part[videos] = _random_parts(len(videos), np.searchsorted(videos, examples.video[clips]), examples.truth[clips],
                                     params)  # fmt: skip
    return part


def _random_parts(n_videos: int, video: Int64Array, truth: Int64Array, params: Hyperparameters) -> Int64Array:
    """Number of the part of each video, so that without a part both classes are there; all 0 if none is found.

    The networks on frames leave out several parts at once, see :data:`N_FRAME_MEMBERS`.
    """
    rng = np.random.default_rng(params.seed)
    for n_parts in range(min(params.members, n_videos), 1, -1):
        part = rng.permutation(n_videos) % n_parts
        left_out = [of_video == number for of_video in (part, part % min(N_FRAME_MEMBERS, n_parts))
                    for number in range(of_video.max() + 1)]  # fmt: skip
        if all(len(np.unique(truth[~out[video]])) == 2 for out in left_out):
            return part
    return np.zeros(n_videos, dtype=np.int64)


def _training_rows(examples: Examples, part: Int64Array, number: int) -> Int64Array:
    """Rows that a member on statistics is trained on: neither their video nor that of the mixed-in clip is held out.

    Every second member is trained without augmented versions. This gave better results than augmented versions for all
    members or for none.
    """
    if part.max() == 0:
        return np.arange(len(examples.x))
    held_out = part[examples.video] == number
    mixed_with_held_out = (examples.partner >= 0) & (part[examples.partner] == number)
    wanted = ~held_out & ~mixed_with_held_out
    if number % 2:
        wanted &= examples.version == 0
    return np.flatnonzero(wanted)


def _report_constants(name: str, moments: Sequence[Moments], columns: Sequence[str]) -> None:
    constant = np.all([of_member.variance == CONSTANT_VARIANCE for of_member in moments], axis=0)
    if constant.all():
        raise TrainingError(
            f"detector {name}: no feature differs between the training clips: see whether they are all silent"
        )
    named = [column for column, is_constant in zip(columns, constant, strict=False) if is_constant]
    if named:
        logging.warning("%s: constant over all training clips and therefore without effect: %s", name, ", ".join(named))


def _fit(
    model: "keras.Model", examples: Examples, rows: Sequence[Int64Array], params: Hyperparameters,
    record: Callable[[int, dict[str, float]], None] | None = None,
) -> None:  # fmt: skip
    """Fit all members on statistics, and call ``record`` with the number and the losses of each epoch."""
    import keras

    x, truth = examples.x, examples.truth
    weights = [class_weights(truth[of_member], params.balance) for of_member in rows]
    targets = np.stack([np.diag([weight[0], weight[1]]) for weight in weights]).astype(np.float32)
    n_drawn = len(draw_epoch(truth[rows[0]], params.balance, np.random.default_rng(0)))
    # batches of 64 for hundreds of clips, of up to 1,024 for millions
    size = int(2 ** np.clip(round(math.log2(max(1, n_drawn) / 250)), 6, 10))
    steps = math.ceil(max(params.min_steps, params.passes * n_drawn / size) / N_EPOCHS)
    rngs = [np.random.default_rng([params.seed, number]) for number in range(len(rows))]
    members = np.arange(len(rows))

    def batches() -> Iterator[tuple[Float32Array, Float32Array]]:
        streams = [
            [stream(of_member, truth, params.balance, rng, size) for of_member, rng in zip(rows, rngs, strict=True)]
            for _ in range(2)
        ]
        while True:
            a, b = (np.stack([next(stream) for stream in side], axis=1) for side in streams)
            share = np.stack([_shares(params.mixup, size, rng) for rng in rngs], axis=1)
            # cross-entropy with mixed targets equals the sparse cross-entropies of both clips, weighted by their shares
            rest = np.float32(1) - share
            yield (
                np.asarray(share * x[a] + rest * x[b]),
                np.asarray(share * targets[members, truth[a]] + rest * targets[members, truth[b]]),
            )

    rate = keras.optimizers.schedules.CosineDecay(params.learning_rate, N_EPOCHS * steps)
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=min(steps, 50),
    )
    make_variables(model, (1, len(rows), 2))
    model.fit(
        batches(), steps_per_epoch=steps, epochs=N_EPOCHS, shuffle=False, verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=record)],
    )  # fmt: skip


def _shares(mixup: float, size: int, rng: np.random.Generator) -> Float32Array:
    """Shares of the first clip in mixtures, shape (size, 1); all 1 if ``mixup`` is 0."""
    shares = rng.beta(mixup, mixup, size=(size, 1)) if mixup else np.ones((size, 1))
    return shares.astype(np.float32)
