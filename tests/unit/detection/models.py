"""A small model file, made without Keras."""

import zipfile
from pathlib import Path

import numpy as np

from soundsift.config.features import FeatureParams
from soundsift.detectors.definition import ARRAYS, MEMBER, Definition
from soundsift.detectors.inference import Ensemble, Networks, arrays_of
from soundsift.features.definition import definition
from soundsift.features.frames import filters_of

RATE_HZ = 22050


def write_tone_model(path: Path, rate_hz: int = RATE_HZ, params: FeatureParams | None = None) -> Path:
    """Write a model whose only detector takes few zero crossings for a tone, with log-odds of plus or minus 3."""
    columns, params = ["zero_crossing_rate_mean", "mfcc_02_std"], params or FeatureParams()
    known = Definition(columns, definition(rate_hz, params), {"tone": 0.5}, *2 * [{"tone": [1.0, 0.0]}])
    one = np.float32
    ensemble = Ensemble(
        mean=np.array([[[0.1, 0]]], one), scale=np.full((1, 1, 2), 1e-3, one), limit=np.array(3, one),
        kernels=(np.array([[[0, -1], [0, 0]]], one),), biases=(np.zeros((1, 1, 2), one),),
    )  # fmt: skip
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MEMBER, known.to_json())
        archive.writestr(ARRAYS, arrays_of(filters_of(rate_hz, params), {"tone": Networks(ensemble, None)}))
    return path
