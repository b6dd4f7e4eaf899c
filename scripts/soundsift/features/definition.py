"""The columns of frame features, and the definition of features that tables and models carry.

A definition is a mapping of texts: the sample rate, every parameter of
:class:`~soundsift.config.features.FeatureParams`, and the version of librosa. Only features of equal definitions can be
compared. A new parameter becomes part of the definition without a change of this module.
"""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib.metadata import version
from typing import get_type_hints

import pyarrow as pa

from soundsift.config.features import FeatureParams
from soundsift.errors import InputError
from soundsift.tables import Column

PITCH_CLASSES = ("c", "cs", "d", "ds", "e", "f", "fs", "g", "gs", "a", "as", "b")


def frame_columns(n_mfcc: int = 20) -> tuple[Column, ...]:
    """Declare the columns of a frames table, ``time_seconds`` first.

    :func:`soundsift.features.frames.frame_features` computes them in this order, and every table made from frames keeps
    it.
    """
    f32 = pa.float32()
    return (
        Column("time_seconds", f32, "s", "centre of the frame, from the clip's start"),
        *(Column(f"mfcc_{i:02d}", f32, "dB", f"mel-frequency cepstral coefficient {i}") for i in range(1, n_mfcc + 1)),
        Column("spectral_centroid_hz", f32, "Hz", "centre of gravity of the magnitude spectrum"),
        Column("spectral_bandwidth_hz", f32, "Hz", "spread of the magnitude spectrum around its centroid"),
        Column("spectral_rolloff_hz", f32, "Hz", "frequency below which rolloff_fraction of the magnitude lies"),
        Column("zero_crossing_rate", f32, "per sample", "share of samples at which the sign changes"),
        Column("rms", f32, "full scale", "root-mean-square amplitude"),
        *(
            Column(f"chroma_{p}", f32, "share", f"energy in pitch class {p}, relative to the strongest pitch class")
            for p in PITCH_CLASSES
        ),
    )


def definition(sample_rate_hz: int, params: FeatureParams) -> dict[str, str]:
    """Make the definition of features that are computed now, for the metadata of their table."""
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
    """Read the definition from the metadata of a table of features.

    Raises
    ------
    InputError
        If a part of the definition is missing.
    """
    metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    missing = [key for key in DEFINITION_KEYS if key not in metadata]
    if missing:
        raise InputError(f"a table of features does not say its {', '.join(missing)}: make it again with this workflow")
    return {key: metadata[key] for key in DEFINITION_KEYS}


def params_of(definition: Mapping[str, str]) -> tuple[FeatureParams, int]:
    """Turn a definition back into parameters and sample rate in Hz.

    Raises
    ------
    InputError
        If the definition lacks a parameter, for example because it was written before the parameter existed.

    Examples
    --------
    >>> params, sample_rate_hz = params_of(definition(22050, FeatureParams(n_fft=1024)))
    >>> params.n_fft, sample_rate_hz
    (1024, 22050)
    """
    kinds = get_type_hints(FeatureParams)
    if missing := [key for key in ("sample_rate_hz", *kinds) if key not in definition]:
        raise InputError(
            f"the definition of features lacks {', '.join(missing)}: make the features again, and train again"
        )
    values = {
        name: definition[name] == str(True) if kind is bool else kind(definition[name]) for name, kind in kinds.items()
    }
    return FeatureParams(**values), int(definition["sample_rate_hz"])
