"""Media from the network, fetched by yt-dlp."""

from pathlib import Path

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.media.archive import Record
from soundsift.media.sources.base import Media, Source, fill_template
from soundsift.media.sources.ytdlp_process import Fetcher
from soundsift.metadata.batches import Clip


class YtDlpSource(Source):
    """Media from YouTube or any other address that yt-dlp can fetch.

    Each of the requests that run at the same time has its own :class:`Fetcher` process. Processes are used again for
    later clips.
    """

    is_remote = True

    def __init__(self, params: SourceParams, policy: RequestPolicy) -> None:
        super().__init__(params, policy)
        self._all: list[Fetcher] = []
        self._idle: list[Fetcher] = []

    def address(self, clip: Clip) -> str:
        """Return the address that yt-dlp is given."""
        return fill_template(self.params.url, clip)

    def is_current(self, clip: Clip, record: Record, media: Path) -> bool:
        """Return whether the media hold the labelled stretch. A video does not change, so the source is not asked."""
        return record.trimmed == self.params.trimmed and (record.whole or record.end_seconds >= clip.end_seconds)

    def fetch(self, clip: Clip, scratch: Path) -> Media:
        """Fetch the labelled section with its margin; the whole file if sections are not wanted or not possible."""
        section = None
        if self.params.sections and not self.params.trimmed:
            margin = self.params.margin_seconds
            section = (max(0.0, clip.start_seconds - margin), clip.end_seconds + margin)
        stretch = (clip.start_seconds, clip.end_seconds)
        fetcher = self._take()
        try:
            return fetcher.fetch(self.address(clip), stretch, section, self.params.trimmed, scratch)
        finally:
            self._idle.append(fetcher)

    def prepare(self) -> None:
        """Start a process before the clip's turn comes.

        Otherwise requests would wait for their processes to start, and several could then be sent at the same moment.
        """
        fetcher = self._take()
        try:
            fetcher.start()
        finally:
            self._idle.insert(0, fetcher)

    def abort(self) -> None:
        """Kill every process."""
        for fetcher in self._all:
            fetcher.kill()

    def close(self) -> None:
        """End every process."""
        for fetcher in self._all:
            fetcher.close()

    def _take(self) -> Fetcher:
        try:
            return self._idle.pop()
        except IndexError:
            cookies = self.policy.cookies and str(Path(self.policy.cookies).resolve())
            options = {"cookiefile": cookies, "proxy": self.policy.proxy, **self.policy.yt_dlp}
            fetcher = Fetcher(options, self.policy.timeout_seconds, self.params.max_megabytes)
            self._all.append(fetcher)
            return fetcher
