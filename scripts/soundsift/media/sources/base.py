"""The interface of a source of media: what is asked of it, and what it returns."""

import errno
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.errors import MediaError
from soundsift.media.archive import Record
from soundsift.media.fetch_error import FetchError as FetchError
from soundsift.media.pace import client_of

if TYPE_CHECKING:  # PyArrow starts a thread, but the process that runs yt-dlp is forked
    from soundsift.metadata.batches import Clip


@dataclass(frozen=True)
class Media:
    """A file that a source returned.

    Attributes
    ----------
    path
        In the scratch folder if it is to be moved into the archive; anywhere else if it is to be read in place.
    begins_seconds, ends_seconds
        Stretch of the video that the file holds. The end is None if the file does not state it.
    held_seconds
        Seconds of the labelled stretch found in the file by decoding; None if it was not decoded.
    whole
        True if the file is all that the source has of the video.
    note
        Remark for the record.
    modified_ns
        Modification time of a file on disk, in ns since 1970; 0 for media from the network.
    shard, shard_version
        Name and version of the shard that the media were taken from. Empty for other media.
    of_video
        True if the shard names them by the video alone.
    sha256
        Checksum, if the source knows it.
    """

    path: Path
    begins_seconds: float = 0.0
    ends_seconds: float | None = None
    held_seconds: float | None = None
    whole: bool = False
    note: str = ""
    modified_ns: int = 0
    shard: str = ""
    shard_version: str = ""
    of_video: bool = False
    sha256: str = ""


class Source(ABC):
    """A place that clips are fetched from.

    A new kind of source is one subclass in a module of its own and one line in
    :data:`soundsift.media.sources.registry.KINDS`. Methods are called from several threads.
    """

    is_remote: bool
    """True if requests are costly: their rate is limited, the source may refuse them, and a clip that it does not have
    is not requested again. Requests to a source that is not remote cost nothing, so every run repeats them."""
    against_blocks = "download.cookies, proxy or wait_when_blocked"
    """What a user can set if a server refuses us."""
    claims_videos = True
    """False if clips of many videos are fetched together, so that they cannot be claimed against other jobs. Two jobs
    may then fetch the same clip at the same time; the second one changes nothing."""

    def __init__(self, params: SourceParams, policy: RequestPolicy) -> None:
        self.params, self.policy = params, policy

    @abstractmethod
    def address(self, clip: "Clip") -> str:
        """Return the clip's address for its record. It has no path of this machine, because an archive can be moved."""

    @abstractmethod
    def is_current(self, clip: "Clip", record: Record, media: Path) -> bool:
        """Return whether the archive's media are still those that this source would return for the clip.

        Parameters
        ----------
        record, media
            The clip's record, whose outcome is ``ok``, and the path of its media.
        """

    @abstractmethod
    def fetch(self, clip: "Clip", scratch: Path) -> Media:
        """Fetch the media of one clip.

        Parameters
        ----------
        scratch
            An empty folder on the file system of the archive.

        Raises
        ------
        FetchError, MediaError
            If the source does not return usable media; both carry the outcome.
        OSError
            If the disk cannot be read or written.
        """

    def groups(self, clips: Sequence["Clip"]) -> list[list["Clip"]]:
        """Divide the clips of a round into groups. One thread fetches the clips of a group, in order.

        Clips of one video are a group: a whole file serves all of them, and a video that is gone is requested once.
        """
        by_video: dict[str, list[Clip]] = {}
        for clip in clips:
            by_video.setdefault(clip.video_id, []).append(clip)
        return list(by_video.values())

    def unlike(self, clips: Sequence["Clip"]) -> str:
        """Say how the names of this source differ from those of the clips, if it knows and has none of them."""
        return ""

    def names_clip(self, clip_id: str, video_id: str) -> bool:
        """Return whether it has media that are named by this clip, not by its video alone."""
        return False

    @property
    def may_refuse(self) -> bool:
        """Whether a server may ask to be left alone, so that no job asks it until its block has ended."""
        return self.is_remote

    @property
    def client(self) -> str:
        """Name of those whom a block of this source holds for: see :class:`soundsift.media.pace.Pace`."""
        return client_of(self.policy.cookies, self.policy.proxy, self.policy.yt_dlp)

    @property
    def concurrency(self) -> int:
        """Number of groups that are fetched at the same time."""
        return self.policy.concurrency

    # A source that needs no preparation or cleaning up inherits these.

    def prepare(self) -> None:  # noqa: B027
        """Get ready for a request before the clip's turn comes, so that the request is sent without delay."""

    def abort(self) -> None:  # noqa: B027
        """End the requests of all other threads. The threads that wait for them get an error."""

    def close(self) -> None:  # noqa: B027
        """Release everything that the source holds."""


def fill_template(template: str, clip: "Clip") -> str:
    """Fill in a template of ``download.url``.

    Examples
    --------
    >>> from soundsift.metadata.batches import Clip
    >>> clip = Clip("--PJHxphWEs_30000", "--PJHxphWEs", 30.0, 40.0)
    >>> fill_template("https://mirror/{video_id}/{start_seconds}-{end_seconds}.m4a", clip)
    'https://mirror/--PJHxphWEs/30-40.m4a'
    >>> fill_template("file:///vgg/{video_id}_{start_seconds:06.0f}.mp4", clip)
    'file:///vgg/--PJHxphWEs_000030.mp4'
    """
    return template.format(
        video_id=clip.video_id, clip_id=clip.clip_id, file=clip.file,
        start_seconds=_Seconds(clip.start_seconds), end_seconds=_Seconds(clip.end_seconds),
        start_ms=round(clip.start_seconds * 1000), end_ms=round(clip.end_seconds * 1000),
    )  # fmt: skip


class _Seconds(float):
    """Seconds that are formatted to the millisecond without trailing zeros, 30, 4.5 or 12345.678, or as asked for."""

    def __format__(self, form: str) -> str:
        return format(float(self), form) if form else f"{float(self):.3f}".rstrip("0").rstrip(".")


def too_large(max_megabytes: float) -> MediaError:
    """Return the error for media above the size limit."""
    return MediaError(
        "unavailable", f"larger than download.max_megabytes ({max_megabytes:g}): raise it to get this file"
    )


def is_about_storage(error: BaseException) -> bool:
    """Return whether an error is about the disk and not about the clip. yt-dlp wraps system errors in its own."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
    return re.search("No space left|Disk quota exceeded|Read-only file system", str(error)) is not None


def outcome_of(error: OSError) -> str:
    """Return the outcome of a system error that concerns one clip, for example on a network file system."""
    if isinstance(error, TimeoutError):
        return "timeout"
    return "network" if isinstance(error, ConnectionError) else "unrecognised"
