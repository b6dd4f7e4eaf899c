"""Sound as a telephone, a radio stream or an old file gives it: coded and decoded at a low rate."""

import io
from typing import NamedTuple

import av
import numpy as np
import soxr

from soundsift.arrays import Float32Array
from soundsift.media.containers import mono
from soundsift.media.encode import encode


class Coding(NamedTuple):
    """A codec and its container, and the sample rates in Hz and bit rates of which one is drawn."""

    codec: str
    container: str
    rates_hz: tuple[int, ...]
    bit_rates: tuple[str, ...] = ("",)


CODINGS = (
    Coding("pcm_s16le", "wav", (8000, 11025, 16000)),
    Coding("pcm_u8", "wav", (8000, 11025, 16000, 22050)),
    Coding("pcm_mulaw", "wav", (8000,)),
    Coding("adpcm_ima_wav", "wav", (8000, 11025, 22050)),
    Coding("libopencore_amrnb", "amr", (8000,), ("4750", "7950", "12200")),
    Coding("libmp3lame", "mp3", (11025, 16000, 22050), ("16k", "24k", "32k", "64k")),
    Coding("libopus", "ogg", (8000, 12000, 16000, 24000), ("8k", "12k", "24k")),
)


def coded(samples: Float32Array, sample_rate_hz: int, rng: np.random.Generator) -> Float32Array:
    """Code and decode sound with one of :data:`CODINGS`.

    Parameters
    ----------
    samples
        Shape (n,), float32, full scale at 1; louder samples are clipped.

    Returns
    -------
    Shape (n,), float32. A codec may delay the sound by some hundredths of a second. The sound is as it was if the
    installed FFmpeg lacks the drawn codec, or if nothing of it is left at the lower rate.
    """
    coding = CODINGS[int(rng.integers(len(CODINGS)))]
    rate_hz, bit_rate = int(rng.choice(coding.rates_hz)), str(rng.choice(coding.bit_rates))
    slower = np.clip(soxr.resample(samples, sample_rate_hz, rate_hz, "MQ"), -1, 1)
    if coding.codec not in av.codecs_available or not len(slower):
        return samples
    file = io.BytesIO()
    with av.open(file, "w", format=coding.container) as output:
        options = {"b": bit_rate} if bit_rate else {}
        encode(output, coding.codec, options, np.rint(slower * 32767).astype(np.int16), rate_hz)
    file.seek(0)
    with av.open(file, "r") as media:
        decoded_rate_hz = media.streams.audio[0].rate  # Opus is always decoded at 48 kHz
        decoded = np.concatenate([mono(frame) for frame in media.decode(audio=0)])
    back = np.asarray(soxr.resample(decoded, decoded_rate_hz, sample_rate_hz, "MQ"), dtype=np.float32)
    return np.pad(back[: len(samples)], (0, max(0, len(samples) - len(back))))
