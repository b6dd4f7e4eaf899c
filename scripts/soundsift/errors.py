"""Exceptions of the workflow: one kind for each way in which callers handle an error.

SoundsiftError
├── ConfigError      the configuration is invalid or cannot be met
├── InputError       a list, table, folder or download is missing, damaged or not as expected
├── MediaError       the media of one clip cannot be used; has the outcome to record
├── SourceError      a source of media cannot be read at present; another one may have its clips
├── DownloadError    clips of a batch could not be downloaded; the downloaded ones are in the archive
└── TrainingError    a detector cannot be trained on, or applied to, the given table

Every message is one line: what is wrong, what was found, what to do.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class SoundsiftError(Exception):
    """Base class of the workflow's exceptions."""


class ConfigError(SoundsiftError):
    """The configuration is invalid or cannot be met."""


class InputError(SoundsiftError):
    """A list, table, folder or download is missing, damaged or not as expected."""


class MediaError(SoundsiftError):
    """The media of one clip cannot be used.

    Parameters
    ----------
    outcome
        One of the words of :mod:`soundsift.media.outcomes`, to be recorded for the clip.
    reason
        The message of the decoder or of the external program.
    """

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class SourceError(SoundsiftError):
    """A source of media cannot be read at present, for example because its disk is not mounted.

    Parameters
    ----------
    outcome
        A transient one, to be recorded for a clip if the job goes on with other sources.
    reason
        The line for the user.
    """

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


class DownloadError(SoundsiftError):
    """Clips of a batch could not be downloaded; the downloaded ones are in the archive."""


class TrainingError(SoundsiftError):
    """A detector cannot be trained on, or applied to, the given table."""


@contextmanager
def one_line_on_error() -> Iterator[None]:
    """End the program with status 1 and one line on stderr if the enclosed block raises a :class:`SoundsiftError`."""
    try:
        yield
    except SoundsiftError as error:
        sys.exit(f"soundsift: {error}")
