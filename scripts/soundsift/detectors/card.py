"""The model card of a detector: definition, training data, performance and limits (Mitchell et al. 2019)."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from soundsift.detectors.metrics import DetectorMetrics, Interval
from soundsift.templates import render

# Labels in the table of errors.
N_LABELS = 10


def card(
    classes: Mapping[str, Any], metrics: DetectorMetrics, curve: pa.Table, errors: pa.Table, lists: Mapping[str, str],
    features: Mapping[str, str], n_inputs: int, network: Mapping[str, Any], weights: Sequence[float],
    is_mixed: bool,
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
    network
        As configured: model, hidden_units, balance, augment, members, seed.
    weights
        Of the calibration: :class:`soundsift.detectors.training.Trained`.
    is_mixed
        Whether a clip was mixed into any of the augmented versions.
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
        network=network,
        slopes=weights[:-1],
        is_mixed=is_mixed,
        keras_version=version("keras"),
    )
