"""Frame features of a clip, in librosa's definitions at librosa's defaults.

One short-time Fourier transform of the clip serves them all (centred frames, Hann window), and one product of its power
with a matrix gives mel bands, pitch classes and level together. Windows, filters and frequencies are librosa's own;
``benchmarks/features.py`` compares every column with librosa's separate call and times both.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.errors import InputError
from soundsift.tables import Column, schema_of

Floats = npt.NDArray[np.float32]

# Frames worked on together: what they need stays in the processor's cache.
N_AT_ONCE = 48
PITCH_CLASSES = ("c", "cs", "d", "ds", "e", "f", "fs", "g", "gs", "a", "as", "b")


@dataclass(frozen=True)
class FeatureParams:
    """Parameters of the analysis; lengths in samples.

    Attributes
    ----------
    n_fft, hop_length
        Window length and step.
    n_mels, n_mfcc
        Mel bands and the cepstral coefficients kept of them.
    rolloff_fraction
        In (0, 1): share of the magnitude below the roll-off frequency.
    """

    n_fft: int = 2048
    hop_length: int = 512
    n_mels: int = 128
    n_mfcc: int = 20
    rolloff_fraction: float = 0.85


def frame_columns(n_mfcc: int = 20) -> tuple[Column, ...]:
    """Columns of a frames table, in the order of every table made from it; ``time_seconds`` stands first."""
    f32 = pa.float32()
    return (
        Column("time_seconds", f32, "s", "centre of the frame, from the clip's start"),
        *(Column(f"mfcc_{i:02d}", f32, "dB", f"mel-frequency cepstral coefficient {i}") for i in range(1, n_mfcc + 1)),
        Column("spectral_centroid_hz", f32, "Hz", "centre of gravity of the magnitude spectrum"),
        Column("spectral_bandwidth_hz", f32, "Hz", "spread of the magnitude spectrum around its centroid"),
        Column("spectral_rolloff_hz", f32, "Hz", "frequency below which rolloff_fraction of the magnitude lies"),
        Column("zero_crossing_rate", f32, "per sample", "share of samples at which the sign changes"),
        Column("rms", f32, "full scale", "root-mean-square amplitude"),
        *(Column(f"chroma_{p}", f32, "of the strongest", f"energy in pitch class {p}") for p in PITCH_CLASSES),
    )


@dataclass(frozen=True)
class _Filters:
    """What is the same for every clip of one sample rate.

    Attributes
    ----------
    window
        Shape (n_fft,), float64: in single precision the transform's rounding would widen a pure tone by 3 Hz.
    bands
        Shape (n_bins, n_mels + 12 + 1): mel bands, pitch classes, mean square of the frame; for the power spectrum.
    powers
        Shape (n_bins, 3), float64: frequency in Hz to the power of 0, 1 and 2.
    """

    window: npt.NDArray[np.float64]
    bands: Floats
    powers: npt.NDArray[np.float64]


@cache
def _filters(sample_rate_hz: int, params: FeatureParams) -> _Filters:
    import librosa

    n_fft = params.n_fft
    # librosa.feature.rms: the bins that stand for themselves alone count half
    square = np.full((n_fft // 2 + 1, 1), 2.0 / n_fft**2)
    square[0] /= 2
    if n_fft % 2 == 0:
        square[-1] /= 2
    mel = librosa.filters.mel(sr=sample_rate_hz, n_fft=n_fft, n_mels=params.n_mels)
    # an estimate of the tuning takes most of the time of a chromagram and says nothing about speech
    chroma = librosa.filters.chroma(sr=sample_rate_hz, n_fft=n_fft, tuning=0.0)
    return _Filters(
        window=librosa.filters.get_window("hann", n_fft, fftbins=True),
        bands=np.concatenate([mel.T, chroma.T, square], axis=1).astype(np.float32),
        powers=librosa.fft_frequencies(sr=sample_rate_hz, n_fft=n_fft)[:, np.newaxis] ** np.arange(3),
    )


def frame_features(samples: Floats, sample_rate_hz: int, params: FeatureParams) -> Floats:
    """Compute all frame features of a clip.

    Parameters
    ----------
    samples
        Shape (n,), float32, mono, in [-1, 1].
    sample_rate_hz
        Of the samples.

    Returns
    -------
    Shape (1 + n // hop_length, n_columns), float32, columns as :func:`frame_columns`.
    """
    from scipy.fft import dct, rfft

    n_fft, hop, n_mels = params.n_fft, params.hop_length, params.n_mels
    filters = _filters(sample_rate_hz, params)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, n_fft // 2), n_fft)[::hop]
    bands = np.empty((len(frames), n_mels + len(PITCH_CLASSES) + 1), dtype=np.float32)
    moments = np.empty((len(frames), 3))
    n_below = np.empty(len(frames), dtype=np.intp)
    for first in range(0, len(frames), N_AT_ONCE):
        part = slice(first, first + N_AT_ONCE)
        spectrum = rfft(frames[part] * filters.window, axis=1)
        power = (np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32)
        magnitude = np.sqrt(power)
        bands[part] = power @ filters.bands
        # in double precision too: the spread is a small difference of large numbers
        moments[part] = magnitude.astype(np.float64) @ filters.powers
        running = np.cumsum(magnitude, axis=1)
        n_below[part] = np.count_nonzero(running < params.rolloff_fraction * running[:, -1:], axis=1)

    tiny = np.finfo(np.float32).tiny
    total = np.where(moments[:, 0] < tiny, 1.0, moments[:, 0])
    centroid = moments[:, 1] / total
    spread = np.sqrt(np.maximum(0.0, moments[:, 2] / total - centroid**2))
    chroma = bands[:, n_mels:-1]
    strongest = chroma.max(axis=1, keepdims=True)
    # librosa.power_to_db: not below 1e-10, nor more than 80 dB below the loudest
    mel_db = 10 * np.log10(np.maximum(bands[:, :n_mels], 1e-10))
    np.maximum(mel_db, mel_db.max() - 80, out=mel_db)
    columns = [
        np.arange(len(frames)) * (hop / sample_rate_hz),
        dct(mel_db, axis=1, norm="ortho")[:, : params.n_mfcc],
        centroid,
        spread,
        filters.powers[n_below, 1],
        _zero_crossing_rate(samples, n_fft, hop),
        np.sqrt(bands[:, -1]),
        chroma / np.where(strongest < tiny, 1, strongest),
    ]
    return np.column_stack(columns).astype(np.float32)


def _zero_crossing_rate(samples: Floats, frame_length: int, hop_length: int) -> npt.NDArray[np.float64]:
    """librosa.feature.zero_crossing_rate, by differences of one running count; shape (n_frames,)."""
    # what is closer to zero than 1e-10 counts as zero, and zero as positive
    negative = samples < -1e-10
    running = np.zeros(len(samples), dtype=np.int32)
    np.cumsum(negative[1:] != negative[:-1], out=running[1:])
    running = np.pad(running, frame_length // 2, mode="edge")
    first = np.arange(0, len(running) - frame_length + 1, hop_length)
    return (running[first + frame_length - 1] - running[first]) / frame_length


def frames_table(frames: Floats, clip_id: str, sample_rate_hz: int, params: FeatureParams) -> pa.Table:
    """Wrap frame features as a table; clip, parameters and librosa's version are in its metadata."""
    metadata = {"clip_id": clip_id, **definition(sample_rate_hz, params)}
    columns = frame_columns(params.n_mfcc)
    return pa.Table.from_arrays(
        [pa.array(frames[:, i]) for i in range(len(columns))], schema=schema_of(columns, metadata)
    )


def definition(sample_rate_hz: int, params: FeatureParams) -> dict[str, str]:
    """What features must share to be compared: the parameters they were made with and librosa's version."""
    return {
        "sample_rate_hz": str(sample_rate_hz),
        **{name: str(value) for name, value in vars(params).items()},
        "librosa": _librosa_version(),
    }


@cache
def _librosa_version() -> str:
    return version("librosa")


DEFINITION_KEYS = ("sample_rate_hz", "n_fft", "hop_length", "n_mels", "n_mfcc", "rolloff_fraction", "librosa")


def definition_of(schema: pa.Schema) -> dict[str, str]:
    """Read the definition back from the metadata of a table of features."""
    metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    missing = [key for key in DEFINITION_KEYS if key not in metadata]
    if missing:
        raise InputError(f"a table of features does not say its {', '.join(missing)}: make it again with this workflow")
    return {key: metadata[key] for key in DEFINITION_KEYS}
