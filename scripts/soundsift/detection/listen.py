"""Detection of classes in a recording of any length.

    from soundsift import load
    detector = load("results/detectors/combined.keras")
    detector.detect("recording.mp3")

The model is applied to windows of two seconds, one per second. The log-odds of a second are the mean over the windows
that contain it. Segments are found from the probabilities of all seconds (:mod:`soundsift.detection.segments`). Windows
of ten seconds, the length of the training clips, blur the boundaries: ``benchmarks/detection.py`` compares them.

Neither TensorFlow nor librosa is imported: networks and filters come from the model file.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from soundsift.arrays import AnyArray, Float32Array, Float64Array
from soundsift.detection.formats import Answer
from soundsift.detection.result import Detections
from soundsift.detection.segments import STEP_SECONDS, Segment, SegmentSearch, find_segments
from soundsift.detectors.definition import DAMAGE, Definition, not_a_detector
from soundsift.detectors.inference import Model, read_model
from soundsift.errors import MediaError, TrainingError
from soundsift.features.inputs import feature_matrix
from soundsift.features.sequence import sequence_of
from soundsift.features.statistics import STATISTICS, FrameSeries, summarize, summary_columns
from soundsift.features.transform import spectra
from soundsift.media.columns import SILENCE_DBFS
from soundsift.media.stream import samples_of, samples_of_array

WINDOW_SECONDS = 2
# A window whose samples are all below this amplitude counts as silent; full scale is 1.
SILENCE_AMPLITUDE = 10 ** (SILENCE_DBFS / 20)
# Shorter recordings are refused.
MIN_SECONDS = 1.0
# Of a recording that is decoded, and of a live stream.
BLOCK_SECONDS, LIVE_BLOCK_SECONDS = 120, 1
# Log-odds are clipped to plus or minus this, so that one window cannot outweigh all its neighbours.
MAX_LOG_ODDS = 7.0


@dataclass
class _Heard:
    """What is noted about a recording while its samples pass by."""

    sample_rate_hz: int
    on_block: Callable[[Float32Array], None] | None = None
    n_samples: int = 0
    peak: float = 0.0
    reason: str = ""

    @property
    def duration_seconds(self) -> float:
        return self.n_samples / self.sample_rate_hz

    def watch(self, blocks: Iterable[Float32Array]) -> Iterator[Float32Array]:
        """Pass the blocks on. Damage after the first second ends the recording and is noted."""
        try:
            for block in blocks:
                self.n_samples += len(block)
                self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
                if self.on_block:
                    self.on_block(block)
                yield block
        except MediaError as error:
            if error.outcome != "corrupt" or self.duration_seconds < MIN_SECONDS:
                raise
            self.reason = error.reason
        if self.duration_seconds < MIN_SECONDS:
            reason = f"{self.duration_seconds:.4g} s of sound, at least {MIN_SECONDS:g} s are needed"
            raise MediaError("too_short", reason)


@dataclass(frozen=True)
class Detector:
    """A model that is applied to recordings, as :func:`load` reads it."""

    model: Model

    @property
    def definition(self) -> Definition:
        """Thresholds and features of the model."""
        return self.model.definition

    def detect(
        self,
        recording: str | Path | AnyArray,
        sample_rate_hz: float | None = None,
        window_seconds: int = WINDOW_SECONDS,
        on_block: Callable[[Float32Array], None] | None = None,
    ) -> Detections:
        """Find the segments in which each detector's class is present, in one pass.

        Memory grows only by a few numbers per second of sound.

        Parameters
        ----------
        recording
            A file that FFmpeg reads, of which the first audio stream is taken; or samples of shape (n,) or
            (n_channels, n), floating-point numbers with full scale at 1, or integers of 8, 16 or 32 bits with the full
            scale of their type. Channels are averaged.
        sample_rate_hz
            Of the samples. Not used for a file.
        window_seconds
            Length of a window, a whole number of seconds.
        on_block
            Is called with every block of decoded samples, shape (n,), at the sample rate of the model.

        Raises
        ------
        InputError
            If an array has no sample rate, another shape or type, or numbers far beyond full scale.
        MediaError
            ``no_audio``; ``corrupt`` if nothing can be decoded; ``too_short`` for less than one second. If decoding
            fails after the first second, the part before is analysed and ``reason`` describes the failure.
        """
        _, rate_hz = self.definition.feature_params()
        piece = BLOCK_SECONDS * rate_hz
        if isinstance(recording, str | Path):
            blocks = samples_of(Path(recording), rate_hz, piece)
        else:
            blocks = samples_of_array(recording, sample_rate_hz, rate_hz, piece)
        heard = _Heard(rate_hz, on_block)
        parts = list(self._per_second(heard.watch(blocks), window_seconds))
        probability = dict(zip(self.definition.thresholds, np.concatenate(parts, axis=1), strict=True))
        duration = heard.duration_seconds
        return Detections(
            duration, probability, tuple(find_segments(probability, self.definition.thresholds, duration)),
            "silent" if heard.peak < SILENCE_AMPLITUDE else "ok", heard.reason,
        )  # fmt: skip

    def answer(
        self, recording: Path, min_seconds: float = 0.0, on_block: Callable[[Float32Array], None] | None = None
    ) -> Answer:
        """Detect as :meth:`detect` does. A recording that cannot be read gives a result with the reason.

        Parameters
        ----------
        min_seconds
            Shorter segments are left out.
        """
        try:
            found = self.detect(recording, on_block=on_block)
        except MediaError as error:
            found = Detections(0.0, {}, (), error.outcome, error.reason)
        kept = tuple(one for one in found if one.end_seconds - one.start_seconds >= min_seconds)
        _, rate_hz = self.definition.feature_params()
        return Answer(recording, replace(found, segments=kept), list(self.definition.thresholds), rate_hz)

    def probabilities(
        self, recording: str | Path | AnyArray, sample_rate_hz: float | None = None
    ) -> dict[str, Float64Array]:
        """Return {detector: probability in each second, shape (n_seconds,), 0 to 1}; arguments as of :meth:`detect`."""
        return self.detect(recording, sample_rate_hz).probability

    def stream(self, source: BinaryIO) -> Iterator[Segment]:
        """Yield the segments of a live stream as soon as they are settled, in constant memory.

        A segment is settled when it is over and the seconds after it leave no doubt, which takes about four seconds
        after its end: the window of two seconds and usually two more.

        Parameters
        ----------
        source
            WAV, or another format that FFmpeg reads without seeking.

        Raises
        ------
        MediaError
            As :meth:`detect`, and ``corrupt`` after the last segment if the stream is damaged.
        """
        _, rate_hz = self.definition.feature_params()
        heard = _Heard(rate_hz)
        searches = [SegmentSearch(name, threshold) for name, threshold in self.definition.thresholds.items()]
        blocks = samples_of(source, rate_hz, LIVE_BLOCK_SECONDS * rate_hz)
        for part in self._per_second(heard.watch(blocks), WINDOW_SECONDS):
            for second in part.T.tolist():
                for search, probability in zip(searches, second, strict=True):
                    yield from search.add(probability)
        for search in searches:
            yield from search.finish(heard.duration_seconds)
        if heard.reason:
            raise MediaError("corrupt", heard.reason)

    def try_out(self) -> None:
        """Apply the model to one window of a rising tone.

        Raises
        ------
        TrainingError, or one of DAMAGE
            If its definition, filters and networks do not fit together.
        """
        _, rate_hz = self.definition.feature_params()
        tone = np.sin(np.arange(WINDOW_SECONDS * rate_hz, dtype=np.float32) ** 2 / rate_hz)
        with np.errstate(all="ignore"):
            found = self._log_odds(tone, 0, range(1), WINDOW_SECONDS)
        if not np.isfinite(found).all():
            raise ValueError(f"log-odds {found[:, 0].tolist()}")

    def _per_second(self, blocks: Iterable[Float32Array], window_seconds: int) -> Iterator[Float64Array]:
        """Yield probabilities as soon as the sound suffices, shape (n_detectors, n_seconds).

        They do not depend on how the sound is divided into blocks: frames begin at multiples of the hop from the start
        of the recording, and of each block so much is kept that all frames of the next window are whole.
        """
        params, rate_hz = self.definition.feature_params()
        step, hop = STEP_SECONDS * rate_hz, params.hop_length
        waiting, began = np.zeros(0, dtype=np.float32), 0
        # log-odds of the last windows, as many as can contain one second
        last = np.zeros((len(self.definition.thresholds), 0))
        n_samples = n_windows = 0
        for block in blocks:
            n_samples += len(block)
            waiting = np.concatenate([waiting, block])
            n = (n_samples - window_seconds * rate_hz) // step + 1 - n_windows
            if n > 0:
                of_block = self._log_odds(waiting, began, range(n_windows, n_windows + n), window_seconds)
                found = np.concatenate([last, of_block], axis=1)
                yield _probability(_means(found, last.shape[1], found.shape[1], window_seconds))
                last, n_windows = found[:, -window_seconds:], n_windows + n
                kept_from = max(0, round(n_windows * step / hop) - -(-params.n_fft // (2 * hop))) * hop
                waiting, began = waiting[kept_from - began :], kept_from
        first, n_left = last.shape[1], -(-n_samples // step) - n_windows
        if not n_windows:
            last = self._log_odds(waiting, 0, range(1), window_seconds)
        yield _probability(_means(last, first, first + n_left, window_seconds))

    def _log_odds(self, samples: Float32Array, began: int, windows: range, window_seconds: int) -> Float64Array:
        """Log-odds in some windows, shape (n_detectors, n). Window i begins at second i.

        Parameters
        ----------
        began
            Number of the first of the samples in the recording, a multiple of the hop.
        """
        columns, (params, sample_rate_hz) = self.definition.columns, self.definition.feature_params()
        step, length, hop = STEP_SECONDS * sample_rate_hz, window_seconds * sample_rate_hz, params.hop_length
        rate_hz = sample_rate_hz / hop
        # windows share their frames, as the windows of the training share those of their clip
        of_all = spectra(samples, sample_rate_hz, params, self.model.filters)
        # frames that reach beyond the window are left out, but not those beyond the end of a short recording
        n_frames = (length - params.n_fft // 2) // hop if len(samples) >= length else len(of_all.times)
        x, rows, sequences = np.zeros((len(windows), 0), dtype=np.float32), [], []
        statistics = [name for name in STATISTICS if any(column.endswith(f"_{name}") for column in columns)]
        for at in windows:
            of_window = of_all.stretch(round(at * step / hop) - began // hop, n_frames)
            frames = of_window.features_and_log_mel(params.n_mfcc)[0][:, 1:]
            if columns:
                rows.append(summarize(FrameSeries(frames, rate_hz), statistics))
            if self.model.uses_frames:
                # in the precision of the training's sequences
                sequences.append(sequence_of(frames, rate_hz).astype(np.float16))
        if columns:
            values = np.stack(rows)
            names = [column.name for column in summary_columns(params.n_mfcc, statistics)]
            ids = {"clip_id": ["recording"] * len(windows)}
            table = pa.table(ids | {name: values[:, i] for i, name in enumerate(names)})
            x = feature_matrix(table, columns)
        found = np.stack(list(self.model.log_odds(x, sequences).values()))
        of_windows = (samples[at * step - began :][:length] for at in windows)
        silent = np.array([np.abs(window).max() < SILENCE_AMPLITUDE for window in of_windows])
        return np.where(silent, -MAX_LOG_ODDS, np.clip(found, -MAX_LOG_ODDS, MAX_LOG_ODDS))


def load(path: str | Path) -> Detector:
    """Read a combined model, or the model of one detector.

    Raises
    ------
    TrainingError
        If the file is not a model of this workflow, or of another version of it, or cannot be applied to sound.
    """
    detector = Detector(read_model(path))
    try:
        detector.try_out()
    except (TrainingError, *DAMAGE) as error:
        reason = " ".join(str(error).split())  # one line
        raise not_a_detector(path, f"it cannot be applied to sound: {reason}") from error
    return detector


def _probability(log_odds: Float64Array) -> Float64Array:
    # scipy.special.expit is the same, but its import takes half a second
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def _means(of_windows: Float64Array, first: int, end: int, window_seconds: int) -> Float64Array:
    """Average the windows that contain each of the seconds first..end, shape (n_detectors, end - first).

    Seconds that no window begins in have the windows before them, and at least the last one.
    """
    n = of_windows.shape[1]
    seconds = np.arange(first, end)
    last = np.minimum(seconds, n - 1)
    begin = np.minimum(np.maximum(seconds - window_seconds + 1, 0), last)
    running = np.concatenate([np.zeros((len(of_windows), 1)), np.cumsum(of_windows, axis=1)], axis=1)
    return np.asarray((running[:, last + 1] - running[:, begin]) / (last + 1 - begin))
