"""What can go wrong, as few kinds as a caller would treat differently.

SoundsiftError
├── ConfigError      the configuration asks for something impossible
├── InputError       a list, table or folder handed to the workflow cannot be read as what it should be
├── MediaError       one clip's media cannot become a clip; carries the outcome to record
├── DownloadError    a batch could not be fetched completely; what was fetched is in the archive
└── TrainingError    a detector cannot be trained or applied with the table it was given

Every message is one line: what was wrong, what was found, what to do.
"""


class SoundsiftError(Exception):
    """Root of everything the workflow raises on purpose."""


class ConfigError(SoundsiftError):
    """The configuration asks for something impossible."""


class InputError(SoundsiftError):
    """A list, table or folder cannot be read as what it should be."""


class MediaError(SoundsiftError):
    """One clip's media cannot become a clip.

    Parameters
    ----------
    outcome
        One of the words of :mod:`soundsift.media.outcomes`.
    reason
        The decoder's or the program's own account of it.
    """

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class DownloadError(SoundsiftError):
    """A batch could not be fetched completely; what was fetched is in the archive."""


class TrainingError(SoundsiftError):
    """A detector cannot be trained or applied with the table it was given."""
