"""Media from the network, by yt-dlp."""

from pathlib import Path

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.media.sources.base import Media
from soundsift.media.sources.ytdlp_process import Fetcher
from soundsift.metadata.batches import Clip


class Network:
    """Media from the network: as many :class:`Fetcher` as ask at the same time, each kept for the next clip."""

    def __init__(self, source: SourceParams, policy: RequestPolicy) -> None:
        self.source, self.policy = source, policy
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
            cookies = self.policy.cookies and str(Path(self.policy.cookies).resolve())
            options = {"cookiefile": cookies, "proxy": self.policy.proxy, **self.policy.yt_dlp}
            fetcher = Fetcher(options, self.policy.timeout_seconds, self.source.max_megabytes)
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
