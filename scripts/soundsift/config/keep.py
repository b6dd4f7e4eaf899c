"""Section ``keep``: which intermediate folders and media are kept."""

from dataclasses import dataclass


@dataclass(frozen=True)
class KeepParams:
    """What is kept of the steps on the way.

    What these keys delete is made again when a step needs it. Any other result that is
    deleted is made again by the next run.
    """

    clips: bool = True
    """false deletes results/clips once a batch's features are extracted."""
    frames: bool = True
    """false deletes results/frames once a batch is summarised."""
    media: bool = True
    """false deletes media of shards from the archive once their batch is converted. They are read again from the
    shards when they are needed. Media whose shard is gone or has changed stay. Media from elsewhere stay."""
