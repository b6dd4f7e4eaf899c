"""Log-mel spectrograms in the frames tables, for networks that learn from spectrograms."""

import pyarrow as pa

from soundsift.arrays import Float32Array
from soundsift.tables import Column, schema_of


def log_mel_columns(n_mels: int) -> tuple[Column, ...]:
    """Declare the columns ``log_mel_001`` and so on, the lowest band first."""
    meaning = "power in mel band {}, from which the coefficients are computed"
    return tuple(Column(f"log_mel_{i:03d}", pa.float32(), "dB", meaning.format(i)) for i in range(1, n_mels + 1))


def with_log_mel(frames: pa.Table, spectrogram: Float32Array) -> pa.Table:
    """Append a log-mel spectrogram, shape (n_frames, n_mels), to a frames table."""
    columns = log_mel_columns(spectrogram.shape[1])
    added = schema_of(columns)
    schema = pa.schema([*frames.schema, *added], metadata=frames.schema.metadata)
    return pa.Table.from_arrays([*frames.columns, *(pa.array(band) for band in spectrogram.T)], schema=schema)
