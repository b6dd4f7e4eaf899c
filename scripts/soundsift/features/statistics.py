"""Statistics over time: what makes a clip's frames one row.

Each is a reduction of an array of shape (n_frames, n_columns) to (n_columns,), named once in :data:`STATISTICS`. Music
holds its tones, speech changes with every syllable and pauses: the statistics of change and modulation carry that.
``benchmarks/ablation.py`` shows what each is worth on sources that were left out of training.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.features.definition import frame_columns
from soundsift.tables import Column

Floats = npt.NDArray[np.float32]
# Bands of modulation in Hz. Syllables come at about 4 a second (Houtgast and Steeneken 1985; Scheirer and Slaney 1997).
SLOW_HZ, SYLLABLE_HZ = (0.5, 2.0), (2.0, 8.0)
# Below this share of its largest value a column does not move but by rounding.
STEADY = 1e-5


class Course:
    """A clip's frame features over time, with what several statistics need of them, each worked out once.

    Parameters
    ----------
    values
        Shape (n_frames, n_columns), float32.
    frame_rate_hz
        Frames a second.
    """

    def __init__(self, values: Floats, frame_rate_hz: float) -> None:
        self.values, self.frame_rate_hz = values, frame_rate_hz

    @cached_property
    def mean(self) -> npt.NDArray[np.float64]:
        """Of each column; summed in double precision, for a steady column to have its own value as mean."""
        return np.asarray(self.values.mean(axis=0, dtype=np.float64))

    @cached_property
    def ordered(self) -> Floats:
        """The values of each column by size, shape (n_frames, n_columns)."""
        return np.sort(self.values, axis=0)

    def quantile(self, share: float) -> Floats:
        """Quantile of each column, linear between neighbours."""
        at = share * (len(self.values) - 1)
        low, high = self.ordered[int(at)], self.ordered[min(int(at) + 1, len(self.values) - 1)]
        return np.asarray(low + np.float32(at - int(at)) * (high - low))

    def changes(self) -> Floats:
        """Change from frame to frame, shape (n_frames - 1, n_columns); none at all of a single frame."""
        return np.diff(self.values, axis=0) if len(self.values) > 1 else np.zeros_like(self.values)

    @cached_property
    def _modulation(self) -> tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.floating[Any]]]:
        """Frequencies in Hz, shape (n,), and each column's power at them, shape (n, n_columns)."""
        swing = self.values - self.mean.astype(np.float32)
        window = np.hanning(len(swing) + 1)[:-1, np.newaxis].astype(np.float32)
        power = np.abs(np.fft.rfft(swing * window, axis=0)) ** 2
        power[:, np.abs(swing).max(axis=0) <= STEADY * np.abs(self.values).max(axis=0)] = 0.0
        return np.fft.rfftfreq(len(swing), 1 / self.frame_rate_hz), power

    def modulation(self, band_hz: tuple[float, float]) -> Floats:
        """Share of each column's movement that lies in a band, 0 to 1; 0 for a column that does not move."""
        frequencies, power = self._modulation
        total = power.sum(axis=0)
        within = power[(frequencies >= band_hz[0]) & (frequencies < band_hz[1])].sum(axis=0)
        return np.asarray(within / np.where(total > 0, total, 1), dtype=np.float32)


@dataclass(frozen=True)
class Statistic:
    """A reduction and what it means; ``is_share`` where the result has no unit, else it has the column's own."""

    reduce: Callable[[Course], npt.NDArray[np.floating[Any]]]
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
        lambda c: c.modulation(SLOW_HZ), "share of its movement at 0.5-2 Hz: phrases and beats", is_share=True
    ),
    "modulation_syllable": Statistic(
        lambda c: c.modulation(SYLLABLE_HZ), "share of its movement at 2-8 Hz: syllables", is_share=True
    ),
}


def summarize(course: Course, statistics: Sequence[str]) -> Floats:
    """Reduce a clip to one row.

    Parameters
    ----------
    statistics
        Names in :data:`STATISTICS`.

    Returns
    -------
    Shape (n_columns * n_statistics,): all statistics of the first column, then of the second, and so on.
    """
    return np.stack([STATISTICS[name].reduce(course) for name in statistics], axis=1).ravel().astype(np.float32)


def summary_columns(n_mfcc: int, statistics: Sequence[str]) -> tuple[Column, ...]:
    """Columns of a features row: every frame column but the time, each with all its statistics together."""
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
