"""Running yt-dlp in separate processes, so that a transfer can be stopped at any time.

yt-dlp has no time limit for a whole transfer: it waits as long as the server sends a byte now and then. A thread that
waits cannot be stopped, but a process can. Each :class:`Fetcher` keeps one process with one ``YoutubeDL`` and sends it
requests for one clip after the other. If a clip takes too long or its file becomes too large, the :class:`Fetcher`
kills the process and whatever it has started. The processes are forks of a :class:`WarmProcess`, and
:mod:`soundsift.media.sources.ytdlp_server` answers the requests.
"""

import contextlib
import errno
import json
import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from soundsift.errors import ConfigError, MediaError
from soundsift.media.sources.base import FetchError, Media, too_large
from soundsift.media.sources.ytdlp_warm import POLL_SECONDS, READY, WarmProcess

_WARM = WarmProcess()


class Fetcher:
    """A process that fetches one clip at a time. It is started by the first request, and again after it was killed.

    Parameters
    ----------
    options
        For ``YoutubeDL``; they override the defaults of this module.
    timeout_seconds
        Longest time for one clip.
    max_megabytes
        Largest size of the file of one clip, in 10^6 bytes.
    """

    def __init__(self, options: dict[str, Any], timeout_seconds: float, max_megabytes: float) -> None:
        self._options, self._timeout, self._max_bytes = options, timeout_seconds, max_megabytes * 1e6
        self._pid = 0
        self._connection: Connection | None = None

    def fetch(
        self, url: str, stretch: tuple[float, float], section: tuple[float, float] | None, trimmed: bool, folder: Path
    ) -> Media:
        """Fetch the media of one clip into ``folder``.

        Parameters
        ----------
        stretch
            Start and end of the labelled stretch, in seconds of the video.
        section
            Start and end of the section to request; None for the whole file.
        trimmed
            True if the whole file begins where the stretch does.

        Raises
        ------
        FetchError
            If the source refuses, fails or returns something that is not media.
        MediaError
            ``timeout`` if the clip took too long, ``unavailable`` if its file became too large.
        OSError
            If the disk is full or cannot be written.
        """
        self.start()
        connection = self._connection
        assert connection
        request = {
            "url": url, "stretch": stretch, "section": section, "trimmed": trimmed, "folder": str(folder.resolve()),
            "max_bytes": self._max_bytes,
        }  # fmt: skip
        try:
            connection.send(request)
            self._wait(connection, folder)
            answer = connection.recv()
        except (EOFError, ConnectionError) as error:
            self.close()
            raise FetchError("network", "the process that runs yt-dlp ended; see the job's log", 0.0) from error
        except MediaError:
            self.close()
            raise
        if "storage" in answer:
            raise OSError(errno.ENOSPC, answer["storage"])
        if "too_large" in answer:
            raise self._too_large()
        if "outcome" in answer:
            raise FetchError(answer["outcome"], answer["reason"], answer["retry_after_seconds"])
        media = Media(**answer | {"path": Path(answer["path"])})
        if media.path.stat().st_size > self._max_bytes:
            raise self._too_large()
        return media

    def _wait(self, connection: Connection, folder: Path) -> None:
        """Wait for the answer or the end of the process."""
        end = time.monotonic() + self._timeout
        while not connection.poll(POLL_SECONDS):
            if time.monotonic() > end:
                raise MediaError("timeout", f"not complete after download.timeout_seconds ({self._timeout:g})")
            if _bytes_in(folder) > self._max_bytes:
                raise self._too_large()

    def _too_large(self) -> MediaError:
        return too_large(self._max_bytes / 1e6)

    def start(self) -> None:
        """Start the process if there is none, and wait until it is ready.

        The first one in a program takes one to two seconds, the others some milliseconds.

        Raises
        ------
        ConfigError
            If yt-dlp does not accept its options.
        """
        if self._connection is not None:
            return
        try:
            self._pid, self._connection = _WARM.fork()
            # values such as dates become text
            options = json.loads(json.dumps(self._options, default=str))
            self._connection.send({"options": options, "environment": dict(os.environ), "folder": os.getcwd()})
            answer = self._connection.recv()
        except (EOFError, ConnectionError):
            answer = "it ended; see the job's log"
        if answer != READY:
            self.close()
            raise ConfigError(f"yt-dlp cannot be started ({answer}): correct download.yt_dlp, cookies or proxy")

    def kill(self) -> None:
        """Kill the process, from any thread. A thread that waits for its answer gets an error."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process and all processes that it started."""
        self.kill()
        self._pid = 0
        if self._connection is not None:
            # the end of the connection is the end of the process
            with contextlib.suppress(EOFError, ConnectionError):
                while True:
                    self._connection.recv()
            self._connection.close()
            self._connection = None


def _bytes_in(folder: Path) -> int:
    sizes = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            sizes += path.stat().st_size
    return sizes
