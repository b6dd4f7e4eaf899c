"""Sound that a page of the report contains."""

import io
from pathlib import Path

import av
import numpy as np

from soundsift.media.clip_file import read_samples
from soundsift.media.encode import encode

# 40 kB for ten seconds, whatever the format of the clips.
BIT_RATE = "32k"


def sound_for_page(path: Path) -> bytes:
    """Read a clip file and encode it as a small MP3 file."""
    samples, sample_rate_hz = read_samples(path)
    whole = np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
    encoded = io.BytesIO()
    with av.open(encoded, "w", format="mp3") as container:
        encode(container, "libmp3lame", {"b": BIT_RATE}, whole, sample_rate_hz)
    return encoded.getvalue()
