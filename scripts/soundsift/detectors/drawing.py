"""Drawing of training examples, balanced between the classes."""

from collections.abc import Iterator

import numpy as np

from soundsift.arrays import Int64Array
from soundsift.errors import TrainingError


def stream(
    rows: Int64Array, truth: Int64Array, balance: str, rng: np.random.Generator, size: int
) -> Iterator[Int64Array]:
    """Yield endless batches of one size, epoch after epoch.

    Parameters
    ----------
    rows
        Row numbers of the training examples, shape (n,).
    truth
        Of all rows, indexed by ``rows``.

    Raises
    ------
    TrainingError
        If an epoch has no examples, because all are of one class.
    """
    left = rows[:0]
    while True:
        while len(left) < size:
            drawn = draw_epoch(truth[rows], balance, rng)
            if not len(drawn):
                raise TrainingError("all examples of a network are of one class: give a longer list")
            left = np.concatenate([left, rows[drawn]])
        yield left[:size]
        left = left[size:]


def draw_epoch(truth: Int64Array, balance: str, rng: np.random.Generator) -> Int64Array:
    """Draw the clips of one epoch, in random order.

    Parameters
    ----------
    truth
        Of the training clips, shape (n,).
    balance
        ``equal`` takes all clips of the smaller class and as many of the larger one. The latter are drawn anew at every
        call, so that every clip is used in some epoch. ``weights`` and ``none`` take all clips.

    Returns
    -------
    Indices into ``truth``; with ``equal`` half of them are of each class.
    """
    if balance != "equal":
        return rng.permutation(len(truth))
    sides = [rng.permutation(np.flatnonzero(truth == value)) for value in (0, 1)]
    n = min(map(len, sides))
    return rng.permutation(np.concatenate([side[:n] for side in sides]))


def sample(truth: Int64Array, n: int, rng: np.random.Generator) -> Int64Array:
    """Draw n clips of a longer list: up to half of them of the rarer class, or all of it.

    Returns
    -------
    Indices into ``truth``, in order; all of them if there are no more than n.
    """
    if len(truth) <= n:
        return np.arange(len(truth))
    fewer, more = sorted((np.flatnonzero(truth == value) for value in (0, 1)), key=len)
    n_fewer = min(len(fewer), n // 2)
    return np.sort(np.concatenate([rng.permutation(fewer)[:n_fewer], rng.permutation(more)[: n - n_fewer]]))


def class_weights(truth: Int64Array, balance: str) -> dict[int, float]:
    """Weight of a clip of each class in the loss: with ``weights`` inverse to the class's share, otherwise 1."""
    if balance != "weights":
        return {0: 1.0, 1: 1.0}
    return {value: len(truth) / (2 * int((truth == value).sum())) for value in (0, 1)}
