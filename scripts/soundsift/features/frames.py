"""Frame features of a clip, in librosa's definitions at librosa's defaults.

All features come from one short-time Fourier transform of the clip (centred frames, Hann window). One product of its
power with a matrix gives mel bands, pitch classes and level together. Windows, filters and frequencies are librosa's;
``benchmarks/features.py`` compares every column with the separate call of librosa and times both.
"""

from functools import cache

import numpy as np
import pyarrow as pa

from soundsift.arrays import Float32Array
from soundsift.config.features import FeatureParams
from soundsift.features.definition import definition, frame_columns
from soundsift.features.transform import Filters, transform
from soundsift.numba_cache import compile_librosa_once
from soundsift.tables import schema_of


@cache
def filters_of(sample_rate_hz: int, params: FeatureParams) -> Filters:
    """Make the arrays of the transform with librosa."""
    compile_librosa_once()
    import librosa

    n_fft = params.n_fft
    # as librosa.feature.rms: bins without a mirrored negative frequency count half
    square = np.full((n_fft // 2 + 1, 1), 2.0 / n_fft**2)
    square[0] /= 2
    if n_fft % 2 == 0:
        square[-1] /= 2
    mel = librosa.filters.mel(sr=sample_rate_hz, n_fft=n_fft, n_mels=params.n_mels)
    # tuning is not estimated: that takes most of the time of a chromagram and has no meaning for speech
    chroma = librosa.filters.chroma(sr=sample_rate_hz, n_fft=n_fft, tuning=0.0)
    return Filters(
        window=librosa.filters.get_window("hann", n_fft, fftbins=True),
        bands=np.concatenate([mel.T, chroma.T, square], axis=1).astype(np.float32),
        powers=librosa.fft_frequencies(sr=sample_rate_hz, n_fft=n_fft)[:, np.newaxis] ** np.arange(3),
    )


def frame_features(samples: Float32Array, sample_rate_hz: int, params: FeatureParams) -> Float32Array:
    """Compute all frame features of a clip: :func:`~soundsift.features.transform.transform` with librosa's filters."""
    return transform(samples, sample_rate_hz, params, filters_of(sample_rate_hz, params))


def frames_table(frames: Float32Array, clip_id: str, sample_rate_hz: int, params: FeatureParams) -> pa.Table:
    """Make a table of frame features; its metadata hold the clip id and the definition."""
    metadata = {"clip_id": clip_id, **definition(sample_rate_hz, params)}
    columns = frame_columns(params.n_mfcc)
    return pa.Table.from_arrays(
        [pa.array(frames[:, i]) for i in range(len(columns))], schema=schema_of(columns, metadata)
    )
