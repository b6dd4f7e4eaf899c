"""What a media file says of itself, and its sound frame by frame: shared by everything that decodes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

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


def is_cut_short(path: Path, head: bytes) -> bool:
    """Whether a WAV file is shorter than its header says; one that was written to a pipe says nothing."""
    n_bytes = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and 0 < n_bytes < 2**32 - 1 and path.stat().st_size < 8 + n_bytes


def reason_of(error: Exception) -> str:
    """The decoder's words without the path, which is of this machine."""
    return getattr(error, "strerror", None) or str(error)


def length_seconds(container: "av.container.InputContainer") -> float | None:
    if container.duration is None:
        return None
    length = container.duration / av.time_base
    # Matroska's duration counts from zero, MP4's from the first sample
    return length - origin_seconds(container) if "matroska" in container.format.name else length


def promised_seconds(container: "av.container.InputContainer") -> float:
    """How long the sound is by the file's header; 0 where that does not say."""
    stream = container.streams.audio[0]
    if container.format.name.split(",")[0] not in PROMISING:
        return 0.0
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # of several streams the picture may be the longer one
    return (length_seconds(container) or 0.0) if len(container.streams) == 1 else 0.0


def origin_seconds(container: "av.container.InputContainer") -> float:
    origin = (container.start_time or 0) / av.time_base
    if container.format.name in COUNTING_PRIMING:
        return origin
    return 0.0 if abs(origin) <= PRIMING_SECONDS else origin


def mono(frame: "av.AudioFrame") -> npt.NDArray[np.float32]:
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


def decoded_frames(
    container: "av.container.InputContainer", stream: "av.audio.stream.AudioStream"
) -> Iterator["av.AudioFrame | av.FFmpegError"]:
    """Decoded frames of a stream; a packet that cannot be decoded comes as its error and the rest goes on."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.FFmpegError as error:
            yield error
