"""Where media come from: files on disk, or the network by yt-dlp."""

import mimetypes
import os
import shutil
from dataclasses import dataclass, field
from glob import escape, glob
from pathlib import Path
from typing import Any

from soundsift.archive import Archive, Record
from soundsift.batches import Clip
from soundsift.errors import MediaError
from soundsift.fetcher import Fetcher, Media


@dataclass(frozen=True)
class Source:
    """What decides which media a clip gets."""

    url: str
    trimmed: bool = False
    sections: bool = True
    margin_seconds: float = 1.0
    max_megabytes: float = 200.0
    retry_permanent: bool = False


@dataclass(frozen=True)
class Manners:
    """How a source is asked; none of it changes what is got."""

    link: bool = True
    concurrency: int = 4
    videos_per_hour: float | None = None
    tries: int = 4
    timeout_seconds: float = 600.0
    block_after: int = 5
    wait_when_blocked: bool = False
    on_transient: str = "fail"
    cookies: str | None = None
    proxy: str | None = None
    yt_dlp: dict[str, Any] = field(default_factory=dict)
    first_pause_seconds: float = 5.0


class LocalFiles:
    """Media on disk: given a second name in the archive, or read where they are, or copied. Asking costs nothing."""

    def __init__(self, source: Source, manners: Manners) -> None:
        self.source, self.link = source, manners.link

    def close(self) -> None:
        """Nothing is held open."""

    def abort(self) -> None:
        """Nothing takes long enough."""

    def find(self, clip: Clip) -> Path | None:
        """Find the one file the template names for a clip; ``.*`` at its end stands for any container."""
        path = clip.url(self.source.url.removeprefix("file://"))
        if not path.endswith(".*"):
            return Path(path) if Path(path).is_file() else None
        found = [name for name in glob(escape(path[:-1]) + "*") if _sounds(name) is not False and Path(name).is_file()]
        # an unknown ending only where there is no other
        return min(map(Path, found), key=lambda path: (not _sounds(path.name), path.name), default=None)

    def is_current(self, clip: Clip, record: Record, archive: Archive) -> bool:
        """Whether the archive holds the file as it stands on disk, or none stands there any more."""
        path = self.find(clip)
        if path is None or record.media is None:
            return path is None and record.outcome == "ok"
        found = path.stat()
        return (
            record.trimmed == self.source.trimmed
            and (record.bytes, record.modified_ns) == (found.st_size, found.st_mtime_ns)
            and (self.link or not path.samefile(archive.root / archive.folder(clip.clip_id) / record.media))
        )

    def __call__(self, clip: Clip, scratch: Path) -> Media:
        path = self.find(clip)
        if path is None:
            raise MediaError("not_found", f"no file {Path(clip.url(self.source.url)).name}")
        if not os.access(path, os.R_OK):
            raise MediaError("forbidden", f"{path.name} may not be read")
        begins = clip.start_seconds if self.source.trimmed else 0.0
        target = scratch / f"media{path.suffix}"
        if not self.link:
            shutil.copy2(path, target)
            return Media(target, begins, whole=True)
        try:
            os.link(path.resolve(), target)
        except OSError:  # another file system, or one without links
            target = path
        return Media(target, begins, whole=True)


def _sounds(name: str) -> bool | None:
    """Whether a file holds sound by its ending; None where that does not say."""
    kind = mimetypes.guess_type(name)[0]
    if name.endswith(".part"):
        return False
    return None if kind is None else kind.startswith(("audio/", "video/", "application/ogg"))


class Network:
    """Media from the network: as many :class:`Fetcher` as ask at the same time, each kept for the next clip."""

    def __init__(self, source: Source, manners: Manners) -> None:
        self.source, self.manners = source, manners
        self._all: list[Fetcher] = []
        self._idle: list[Fetcher] = []

    def close(self) -> None:
        """End every process."""
        for fetcher in self._all:
            fetcher.close()

    def abort(self) -> None:
        """End whatever is under way in other threads."""
        for fetcher in self._all:
            fetcher.kill()

    def _take(self) -> Fetcher:
        try:
            return self._idle.pop()
        except IndexError:
            cookies = self.manners.cookies and str(Path(self.manners.cookies).resolve())
            options = {"cookiefile": cookies, "proxy": self.manners.proxy, **self.manners.yt_dlp}
            fetcher = Fetcher(options, self.manners.timeout_seconds, self.source.max_megabytes)
            self._all.append(fetcher)
            return fetcher

    def prepare(self) -> None:
        """Have a process ready before its turn comes, or its requests would bunch behind its start."""
        fetcher = self._take()
        try:
            fetcher.start()
        finally:
            self._idle.insert(0, fetcher)

    def __call__(self, clip: Clip, scratch: Path) -> Media:
        section = None
        if self.source.sections and not self.source.trimmed:
            margin = self.source.margin_seconds
            section = (max(0.0, clip.start_seconds - margin), clip.end_seconds + margin)
        stretch = (clip.start_seconds, clip.end_seconds)
        fetcher = self._take()
        try:
            return fetcher.fetch(clip.url(self.source.url), stretch, section, self.source.trimmed, scratch)
        finally:
            self._idle.append(fetcher)
