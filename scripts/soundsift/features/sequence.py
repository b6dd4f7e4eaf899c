"""The frame features of a clip as a sequence of steps, for the network on frames.

A step is the mean of successive frames, so that there are about 20 steps per second whatever the hop length. Tables
hold sequences in half precision, about 16 kB for ten seconds.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from soundsift.arrays import Float32Array
from soundsift.features.definition import frame_columns
from soundsift.tables import Column

STEPS_PER_SECOND = 20
# The smallest level that is told apart from silence, amplitude with full scale at 1.
SMALLEST_RMS = 1e-5
# The network halves the number of steps twice. Shorter sequences are repeated.
MIN_STEPS = 8

SEQUENCE_COLUMN = Column(
    "sequence", pa.binary(), "", "frame features at about 20 steps per second, 16-bit floats, for the network on frames"
)


def sequence_of(frames: Float32Array, frame_rate_hz: float) -> Float32Array:
    """Average successive frames; the level is in dB.

    Parameters
    ----------
    frames
        Shape (n_frames, n_columns), columns as :func:`~soundsift.features.definition.frame_columns` without the time.
    frame_rate_hz
        Frames per second.

    Returns
    -------
    Shape (n_steps, n_columns), n_steps at least 8. Frames at the end that do not fill a step are left out.
    """
    n_columns = frames.shape[1]
    n_in_step = max(1, round(frame_rate_hz / STEPS_PER_SECOND))
    level = [column.name for column in frame_columns(n_columns - len(frame_columns(0)) + 1)[1:]].index("rms")
    values = frames.copy()
    values[:, level] = 20 * np.log10(np.maximum(frames[:, level], SMALLEST_RMS))
    if len(values) < MIN_STEPS * n_in_step:
        values = np.resize(values, (MIN_STEPS * n_in_step, n_columns))
    n_steps = len(values) // n_in_step
    return np.asarray(values[: n_steps * n_in_step].reshape(n_steps, n_in_step, n_columns).mean(axis=1))


def packed(sequence: Float32Array) -> bytes:
    """Return the content of a cell of :data:`SEQUENCE_COLUMN`."""
    return sequence.astype("<f2").tobytes()


def unpacked(
    cells: Iterable[bytes | pa.Buffer], n_columns: int
) -> list["np.ndarray[tuple[int, int], np.dtype[np.float16]]"]:
    """Read cells of :data:`SEQUENCE_COLUMN`; each array has the shape (n_steps, n_columns)."""
    return [np.frombuffer(cell, dtype="<f2").reshape(-1, n_columns) for cell in cells]
