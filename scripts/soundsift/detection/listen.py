"""Detection of classes in a recording of any length.

    from soundsift.detection.listen import load
    detector = load("results/detectors/combined.keras")
    detector.detect("recording.mp3")

The model is applied to windows of three seconds, one per second. The log-odds of a second are the mean over the windows
that contain it. Segments are found from the probabilities of all seconds (:mod:`soundsift.detection.segments`). Windows
of ten seconds, the length of the training clips, blur the boundaries: ``benchmarks/detection.py`` compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from scipy.special import expit, logit

from soundsift.arrays import Float32Array, Float64Array
from soundsift.detection.segments import STEP_SECONDS, find_segments
from soundsift.detectors import model_file
from soundsift.errors import MediaError, TrainingError
from soundsift.features.frames import frame_features
from soundsift.features.inputs import feature_matrix
from soundsift.features.spectrogram import Spectrogram
from soundsift.features.statistics import STATISTICS, FrameSeries, summarize, summary_columns
from soundsift.media.columns import SILENCE_DBFS
from soundsift.media.stream import samples_of

if TYPE_CHECKING:
    import keras


WINDOW_SECONDS = 3
# A window whose samples are all below this amplitude counts as silent; full scale is 1.
SILENCE_AMPLITUDE = 10 ** (SILENCE_DBFS / 20)
# Shorter recordings are refused.
MIN_SECONDS = 1.0
N_WINDOWS_AT_ONCE = 120
# Log-odds are clipped to plus or minus this, so that one window cannot outweigh all its neighbours.
MAX_LOG_ODDS = 7.0


@dataclass(frozen=True)
class RecordingResult:
    """The result of analysing one recording.

    Attributes
    ----------
    duration_seconds
        Of the part that could be decoded.
    probability
        {detector: probability in each second, shape (n_seconds,), 0 to 1}
    segments
        :data:`~soundsift.detection.columns.SEGMENT_COLUMNS`, by detector and time.
    spectrogram
        Of the whole recording.
    outcome
        ``ok``, or ``silent`` if no sample exceeds -60 dBFS.
    reason
        What part of the recording is missing; empty if none is.
    """

    duration_seconds: float
    probability: dict[str, Float64Array]
    segments: pa.Table
    spectrogram: Spectrogram
    outcome: str
    reason: str


class Detector(NamedTuple):
    """A model with its definition, as :func:`load` reads it."""

    model: "keras.Model"
    definition: model_file.Definition

    def detect(self, recording: str | Path) -> pa.Table:
        """Find the segments in which each detector's class is present.

        Parameters
        ----------
        recording
            Any file that FFmpeg reads. The channels of its first audio stream are averaged.

        Returns
        -------
        :data:`~soundsift.detection.columns.SEGMENT_COLUMNS`, by detector and time.

        Raises
        ------
        MediaError
            As :meth:`analyse` does.
        """
        return self.analyse(recording).segments

    def analyse(self, recording: str | Path, window_seconds: int = WINDOW_SECONDS) -> RecordingResult:
        """Analyse a recording in one pass; memory grows only by a few numbers per second of sound.

        Parameters
        ----------
        recording
            Any file that FFmpeg reads. The channels of its first audio stream are averaged.
        window_seconds
            Length of a window, a whole number of seconds.

        Raises
        ------
        MediaError
            ``no_audio``; ``corrupt`` if nothing can be decoded; ``too_short`` for less than one second. If decoding
            fails after the first second, the part before is analysed and ``reason`` describes the failure.
        """
        _, sample_rate_hz = self.definition.feature_params()
        spectrogram = Spectrogram(sample_rate_hz)
        parts: list[dict[str, Float64Array]] = []
        n_samples, peak, reason = 0, 0.0, ""
        waiting = np.zeros(0, dtype=np.float32)
        blocks = samples_of(Path(recording), sample_rate_hz, N_WINDOWS_AT_ONCE * STEP_SECONDS * sample_rate_hz)
        try:
            for block in blocks:
                n_samples += len(block)
                peak = max(peak, float(np.abs(block).max(initial=0.0)))
                spectrogram.add(block)
                waiting = np.concatenate([waiting, block])
                n = (len(waiting) - window_seconds * sample_rate_hz) // (STEP_SECONDS * sample_rate_hz) + 1
                if n > 0:
                    parts.append(self._log_odds(waiting, n, window_seconds))
                    waiting = waiting[n * STEP_SECONDS * sample_rate_hz :]
        except MediaError as error:
            if error.outcome != "corrupt" or n_samples < MIN_SECONDS * sample_rate_hz:
                raise
            reason = error.reason
        duration = n_samples / sample_rate_hz
        if duration < MIN_SECONDS:
            raise MediaError("too_short", f"{duration:.4g} s of sound, at least {MIN_SECONDS:g} s are needed")
        if not parts:
            parts.append(self._log_odds(waiting, 1, window_seconds))
        log_odds = {name: np.concatenate([part[name] for part in parts]) for name in self.definition.thresholds}
        probability = {
            name: expit(_mean_per_second(of_windows, duration, window_seconds)) for name, of_windows in log_odds.items()
        }
        return RecordingResult(
            duration, probability, find_segments(probability, self.definition.thresholds, duration), spectrogram,
            "silent" if peak < SILENCE_AMPLITUDE else "ok", reason,
        )  # fmt: skip

    def _log_odds(self, samples: Float32Array, n: int, window_seconds: int) -> dict[str, Float64Array]:
        """Log-odds of every detector in the first n windows, shape (n,) each; ``-MAX_LOG_ODDS`` in a silent window."""
        columns, (params, sample_rate_hz) = self.definition.columns, self.definition.feature_params()
        statistics = [name for name in STATISTICS if any(column.endswith(f"_{name}") for column in columns)]
        step, length = STEP_SECONDS * sample_rate_hz, window_seconds * sample_rate_hz
        windows = [samples[at * step : at * step + length] for at in range(n)]
        frame_rate_hz = sample_rate_hz / params.hop_length
        rows = np.stack(
            [
                summarize(FrameSeries(frame_features(window, sample_rate_hz, params)[:, 1:], frame_rate_hz), statistics)
                for window in windows
            ]
        )
        names = [column.name for column in summary_columns(params.n_mfcc, statistics)]
        table = pa.table({"clip_id": ["recording"] * n} | {name: rows[:, i] for i, name in enumerate(names)})
        # The number of rows never changes: Keras would compile the network again for a new number, which takes 0.5 s.
        x = np.zeros((max(n, N_WINDOWS_AT_ONCE), len(columns)), dtype=np.float32)
        x[:n] = feature_matrix(table, columns)
        predicted = self.model.predict_on_batch(x)
        if not isinstance(predicted, Mapping):
            predicted = dict.fromkeys(self.definition.thresholds, predicted[:, 1])
        silent = np.array([np.abs(window).max() < SILENCE_AMPLITUDE for window in windows])
        lowest = expit(-MAX_LOG_ODDS)
        return {
            name: np.where(silent, -MAX_LOG_ODDS, logit(np.clip(np.float64(p[:n]), lowest, 1 - lowest)))
            for name, p in predicted.items()
        }


def load(path: str | Path) -> Detector:
    """Read a combined model, or the model of one detector.

    Raises
    ------
    TrainingError
        If the file is not a model of this workflow, or TensorFlow is not installed.
    """
    try:
        return Detector(*model_file.load(path))
    except ModuleNotFoundError as error:
        if error.name not in ("keras", "tensorflow"):
            raise
        raise TrainingError('detection needs TensorFlow for now: pip install "soundsift[workflow]"') from error


def _mean_per_second(of_windows: Float64Array, duration_seconds: float, window_seconds: int) -> Float64Array:
    """Average the windows that contain each second, shape (n_seconds,); window i begins at second i."""
    n = int(np.ceil(duration_seconds / STEP_SECONDS))
    running = np.concatenate([[0.0], np.cumsum(of_windows)])
    last = np.minimum(np.arange(n), len(of_windows) - 1)
    first = np.minimum(np.maximum(np.arange(n) - window_seconds // STEP_SECONDS + 1, 0), last)
    return np.asarray((running[last + 1] - running[first]) / (last + 1 - first))
