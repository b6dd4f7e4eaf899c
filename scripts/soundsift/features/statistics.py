"""Statistics over time that reduce a clip's frames to one row.

Each reduces an array of shape (n_frames, n_columns) to (n_columns,). :data:`STATISTICS` has a function for every name
in :data:`soundsift.config.statistics.STATISTIC_NAMES`. Music sustains its tones; speech changes with every syllable and
pauses. The statistics of change and modulation measure this difference. ``benchmarks/ablation.py`` measures the value
of each statistic on sources that were left out of training.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.arrays import Float32Array, Float64Array
from soundsift.features.definition import frame_columns
from soundsift.tables import Column

# Modulation bands in Hz. Speech has about 4 syllables per second (Houtgast and Steeneken 1985; Scheirer and Slaney
# 1997).
SLOW_HZ, SYLLABLE_HZ = (0.5, 2.0), (2.0, 8.0)
# Deviations below this share of a column's largest value are rounding errors: the column is constant.
ROUNDING_SHARE = 1e-5


class FrameSeries:
    """The frame features of a clip over time, with intermediate results that several statistics share.

    Parameters
    ----------
    values
        Shape (n_frames, n_columns), float32, without the time.
    frame_rate_hz
        Frames per second.
    """

    def __init__(self, values: Float32Array, frame_rate_hz: float) -> None:
        self.values, self.frame_rate_hz = values, frame_rate_hz

    @cached_property
    def mean(self) -> Float64Array:
        """Mean of each column, summed in double precision so that a constant column has exactly its value as mean."""
        return np.asarray(self.values.mean(axis=0, dtype=np.float64))

    @cached_property
    def ordered(self) -> Float32Array:
        """The values of each column in ascending order, shape (n_frames, n_columns)."""
        return np.sort(self.values, axis=0)

    def quantile(self, share: float) -> Float32Array:
        """Quantile of each column, shape (n_columns,), interpolated linearly; ``share`` is 0 to 1."""
        at = share * (len(self.values) - 1)
        low, high = self.ordered[int(at)], self.ordered[min(int(at) + 1, len(self.values) - 1)]
        return np.asarray(low + np.float32(at - int(at)) * (high - low))

    def changes(self) -> Float32Array:
        """Differences of successive frames, shape (n_frames - 1, n_columns); zeros for a single frame."""
        return np.diff(self.values, axis=0) if len(self.values) > 1 else np.zeros_like(self.values)

    @cached_property
    def _modulation(self) -> tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.floating[Any]]]:
        """Frequencies in Hz, shape (n,), and each column's power at them, shape (n, n_columns)."""
        deviation = self.values - self.mean.astype(np.float32)
        window = np.hanning(len(deviation) + 1)[:-1, np.newaxis].astype(np.float32)
        power = np.abs(np.fft.rfft(deviation * window, axis=0)) ** 2
        power[:, np.abs(deviation).max(axis=0) <= ROUNDING_SHARE * np.abs(self.values).max(axis=0)] = 0.0
        return np.fft.rfftfreq(len(deviation), 1 / self.frame_rate_hz), power

    def modulation(self, band_hz: tuple[float, float]) -> Float32Array:
        """Share of each column's variation that lies in a frequency band, shape (n_columns,), 0 to 1; 0 if constant."""
        frequencies, power = self._modulation
        total = power.sum(axis=0)
        within = power[(frequencies >= band_hz[0]) & (frequencies < band_hz[1])].sum(axis=0)
        return np.asarray(within / np.where(total > 0, total, 1), dtype=np.float32)


@dataclass(frozen=True)
class Statistic:
    """A function that reduces frames to one value per column.

    Attributes
    ----------
    meaning
        For the description of the column.
    is_share
        True if the result has no unit, False if it has the unit of the column.
    """

    reduce: Callable[[FrameSeries], npt.NDArray[np.floating[Any]]]
    meaning: str
    is_share: bool = False


STATISTICS: dict[str, Statistic] = {
    "mean": Statistic(lambda c: c.mean, "mean over the clip"),
    "std": Statistic(lambda c: c.values.std(axis=0, dtype=np.float64), "standard deviation over the clip"),
    "median": Statistic(lambda c: c.quantile(0.5), "median over the clip"),
    "p10": Statistic(lambda c: c.quantile(0.1), "10th percentile over the clip"),
    "p90": Statistic(lambda c: c.quantile(0.9), "90th percentile over the clip"),
    "delta_std": Statistic(
        lambda c: c.changes().std(axis=0, dtype=np.float64), "standard deviation of the change from frame to frame"
    ),
    "modulation_slow": Statistic(
        lambda c: c.modulation(SLOW_HZ),
        "share of the variation at 0.5-2 Hz, the rate of phrases and beats",
        is_share=True,
    ),
    "modulation_syllable": Statistic(
        lambda c: c.modulation(SYLLABLE_HZ), "share of the variation at 2-8 Hz, the rate of syllables", is_share=True
    ),
}


def summarize(series: FrameSeries, statistics: Sequence[str]) -> Float32Array:
    """Reduce the frames of a clip to one row.

    Parameters
    ----------
    statistics
        Names in :data:`STATISTICS`.

    Returns
    -------
    Shape (n_columns * n_statistics,): all statistics of the first column, then of the second, and so on.
    """
    return np.stack([STATISTICS[name].reduce(series) for name in statistics], axis=1).ravel().astype(np.float32)


def summary_columns(n_mfcc: int, statistics: Sequence[str]) -> tuple[Column, ...]:
    """Declare the columns of a features row, in the order of :func:`summarize`; the time is left out."""
    return tuple(
        Column(
            f"{column.name}_{name}",
            pa.float32(),
            "" if STATISTICS[name].is_share else column.unit,
            f"{column.meaning}: {STATISTICS[name].meaning}",
        )
        for column in frame_columns(n_mfcc)[1:]
        for name in statistics
    )
