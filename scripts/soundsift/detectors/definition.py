"""The definition of a model: its inputs, thresholds and calibration. It is a part of the model file."""

import json
import math
import operator
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args, get_type_hints

try:
    from lzma import LZMAError
except ImportError:  # a Python without it refuses such an archive by another of DAMAGE
    from zipfile import BadZipFile as LZMAError  # type: ignore[assignment]

from soundsift.arrays import Float32Array
from soundsift.config.clips import ClipParams
from soundsift.config.constraints import Name
from soundsift.config.features import FeatureParams
from soundsift.detectors.metrics import DetectorMetrics, HeldOut
from soundsift.errors import InputError, TrainingError
from soundsift.features.definition import DEFINITION_KEYS, definition_of, params_of
from soundsift.features.inputs import matrices
from soundsift.tables import read_schema

# Members of the archive: the definition, and the arrays of :mod:`soundsift.detectors.inference`.
MEMBER, ARRAYS = "soundsift.json", "soundsift.npz"
# To be increased when the content of one of them changes.
FORMAT = 3
# Errors of reading and applying a damaged archive, or one that is encrypted or compressed in another way.
DAMAGE = (
    ValueError, TypeError, AttributeError, ArithmeticError, IndexError, RuntimeError, EOFError, MemoryError,
    zipfile.BadZipFile, zlib.error, LZMAError,
)  # fmt: skip


@dataclass(frozen=True)
class Definition:
    """Inputs and outputs of a model.

    Attributes
    ----------
    columns
        Names of the inputs of the networks on statistics, in order; empty if there are none.
    features
        Parameters of the features: :func:`soundsift.features.definition.definition`.
    thresholds
        {detector: threshold}. A clip counts as detected if its probability is at least the threshold.
    calibrations
        {detector: weights}, of :class:`soundsift.detectors.training.Trained`, for whole clips.
    window_calibrations
        The same for windows of a few seconds, which detection listens to.
    synthetic
        Whether the model was trained on the synthetic sound of the demo.
    held_out
        {detector: :class:`soundsift.detectors.metrics.HeldOut` as a dictionary}, of those that held out clips.
    about
        {detector: what the configuration and the evaluation say of it: :func:`about`}. Only a combined model has it.
    """

    columns: list[str]
    features: dict[str, str]
    thresholds: dict[str, float]
    calibrations: dict[str, list[float]]
    window_calibrations: dict[str, list[float]]
    synthetic: bool = False
    held_out: dict[str, dict[str, Any]] = field(default_factory=dict)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)

    def inputs(self, path: Path) -> Iterator[Float32Array]:
        """Read the model's inputs from a features table, one row group at a time.

        Yields
        ------
        Shape (n_rows, n_inputs).

        Raises
        ------
        TrainingError
            If the features were computed with other parameters than those the model was trained on.
        """
        found = definition_of(read_schema(path))
        for key in DEFINITION_KEYS:
            if key != "librosa" and found[key] != self.features[key]:
                raise TrainingError(
                    f"the table was made with {key} {found[key]}, the model with {self.features[key]}: "
                    "train again or make the table again"
                )
        return matrices(path, self.columns)

    def feature_params(self) -> tuple[FeatureParams, int]:
        """Parameters of the features, and the sample rate in Hz."""
        return params_of(self.features)

    def remark(self, detector: str) -> str:
        """Return :attr:`soundsift.detectors.metrics.HeldOut.remark` of a detector."""
        return HeldOut(**self.held_out[detector]).remark if detector in self.held_out else ""

    def to_json(self) -> str:
        """Return the text of the archive's member."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)


def about(classes: Mapping[str, Any], metrics: DetectorMetrics) -> dict[str, Any]:
    """Describe a detector for those who get only its model file.

    Parameters
    ----------
    classes
        As configured: ``classes`` and ``except``.

    Returns
    -------
    The classes; ``n_train``, ``train_positives``, ``n_eval`` and ``positives`` of the metrics; and every metric on the
    eval clips as [value, low, high], unless the detector was not judged.
    """
    counts = ("n_train", "train_positives", "n_eval", "positives")
    intervals = metrics.performance.intervals() if metrics.performance else {}
    return {
        "classes": list(classes["classes"]), "except": list(classes.get("except") or []),
        **{name: getattr(metrics, name) for name in counts},
        **{name: [interval.value, interval.low, interval.high] for name, interval in intervals.items()},
    }  # fmt: skip


def read_definition(path: str | Path) -> Definition:
    """Read the definition of a model file.

    Raises
    ------
    TrainingError
        If the file is not a model of this workflow, or of another version of it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = json.loads(archive.read(MEMBER))
            if (version := found.pop("format", 1)) != FORMAT:
                raise not_a_detector(path, f"its format is {version}, this version reads {FORMAT}")
            return _checked(Definition(**found))
    except KeyError as error:
        raise not_a_detector(path, f"it has no {MEMBER}, as if Keras had saved it alone") from error
    except OSError as error:
        raise not_a_detector(path, error.strerror or str(error)) from error
    except InputError as error:
        raise not_a_detector(path, str(error).partition(":")[0]) from error
    except DAMAGE as error:
        raise not_a_detector(path, str(error)) from error


def _checked(known: Definition) -> Definition:
    """Check what detection calculates with, and what ``soundsift info`` prints.

    Raises
    ------
    ValueError
        If there is no detector, a number is missing or not in its range, or a description is not as :func:`about` makes
        it.
    """
    params, sample_rate_hz = known.feature_params()
    hints = [get_type_hints(kind, include_extras=True) for kind in (ClipParams, FeatureParams)]
    for name, value in {"sample_rate_hz": sample_rate_hz, **vars(params)}.items():
        for limit in get_args((hints[0] | hints[1])[name])[1:]:
            compare = type(limit).__name__.lower()  # ge, gt, le or lt
            if not getattr(operator, compare)(value, getattr(limit, compare)):
                raise ValueError(f"{name} of its features is {str(value)[:20]}, which is out of range")
    if not known.thresholds:
        raise ValueError("it has no threshold of any detector")
    for name, threshold in known.thresholds.items():
        known.remark(name)  # an error if it cannot be written
        if not re.fullmatch(Name().pattern, name):
            raise ValueError(f"a detector is named {name[:20]!r}, not by small letters, digits and _")
        if not _is_finite(threshold) or not 0 <= threshold <= 1:
            raise ValueError(f"the threshold of {name} is {threshold}, not a number from 0 to 1")
        for of_clips, weights in (
            ("clips", known.calibrations.get(name)),
            ("windows", known.window_calibrations.get(name)),
        ):
            if not isinstance(weights, list) or len(weights) < 2 or not all(map(_is_finite, weights)):
                raise ValueError(
                    f"the weights of {name} for {of_clips} are {weights}, not a slope of each part and a shift"
                )
    for name, facts in known.about.items():
        if name not in known.thresholds or not _is_description(facts):
            raise ValueError(f"its description of {name[:20]!r} is damaged")
    return known


def _is_description(facts: object) -> bool:
    """Return whether a value has the form of :func:`about`."""
    match facts:
        case {
            "classes": [*classes], "except": [*others],
            "n_train": n_train, "train_positives": train_positives, "n_eval": n_eval, "positives": positives, **metrics,
        }:  # fmt: skip
            numbers = [one for one in metrics.values() if isinstance(one, list) and len(one) == 3]
            return (
                all(isinstance(one, str) for one in (*classes, *others))
                and _are_counts(train_positives, n_train)
                and _are_counts(positives, n_eval)
                and len(numbers) == len(metrics)
                and all(_is_finite(one) for of_metric in numbers for one in of_metric)
            )
    return False


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _are_counts(part: object, whole: object) -> bool:
    """Return whether two values are numbers of clips, the first of them some of the second."""
    return type(part) is int and type(whole) is int and 0 <= part <= whole


def not_a_detector(path: str | Path, reason: str) -> TrainingError:
    """Make the error for a file that cannot be used."""
    return TrainingError(f"{path} is not a detector of this workflow ({reason}): name another file, or train it again")
