"""The model card of a detector: definition, training data, performance and limits (Mitchell et al. 2019)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from soundsift.config.clips import ClipParams
from soundsift.config.features import FeatureParams
from soundsift.config.statistics import StatisticsParams
from soundsift.config.training import TrainingParams
from soundsift.detectors.metrics import DetectorMetrics, Interval, rate_without_error
from soundsift.templates import render

# Labels in the table of errors.
N_LABELS = 10
# Settings on which a detector depends, and their defaults.
DEFAULTS = {
    "clips": {"sample_rate_hz": ClipParams().sample_rate_hz},
    "features": asdict(FeatureParams()) | asdict(StatisticsParams()),
    "training": asdict(TrainingParams()),
}


def card(
    classes: Mapping[str, Any], metrics: DetectorMetrics, curve: pa.Table, errors: pa.Table, lists: Mapping[str, str],
    features: Mapping[str, str], n_inputs: int, settings: Mapping[str, Mapping[str, Any]],
    weights: Sequence[float], is_mixed: bool, has_groups: bool,
) -> str:  # fmt: skip
    """Write the card as Markdown.

    Parameters
    ----------
    classes
        As configured: ``classes`` and ``except``.
    curve, errors
        ``learning.parquet`` and ``errors.parquet``.
    lists
        {name: path} of the segment lists.
    features
        Parameters of the features: :attr:`soundsift.detectors.definition.Definition.features`.
    settings
        The sections clips, features and training of the configuration.
    weights
        Of the calibration: :class:`soundsift.detectors.training.Trained`.
    is_mixed
        Whether a clip was mixed into any of the augmented versions.
    has_groups
        Whether the clips have groups, which are kept together.
    """
    return render(
        __file__,
        "card.md",
        detector=metrics.detector,
        classes=classes,
        metrics=metrics,
        curve=[
            (row["n_clips"], row["metric"], Interval(row["value"], row["low"], row["high"]))
            for row in curve.to_pylist()
        ],
        errors=[row for row in errors.to_pylist()[:N_LABELS] if row["missed"] + row["false_alarms"]],
        lists=lists,
        features=features,
        n_inputs=n_inputs,
        network=settings["training"],
        changed=list(_changed(settings)),
        slopes=[_weight(slope) for slope in weights[:-1]],
        is_mixed=is_mixed,
        has_groups=has_groups,
        rate_without_error=rate_without_error(metrics.n_eval) if metrics.performance else None,
        keras_version=version("keras"),
    )


def _changed(settings: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Name the settings that are not the defaults."""
    for section, defaults in DEFAULTS.items():
        for key, default in defaults.items():
            if (value := settings[section][key]) != default:
                text = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else value
                yield f"`{section}.{key}: {text}`"


def _weight(slope: float) -> str:
    """Write a weight so that only 0 looks like 0."""
    return "less than 0.01" if 0 < slope < 0.01 else f"{slope:.2f}"
