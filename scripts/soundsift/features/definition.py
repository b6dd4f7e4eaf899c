"""What the features are: parameters, columns, and the definition that tables of features carry."""

from dataclasses import fields
from functools import cache
from importlib.metadata import version

import pyarrow as pa

from soundsift.config.features import FeatureParams
from soundsift.errors import InputError
from soundsift.tables import Column

PITCH_CLASSES = ("c", "cs", "d", "ds", "e", "f", "fs", "g", "gs", "a", "as", "b")


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


DEFINITION_KEYS = ("sample_rate_hz", *(f.name for f in fields(FeatureParams)), "librosa")


def definition_of(schema: pa.Schema) -> dict[str, str]:
    """Read the definition back from the metadata of a table of features."""
    metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    missing = [key for key in DEFINITION_KEYS if key not in metadata]
    if missing:
        raise InputError(f"a table of features does not say its {', '.join(missing)}: make it again with this workflow")
    return {key: metadata[key] for key in DEFINITION_KEYS}


VERSION_COLUMNS = (
    Column("clip_id", pa.string(), "", "the clip that was changed"),
    Column("version", pa.int64(), "", "which of its versions, from 1"),
    Column("partner", pa.string(), "", "the clip mixed in, null for none; what is heard in it is heard in the mixture"),
)
