"""Encoding clips."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from soundsift.files import whole_file

_ENCODERS: dict[str, tuple[str, str, dict[str, str]]] = {
    # format: codec, container, options. libmp3lame writes the LAME header, by which decoders know the exact length.
    "mp3": ("libmp3lame", "mp3", {"b": "128k", "compression_level": "7"}),
    "flac": ("flac", "flac", {"compression_level": "5"}),
    "wav": ("pcm_s16le", "wav", {}),
}


def write_clip(samples: npt.NDArray[np.int16], sample_rate_hz: int, path: Path) -> None:
    """Encode mono samples of shape (n,) in the format that the ending of ``path`` names: mp3, flac or wav."""
    codec, container_format, options = _ENCODERS[path.suffix[1:]]
    with whole_file(path) as temporary, av.open(str(temporary), "w", format=container_format) as container:
        encode(container, codec, options, samples, sample_rate_hz)


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
    # the resampler also splits the samples into frames of the size that the codec needs
    resampler = av.AudioResampler(stream.format, "mono", stream.rate, stream.frame_size or 4096)
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))
