"""The header of a media file and its decoded frames; shared by all decoding."""

from collections.abc import Iterator
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
# Containers whose header states the duration.
STATES_DURATION = ("mov", "matroska", "flac")
# Seconds that may be missing at the end or in the middle before a file counts as damaged.
DAMAGED_SECONDS = 0.5


def is_cut_short(path: Path, head: bytes) -> bool:
    """Return whether a WAV file is shorter than its header states. A file written to a pipe states no length.

    Parameters
    ----------
    head
        The first 8 bytes of the file, or more.
    """
    n_bytes = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and 0 < n_bytes < 2**32 - 1 and path.stat().st_size < 8 + n_bytes


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


def origin_seconds(container: "av.container.InputContainer") -> float:
    """Return the time stamp at which the file's own time axis begins."""
    origin = (container.start_time or 0) / av.time_base
    if container.format.name in INCLUDES_PRIMING:
        return origin
    return 0.0 if abs(origin) <= PRIMING_SECONDS else origin


def mono(frame: "av.AudioFrame") -> npt.NDArray[np.float32]:
    """Return the mean of a frame's channels, shape (n_samples,), full scale at 1."""
    samples: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        samples = samples / np.float32(2 ** (8 * samples.itemsize - 1))
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
