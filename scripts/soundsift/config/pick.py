"""The part of a section that a step uses."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def pick(kind: type, section: Mapping[str, Any]) -> dict[str, Any]:
    """Take from a section of the configuration the keys that a parameter class declares.

    Parameters
    ----------
    kind
        One of the dataclasses of :mod:`soundsift.config`.
    section
        A section of the settled configuration, ``config["download"]`` for example.

    Examples
    --------
    >>> from soundsift.config.features import FeatureParams
    >>> section = {"n_fft": 512, "hop_length": 256, "n_mels": 64, "n_mfcc": 20, "rolloff_fraction": 0.9}
    >>> pick(FeatureParams, section | {"statistics": ["mean"]}) == section
    True
    """
    return {field.name: section[field.name] for field in fields(kind)}
