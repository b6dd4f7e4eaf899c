"""Requests for the media of one video, sent by yt-dlp with its proxy, certificates, cookies and headers."""

import random
import re
import sys
import time
from typing import Any

from yt_dlp import YoutubeDL
from yt_dlp.networking import Request
from yt_dlp.networking.exceptions import HTTPError, RequestError
from yt_dlp.utils import DownloadError

from soundsift.media.sources.sections import NoSectionError
from soundsift.media.sources.ytdlp_errors import UNABLE

# Media are read in such pieces, so that a rate limit holds within a second.
PIECE_BYTES = 1 << 14


class MediaRequests:
    """Requests for the media of one video, within the options ``ratelimit``, ``sleep_interval`` and its maximum.

    Parameters
    ----------
    ydl
        Sends the requests.
    info
        What yt-dlp knows of the video and its chosen format.
    """

    def __init__(self, ydl: YoutubeDL, info: dict[str, Any]) -> None:
        self._ydl, self._info, self._url = ydl, info, info["url"]
        self._headers = {**(info.get("http_headers") or {}), "Accept-Encoding": "identity"}
        self._bytes_per_second: float = ydl.params.get("ratelimit") or 0.0

    def wait(self) -> None:
        """Wait until the first request may be sent."""
        least: float = self._ydl.params.get("sleep_interval") or 0.0
        most: float = self._ydl.params.get("max_sleep_interval") or least
        # YouTube refuses a request that comes before an advertisement would have ended
        early = (self._info.get("available_at") or 0.0) - time.time()
        time.sleep(max(0.0, early, random.uniform(least, max(least, most))))

    def range(self, first: int, last: int) -> tuple[bytes, int]:
        """Return the bytes from the first to the last position, and the size of the file.

        Raises
        ------
        NoSectionError
            If the server sends no byte ranges or does not say how large the file is.
        """
        try:
            data, stated = self._get(self._url, last - first + 1, Range=f"bytes={first}-{last}")
        except DownloadError as error:
            if isinstance(error.exc_info[1], HTTPError) and error.exc_info[1].status == 416:
                raise NoSectionError("the server has no such bytes") from error
            raise
        size = re.fullmatch(rf"bytes {first}-\d+/(\d+)", stated)
        if size is None:
            # yt-dlp would ask for ranges of the whole file as well, and cannot do so without its size
            self._info["downloader_options"] = {}
            raise NoSectionError("the server sends no byte ranges, or no size of the file")
        return data, int(size[1])

    def content(self, url: str, most_bytes: int) -> bytes:
        """Return the content of an address.

        Raises
        ------
        NoSectionError
            If it has more than ``most_bytes``.
        """
        data, _ = self._get(url, most_bytes + 1)
        if len(data) > most_bytes:
            raise NoSectionError(f"{url.rpartition('/')[2][:40]} is too large for a section")
        return data

    def _get(self, url: str, most_bytes: int, **headers: str) -> tuple[bytes, str]:
        """Return the beginning of an address's content, and the Content-Range."""
        began = time.monotonic()
        data = bytearray()
        try:
            with self._ydl.urlopen(Request(url, headers=self._headers | headers)) as response:
                stated = response.headers.get("Content-Range") or ""
                # without Content-Range all of a file would follow
                if "Range" in headers and not stated:
                    return b"", ""
                while len(data) < most_bytes and (piece := response.read(min(PIECE_BYTES, most_bytes - len(data)))):
                    data += piece
                    if self._bytes_per_second:
                        time.sleep(max(0.0, began + len(data) / self._bytes_per_second - time.monotonic()))
                return bytes(data), stated
        except RequestError as error:
            raise DownloadError(f"{UNABLE}{error}", sys.exc_info()) from error
