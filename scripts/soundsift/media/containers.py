"""The header of a media file and its decoded frames; shared by all decoding."""

import math
import mmap
import stat
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

# Jitter of time stamps that is accepted (WebM counts milliseconds). A larger difference is a gap in the stream.
JITTER_SECONDS = 0.05
# A start time up to this is the codec's priming, which the decoder drops (WebM with Opus: 6 ms).
PRIMING_SECONDS = 0.1
# Containers whose time stamps include the priming: the reported start is the time of the first decoded sample.
INCLUDES_PRIMING = ("mp3", "asf")
# Containers with an index, with a time stamp in every packet, or with frames whose duration is a whole number of ticks.
# In others FFmpeg estimates the time of a packet from the bit rate or adds up rounded durations: the time of an AC-3
# frame at 44.1 kHz is 64 ms wrong after 290 s, that of a DTS frame 249 ms.
TRUE_TIMES = (
    "mov", "matroska", "ogg", "flac", "mp3", "aac", "mpegts", "mpeg", "asf", "flv", "avi", "nut", "wv", "tta", "caf",
)  # fmt: skip
# Time stamps with longer ticks than this are not exact to the sample (WebM, FLV and ASF count milliseconds).
FINE_TICK = Fraction(1, 8000)
# Containers that are often joined byte by byte: those with a mark at the beginning of each file, and those without.
MARKS = {"flac": b"fLaC\x00\x00\x00\x22", "ogg": b"OggS\x00\x02"}
OGG_DATA = b"OggS\x00\x00"
UNMARKED = ("mpegts", "mpeg")
# Containers whose header states the duration.
STATES_DURATION = ("mov", "matroska", "flac", "flv", "wv", "tta", "aiff")
# An MP3 file states its number of frames within these first bytes.
HEADER_BYTES = 4096
# Seconds that may be missing at the end or in the middle before a file counts as damaged.
DAMAGED_SECONDS = 0.5
# Sizes that programs write in the header of WAV when they do not know how long the sound will be: they send it to a
# pipe. FFmpeg takes those of the first range for true ones.
UNKNOWN_32 = (range(0x7FFFF000, 0x80000000), range(0xFFFFFF00, 0x100000000))
WAV_HEADER_BYTES = 12


def opened(path: Path) -> "av.container.InputContainer":
    """Open a media file.

    Raises
    ------
    OSError
        If it cannot be opened, or is a pipe or a device, which can be read only once.
    av.FFmpegError, ValueError
        If FFmpeg does not recognise its content.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError("it is a pipe or a device: give it as standard input")
    if stat.S_ISREG(mode):
        with open(path, "rb") as file:
            head = file.read(WAV_HEADER_BYTES)
    else:
        head = b""
    # without "file:", FFmpeg takes the part of a name before a colon for a protocol
    return av.open(f"file:{path}", options=options_for(head))


def options_for(head: bytes) -> dict[str, str]:
    """Return the options with which FFmpeg reads a file that begins with these bytes."""
    is_wav = head[:4] == b"RIFF" and head[8:WAV_HEADER_BYTES] == b"WAVE"
    return {"ignore_length": "1"} if is_wav and int.from_bytes(head[4:8], "little") in UNKNOWN_32[0] else {}


def reason_of(error: Exception) -> str:
    """Return a decoder's message without the path, which must not get into a record."""
    return getattr(error, "strerror", None) or str(error)


def length_seconds(container: "av.container.InputContainer") -> float | None:
    """Return the duration of a file; None if it does not state one."""
    if container.duration is None:
        return None
    length = container.duration / av.time_base
    # the duration of Matroska is counted from zero, that of MP4 from the first sample
    return length - origin_seconds(container) if "matroska" in container.format.name else length


def stated_seconds(container: "av.container.InputContainer") -> float:
    """Return the duration of the sound that the header states; 0 if it states none."""
    stream = container.streams.audio[0]
    if container.format.name.split(",")[0] not in STATES_DURATION:
        return 0.0
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # with several streams the picture may be longer than the sound
    return (length_seconds(container) or 0.0) if len(container.streams) == 1 else 0.0


def header_seconds(path: Path, container: "av.container.InputContainer") -> float:
    """Return the duration that a file's header states, also for MP3; 0 if it states none."""
    with open(path, "rb") as file:
        head = file.read(HEADER_BYTES)
    if container.format.name == "flac" and is_joined(path, container):  # the header is that of the first part
        return 0.0
    states_frames = b"Xing" in head or b"Info" in head
    if container.format.name == "mp3" and states_frames:
        return length_seconds(container) or 0.0
    return stated_seconds(container)


def origin_seconds(container: "av.container.InputContainer") -> float:
    """Return the time stamp at which the file's own time axis begins."""
    origin = (container.start_time or 0) / av.time_base
    if container.format.name in INCLUDES_PRIMING:
        return origin
    return 0.0 if abs(origin) <= PRIMING_SECONDS else origin


def has_true_times(container: "av.container.InputContainer") -> bool:
    """Return whether the time stamps of packets are those of the sound, and not estimates that drift away from it."""
    codec = container.streams.audio[0].codec_context.name
    return container.format.name.split(",")[0] in TRUE_TIMES or codec.startswith("pcm_")


def is_exact_after_seek(container: "av.container.InputContainer") -> bool:
    """Return whether the time of a frame after a seek is exact to the sample."""
    tick = container.streams.audio[0].time_base
    return has_true_times(container) and tick is not None and tick <= FINE_TICK


def is_joined(path: Path, container: "av.container.InputContainer") -> bool:
    """Return whether times may begin again inside of a file, because files were joined byte by byte.

    FLAC and Ogg mark the beginning of a file. MPEG-TS and MPEG-PS do not, and count as joined.
    """
    kind = container.format.name
    found = path.stat()
    return kind in UNMARKED or (kind in MARKS and _has_second_mark(path, kind, found.st_size, found.st_mtime_ns))


@lru_cache(maxsize=256)
def _has_second_mark(path: Path, kind: str, n_bytes: int, _modified_ns: int) -> bool:
    """Search a file for a later beginning: 0.2 s for an hour of FLAC, and once for all its clips in a process."""
    if not n_bytes:
        return False
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        mark = MARKS[kind]
        at = data.find(mark)
        if kind == "ogg":  # the streams of one file all begin before its first page of data
            at = data.find(OGG_DATA, max(0, at))
        return at >= 0 and data.find(mark, at + 1) >= 0


class FrameTimes:
    """The place of decoded frames on the file's own time axis.

    Samples are counted from the first frame on. Time stamps serve to find gaps. Estimated ones, which drift, are only
    compared with that of the frame before.

    Attributes
    ----------
    began_seconds
        Time of the first frame; None before it.
    ends_seconds
        End of the last frame.
    """

    def __init__(self, container: "av.container.InputContainer") -> None:
        self._shift = -origin_seconds(container)
        self._drifts = not has_true_times(container)
        self._stamp_ends = 0.0
        self.began_seconds: float | None = None
        self.ends_seconds = 0.0

    def gap_before(self, frame: "av.AudioFrame", longest_seconds: float = math.inf) -> float:
        """Return the seconds that are missing before the next frame; 0 if it follows the last one.

        Parameters
        ----------
        longest_seconds
            A longer gap is taken for a wrong time stamp.
        """
        stamp = frame.time if frame.time is not None else self._stamp_ends
        if self.began_seconds is None:
            self.began_seconds = self.ends_seconds = stamp + self._shift
            self._stamp_ends = stamp
        late = stamp - self._stamp_ends if self._drifts else stamp + self._shift - self.ends_seconds
        gap = late if JITTER_SECONDS < late <= longest_seconds else 0.0
        if not gap and abs(late) > JITTER_SECONDS:  # the time stamps begin again, or are wrong
            self._shift -= late
        lasts = frame.samples / frame.sample_rate
        self._stamp_ends = stamp + lasts
        self.ends_seconds += gap + lasts
        return gap


def mono(frame: "av.AudioFrame") -> npt.NDArray[np.float32]:
    """Return the mean of a frame's channels, shape (n_samples,), full scale at 1."""
    samples: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        samples = samples / np.float32(2 ** (8 * samples.itemsize - 1))
    if len(samples) == 1:  # most frames of a recording are short, so a mean of one channel counts too
        return np.asarray(samples[0], dtype=np.float32)
    # numpy.mean gives the same and takes three times as long, which counts with 50 frames per second of sound
    total: npt.NDArray[np.float32] = np.add.reduce(samples, axis=0, dtype=np.float32)
    return total / np.float32(len(samples))


def decoded_frames(
    container: "av.container.InputContainer", stream: "av.audio.stream.AudioStream"
) -> Iterator["av.AudioFrame | av.FFmpegError"]:
    """Yield the decoded frames of a stream. A packet that cannot be decoded yields its error; decoding goes on."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.FFmpegError as error:
            yield error
