"""Section ``download``: where media come from, and how sources are asked for them."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, MinLen


@dataclass(frozen=True)
class SourceParams:
    """What decides which media a clip gets; a change is a reason to look at every clip again."""

    url: str = ""
    """Empty for YouTube; else a template such as https://mirror/{video_id}.m4a or file:///media/{video_id}.*. The
    fields are {video_id}, {clip_id}, {start_seconds}, {end_seconds}, {start_ms} and {end_ms}. The name of a file on
    disk may end in .* for whatever container is there. In the demo, empty means the demo's own media."""
    trimmed: bool = False
    """true if each file holds only the labelled seconds. The copies of AudioSet that circulate as 10-second files are
    of this kind."""
    sections: bool = True
    """Download only the labelled seconds and the margin where the source allows it."""
    margin_seconds: Annotated[float, Ge(0)] = 1.0
    """Seconds downloaded before and after the labelled seconds."""
    max_megabytes: Annotated[float, Gt(0)] = 200.0
    """Largest file that is downloaded, in 10^6 bytes. It keeps ten-hour streams out; a larger file counts as
    unavailable until the limit is raised."""
    retry_permanent: bool = False
    """true asks again for clips that were found to be gone for good."""


@dataclass(frozen=True)
class RequestPolicy:
    """How a source is asked. It does not change what is received, so a change reruns nothing."""

    link: bool = True
    """Link media on disk instead of copying them. A linked file takes no room in the archive; across file systems it is
    read in place. Set false if the originals will be deleted."""
    concurrency: Annotated[int, Ge(1)] = 4
    """Clips that one download job fetches at the same time."""
    videos_per_hour: Annotated[float, Gt(0)] | None = None
    """Rate limit over all download jobs that share the archive. YouTube tolerates about 300 for a guest. Empty is no
    limit."""
    tries: Annotated[int, Ge(1)] = 4
    """How often one job asks for a clip after a transient failure, with growing pauses."""
    timeout_seconds: Annotated[float, Gt(0)] = 600.0
    """Longest time for one clip and try, in seconds; then the transfer is stopped and tried again."""
    block_after: Annotated[int, Ge(1)] = 5
    """After N refused clips in a row all jobs stop asking for an hour."""
    wait_when_blocked: bool = False
    """true waits while the source blocks us; false fails and says until when. Waiting suits long lists that nobody
    watches."""
    on_transient: Literal["fail", "record"] = "fail"
    """fail or record: what a job does with clips that it could not fetch yet. fail ends the job with an error and asks
    again at the next run; record lists them as missing and goes on."""
    cookies: str | None = None
    """Path of a cookies.txt file for yt-dlp."""
    proxy: str | None = None
    """Address of a proxy for yt-dlp."""
    yt_dlp: dict[str, Any] = field(default_factory=dict)
    """Further options of yt-dlp's Python interface, passed through."""


@dataclass(frozen=True)
class ArchiveParams:
    """Where downloaded media are kept."""

    archive: Annotated[str, MinLen(1)] = "archive"
    """Folder where downloaded media are kept for good. Nothing in it is fetched twice."""


@dataclass(frozen=True)
class DownloadParams(RequestPolicy, ArchiveParams, SourceParams):
    """Where media come from, and how sources are asked for them."""
