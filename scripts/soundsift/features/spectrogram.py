"""Mel spectrogram of a recording of any length, for display: the longer the recording, the longer each column."""

from functools import cache

import numpy as np

from soundsift.arrays import Float32Array, Float64Array
from soundsift.numba_cache import compile_librosa_once

# Samples in an analysis window (93 ms at 22050 Hz; windows do not overlap), and mel bands.
N_FFT, N_BANDS = 2048, 64


@cache
def _filters(sample_rate_hz: int) -> tuple[Float32Array, Float32Array]:
    """Return the window, shape (N_FFT,), and the mel filters, shape (N_FFT // 2 + 1, N_BANDS)."""
    compile_librosa_once()
    import librosa

    bands = librosa.filters.mel(sr=sample_rate_hz, n_fft=N_FFT, n_mels=N_BANDS)
    return np.hanning(N_FFT).astype(np.float32), np.ascontiguousarray(bands.T)


class Spectrogram:
    """A spectrogram that is computed block by block in constant memory.

    When there are ``max_columns``, neighbouring columns are averaged in pairs, which halves their number.

    Parameters
    ----------
    max_columns
        Upper limit of the number of columns; an even number.

    Examples
    --------
    >>> spectrogram = Spectrogram(22050)
    >>> spectrogram.add(np.zeros(22050, dtype=np.float32))
    >>> spectrogram.power().shape
    (10, 64)
    """

    def __init__(self, sample_rate_hz: int, max_columns: int = 2000) -> None:
        self._rate_hz, self._max_columns = sample_rate_hz, max_columns
        self._samples = np.zeros(0, dtype=np.float32)
        self._waiting = np.zeros((0, N_BANDS), dtype=np.float32)
        self._columns = np.zeros((0, N_BANDS), dtype=np.float32)
        self._windows_per_column = 1

    @property
    def frequencies_hz(self) -> Float64Array:
        """Centres of the mel bands, shape (N_BANDS,)."""
        compile_librosa_once()
        import librosa

        centres: Float64Array = librosa.mel_frequencies(N_BANDS + 2, fmax=self._rate_hz / 2)[1:-1]
        return centres

    def add(self, samples: Float32Array) -> None:
        """Add the next samples, shape (n,); n may be any number."""
        samples = np.concatenate([self._samples, samples])
        n = len(samples) // N_FFT
        self._samples = samples[n * N_FFT :]
        window, bands = _filters(self._rate_hz)
        spectrum = np.fft.rfft(samples[: n * N_FFT].reshape(n, N_FFT) * window, axis=1)
        power = np.square(np.abs(spectrum)).astype(np.float32) @ bands
        self._waiting = np.concatenate([self._waiting, power])
        n = len(self._waiting) // self._windows_per_column
        taken, self._waiting = np.split(self._waiting, [n * self._windows_per_column])
        self._columns = np.concatenate(
            [self._columns, taken.reshape(n, self._windows_per_column, N_BANDS).mean(axis=1)]
        )
        while len(self._columns) >= self._max_columns:
            whole, odd = np.split(self._columns, [len(self._columns) // 2 * 2])
            self._waiting = np.concatenate([np.repeat(odd, self._windows_per_column, axis=0), self._waiting])
            self._columns = whole.reshape(-1, 2, N_BANDS).mean(axis=1)
            self._windows_per_column *= 2

    def power(self) -> Float32Array:
        """Mean power in each mel band, shape (n_columns, N_BANDS)."""
        return self._columns
