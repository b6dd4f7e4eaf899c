"""A recording of any length, decoded from beginning to end in constant memory."""

from collections.abc import Iterator
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
    is_cut_short,
    length_seconds,
    mono,
    origin_seconds,
    promised_seconds,
    reason_of,
)

# A longer hole in a whole recording is a time stamp that is wrong, unless the header says that there is so much.
LONGEST_HOLE_SECONDS = 60.0
# Where an MP3 file says how many frames it has.
HEADER_BYTES = 4096


def samples_of(path: Path, sample_rate_hz: int, n_at_once: int) -> Iterator[npt.NDArray[np.float32]]:
    """Decode a file of any length from beginning to end, piece by piece.

    Parameters
    ----------
    n_at_once
        Samples of every piece but the last.

    Returns
    -------
    Mono pieces, float32, rounded to 16 bits as clips are. Where the time stamps leave a hole, before the first sound
    too, there is silence, as there is for samples that are no numbers.

    Raises
    ------
    MediaError
        ``no_audio``; or ``corrupt``, behind the last piece, with what was wrong: decoding cannot go on, or does not go
        on where the header says it should; packets that cannot be decoded; samples that are no numbers.
    """
    waiting = [np.zeros(0, dtype=np.float32)]
    n = n_waiting = 0
    damage: list[str] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError("no_audio", f"{path.name} has no sound stream")
            for samples in _whole(container, sample_rate_hz, damage):
                n, n_waiting = n + len(samples), n_waiting + len(samples)
                waiting.append(samples)
                if n_waiting >= n_at_once:
                    *whole, rest = _parted(np.concatenate(waiting), n_at_once)
                    yield from whole
                    waiting, n_waiting = [rest], len(rest)
            promised, seconds = _header_seconds(path, container), n / sample_rate_hz
            if seconds < promised - DAMAGED_SECONDS:
                damage.append(f"says {promised:.1f} s and ends after {seconds:.1f} s")
    except (av.FFmpegError, OSError, ValueError) as error:
        damage.append(f"cannot be decoded: {reason_of(error)}")
    yield from _parted(np.concatenate(waiting), n_at_once)
    if damage:
        raise MediaError("corrupt", f"{path.name} {', '.join(damage)}")


def _header_seconds(path: Path, container: "av.container.InputContainer") -> float:
    """How long a whole file is by its header, WAV and MP3 too; 0 where that does not say."""
    with open(path, "rb") as file:
        head = file.read(HEADER_BYTES)
    counted = b"Xing" in head or b"Info" in head
    if container.format.name == "mp3" and counted:
        return length_seconds(container) or 0.0
    if is_cut_short(path, head):
        stream = container.streams.audio[0]
        n_bytes = int.from_bytes(head[4:8], "little")
        return n_bytes / (stream.rate * stream.channels * max(stream.codec_context.format.bytes, 1))
    return promised_seconds(container)


def _parted(samples: npt.NDArray[np.float32], n: int) -> Iterator[npt.NDArray[np.float32]]:
    """Pieces of n samples, and what is left, rounded to 16 bits."""
    for at in range(0, len(samples) + 1, n):
        piece = np.clip(np.rint(samples[at : at + n] * 32768), -32768, 32767) / 32768
        yield piece.astype(np.float32)


def _whole(
    container: "av.container.InputContainer", sample_rate_hz: int, damage: list[str]
) -> Iterator[npt.NDArray[np.float32]]:
    """All sound of a file at one sampling rate, on its own time axis; what was wrong on the way joins ``damage``."""
    origin, ends = origin_seconds(container), length_seconds(container) or 0.0
    rate_hz, resampler = 0, soxr.ResampleStream(sample_rate_hz, sample_rate_hz, 1)
    expected, n_no_numbers = 0.0, 0
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
        at = frame.time - origin if frame.time is not None else expected
        # a time stamp beyond the end that the header names is wrong
        hole = at - expected if at <= max(ends, expected + LONGEST_HOLE_SECONDS) else 0.0
        if hole > JITTER_SECONDS:
            n_left = round(hole * rate_hz)
            for n in (rate_hz,) * (n_left // rate_hz) + (n_left % rate_hz,):
                yield resampler.resample_chunk(np.zeros(n, dtype=np.float32))
        expected = at + frame.samples / rate_hz
        samples = mono(frame)
        n_no_numbers += len(samples) - int(np.isfinite(samples).sum())
        yield resampler.resample_chunk(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0))
    if rate_hz:
        yield resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
    elif broken:
        raise broken[0]
    if broken:
        damage.append(f"has {len(broken)} packets that cannot be decoded ({reason_of(broken[0])})")
    if n_no_numbers:
        damage.append(f"holds {n_no_numbers} samples that are no numbers")
