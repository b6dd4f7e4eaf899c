"""Log-mel spectrograms in the frames tables, for networks that learn from spectrograms."""

import numpy as np
import pyarrow as pa

from soundsift.arrays import Float32Array
from soundsift.config.features import FeatureParams
from soundsift.features.frames import filters_of
from soundsift.tables import Column, schema_of

# As librosa.power_to_db: at least 1e-10, and at most 80 dB below the maximum of the clip.
FLOOR, RANGE_DB = 1e-10, 80.0
N_FRAMES_AT_ONCE = 48


def log_mel_columns(n_mels: int) -> tuple[Column, ...]:
    """Declare the columns ``log_mel_001`` and so on, the lowest band first."""
    meaning = "power in mel band {}, from which the coefficients are computed"
    return tuple(Column(f"log_mel_{i:03d}", pa.float32(), "dB", meaning.format(i)) for i in range(1, n_mels + 1))


def log_mel(samples: Float32Array, sample_rate_hz: int, params: FeatureParams) -> Float32Array:
    """Compute the log-mel spectrogram of a clip: ``librosa.power_to_db(librosa.feature.melspectrogram(...))``.

    Parameters
    ----------
    samples
        Shape (n,), float32, mono, in [-1, 1].

    Returns
    -------
    Shape (1 + n // hop_length, n_mels), float32, in dB; the frames are those of the other features.
    """
    from scipy.fft import rfft

    filters = filters_of(sample_rate_hz, params)
    padded = np.pad(samples, params.n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, params.n_fft)[:: params.hop_length]
    bands = np.empty((len(frames), params.n_mels), dtype=np.float32)
    for first in range(0, len(frames), N_FRAMES_AT_ONCE):
        part = slice(first, first + N_FRAMES_AT_ONCE)
        spectrum = rfft(frames[part] * filters.window, axis=1)
        power = (np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32)
        bands[part] = power @ filters.bands[:, : params.n_mels]
    decibels = 10 * np.log10(np.maximum(bands, FLOOR))
    return np.asarray(np.maximum(decibels, decibels.max() - RANGE_DB), dtype=np.float32)


def with_log_mel(frames: pa.Table, spectrogram: Float32Array) -> pa.Table:
    """Append a log-mel spectrogram to a frames table."""
    columns = log_mel_columns(spectrogram.shape[1])
    added = schema_of(columns)
    schema = pa.schema([*frames.schema, *added], metadata=frames.schema.metadata)
    return pa.Table.from_arrays([*frames.columns, *(pa.array(band) for band in spectrogram.T)], schema=schema)
