"""A picture of a recording of any length, for people: power in mel bands, coarser the longer it is."""

from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# 93 ms at 22050 Hz, one after the other.
N_FFT, N_BANDS = 2048, 64


@cache
def _filters(sample_rate_hz: int) -> tuple[Floats, Floats]:
    """Window, shape (N_FFT,), and mel bands, shape (N_FFT // 2 + 1, N_BANDS)."""
    import librosa

    bands = librosa.filters.mel(sr=sample_rate_hz, n_fft=N_FFT, n_mels=N_BANDS)
    return np.hanning(N_FFT).astype(np.float32), np.ascontiguousarray(bands.T)


class Spectrogram:
    """Some hundred columns, whatever the length: when there are too many, two become one.

    Parameters
    ----------
    n_most
        Columns, at most; an even number.
    """

    def __init__(self, sample_rate_hz: int, n_most: int = 2000) -> None:
        self._rate_hz, self._n_most = sample_rate_hz, n_most
        self._samples = np.zeros(0, dtype=np.float32)
        self._waiting = np.zeros((0, N_BANDS), dtype=np.float32)
        self._columns = np.zeros((0, N_BANDS), dtype=np.float32)
        self._n_in_one = 1

    @property
    def frequencies_hz(self) -> npt.NDArray[np.float64]:
        """Centres of the mel bands, shape (N_BANDS,)."""
        import librosa

        centres: npt.NDArray[np.float64] = librosa.mel_frequencies(N_BANDS + 2, fmax=self._rate_hz / 2)[1:-1]
        return centres

    def add(self, samples: Floats) -> None:
        """Go on with the next samples, shape (n,)."""
        samples = np.concatenate([self._samples, samples])
        n = len(samples) // N_FFT
        self._samples = samples[n * N_FFT :]
        window, bands = _filters(self._rate_hz)
        spectrum = np.fft.rfft(samples[: n * N_FFT].reshape(n, N_FFT) * window, axis=1)
        power = np.square(np.abs(spectrum)).astype(np.float32) @ bands
        self._waiting = np.concatenate([self._waiting, power])
        n = len(self._waiting) // self._n_in_one
        taken, self._waiting = np.split(self._waiting, [n * self._n_in_one])
        self._columns = np.concatenate([self._columns, taken.reshape(n, self._n_in_one, N_BANDS).mean(axis=1)])
        while len(self._columns) >= self._n_most:
            whole, odd = np.split(self._columns, [len(self._columns) // 2 * 2])
            self._waiting = np.concatenate([np.repeat(odd, self._n_in_one, axis=0), self._waiting])
            self._columns = whole.reshape(-1, 2, N_BANDS).mean(axis=1)
            self._n_in_one *= 2

    def power(self) -> Floats:
        """Mean power in each mel band, shape (n_columns, N_BANDS)."""
        return self._columns
