"""Length and level of a clip: 16-bit mono samples in a :class:`pydub.AudioSegment`."""

import warnings

import numpy as np
import numpy.typing as npt

with warnings.catch_warnings():
    # pydub warns on import if there is no ffmpeg program; none is used here
    warnings.simplefilter("ignore")
    from pydub import AudioSegment as AudioSegment

# Level of digital silence.
FLOOR_DBFS = -100.0


def as_segment(samples: npt.NDArray[np.int16], sample_rate_hz: int) -> AudioSegment:
    """Wrap mono 16-bit samples of shape (n,)."""
    return AudioSegment(samples.tobytes(), sample_width=2, frame_rate=sample_rate_hz, channels=1)


def samples_of(clip: AudioSegment) -> npt.NDArray[np.int16]:
    """Return the samples of a clip, shape (n,)."""
    return np.frombuffer(clip.raw_data, dtype=np.int16)


def peak_dbfs(clip: AudioSegment) -> float:
    """Peak level relative to full scale, in dB; digital silence counts as -100."""
    return max(float(clip.max_dBFS), FLOOR_DBFS)


def loudness_dbfs(clip: AudioSegment) -> float:
    """Root-mean-square level relative to full scale, in dB; digital silence counts as -100."""
    return max(float(clip.dBFS), FLOOR_DBFS)


def duration_seconds(clip: AudioSegment) -> float:
    """Length of a clip in seconds, exact to the sample."""
    return float(clip.frame_count()) / float(clip.frame_rate)
