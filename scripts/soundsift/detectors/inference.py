"""Applying the networks of a model file with NumPy alone.

The Keras model of the same file gives the same probabilities to 1e-5 (``tests/unit/detectors/test_inference.py``), but
needs TensorFlow. NumPy was preferred to ONNX because it needs no further package and no exporter.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from soundsift.arrays import AnyArray, Float32Array, Float64Array, Int64Array
from soundsift.detectors.definition import ARRAYS, DAMAGE, Definition, not_a_detector, read_definition
from soundsift.features.transform import Filters

# Sequences per call of the networks on frames, which bounds memory.
N_PER_CALL = 64


class Ensemble(NamedTuple):
    """The networks of one detector on statistics, whose logits are averaged.

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


class FrameEnsemble(NamedTuple):
    """The networks of one detector on frames (:mod:`soundsift.detectors.frame_network`), whose logits are averaged.

    Attributes
    ----------
    mean, scale
        Subtracted from each step, and divisor of the result, shape (n_members, n_columns).
    limit
        Steps are then clipped to -1..1 and multiplied by this, shape ().
    n_halvings
        Number of convolutions that are followed by a halving of the steps, shape ().
    convolutions, shifts
        Kernels with their batch normalisation, shapes (n_members, n_kernel_steps, n_before, n_channels) and
        (n_members, n_channels). Each is followed by a rectifier.
    kernels, biases
        Of the two dense layers after the pooling over time, shapes (n_members, n_before, n_units) and
        (n_members, n_units). The last one gives the logits of (absent, present).
    """

    mean: Float32Array
    scale: Float32Array
    limit: Float32Array
    n_halvings: Int64Array
    convolutions: tuple[Float32Array, ...]
    shifts: tuple[Float32Array, ...]
    kernels: tuple[Float32Array, ...]
    biases: tuple[Float32Array, ...]

    def margin(self, sequences: Sequence[AnyArray]) -> Float32Array:
        """Logit of "present" minus logit of "absent", mean over the members.

        Parameters
        ----------
        sequences
            n arrays of shape (n_steps, n_columns), which may have different lengths.

        Returns
        -------
        Shape (n,).
        """
        found = np.empty(len(sequences), dtype=np.float32)
        for same in same_length([len(one) for one in sequences]):
            x = np.stack([sequences[i] for i in same.tolist()]).astype(np.float32)
            logits = np.mean([self._logits(x, member) for member in range(len(self.mean))], axis=0)
            found[same] = logits[:, 1] - logits[:, 0]
        return found

    def _logits(self, x: Float32Array, member: int) -> Float32Array:
        values = np.clip((x - self.mean[member]) / self.scale[member], -1, 1) * self.limit
        for i, (kernel, shift) in enumerate(zip(self.convolutions, self.shifts, strict=True)):
            values = np.maximum(_convolved(values, kernel[member]) + shift[member], 0)
            if i < self.n_halvings:
                # a last step without a neighbour is its own maximum
                odd = np.pad(values, ((0, 0), (0, values.shape[1] % 2), (0, 0)))
                values = np.maximum(odd[:, ::2], odd[:, 1::2])
        values = np.concatenate([values.mean(axis=1), values.max(axis=1)], axis=1)
        values = np.maximum(values @ self.kernels[0][member] + self.biases[0][member], 0)
        return np.asarray(values @ self.kernels[1][member] + self.biases[1][member])


def _convolved(x: Float32Array, kernel: Float32Array) -> Float32Array:
    """Convolve over time with zeros around.

    Shapes of the arguments: (n, n_steps, n_before) and (n_kernel_steps, n_before, n_channels).
    """
    n, n_steps, n_before = x.shape
    width = len(kernel)
    padded = np.pad(x, ((0, 0), ((width - 1) // 2, width // 2), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)  # (n, n_steps, n_before, width)
    rows = views.transpose(0, 1, 3, 2).reshape(n * n_steps, width * n_before)
    return np.asarray((rows @ kernel.reshape(width * n_before, -1)).reshape(n, n_steps, -1))


def same_length(lengths: Sequence[int] | Int64Array) -> Iterator[Int64Array]:
    """Yield the positions of equal lengths, at most :data:`N_PER_CALL` at a time."""
    values = np.asarray(lengths)
    for length in np.unique(values):
        places = np.flatnonzero(values == length)
        for start in range(0, len(places), N_PER_CALL):
            yield places[start : start + N_PER_CALL]


class Networks(NamedTuple):
    """The parts of one detector; one of them may be missing.

    Their margins are in this order wherever they stand together.
    """

    statistics: Ensemble | None
    frames: FrameEnsemble | None

    def margins(self, x: Float32Array, sequences: Sequence[AnyArray]) -> Float64Array:
        """Margins of all parts, shape (n, n_parts); arguments as of :meth:`Model.log_odds`."""
        found = [self.statistics.margin(x)] if self.statistics else []
        if self.frames:
            found.append(self.frames.margin(sequences))
        return np.stack(found, axis=1).astype(np.float64)


def calibrated(margins: Float64Array, weights: Sequence[float]) -> Float64Array:
    """Turn margins, shape (n, n_parts), into log-odds, shape (n,); weights are one slope per part and the shift."""
    *slopes, shift = weights
    return np.asarray(margins @ np.array(slopes) + shift)


@dataclass(frozen=True)
class Model:
    """Everything that detection reads from a model file.

    Attributes
    ----------
    filters
        Of the features. They were made by librosa when the model was trained.
    networks
        {detector: networks}
    """

    definition: Definition
    filters: Filters
    networks: dict[str, Networks]

    @property
    def uses_frames(self) -> bool:
        """Whether there is a network on frames."""
        return any(one.frames for one in self.networks.values())

    def log_odds(self, x: Float32Array, sequences: Sequence[AnyArray]) -> dict[str, Float64Array]:
        """Apply all detectors to windows of a recording.

        Parameters
        ----------
        x
            Shape (n, n_inputs), inputs as ``definition.columns``.
        sequences
            The same n windows as sequences, shape (n_steps, n_columns) each; not used without networks on frames.

        Returns
        -------
        {detector: calibrated log-odds that its class is present, shape (n,)}
        """
        weights = self.definition.window_calibrations
        return {name: calibrated(one.margins(x, sequences), weights[name]) for name, one in self.networks.items()}


def arrays_of(filters: Filters, networks: Mapping[str, Networks]) -> bytes:
    """Pack filters and networks for a model file."""
    arrays = {f"filters/{name}": value for name, value in filters._asdict().items()}
    for name, parts in networks.items():
        for part, ensemble in parts._asdict().items():
            for field, value in ensemble._asdict().items() if ensemble else ():
                place = f"detectors/{name}/{part}/{field}"
                arrays |= (
                    {f"{place}_{i}": one for i, one in enumerate(value)} if isinstance(value, tuple) else {place: value}
                )
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
            return Model(
                definition, filters, {name: _networks(arrays, name, definition) for name in definition.thresholds}
            )
    except (OSError, KeyError, *DAMAGE) as error:
        raise not_a_detector(path, str(error)) from error


def _networks(arrays: Mapping[str, Float32Array], name: str, known: Definition) -> Networks:
    kinds: dict[str, type[Any]] = {"statistics": Ensemble, "frames": FrameEnsemble}
    found: dict[str, Any] = {}
    for part, kind in kinds.items():
        place = f"detectors/{name}/{part}"
        if f"{place}/mean" in arrays:
            found[part] = kind(**{field: _value(arrays, f"{place}/{field}") for field in kind._fields})
    if not found:
        raise ValueError(f"it has no networks of {name}")
    for weights in (known.calibrations[name], known.window_calibrations[name]):
        if len(weights) != len(found) + 1:
            raise ValueError(f"{name} has {len(found)} parts, but {len(weights)} weights instead of {len(found) + 1}")
    parts = Networks(found.get("statistics"), found.get("frames"))
    if parts.statistics and parts.statistics.mean.shape[-1] != len(known.columns):
        raise ValueError(f"{name} takes {parts.statistics.mean.shape[-1]} inputs, but {len(known.columns)} are named")
    return parts


def _value(arrays: Mapping[str, Float32Array], place: str) -> Float32Array | tuple[Float32Array, ...]:
    """Read one array, or all arrays of numbered names."""
    n = sum(key.startswith(f"{place}_") for key in arrays)
    return tuple(arrays[f"{place}_{i}"] for i in range(n)) if place not in arrays else arrays[place]
