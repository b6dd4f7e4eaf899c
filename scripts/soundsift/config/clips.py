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


@dataclass(frozen=True)
class LengthParams:
    """How long files without times in the list are divided into clips."""

    length_seconds: Annotated[float, Gt(0)] | None = None
    """Length of the clips of a file without times in the list; empty for one clip per file. The last clip may be
    shorter, but not shorter than min_seconds."""
    hop_seconds: Annotated[float, Gt(0)] | None = None
    """Seconds from the start of such a clip to the next; empty for length_seconds. Then clips do not overlap."""


@dataclass(frozen=True)
class ClipsSection(LengthParams, ClipParams):
    """The clip files."""
