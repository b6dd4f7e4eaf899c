"""The short-time Fourier transform of a clip and the features computed from it, with given filters.

Filters come from librosa (:mod:`soundsift.features.frames`) or from a model file. Nothing here imports librosa, so
detection starts quickly, and it uses the same filters as the training.
"""

from typing import NamedTuple

import numpy as np

from soundsift.arrays import Float32Array, Float64Array
from soundsift.config.features import FeatureParams
from soundsift.features.definition import PITCH_CLASSES

# Frames computed together; their arrays fit into the processor's cache.
N_FRAMES_AT_ONCE = 48


class Filters(NamedTuple):
    """Arrays that are equal for all clips of one sample rate.

    Attributes
    ----------
    window
        Shape (n_fft,), float64. In single precision, rounding would add 3 Hz to the bandwidth of a pure tone.
    bands
        Shape (n_bins, n_mels + 12 + 1), float32. Multiplied with a power spectrum, it gives the mel bands, the pitch
        classes and the mean square of the frame.
    powers
        Shape (n_bins, 3), float64: frequency in Hz to the power of 0, 1 and 2.
    """

    window: Float64Array
    bands: Float32Array
    powers: Float64Array


def transform(samples: Float32Array, sample_rate_hz: int, params: FeatureParams, filters: Filters) -> Float32Array:
    """Compute all frame features of a clip.

    Parameters
    ----------
    samples
        Shape (n,), float32, mono, in [-1, 1].
    filters
        Of the same sample rate and parameters.

    Returns
    -------
    Shape (1 + n // hop_length, n_columns), float32, columns as :func:`~soundsift.features.definition.frame_columns`.
    """
    return transform_and_log_mel(samples, sample_rate_hz, params, filters)[0]


def transform_and_log_mel(
    samples: Float32Array, sample_rate_hz: int, params: FeatureParams, filters: Filters
) -> tuple[Float32Array, Float32Array]:
    """Compute the frame features of a clip as :func:`transform` does, and the log-mel spectrogram of the same frames.

    The spectrogram is ``librosa.power_to_db(librosa.feature.melspectrogram(...))``, shape (n_frames, n_mels), float32,
    in dB, the lowest band first.
    """
    return spectra(samples, sample_rate_hz, params, filters).features_and_log_mel(params.n_mfcc)


class Spectra(NamedTuple):
    """What depends on each frame alone; the features of a stretch depend on its strongest frame too.

    Attributes
    ----------
    times
        In seconds, shape (n_frames,).
    mel_db
        Power in mel bands in dB, at least -100, shape (n_frames, n_mels).
    others
        The columns after the MFCC, shape (n_frames, n_others).
    """

    times: Float64Array
    mel_db: Float32Array
    others: Float64Array

    def stretch(self, first: int, n_frames: int) -> "Spectra":
        """Return some successive frames."""
        part = slice(first, first + n_frames)
        return Spectra(self.times[part], self.mel_db[part], self.others[part])

    def features_and_log_mel(self, n_mfcc: int) -> tuple[Float32Array, Float32Array]:
        """Compute the features and the log-mel spectrogram of all these frames."""
        from scipy.fft import dct

        # as librosa.power_to_db: at most 80 dB below the maximum
        mel_db = np.maximum(self.mel_db, self.mel_db.max() - 80)
        mfcc = dct(mel_db, axis=1, norm="ortho")[:, :n_mfcc]
        return np.column_stack([self.times, mfcc, self.others]).astype(np.float32), mel_db


def spectra(samples: Float32Array, sample_rate_hz: int, params: FeatureParams, filters: Filters) -> Spectra:
    """Analyse each frame of some sound; parameters as for :func:`transform`."""
    from scipy.fft import rfft

    n_fft, hop, n_mels = params.n_fft, params.hop_length, params.n_mels
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, n_fft // 2), n_fft)[::hop]
    bands = np.empty((len(frames), n_mels + len(PITCH_CLASSES) + 1), dtype=np.float32)
    moments = np.empty((len(frames), 3))
    n_below = np.empty(len(frames), dtype=np.intp)
    for first in range(0, len(frames), N_FRAMES_AT_ONCE):
        part = slice(first, first + N_FRAMES_AT_ONCE)
        spectrum = rfft(frames[part] * filters.window, axis=1)
        power = (np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32)
        magnitude = np.sqrt(power)
        bands[part] = power @ filters.bands
        # in double precision, because the spread is a small difference of large numbers
        moments[part] = magnitude.astype(np.float64) @ filters.powers
        running = np.cumsum(magnitude, axis=1)
        n_below[part] = np.count_nonzero(running < params.rolloff_fraction * running[:, -1:], axis=1)

    tiny = np.finfo(np.float32).tiny
    total = np.where(moments[:, 0] < tiny, 1.0, moments[:, 0])
    centroid = moments[:, 1] / total
    spread = np.sqrt(np.maximum(0.0, moments[:, 2] / total - centroid**2))
    chroma = bands[:, n_mels:-1]
    strongest = chroma.max(axis=1, keepdims=True)
    # as librosa.power_to_db: at least 1e-10
    mel_db: Float32Array = 10 * np.log10(np.maximum(bands[:, :n_mels], 1e-10))
    others: list[Float64Array | Float32Array] = [
        centroid,
        spread,
        filters.powers[n_below, 1],
        _zero_crossing_rate(samples, n_fft, hop),
        np.sqrt(bands[:, -1]),
        chroma / np.where(strongest < tiny, 1, strongest),
    ]
    times = np.arange(len(frames), dtype=np.float64) * (hop / sample_rate_hz)
    return Spectra(times, mel_db, np.column_stack(others).astype(np.float64))


def _zero_crossing_rate(samples: Float32Array, frame_length: int, hop_length: int) -> Float64Array:
    """Compute librosa.feature.zero_crossing_rate from one running count of crossings, shape (n_frames,)."""
    # magnitudes up to 1e-10 count as zero, and zero counts as positive
    negative = samples < -1e-10
    running = np.zeros(len(samples), dtype=np.int32)
    np.cumsum(negative[1:] != negative[:-1], out=running[1:])
    running = np.pad(running, frame_length // 2, mode="edge")
    first = np.arange(0, len(running) - frame_length + 1, hop_length)
    return (running[first + frame_length - 1] - running[first]) / frame_length
