"""Section ``download``: the source of the media, the requests to it, and the archive."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, MinLen

from soundsift.config.pick import pick


@dataclass(frozen=True)
class SourceEntry:
    """One of several sources."""

    url: Annotated[str, MinLen(1)]
    """As download.url; youtube for YouTube."""
    trimmed: bool = False
    """As download.trimmed."""


@dataclass(frozen=True)
class SourceParams:
    """The source and what is downloaded from it. After a change the outcome of every clip is determined again."""

    url: str = ""
    """Empty for YouTube; or https://mirror/{video_id}.m4a or file:///media/{video_id}.*. Empty also stands for the
    files that a list names, with paths relative to the list. The fields of such a template are {video_id}, {clip_id},
    {file} (as the list names it), {start_seconds}, {end_seconds}, {start_ms} and {end_ms}. Times take a format, such
    as {start_seconds:06.0f} for 000030. The name of a file on disk may end in .* if the container varies. Parquet and
    tar shards are named without fields: file:///data/*.parquet, hf://datasets/OWNER/NAME/*.tar. In the demo, empty
    means the demo's own media."""
    trimmed: bool = False
    """true if each file holds only the labelled seconds. Copies of AudioSet in 10-second files are of this kind."""
    sections: bool = True
    """Download only the labelled seconds and the margin where the source allows it."""
    margin_seconds: Annotated[float, Ge(0)] = 1.0
    """Seconds downloaded before and after the labelled seconds."""
    max_megabytes: Annotated[float, Gt(0)] = 200.0
    """Largest file that is downloaded, in 10^6 bytes. A larger file, such as a ten-hour stream, counts as unavailable
    until the limit is raised."""
    retry_permanent: bool = False
    """true requests permanently unavailable clips again."""


@dataclass(frozen=True)
class RequestPolicy:
    """How requests are sent to the source. This does not change what is received, so a change reruns nothing."""

    link: bool = True
    """Link media on disk instead of copying them; false if the originals will be deleted. A linked file takes no room
    in the archive. Media on another file system are not linked but read in place."""
    concurrency: Annotated[int, Ge(1)] = 4
    """Clips that one download job downloads at the same time."""
    videos_per_hour: Annotated[float, Gt(0)] | None = None
    """Rate limit in videos per hour, over all jobs; keep it under 300 for YouTube. It applies to all jobs that share
    the archive. YouTube tolerates about 300 without an account. Empty means no limit."""
    tries: Annotated[int, Ge(1)] = 4
    """Number of attempts at a clip in one job, as long as the failures are transient. The pauses between
    the attempts grow."""
    timeout_seconds: Annotated[float, Gt(0)] = 600.0
    """Time limit for one attempt at a clip, in seconds. Then the transfer is stopped and tried again."""
    block_after: Annotated[int, Ge(1)] = 5
    """After this many refused clips in a row, all jobs pause for an hour. The refusals of the last hour are counted
    over all jobs that share the archive."""
    wait_when_blocked: bool = False
    """true: jobs wait until a pause (block_after) has ended; false: they fail at once. The error states when the pause
    ends. Waiting suits long, unattended runs."""
    on_transient: Literal["fail", "record"] = "fail"
    """fail or record: how a job treats clips that failed for a transient reason. fail ends the job with an error, and
    the next run requests the clips again. record lists them as missing and continues."""
    cookies: str | None = None
    """Path of a cookies.txt file for yt-dlp."""
    proxy: str | None = None
    """Address of a proxy for yt-dlp."""
    yt_dlp: dict[str, Any] = field(default_factory=dict)
    """Further options of yt-dlp's Python interface, passed through. Options that are unknown, have the wrong type or
    would have no effect here are refused."""


@dataclass(frozen=True)
class ArchiveParams:
    """Where downloaded media are kept."""

    archive: Annotated[str, MinLen(1)] = "archive"
    """Folder where downloaded media are kept permanently. Nothing in it is downloaded twice."""


@dataclass(frozen=True)
class SourceList:
    """Several sources."""

    sources: list[SourceEntry] | None = None
    """Several sources in order of preference, a list of {url, trimmed}, instead of these two. Each clip is taken from
    the first source that has it."""


# The bases are listed in reverse order: the keys of the last one come first.
@dataclass(frozen=True)
class DownloadParams(RequestPolicy, ArchiveParams, SourceList, SourceParams):
    """Source of the media, and how requests are sent to it."""


def sources_of(download: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the parameters of each source in order of preference, from a settled section ``download``."""
    short = pick(SourceParams, download)
    return [short | dict(entry) for entry in download["sources"]] if download["sources"] else [short]


def places_of_files(download: Mapping[str, Any]) -> list[str] | None:
    """List where the files that a list names may be on disk, as paths with the field ``{file}``.

    None if no source says so: paths then count from the folder of the list.
    """
    urls = [one["url"] for one in sources_of(download) if "{file}" in one["url"]]
    on_disk = [url.removeprefix("file://") for url in urls if url.startswith("file://")]
    return [path for path in on_disk if path.count("{") == 1] if urls else None
