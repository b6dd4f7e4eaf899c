"""Frame features of a clip in librosa's definitions, and the statistics that make them one row.

Everything spectral comes from one short-time Fourier transform of the clip (centred frames, Hann window). Each column
equals librosa's own separate call at librosa's defaults.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.errors import InputError, TrainingError
from soundsift.tables import Column, read_parquet, schema_of

Floats = npt.NDArray[np.float32]

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
    import librosa

    n_fft, hop, rate = params.n_fft, params.hop_length, sample_rate_hz
    magnitude = np.abs(librosa.stft(samples, n_fft=n_fft, hop_length=hop))
    power = magnitude**2
    mel = librosa.feature.melspectrogram(S=power, sr=rate, n_fft=n_fft, n_mels=params.n_mels)
    centroid = librosa.feature.spectral_centroid(S=magnitude, sr=rate, n_fft=n_fft)
    rows = [
        librosa.times_like(magnitude, sr=rate, hop_length=hop, n_fft=None)[np.newaxis, :],
        librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=params.n_mfcc),
        centroid,
        librosa.feature.spectral_bandwidth(S=magnitude, sr=rate, n_fft=n_fft, centroid=centroid),
        librosa.feature.spectral_rolloff(S=magnitude, sr=rate, n_fft=n_fft, roll_percent=params.rolloff_fraction),
        librosa.feature.zero_crossing_rate(samples, frame_length=n_fft, hop_length=hop),
        librosa.feature.rms(S=magnitude, frame_length=n_fft),
        # an estimate of the tuning takes most of the time of a chromagram and says nothing about speech
        librosa.feature.chroma_stft(S=power, sr=rate, n_fft=n_fft, tuning=0.0),
    ]
    return np.concatenate(rows).T.astype(np.float32)


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
        "librosa": version("librosa"),
    }


DEFINITION_KEYS = ("sample_rate_hz", "n_fft", "hop_length", "n_mels", "n_mfcc", "rolloff_fraction", "librosa")


def definition_of(table: pa.Table) -> dict[str, str]:
    """Read the definition back from the metadata of a table of features."""
    metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    missing = [key for key in DEFINITION_KEYS if key not in metadata]
    if missing:
        raise InputError(f"a table of features does not say its {', '.join(missing)}: make it again with this workflow")
    return {key: metadata[key] for key in DEFINITION_KEYS}


# name: (what it does to an array of shape (n_frames, n_columns), what it means)
STATISTICS: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "mean": (lambda x: x.mean(axis=0), "mean over the clip"),
    "std": (lambda x: x.std(axis=0), "standard deviation over the clip"),
    "median": (lambda x: np.median(x, axis=0), "median over the clip"),
    "p10": (lambda x: np.percentile(x, 10, axis=0), "10th percentile over the clip"),
    "p90": (lambda x: np.percentile(x, 90, axis=0), "90th percentile over the clip"),
    "delta_std": (lambda x: np.diff(x, axis=0).std(axis=0), "standard deviation of the change from frame to frame"),
}


def summary_columns(n_mfcc: int, statistics: Sequence[str]) -> tuple[Column, ...]:
    """Columns of a features row: every frame column but the time, each with all its statistics together."""
    return tuple(
        Column(f"{column.name}_{name}", pa.float32(), column.unit, f"{column.meaning}: {STATISTICS[name][1]}")
        for column in frame_columns(n_mfcc)[1:]
        for name in statistics
    )


def summarize(frames: Floats, statistics: Sequence[str]) -> Floats:
    """Reduce frames to one row.

    Parameters
    ----------
    frames
        Shape (n_frames, n_columns), without the time.
    statistics
        Names in :data:`STATISTICS`.

    Returns
    -------
    Shape (n_columns * n_statistics,), ordered as :func:`summary_columns`.
    """
    return np.stack([STATISTICS[name][0](frames) for name in statistics], axis=1).ravel().astype(np.float32)


def summary_table(frames: Sequence[Path], statistics: Sequence[str]) -> pa.Table:
    """Reduce frames files to one row each: clip_id, then :func:`summary_columns`; definition in the metadata.

    Raises
    ------
    InputError
        If the files were made with different parameters.
    """
    rows: list[Floats] = []
    clip_ids: list[str] = []
    made_with: dict[str, str] = {}
    for path in frames:
        table = read_parquet(path)
        found = definition_of(table)
        if made_with and found != made_with:
            raise InputError(
                f"{path} was made with other parameters than its neighbours: delete {path.parent} and run again"
            )
        made_with = found
        matrix = np.stack([column.to_numpy() for column in table.columns[1:]], axis=1)
        rows.append(summarize(matrix, statistics))
        clip_ids.append(path.stem)
    n_mfcc = int(made_with.get("n_mfcc", 0))
    columns = (
        Column("clip_id", pa.string(), "", "video id and start in milliseconds"),
        *summary_columns(n_mfcc, statistics),
    )
    values = np.stack(rows) if rows else np.zeros((0, len(columns) - 1), dtype=np.float32)
    arrays = [pa.array(clip_ids, pa.string()), *(pa.array(values[:, i]) for i in range(values.shape[1]))]
    return pa.Table.from_arrays(arrays, schema=schema_of(columns, made_with))


def original_columns() -> list[str]:
    """The 25 inputs of the first version of this method, by name: means, with chroma over all pitch classes as one."""
    names = [
        "chroma",
        "rms",
        "spectral_centroid_hz",
        "spectral_bandwidth_hz",
        "spectral_rolloff_hz",
        "zero_crossing_rate",
    ]
    return [f"{name}_mean" for name in [*names, *(f"mfcc_{i:02d}" for i in range(1, 20))]]


def input_columns(table: pa.Table, feature_set: str) -> list[str]:
    """Names of a model's inputs: ``all`` feature columns of a table, or the ``original`` 25."""
    if feature_set == "original":
        return original_columns()
    frame_names = tuple(f"{column.name}_" for column in frame_columns(int(definition_of(table)["n_mfcc"]))[1:])
    return [name for name in table.column_names if name.startswith(frame_names)]


def feature_matrix(table: pa.Table, columns: Sequence[str]) -> Floats:
    """Take model inputs from a table of features.

    Parameters
    ----------
    columns
        Names of columns; ``chroma_mean`` is the mean over the twelve pitch classes.

    Returns
    -------
    Shape (n_rows, n_columns), float32.

    Raises
    ------
    TrainingError
        If a column is missing or holds a value that is not finite.
    """

    def values(name: str) -> npt.NDArray[Any]:
        if name == "chroma_mean":
            return np.asarray(np.mean([values(f"chroma_{pitch}_mean") for pitch in PITCH_CLASSES], axis=0))
        if name not in table.column_names:
            raise TrainingError(
                f"the features table lacks the column {name}: make the table again with the settings of the model"
            )
        return np.asarray(table[name])

    matrix = np.stack([values(name) for name in columns], axis=1).astype(np.float32)
    bad = ~np.isfinite(matrix)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise TrainingError(
            f"the features table holds {matrix[row, column]} in column {columns[column]}, "
            f"clip {table['clip_id'][row]}: "
            "delete that clip's batch in results/frames and run again"
        )
    return matrix
