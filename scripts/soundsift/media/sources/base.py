"""What every source of media shares: what is asked for, how, and what comes back."""

import errno
import re
from dataclasses import dataclass
from pathlib import Path


class FetchError(Exception):
    """The source did not give the media: an outcome, its own words, and when it wants to be asked again."""

    def __init__(self, outcome: str, reason: str, retry_after_seconds: float) -> None:
        super().__init__(reason)
        self.outcome, self.reason, self.retry_after_seconds = outcome, reason, retry_after_seconds


@dataclass(frozen=True)
class Media:
    """What a source gave.

    Attributes
    ----------
    begins_seconds, ends_seconds
        The stretch of the video that the file holds; the end is None where it does not say.
    held_seconds
        How much of the labelled stretch was found in it by decoding; 0 where that was not looked at.
    whole
        Whether the file is all that the source has.
    note
        What is worth keeping of how it was got.
    """

    path: Path
    begins_seconds: float = 0.0
    ends_seconds: float | None = None
    held_seconds: float = 0.0
    whole: bool = False
    note: str = ""


def is_about_storage(error: BaseException) -> bool:
    """Whether an error is about the disk and not about the clip; yt-dlp wraps the system's words in its own."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
    return re.search("No space left|Disk quota exceeded|Read-only file system", str(error)) is not None
