"""Section ``keep``: which intermediate folders are kept."""

from dataclasses import dataclass


@dataclass(frozen=True)
class KeepParams:
    """Which intermediate folders are kept. A deleted folder is made again from the archive when it is needed."""

    clips: bool = True
    """false deletes results/clips once a batch's features are extracted."""
    frames: bool = True
    """false deletes results/frames once a batch is summarised."""
