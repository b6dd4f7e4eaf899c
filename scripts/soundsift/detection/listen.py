"""What is heard in a recording of any length, and when.

    from soundsift.detection.listen import load
    detector = load("results/detectors/combined.keras")
    detector.detect("recording.mp3")

The recording is heard through windows of three seconds, one a second. A detector's odds in a second are the mean, in
logarithms, of the windows that hold it; from its course follows the likeliest succession of heard and not heard, where
either lasts twenty seconds on average (Viterbi 1967). Longer windows, of the clips' ten seconds, blur the boundaries:
``benchmarks/detection.py`` compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import expit, logit

from soundsift.detection.segments import STEP_SECONDS, find_segments
from soundsift.detectors import model_file
from soundsift.errors import MediaError
from soundsift.features.frames import frame_features
from soundsift.features.inputs import feature_matrix
from soundsift.features.spectrogram import Spectrogram
from soundsift.features.statistics import STATISTICS, Course, summarize, summary_columns
from soundsift.media.columns import SILENCE_DBFS
from soundsift.media.stream import samples_of

if TYPE_CHECKING:
    import keras

Floats = npt.NDArray[np.float32]
WINDOW_SECONDS = 3
# Amplitude below which there is nothing to hear.
SILENCE = 10 ** (SILENCE_DBFS / 20)
# Less sound than this says nothing.
LEAST_SECONDS = 1.0
# Windows worked on together.
N_AT_ONCE = 120
# Log-odds end here, so that one window cannot outweigh all its neighbours.
SUREST = 7.0


@dataclass(frozen=True)
class Heard:
    """What the detectors say of a recording.

    Attributes
    ----------
    duration_seconds
        Of what could be decoded.
    probability
        {detector: of each second, shape (n_seconds,)}
    segments
        :data:`SEGMENT_COLUMNS`, by detector and time.
    spectrogram
        Evenly over the recording.
    outcome, reason
        ``ok``; ``silent`` where no sample is louder than -60 dBFS. The reason says what of the recording is lacking.
    """

    duration_seconds: float
    probability: dict[str, npt.NDArray[np.float64]]
    segments: pa.Table
    spectrogram: Spectrogram
    outcome: str
    reason: str


class Detector(NamedTuple):
    """A model with its definition, as :func:`load` reads it."""

    model: "keras.Model"
    definition: model_file.Definition

    def detect(self, recording: str | Path) -> pa.Table:
        """Find where each detector's class is heard: :data:`SEGMENT_COLUMNS`; raises as :meth:`listen` does."""
        return self.listen(recording).segments

    def listen(self, recording: str | Path, window_seconds: int = WINDOW_SECONDS) -> Heard:
        """Go through a recording once, in constant memory but for a few numbers a second.

        Parameters
        ----------
        recording
            Any file that FFmpeg reads; its first sound stream is taken, all channels as one.
        window_seconds
            Whole seconds through which it is heard at a time.

        Raises
        ------
        MediaError
            ``no_audio``, ``corrupt``, or ``too_short`` for less than a second. A file that breaks off later is heard up
            to there, and ``reason`` says so.
        """
        _, sample_rate_hz = self.definition.feature_params()
        spectrogram = Spectrogram(sample_rate_hz)
        margins: list[dict[str, npt.NDArray[np.float64]]] = []
        n_samples, peak, reason = 0, 0.0, ""
        left = np.zeros(0, dtype=np.float32)
        pieces = samples_of(Path(recording), sample_rate_hz, N_AT_ONCE * STEP_SECONDS * sample_rate_hz)
        try:
            for piece in pieces:
                n_samples += len(piece)
                peak = max(peak, float(np.abs(piece).max(initial=0.0)))
                spectrogram.add(piece)
                left = np.concatenate([left, piece])
                n = (len(left) - window_seconds * sample_rate_hz) // (STEP_SECONDS * sample_rate_hz) + 1
                if n > 0:
                    margins.append(self._margins(left, n, window_seconds))
                    left = left[n * STEP_SECONDS * sample_rate_hz :]
        except MediaError as error:
            if error.outcome != "corrupt" or n_samples < LEAST_SECONDS * sample_rate_hz:
                raise
            reason = error.reason
        duration = n_samples / sample_rate_hz
        if duration < LEAST_SECONDS:
            raise MediaError("too_short", f"{duration:.4g} s of sound, at least {LEAST_SECONDS:g} s are needed")
        if not margins:
            margins.append(self._margins(left, 1, window_seconds))
        joined = {name: np.concatenate([part[name] for part in margins]) for name in self.definition.thresholds}
        probability = {name: expit(_by_second(margin, duration, window_seconds)) for name, margin in joined.items()}
        return Heard(
            duration, probability, find_segments(probability, self.definition.thresholds, duration), spectrogram,
            "silent" if peak < SILENCE else "ok", reason,
        )  # fmt: skip

    def _margins(self, samples: Floats, n: int, window_seconds: int) -> dict[str, npt.NDArray[np.float64]]:
        """Log-odds of every detector in the first n windows, shape (n,) each; there is nothing to hear in silence."""
        columns, (params, sample_rate_hz) = self.definition.columns, self.definition.feature_params()
        statistics = [name for name in STATISTICS if any(column.endswith(f"_{name}") for column in columns)]
        step, length = STEP_SECONDS * sample_rate_hz, window_seconds * sample_rate_hz
        windows = [samples[at * step : at * step + length] for at in range(n)]
        frame_rate_hz = sample_rate_hz / params.hop_length
        rows = np.stack(
            [
                summarize(Course(frame_features(window, sample_rate_hz, params)[:, 1:], frame_rate_hz), statistics)
                for window in windows
            ]
        )
        names = [column.name for column in summary_columns(params.n_mfcc, statistics)]
        table = pa.table({"clip_id": ["recording"] * n} | {name: rows[:, i] for i, name in enumerate(names)})
        # always as many rows: for another number Keras would compile the network anew, half a second
        x = np.zeros((max(n, N_AT_ONCE), len(columns)), dtype=np.float32)
        x[:n] = feature_matrix(table, columns)
        said = self.model.predict_on_batch(x)
        if not isinstance(said, Mapping):
            said = dict.fromkeys(self.definition.thresholds, said[:, 1])
        silent = np.array([np.abs(window).max() < SILENCE for window in windows])
        tiny = expit(-SUREST)
        return {
            name: np.where(silent, -SUREST, logit(np.clip(np.float64(p[:n]), tiny, 1 - tiny)))
            for name, p in said.items()
        }


def load(path: str | Path) -> Detector:
    """Read a combined model, or the model of one detector.

    Raises
    ------
    TrainingError
        If the file is no model of this workflow.
    """
    return Detector(*model_file.load(path))


def _by_second(
    margin: npt.NDArray[np.float64], duration_seconds: float, window_seconds: int
) -> npt.NDArray[np.float64]:
    """The mean of the windows that hold each second, shape (n_seconds,); window i begins at second i."""
    n = int(np.ceil(duration_seconds / STEP_SECONDS))
    running = np.concatenate([[0.0], np.cumsum(margin)])
    last = np.minimum(np.arange(n), len(margin) - 1)
    first = np.minimum(np.maximum(np.arange(n) - window_seconds // STEP_SECONDS + 1, 0), last)
    return np.asarray((running[last + 1] - running[first]) / (last + 1 - first))
