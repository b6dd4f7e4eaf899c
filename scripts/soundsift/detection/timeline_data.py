"""The data file from which a recording's timeline is drawn.

Detection writes it and the drawing reads it. So no recording is decoded again when the code of the drawing changes. The
file is a NumPy archive (``.npz``) of at most some hundred kilobytes for each hour of sound.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundsift.arrays import Float32Array, Float64Array
from soundsift.files import whole_file


@dataclass(frozen=True)
class TimelineData:
    """Everything that a timeline shows besides the segments; the fields are the arrays of the file.

    Attributes
    ----------
    detectors
        Names, shape (n_detectors,).
    thresholds
        Of each detector, shape (n_detectors,), 0 to 1.
    probability
        In each second, shape (n_detectors, n_seconds), 0 to 1.
    duration_seconds
        Shape (); not rounded.
    power
        Spectrogram, evenly over the recording, shape (n_columns, n_bands).
    frequencies_hz
        Centres of the spectrogram's mel bands, shape (n_bands,).
    """

    detectors: npt.NDArray[np.str_]
    thresholds: Float64Array
    probability: Float64Array
    duration_seconds: Float64Array
    power: Float32Array
    frequencies_hz: Float64Array


def timeline_data(
    thresholds: Mapping[str, float], probability: Mapping[str, Float64Array], duration_seconds: float,
    power: Float32Array, frequencies_hz: Float64Array,
) -> TimelineData:  # fmt: skip
    """Collect the data of an analysed recording.

    Parameters
    ----------
    thresholds, probability
        {detector: threshold} and {detector: probability in each second, shape (n_seconds,)}.
    """
    return TimelineData(
        detectors=np.array(list(probability), dtype=np.str_),
        thresholds=np.array([thresholds[name] for name in probability], dtype=np.float64),
        probability=np.stack(list(probability.values())),
        duration_seconds=np.array(duration_seconds, dtype=np.float64),
        power=power,
        frequencies_hz=frequencies_hz,
    )


def no_timeline_data() -> TimelineData:
    """Make the data of a recording that could not be read: all arrays are empty and the duration is 0."""
    none = np.zeros(0)
    return TimelineData(
        detectors=np.zeros(0, dtype=np.str_),
        thresholds=none,
        probability=np.zeros((0, 0)),
        duration_seconds=np.array(0.0),
        power=np.zeros((0, 0), dtype=np.float32),
        frequencies_hz=none,
    )


def write_timeline_data(data: TimelineData, path: Path) -> None:
    """Write the data file."""
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **vars(data))


def read_timeline_data(path: Path) -> TimelineData:
    """Read the data file."""
    with np.load(path, allow_pickle=False) as arrays:
        return TimelineData(**{field.name: arrays[field.name] for field in fields(TimelineData)})
