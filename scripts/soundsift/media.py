"""From a media file to a clip: decode the labelled stretch, cut it to the sample, write it in the clips' format.

Decoding seeks, so a stretch of an hour-long file costs no more than one of a short one. Samples are 16-bit mono in a
:class:`pydub.AudioSegment` from then on.
"""

import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soxr

from soundsift.errors import MediaError
from soundsift.tables import whole_file

with warnings.catch_warnings():
    # pydub looks for an ffmpeg program when imported; nothing here starts one
    warnings.simplefilter("ignore")
    from pydub import AudioSegment

# Enough to find out whether there is sound.
LOOK_RATE_HZ = 8000
SILENCE_DBFS = -60.0
FLOOR_DBFS = -100.0
# Decoded ahead of the stretch, so that the codec (Opus wants 80 ms) and the resampler have settled.
PREROLL_SECONDS = 0.5
# Time stamps may jitter by this much (WebM counts milliseconds); more is a hole in the stream.
JITTER_SECONDS = 0.05
# Containers report up to this much of the codec's priming as their start (WebM/Opus: 6 ms); the decoder drops it.
PRIMING_SECONDS = 0.1
# Containers whose time stamps count the priming: their first sample sounds at the start they report.
COUNTING_PRIMING = ("mp3", "asf")
# Containers whose header says how long they are.
PROMISING = ("mov", "matroska", "flac")
# How much less than that may come, and how much may be lacking in the middle, before a file counts as damaged.
DAMAGED_SECONDS = 0.5
# A longer hole in a whole recording is a time stamp that is wrong, unless the header says that there is so much.
LONGEST_HOLE_SECONDS = 60.0
# Where an MP3 file says how many frames it has.
HEADER_BYTES = 4096
# Further than this into a file even coarse time stamps are trusted: decoding up to there would take too long.
COUNTED_SECONDS = 600.0

_ENCODERS: dict[str, tuple[str, str, dict[str, str]]] = {
    # format: codec, container, options. libmp3lame writes the LAME header that gives decoders the exact length.
    "mp3": ("libmp3lame", "mp3", {"b": "128k", "compression_level": "7"}),
    "flac": ("flac", "flac", {"compression_level": "5"}),
    "wav": ("pcm_s16le", "wav", {}),
}


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
            promised_seconds = _promised_seconds(container)
            began_seconds, samples = _decode(container, start_seconds, end_seconds, sample_rate_hz)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError("corrupt", f"{path.name} cannot be decoded: {_said(error)}") from error
    first = round((start_seconds - began_seconds) * sample_rate_hz)
    last = first + round((end_seconds - start_seconds) * sample_rate_hz)
    sounds_until = began_seconds + len(samples) / sample_rate_hz
    if sounds_until < min(end_seconds, promised_seconds) - DAMAGED_SECONDS:
        raise MediaError("corrupt", f"{path.name} says {promised_seconds:.1f} s and ends after {sounds_until:.1f} s")
    return as_segment(samples[max(0, first) : max(0, last)], sample_rate_hz)


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
            promised_seconds, seconds = _header_seconds(path, container), n / sample_rate_hz
            if seconds < promised_seconds - DAMAGED_SECONDS:
                damage.append(f"says {promised_seconds:.1f} s and ends after {seconds:.1f} s")
    except (av.FFmpegError, OSError, ValueError) as error:
        damage.append(f"cannot be decoded: {_said(error)}")
    yield from _parted(np.concatenate(waiting), n_at_once)
    if damage:
        raise MediaError("corrupt", f"{path.name} {', '.join(damage)}")


def _header_seconds(path: Path, container: "av.container.InputContainer") -> float:
    """How long a whole file is by its header, WAV and MP3 too; 0 where that does not say."""
    with open(path, "rb") as file:
        head = file.read(HEADER_BYTES)
    counted = b"Xing" in head or b"Info" in head
    if container.format.name == "mp3" and counted:
        return _length_seconds(container) or 0.0
    if _is_cut_short(path, head):
        stream = container.streams.audio[0]
        n_bytes = int.from_bytes(head[4:8], "little")
        return n_bytes / (stream.rate * stream.channels * max(stream.codec_context.format.bytes, 1))
    return _promised_seconds(container)


def _is_cut_short(path: Path, head: bytes) -> bool:
    """Whether a WAV file is shorter than its header says; one that was written to a pipe says nothing."""
    n_bytes = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and 0 < n_bytes < 2**32 - 1 and path.stat().st_size < 8 + n_bytes


def _parted(samples: npt.NDArray[np.float32], n: int) -> Iterator[npt.NDArray[np.float32]]:
    """Pieces of n samples, and what is left, rounded to 16 bits."""
    for at in range(0, len(samples) + 1, n):
        piece = np.clip(np.rint(samples[at : at + n] * 32768), -32768, 32767) / 32768
        yield piece.astype(np.float32)


def _whole(
    container: "av.container.InputContainer", sample_rate_hz: int, damage: list[str]
) -> Iterator[npt.NDArray[np.float32]]:
    """All sound of a file at one sampling rate, on its own time axis; what was wrong on the way joins ``damage``."""
    origin, ends = _origin_seconds(container), _length_seconds(container) or 0.0
    rate_hz, resampler = 0, soxr.ResampleStream(sample_rate_hz, sample_rate_hz, 1)
    expected, n_no_numbers = 0.0, 0
    broken: list[av.FFmpegError] = []
    for frame in _frames(container, container.streams.audio[0]):
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
        samples = _mono(frame)
        n_no_numbers += len(samples) - int(np.isfinite(samples).sum())
        yield resampler.resample_chunk(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0))
    if rate_hz:
        yield resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
    elif broken:
        raise broken[0]
    if broken:
        damage.append(f"has {len(broken)} packets that cannot be decoded ({_said(broken[0])})")
    if n_no_numbers:
        damage.append(f"holds {n_no_numbers} samples that are no numbers")


def _said(error: Exception) -> str:
    """The decoder's words without the path, which is of this machine."""
    return getattr(error, "strerror", None) or str(error)


def held_seconds(path: Path, start_seconds: float, end_seconds: float) -> float:
    """How much of a stretch a media file holds, found out by decoding it; raises as :func:`cut` does."""
    return duration_seconds(cut(path, start_seconds, end_seconds, LOOK_RATE_HZ))


def span_seconds(path: Path) -> tuple[float, float] | None:
    """When a media file begins and ends on the time axis written into it, in seconds; None where it does not say.

    The beginning is the zero of :func:`cut`: 0 for a file of its own, the place in the video for a section of one.
    """
    try:
        with av.open(str(path)) as container:
            length = _length_seconds(container)
            begins = _origin_seconds(container) + _dropped_seconds(container)
            return None if length is None else (begins, begins + length)
    except (av.FFmpegError, OSError, ValueError):
        return None


def _dropped_seconds(container: "av.container.InputContainer") -> float:
    """What the decoder drops at the start of a section of Opus in WebM, and its time stamps do not count."""
    if "matroska" not in container.format.name or not container.start_time or not container.streams.audio:
        return 0.0
    codec = container.streams.audio[0].codec_context
    return float(codec.delay / codec.sample_rate)


def _length_seconds(container: "av.container.InputContainer") -> float | None:
    if container.duration is None:
        return None
    length = container.duration / av.time_base
    # Matroska's duration counts from zero, MP4's from the first sample
    return length - _origin_seconds(container) if "matroska" in container.format.name else length


def _promised_seconds(container: "av.container.InputContainer") -> float:
    """How long the sound is by the file's header; 0 where that does not say."""
    stream = container.streams.audio[0]
    if container.format.name.split(",")[0] not in PROMISING:
        return 0.0
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # of several streams the picture may be the longer one
    return (_length_seconds(container) or 0.0) if len(container.streams) == 1 else 0.0


def _origin_seconds(container: "av.container.InputContainer") -> float:
    origin = (container.start_time or 0) / av.time_base
    if container.format.name in COUNTING_PRIMING:
        return origin
    return 0.0 if abs(origin) <= PRIMING_SECONDS else origin


def _decode(
    container: "av.container.InputContainer", start_seconds: float, end_seconds: float, sample_rate_hz: int
) -> tuple[float, npt.NDArray[np.int16]]:
    """Decode from a little before ``start_seconds`` to ``end_seconds``; return when the first sample sounds."""
    stream = container.streams.audio[0]
    origin = _origin_seconds(container)
    # WebM counts milliseconds: after a seek a cut would be a millisecond off, so its samples are counted from the start
    coarse = stream.time_base is not None and stream.time_base > Fraction(1, 8000)
    if start_seconds > (COUNTED_SECONDS if coarse else PREROLL_SECONDS):
        container.seek(int((origin + start_seconds - PREROLL_SECONDS) * av.time_base), backward=True)
    began: float | None = None
    expected = lacking = 0.0
    # runs of one sampling rate each
    runs: list[tuple[int, list[npt.NDArray[np.float32]]]] = []
    broken: av.FFmpegError | None = None
    for frame in _frames(container, stream):
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
        pieces.append(_mono(frame))
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


def _mono(frame: "av.AudioFrame") -> npt.NDArray[np.float32]:
    """The mean of a decoded frame's channels, shape (n_samples,), full scale at 1."""
    samples: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        samples = samples / np.float32(2 ** (8 * samples.itemsize - 1))
    mean: npt.NDArray[np.float32] = samples.mean(axis=0, dtype=np.float32)
    return mean


def _frames(
    container: "av.container.InputContainer", stream: "av.audio.stream.AudioStream"
) -> Iterator["av.AudioFrame | av.FFmpegError"]:
    """Decoded frames of a stream; a packet that cannot be decoded comes as its error and the rest goes on."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.FFmpegError as error:
            yield error


def as_segment(samples: npt.NDArray[np.int16], sample_rate_hz: int) -> AudioSegment:
    """Wrap mono 16-bit samples."""
    return AudioSegment(samples.tobytes(), sample_width=2, frame_rate=sample_rate_hz, channels=1)


def peak_dbfs(clip: AudioSegment) -> float:
    """Peak level relative to full scale, in dB; digital silence counts as -100."""
    return max(float(clip.max_dBFS), FLOOR_DBFS)


def loudness_dbfs(clip: AudioSegment) -> float:
    """Root-mean-square level relative to full scale, in dB; digital silence counts as -100."""
    return max(float(clip.dBFS), FLOOR_DBFS)


def duration_seconds(clip: AudioSegment) -> float:
    """Length of a clip in seconds, exact to the sample."""
    return float(clip.frame_count()) / float(clip.frame_rate)


def write_clip(clip: AudioSegment, path: Path) -> None:
    """Encode a clip; the ending of ``path`` (mp3, flac or wav) says how."""
    codec, container_format, options = _ENCODERS[path.suffix[1:]]
    samples = np.frombuffer(clip.raw_data, dtype=np.int16)
    with whole_file(path) as temporary, av.open(str(temporary), "w", format=container_format) as container:
        encode(container, codec, options, samples, clip.frame_rate)


def encode(
    container: "av.container.OutputContainer",
    codec: str,
    options: dict[str, str],
    samples: npt.NDArray[np.int16],
    sample_rate_hz: int,
) -> None:
    """Encode mono samples of shape (n,) as a new stream of an open container."""
    stream = container.add_stream(codec, rate=sample_rate_hz, options=options, layout="mono")
    assert isinstance(stream, av.AudioStream)
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
    frame.sample_rate = sample_rate_hz
    frame.pts = 0
    # the resampler also parts the samples into frames of the size the codec wants
    resampler = av.AudioResampler(stream.format, "mono", stream.rate, stream.frame_size or 4096)
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))


def read_samples(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Read a clip file that :func:`write_clip` wrote.

    Returns
    -------
    (samples, sample_rate_hz)
        Samples of shape (n,), float32, mono, full scale at 1 (MP3 may overshoot it).

    Raises
    ------
    MediaError
        ``corrupt`` where the file cannot be decoded, or ends before its header says.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(8)
        if _is_cut_short(path, head):
            raise MediaError("corrupt", f"{path.name} is shorter than its header says")
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])
            said, found = (container.duration or 0) / av.time_base, len(samples) / stream.rate
            if found < said - JITTER_SECONDS:
                raise MediaError("corrupt", f"{path.name} says {said:.1f} s and ends after {found:.1f} s")
            if samples.dtype == np.int16:
                samples = samples.astype(np.float32) / 32768
            return samples, stream.rate
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise MediaError("corrupt", f"{path.name} cannot be decoded: {_said(error)}") from error
