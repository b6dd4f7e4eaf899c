"""One stretch of a media file, decoded and cut to the sample.

Decoding seeks, so a stretch of an hour-long file costs no more than one of a short one."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soxr

from soundsift.errors import MediaError
from soundsift.media.containers import (
    DAMAGED_SECONDS,
    JITTER_SECONDS,
    decoded_frames,
    length_seconds,
    mono,
    origin_seconds,
    promised_seconds,
    reason_of,
)
from soundsift.media.levels import AudioSegment, as_segment, duration_seconds

# Enough to find out whether there is sound.
LOOK_RATE_HZ = 8000
# Decoded ahead of the stretch, so that the codec (Opus wants 80 ms) and the resampler have settled.
PREROLL_SECONDS = 0.5
# Further than this into a file even coarse time stamps are trusted: decoding up to there would take too long.
COUNTED_SECONDS = 600.0


def cut(path: Path, start_seconds: float, end_seconds: float, sample_rate_hz: int) -> AudioSegment:
    """Decode a stretch of a media file.

    Parameters
    ----------
    path
        Any file that FFmpeg reads, with at least one sound stream; the first is taken.
    start_seconds, end_seconds
        The stretch, on the file's own time axis, whose zero is where its first stream begins.
    sample_rate_hz
        Of the result.

    Returns
    -------
    AudioSegment
        Mono, 16 bits, ``round((end - start) * rate)`` samples, or fewer where the file ends earlier.

    Raises
    ------
    MediaError
        ``no_audio`` where there is no sound stream, ``corrupt`` where the file cannot be decoded, lacks something in
        the middle of the stretch, or ends before it although its header says that it does not.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError("no_audio", f"{path.name} has no sound stream")
            promised = promised_seconds(container)
            began_seconds, samples = _decode(container, start_seconds, end_seconds, sample_rate_hz)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError("corrupt", f"{path.name} cannot be decoded: {reason_of(error)}") from error
    first = round((start_seconds - began_seconds) * sample_rate_hz)
    last = first + round((end_seconds - start_seconds) * sample_rate_hz)
    sounds_until = began_seconds + len(samples) / sample_rate_hz
    if sounds_until < min(end_seconds, promised) - DAMAGED_SECONDS:
        raise MediaError("corrupt", f"{path.name} says {promised:.1f} s and ends after {sounds_until:.1f} s")
    return as_segment(samples[max(0, first) : max(0, last)], sample_rate_hz)


def held_seconds(path: Path, start_seconds: float, end_seconds: float) -> float:
    """How much of a stretch a media file holds, found out by decoding it; raises as :func:`cut` does."""
    return duration_seconds(cut(path, start_seconds, end_seconds, LOOK_RATE_HZ))


def span_seconds(path: Path) -> tuple[float, float] | None:
    """When a media file begins and ends on the time axis written into it, in seconds; None where it does not say.

    The beginning is the zero of :func:`cut`: 0 for a file of its own, the place in the video for a section of one.
    """
    try:
        with av.open(str(path)) as container:
            length = length_seconds(container)
            begins = origin_seconds(container) + _dropped_seconds(container)
            return None if length is None else (begins, begins + length)
    except (av.FFmpegError, OSError, ValueError):
        return None


def _dropped_seconds(container: "av.container.InputContainer") -> float:
    """What the decoder drops at the start of a section of Opus in WebM, and its time stamps do not count."""
    if "matroska" not in container.format.name or not container.start_time or not container.streams.audio:
        return 0.0
    codec = container.streams.audio[0].codec_context
    return float(codec.delay / codec.sample_rate)


def _decode(
    container: "av.container.InputContainer", start_seconds: float, end_seconds: float, sample_rate_hz: int
) -> tuple[float, npt.NDArray[np.int16]]:
    """Decode from a little before ``start_seconds`` to ``end_seconds``; return when the first sample sounds."""
    stream = container.streams.audio[0]
    origin = origin_seconds(container)
    # WebM counts milliseconds: after a seek a cut would be a millisecond off, so its samples are counted from the start
    coarse = stream.time_base is not None and stream.time_base > Fraction(1, 8000)
    if start_seconds > (COUNTED_SECONDS if coarse else PREROLL_SECONDS):
        container.seek(int((origin + start_seconds - PREROLL_SECONDS) * av.time_base), backward=True)
    began: float | None = None
    expected = lacking = 0.0
    # runs of one sampling rate each
    runs: list[tuple[int, list[npt.NDArray[np.float32]]]] = []
    broken: av.FFmpegError | None = None
    for frame in decoded_frames(container, stream):
        if isinstance(frame, av.FFmpegError):
            broken = frame
            continue
        at = frame.time - origin if frame.time is not None else expected
        if began is None:
            began = expected = at
        if not runs or frame.sample_rate != runs[-1][0]:
            runs.append((frame.sample_rate, []))
        rate_hz, pieces = runs[-1]
        if at - expected > JITTER_SECONDS:
            lacking += max(0.0, min(at, end_seconds) - max(expected, start_seconds))
            so_far = sum(sum(map(len, of_rate)) / rate for rate, of_rate in runs)
            missing = round((at - began - so_far) * rate_hz)
            pieces.append(np.zeros(max(0, missing), dtype=np.float32))
            expected = at
        if expected >= end_seconds + PREROLL_SECONDS:
            break
        expected += frame.samples / rate_hz
        pieces.append(mono(frame))
    if began is None:
        if broken is not None:
            raise broken
        return start_seconds, np.zeros(0, dtype=np.int16)
    if lacking > DAMAGED_SECONDS:
        raise ValueError(f"{lacking:.1f} s are lacking in the middle")
    samples = np.concatenate([soxr.resample(np.concatenate(p), rate, sample_rate_hz) for rate, p in runs])
    if not np.isfinite(samples).all():
        raise ValueError("it holds values that are no numbers")
    if broken is not None and began + len(samples) / sample_rate_hz < end_seconds:
        raise broken
    return began, np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
