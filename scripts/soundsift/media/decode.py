"""Decoding one stretch of a media file, exact to the sample.

Where the time stamps of a container are exact, decoding seeks: a stretch of an hour-long file takes no longer than one
of a short file. Elsewhere, and in files that were joined, the file is decoded from its beginning and its samples are
counted.
"""

import math
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soxr

from soundsift.errors import MediaError
from soundsift.media.containers import (
    DAMAGED_SECONDS,
    FrameTimes,
    decoded_frames,
    header_seconds,
    is_exact_after_seek,
    is_joined,
    length_seconds,
    mono,
    opened,
    origin_seconds,
    reason_of,
)
from soundsift.media.levels import AudioSegment, as_segment, duration_seconds
from soundsift.media.truncation import shortfall

# Sample rate for measuring how much sound there is.
MEASURE_RATE_HZ = 8000
# Decoded before the stretch, until the codec (Opus needs 80 ms) and the resampler have settled.
PREROLL_SECONDS = 0.5


def cut(path: Path, start_seconds: float, end_seconds: float, sample_rate_hz: int) -> AudioSegment:
    """Decode a stretch of a media file.

    Parameters
    ----------
    path
        Any file that FFmpeg reads, with at least one sound stream; the first is taken.
    start_seconds, end_seconds
        The stretch, in seconds after the beginning of the file's first stream.
    sample_rate_hz
        Sample rate of the result.

    Returns
    -------
    AudioSegment
        Mono, 16 bits, ``round((end - start) * rate)`` samples, or fewer where the file ends earlier.

    Raises
    ------
    MediaError
        ``no_audio`` if there is no sound stream; ``corrupt`` if the file cannot be decoded, has a gap in the stretch,
        or ends before the end of the stretch although its header states a longer duration or more bytes.
    """
    try:
        with opened(path) as container:
            if not container.streams.audio:
                raise MediaError("no_audio", f"{path.name} has no sound stream")
            stated = header_seconds(path, container)
            began_seconds, samples = _decode(container, path, start_seconds, end_seconds, sample_rate_hz)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError("corrupt", f"{path.name} cannot be decoded: {reason_of(error)}") from error
    first = _nearest((start_seconds - began_seconds) * sample_rate_hz)
    last = first + round((end_seconds - start_seconds) * sample_rate_hz)
    sound_end_seconds = began_seconds + len(samples) / sample_rate_hz
    if sound_end_seconds < min(end_seconds, stated) - DAMAGED_SECONDS:
        raise MediaError("corrupt", f"{path.name} says {stated:.1f} s and ends after {sound_end_seconds:.1f} s")
    if sound_end_seconds < end_seconds - DAMAGED_SECONDS and (fault := shortfall(path, sound_end_seconds)):
        raise MediaError("corrupt", f"{path.name} {fault}")
    return as_segment(samples[max(0, first) : max(0, last)], sample_rate_hz)


def _nearest(position: float) -> int:
    """Return the sample nearest to a position; halves go up, also with a rounding error in the last digits."""
    return math.floor(position + 0.5 + 1e-6)


def held_seconds(path: Path, start_seconds: float, end_seconds: float) -> float:
    """Return how much of a stretch a media file holds, in seconds, by decoding it; raise as :func:`cut` does."""
    return duration_seconds(cut(path, start_seconds, end_seconds, MEASURE_RATE_HZ))


def described(path: Path) -> dict[str, float | int | None]:
    """Return duration, sample rate and number of channels of media, as columns of the outcomes; empty if unreadable."""
    try:
        with opened(path) as container:
            stream = container.streams.audio[0]
            return {
                "media_seconds": length_seconds(container),
                "media_sample_rate_hz": stream.rate,
                "media_channels": stream.codec_context.channels,
            }
    except (av.FFmpegError, OSError, ValueError, IndexError):
        return {}


def length_of(path: Path) -> float | None:
    """Return the duration of a media file in seconds; None if it states none or cannot be read."""
    try:
        with opened(path) as container:
            return length_seconds(container)
    except (av.FFmpegError, OSError, ValueError):
        return None


def _decode(
    container: "av.container.InputContainer", path: Path, start_seconds: float, end_seconds: float, sample_rate_hz: int
) -> tuple[float, npt.NDArray[np.int16]]:
    """Decode a stretch, with a little sound before and after it.

    Returns
    -------
    (began_seconds, samples)
        Time of the first sample on the file's own axis, and samples of shape (n,), 16 bits.
    """
    wanted_from = start_seconds - PREROLL_SECONDS
    stream = container.streams.audio[0]
    is_seekable = is_exact_after_seek(container) and not is_joined(path, container)
    if wanted_from > 0 and stream.time_base is not None and is_seekable:
        # by the times of the sound, not of a picture, whose key frames are seconds apart
        container.seek(math.floor((origin_seconds(container) + wanted_from) / stream.time_base), stream=stream)
    times = FrameTimes(container)
    began: float | None = None
    gap_seconds = 0.0
    # (sample rate, pieces) for each run of frames with the same sample rate
    runs: list[tuple[int, list[npt.NDArray[np.float32]]]] = []
    broken: av.FFmpegError | None = None
    for frame in decoded_frames(container, stream):
        if isinstance(frame, av.FFmpegError):
            broken = frame
            continue
        at = times.ends_seconds
        gap = times.gap_before(frame)
        if times.ends_seconds <= wanted_from:  # only counted
            continue
        rate_hz = frame.sample_rate
        gap_seconds += max(0.0, min(at + gap, end_seconds) - max(at, start_seconds)) if gap else 0.0
        if began is None:
            began = times.ends_seconds - frame.samples / rate_hz
            gap = 0.0
        if at + gap >= end_seconds + PREROLL_SECONDS:
            break
        if not runs or rate_hz != runs[-1][0]:
            runs.append((rate_hz, []))
        if gap:
            runs[-1][1].append(np.zeros(round(gap * rate_hz), dtype=np.float32))
        runs[-1][1].append(mono(frame))
    if began is None:
        if broken is not None:
            raise broken
        return start_seconds, np.zeros(0, dtype=np.int16)
    if stream.start_time is not None and stream.time_base is not None:
        # after a seek nothing before the first frame shows that sound is missing, but sound may truly begin later
        sound_begins = float(stream.start_time * stream.time_base) - origin_seconds(container)
        if (late := began - max(start_seconds, sound_begins)) > DAMAGED_SECONDS:
            raise ValueError(f"{late:.1f} s are missing at the start")
    if gap_seconds > DAMAGED_SECONDS:
        raise ValueError(f"{gap_seconds:.1f} s are missing in the middle")
    samples = np.concatenate([soxr.resample(np.concatenate(p), rate, sample_rate_hz) for rate, p in runs])
    if not np.isfinite(samples).all():
        raise ValueError("it contains values that are not numbers")
    if broken is not None and began + len(samples) / sample_rate_hz < end_seconds:
        raise broken
    return began, np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
