"""Values of distinctive features for clips with and without a class."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from soundsift.arrays import Float32Array
from soundsift.detectors.split import truth_of

# Features that differ most visibly between music and speech, with their axis labels.
DISTINCTIVE = {
    "spectral_centroid_hz_mean": "spectral centroid, mean (Hz)",
    "zero_crossing_rate_mean": "zero-crossing rate, mean (per sample)",
    "rms_mean": "level, mean (dB of full scale)",
    "rms_modulation_syllable": "share of the level's movement at 2-8 Hz",
    "mfcc_01_mean": "MFCC 1, mean (dB)",
    "mfcc_02_mean": "MFCC 2, mean (dB)",
}
LOWEST_RMS = 1e-5  # -100 dB of full scale


def distinctive_features(features: Path, detector: str) -> tuple[dict[str, Float32Array], npt.NDArray[np.int64]]:
    """Read distinctive features of the clips with known truth.

    The features are those of :data:`DISTINCTIVE` that the table has, or else its first six. The mean level is converted
    to dB of full scale and is not below -100 dB.

    Returns
    -------
    values
        {axis label with unit: shape (n,)}
    truth
        1 with the class, 0 without it, shape (n,).
    """
    available = [field.name for field in pq.read_schema(features) if field.type == pa.float32()]
    labels = {name: label for name, label in DISTINCTIVE.items() if name in available}
    labels = labels or {name: name for name in available[:6]}
    table = pq.read_table(features, columns=[f"is_{detector}", *labels], partitioning=None)
    truth = truth_of(table, detector)
    values = {label: table[name].to_numpy()[truth >= 0] for name, label in labels.items()}
    if "rms_mean" in labels:
        values[labels["rms_mean"]] = 20 * np.log10(np.maximum(values[labels["rms_mean"]], LOWEST_RMS))
    return values, truth[truth >= 0]
