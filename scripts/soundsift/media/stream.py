"""Decoding a recording of any length from beginning to end, in constant memory."""

import io
from collections.abc import Iterator
from numbers import Real
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import numpy.typing as npt
import soxr

from soundsift.arrays import AnyArray
from soundsift.errors import InputError, MediaError
from soundsift.media.containers import (
    DAMAGED_SECONDS,
    WAV_HEADER_BYTES,
    FrameTimes,
    decoded_frames,
    header_seconds,
    length_seconds,
    mono,
    opened,
    options_for,
    reason_of,
)
from soundsift.media.truncation import HEAD_BYTES, shortfall, stream_bytes, stream_shortfall

# A longer gap in a recording is taken for a wrong time stamp, unless the stated duration allows for it.
LONGEST_HOLE_SECONDS = 60.0
# Arrays of wider integers usually hold samples of 16 bits, so their type does not tell their full scale.
MAX_INTEGER_BYTES = 4
# Floats beyond full scale are common after mixing, but by less than this factor.
MAX_AMPLITUDE = 16.0


def samples_of(source: Path | BinaryIO, sample_rate_hz: int, piece_samples: int) -> Iterator[npt.NDArray[np.float32]]:
    """Decode a file or a live stream from beginning to end, piece by piece.

    Parameters
    ----------
    source
        A file, or a stream that is read once and without seeking.
    piece_samples
        Number of samples of every piece but the last.

    Yields
    ------
    Mono pieces of shape (n,), float32, full scale at 1, rounded to 16 bits like clips. Gaps in the time stamps, also
    before the first sound, and samples that are not numbers become silence.

    Raises
    ------
    MediaError
        ``no_audio`` if there is no sound stream. ``corrupt`` after the last piece, with every fault that was found:
        decoding failed or ended before the stated duration, packets that cannot be decoded, samples that are not
        numbers.
    """
    waiting = [np.zeros(0, dtype=np.float32)]
    n = n_waiting = 0
    damage: list[str] = []
    path = source if isinstance(source, Path) else None
    name = path.name if path else "the stream"
    media = source if isinstance(source, Path) else _Pipe(source)
    pipe = media if isinstance(media, _Pipe) else None
    try:
        with opened(media) if isinstance(media, Path) else media.opened() as container:
            if not container.streams.audio:
                raise MediaError("no_audio", f"{name} has no sound stream")
            for samples in _all_samples(container, sample_rate_hz, damage):
                if pipe and pipe.error:
                    break
                n, n_waiting = n + len(samples), n_waiting + len(samples)
                waiting.append(samples)
                if n_waiting >= piece_samples:
                    *full, rest = _split(np.concatenate(waiting), piece_samples)
                    yield from full
                    waiting, n_waiting = [rest], len(rest)
            stated, seconds = header_seconds(path, container) if path else 0.0, n / sample_rate_hz
            if seconds < stated - DAMAGED_SECONDS:
                damage.append(f"says {stated:.1f} s and ends after {seconds:.1f} s")
            elif (path and (fault := shortfall(path, seconds))) or (pipe and (fault := pipe.shortfall(seconds))):
                damage.append(fault)
    except (av.FFmpegError, OSError, ValueError) as error:
        damage.append(f"cannot be decoded: {reason_of(error)}")
    if pipe and pipe.error:
        raise pipe.error
    yield from _split(np.concatenate(waiting), piece_samples)
    if damage:
        raise MediaError("corrupt", f"{name} {', '.join(damage)}")


class _Pipe:
    """The part of a stream that FFmpeg may use: it must not try to seek.

    Attributes
    ----------
    error
        What ended the reading, such as KeyboardInterrupt, which PyAV does not pass on. FFmpeg sees the end of the
        stream.
    """

    def __init__(self, stream: BinaryIO) -> None:
        if not hasattr(stream, "read") or isinstance(stream, io.TextIOBase):
            raise InputError(f"a stream is {type(stream).__name__}: give a file that is open for reading bytes")
        self._read = getattr(stream, "read1", stream.read)
        self._head, self._n_bytes, self._n_given, self._is_over = b"", 0, 0, False
        self.error: BaseException | None = None

    def opened(self) -> "av.container.InputContainer":
        """Open the stream. Its first bytes say with which options."""
        while len(self._head) < WAV_HEADER_BYTES and self._next(HEAD_BYTES):
            pass
        return av.open(self, "r", options=options_for(self._head))

    def read(self, n: int) -> bytes:
        """Return at most n bytes; none at the end."""
        # first what was read as the head
        piece = self._head[self._n_given : self._n_given + n] if self._n_given < self._n_bytes else self._next(n)
        self._n_given += len(piece)
        return piece

    def shortfall(self, seconds: float) -> str:
        """Say that the stream ends before the length in its header; empty if it does not."""
        # FFmpeg may leave out what follows the sound
        while self._n_bytes < stream_bytes(self._head) and self._next(HEAD_BYTES):
            pass
        return stream_shortfall(self._head, self._n_bytes, seconds)

    def _next(self, n: int) -> bytes:
        piece = b""
        try:
            if not self._is_over:
                piece = self._read(n) or b""
        except (OSError, ValueError):
            raise
        except BaseException as error:
            self.error = error
        self._is_over = not piece
        self._n_bytes += len(piece)
        if len(self._head) < HEAD_BYTES:
            self._head += piece
        return piece


def samples_of_array(
    samples: AnyArray, rate_hz: float | None, sample_rate_hz: int, piece_samples: int
) -> Iterator[npt.NDArray[np.float32]]:
    """Convert samples to pieces as :func:`samples_of` gives them for a WAV file of these samples.

    Parameters
    ----------
    samples
        Shape (n,) or (n_channels, n); full scale is 1, or that of an integer type of 8, 16 or 32 bits.
    rate_hz
        Of ``samples``, a whole number.

    Raises
    ------
    InputError
        If there is no sample rate, the shape or the type is another one, or numbers are far beyond full scale.
    """
    if not isinstance(samples, np.ndarray):
        raise InputError(f"samples are {type(samples).__name__}: give a NumPy array, or the path of a file")
    if not isinstance(rate_hz, Real) or not float(rate_hz).is_integer() or rate_hz <= 0:
        raise InputError(f"sample_rate_hz is {rate_hz}: give the sample rate of the samples, a whole number of Hz")
    rate_hz = int(rate_hz)
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and len(samples) > samples.shape[1]):
        raise InputError(f"samples have the shape {samples.shape}: give (n,) or (n_channels, n)")
    kind, n_bytes = samples.dtype.kind, samples.dtype.itemsize
    if kind != "f" and not (kind == "i" and n_bytes <= MAX_INTEGER_BYTES):
        raise InputError(f"samples are {samples.dtype}: give floats with full scale at 1, or int8, int16 or int32")
    scale = np.float32(2 ** (8 * n_bytes - 1) if kind == "i" else 1)
    resampler = soxr.ResampleStream(rate_hz, sample_rate_hz, 1)
    waiting = np.zeros(0, dtype=np.float32)
    n = samples.shape[-1]
    for at in range(0, n + 1, rate_hz):
        piece = np.atleast_2d(samples)[:, at : at + rate_hz].astype(np.float32) / scale
        peak = np.abs(piece).max(initial=0.0, where=np.isfinite(piece))
        if peak > MAX_AMPLITUDE:
            raise InputError(f"samples reach {peak:g}: divide them by their full scale, so that it is 1")
        whole = np.nan_to_num(piece.mean(axis=0), nan=0.0, posinf=0.0, neginf=0.0)
        waiting = np.concatenate([waiting, resampler.resample_chunk(whole, last=at + rate_hz > n)])
        if len(waiting) >= piece_samples:
            *full, waiting = _split(waiting, piece_samples)
            yield from full
    yield from _split(waiting, piece_samples)


def length_of(path: Path) -> float:
    """Return the duration that a file states, or FFmpeg estimates, in seconds; 0 if it cannot be read."""
    try:
        with opened(path) as container:
            return length_seconds(container) or 0.0
    except (av.FFmpegError, OSError, ValueError):
        return 0.0


def _split(samples: npt.NDArray[np.float32], n: int) -> Iterator[npt.NDArray[np.float32]]:
    """Yield pieces of n samples, then the rest (which may be empty), rounded to 16 bits."""
    for at in range(0, len(samples) + 1, n):
        piece = np.clip(np.rint(samples[at : at + n] * 32768), -32768, 32767) / 32768
        yield piece.astype(np.float32)


def _all_samples(
    container: "av.container.InputContainer", sample_rate_hz: int, damage: list[str]
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield all samples of a file on its own time axis, at one sample rate; append faults to ``damage``."""
    stated = length_seconds(container) or 0.0
    times = FrameTimes(container)
    rate_hz, resampler = 0, soxr.ResampleStream(sample_rate_hz, sample_rate_hz, 1)
    n_early = n_not_numbers = 0
    broken: list[av.FFmpegError] = []
    for frame in decoded_frames(container, container.streams.audio[0]):
        if isinstance(frame, av.FFmpegError):
            broken.append(frame)
            continue
        if frame.sample_rate != rate_hz:
            if rate_hz:
                yield resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
            rate_hz = frame.sample_rate
            resampler = soxr.ResampleStream(rate_hz, sample_rate_hz, 1)
        is_first = times.began_seconds is None
        # a time stamp beyond the stated end is wrong
        gap = times.gap_before(frame, max(stated - times.ends_seconds, LONGEST_HOLE_SECONDS))
        if is_first and times.began_seconds is not None:
            gap = times.began_seconds if times.began_seconds <= max(stated, LONGEST_HOLE_SECONDS) else 0.0
            n_early = round(max(0.0, -times.began_seconds) * rate_hz)
        n_left = round(gap * rate_hz) if gap > 0 else 0
        for n in (rate_hz,) * (n_left // rate_hz) + (n_left % rate_hz,):
            yield resampler.resample_chunk(np.zeros(n, dtype=np.float32))
        samples = mono(frame)[n_early:]
        n_early = max(0, n_early - frame.samples)
        finite = np.isfinite(samples)
        if not finite.all():
            n_not_numbers += len(samples) - int(finite.sum())
            samples = np.where(finite, samples, np.float32(0))
        yield resampler.resample_chunk(samples)
    if rate_hz:
        yield resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
    elif broken:
        raise broken[0]
    if broken:
        damage.append(f"has {len(broken)} packets that cannot be decoded ({reason_of(broken[0])})")
    if n_not_numbers:
        damage.append(f"contains {n_not_numbers} samples that are not numbers")
