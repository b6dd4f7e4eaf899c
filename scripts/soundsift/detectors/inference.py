"""Applying the networks of a model file with NumPy alone.

The Keras model of the same file gives the same probabilities to 1e-5 (``tests/unit/detectors/test_inference.py``), but
needs TensorFlow. NumPy was preferred to ONNX because it needs no further package and no exporter.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from soundsift.arrays import Float32Array, Float64Array
from soundsift.detectors.definition import ARRAYS, Definition, not_a_detector, read_definition
from soundsift.features.transform import Filters


class Ensemble(NamedTuple):
    """The networks of one detector, whose logits are averaged.

    Attributes
    ----------
    mean, scale
        Subtracted from the inputs, and divisor of the result, shape (n_members, 1, n_inputs).
    limit
        Inputs are then clipped to -1..1 and multiplied by this, shape ().
    kernels, biases
        Of the dense layers, shapes (n_members, n_before, n_units) and (n_members, 1, n_units). All layers but the last
        are followed by a rectifier. The last one gives the logits of (absent, present).
    """

    mean: Float32Array
    scale: Float32Array
    limit: Float32Array
    kernels: tuple[Float32Array, ...]
    biases: tuple[Float32Array, ...]

    def margin(self, x: Float32Array) -> Float32Array:
        """Logit of "present" minus logit of "absent", mean over the members.

        Parameters
        ----------
        x
            Shape (n, n_inputs).

        Returns
        -------
        Shape (n,).
        """
        values = np.clip((x - self.mean) / self.scale, -1, 1) * self.limit
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            values = np.maximum(values @ kernel + bias, 0)
        logits = (values @ self.kernels[-1] + self.biases[-1]).mean(axis=0)
        return np.asarray(logits[:, 1] - logits[:, 0])


@dataclass(frozen=True)
class Model:
    """Everything that detection reads from a model file.

    Attributes
    ----------
    filters
        Of the features. They were made by librosa when the model was trained.
    ensembles
        {detector: networks}
    """

    definition: Definition
    filters: Filters
    ensembles: dict[str, Ensemble]

    def log_odds(self, x: Float32Array) -> dict[str, Float64Array]:
        """Apply all detectors.

        Parameters
        ----------
        x
            Shape (n, n_inputs), inputs as ``definition.columns``.

        Returns
        -------
        {detector: calibrated log-odds that its class is present, shape (n,)}
        """
        found = {}
        for name, ensemble in self.ensembles.items():
            slope, shift = self.definition.calibrations[name]
            found[name] = slope * ensemble.margin(x).astype(np.float64) + shift
        return found


def arrays_of(filters: Filters, ensembles: Mapping[str, Ensemble]) -> bytes:
    """Pack filters and networks for a model file."""
    arrays = {f"filters/{name}": value for name, value in filters._asdict().items()}
    for name, ensemble in ensembles.items():
        place = f"detectors/{name}"
        arrays |= {f"{place}/{key}": getattr(ensemble, key) for key in ("mean", "scale", "limit")}
        for i, (kernel, bias) in enumerate(zip(ensemble.kernels, ensemble.biases, strict=True)):
            arrays |= {f"{place}/kernel_{i}": kernel, f"{place}/bias_{i}": bias}
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def read_model(path: str | Path) -> Model:
    """Read a combined model, or the model of one detector.

    Raises
    ------
    TrainingError
        If the file is not a model of this workflow, or of another version of it.
    """
    definition = read_definition(path)
    try:
        with zipfile.ZipFile(path) as archive, np.load(io.BytesIO(archive.read(ARRAYS))) as arrays:
            filters = Filters(**{name: arrays[f"filters/{name}"] for name in Filters._fields})
            return Model(definition, filters, {name: _ensemble(arrays, name) for name in definition.thresholds})
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise not_a_detector(path, str(error)) from error


def _ensemble(arrays: Mapping[str, Float32Array], name: str) -> Ensemble:
    place = f"detectors/{name}"
    n_layers = sum(key.startswith(f"{place}/kernel_") for key in arrays)
    kernels, biases = (tuple(arrays[f"{place}/{kind}_{i}"] for i in range(n_layers)) for kind in ("kernel", "bias"))
    mean, scale, limit = (arrays[f"{place}/{key}"] for key in ("mean", "scale", "limit"))
    return Ensemble(mean, scale, limit, kernels, biases)
