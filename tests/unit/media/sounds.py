"""Sounds with known contents, shared by the tests of decoding."""

from pathlib import Path

import av
import numpy as np

from soundsift.demo import RATE_HZ as DEMO_RATE_HZ
from soundsift.media import encode

RATE_HZ = 22050


def clicks(at_seconds: list[float], n_seconds: float) -> np.ndarray:
    """Silence with bursts of 2 ms at the given times."""
    samples = np.zeros(int(n_seconds * DEMO_RATE_HZ))
    for at in at_seconds:
        first = round(at * DEMO_RATE_HZ)
        samples[first : first + 48] = 0.9
    return samples


def write_whole(path: Path, codec: str, parts: list[tuple[np.ndarray, int]]) -> None:
    """Write mono sound by a codec; every part has its own sampling rate, frames follow each other."""
    data = b""
    for samples, rate_hz in parts:
        with av.open(str(path), "w") as container:
            encode.encode(container, codec, {"b": "128k"}, (samples * 32767).astype(np.int16), rate_hz)
        data += path.read_bytes()
    path.write_bytes(data)
