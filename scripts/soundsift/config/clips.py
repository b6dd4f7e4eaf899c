"""Section ``clips``: the clip files."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le


@dataclass(frozen=True)
class ClipParams:
    """The clip files."""

    format: Literal["mp3", "flac", "wav"] = "mp3"
    """mp3 files are small, flac files are lossless, wav files are lossless and large."""
    sample_rate_hz: Annotated[int, Ge(8000), Le(48000)] = 22050
    """Sample rate of the clips in Hz; features cover frequencies up to half of it. mp3 allows 8000, 11025, 12000,
    16000, 22050, 24000, 32000, 44100 and 48000."""
    min_seconds: Annotated[float, Gt(0)] = 3.0
    """Shortest usable part of a labelled segment, in seconds. If less of it is available, the outcome is
    too_short."""
