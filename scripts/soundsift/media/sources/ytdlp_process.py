"""Running yt-dlp in separate processes, so that a transfer can be stopped at any time.

yt-dlp has no time limit for a whole transfer: it waits as long as the server sends a byte now and then. A thread that
waits cannot be stopped, but a process can. Each :class:`Fetcher` keeps one process with one ``YoutubeDL`` and sends it
requests for one clip after the other as lines of JSON. If a clip takes too long or its file becomes too large, the
:class:`Fetcher` kills the process and the ffmpeg that it may have started. A process ends itself when its parent was
killed.
"""

import contextlib
import errno
import json
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any

from soundsift.errors import ConfigError, MediaError
from soundsift.media.sources.base import FetchError, Media, is_about_storage

# M4A is preferred: a section of WebM starts at a cue point up to ten seconds earlier, which is more to download.
FORMAT = "bestaudio[ext=m4a]/bestaudio/best"
SOCKET_TIMEOUT_SECONDS = 20.0
# Seconds of the stretch that may be missing at either end of a section, because sections are cut at packets.
SECTION_TOLERANCE_SECONDS = 0.05
POLL_SECONDS = 0.5
READY = b"ready\n"


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
        self._process: subprocess.Popen[bytes] | None = None

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
        process = self._process
        assert process and process.stdin and process.stdout
        request = {
            "url": url, "stretch": stretch, "section": section, "trimmed": trimmed, "folder": str(folder.resolve()),
        }  # fmt: skip
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            line = self._wait(process, folder)
        except BrokenPipeError:
            line = b""
        except MediaError:
            self.close()
            raise
        if not line:
            self.close()
            raise FetchError("network", "the process that runs yt-dlp ended; see the job's log", 0.0)
        answer = json.loads(line)
        if "storage" in answer:
            raise OSError(errno.ENOSPC, answer["storage"])
        if "outcome" in answer:
            raise FetchError(answer["outcome"], answer["reason"], answer["retry_after_seconds"])
        media = Media(**answer | {"path": Path(answer["path"])})
        if media.path.stat().st_size > self._max_bytes:
            raise self._too_large()
        return media

    def _wait(self, process: "subprocess.Popen[bytes]", folder: Path) -> bytes:
        """Wait for the answer; empty if the process ended."""
        assert process.stdout
        end = time.monotonic() + self._timeout
        with DefaultSelector() as selector:
            selector.register(process.stdout, EVENT_READ)
            while not selector.select(POLL_SECONDS):
                if time.monotonic() > end:
                    raise MediaError("timeout", f"not complete after download.timeout_seconds ({self._timeout:g})")
                if _bytes_in(folder) > self._max_bytes:
                    raise self._too_large()
        return process.stdout.readline()

    def _too_large(self) -> MediaError:
        limit = self._max_bytes / 1e6
        return MediaError("unavailable", f"larger than download.max_megabytes ({limit:g}): raise it to get this file")

    def start(self) -> None:
        """Start the process if there is none, and wait until it is ready, which takes one to two seconds.

        Raises
        ------
        ConfigError
            If yt-dlp does not accept its options.
        """
        if self._process is not None:
            return
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "soundsift.media.sources.ytdlp_process"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])},
        )  # fmt: skip
        assert process.stdin and process.stdout
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(self._options, default=str).encode() + b"\n")
            process.stdin.flush()
        first_line = process.stdout.readline()
        if first_line != READY:
            self.close()
            reason = json.loads(first_line) if first_line else "it ended; see the job's log"
            raise ConfigError(f"yt-dlp cannot be started ({reason}): correct download.yt_dlp, cookies or proxy")

    def kill(self) -> None:
        """Kill the process, from any thread. A thread that waits for its answer gets an error."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process and all processes that it started."""
        if self._process is not None:
            self.kill()
            self._process.communicate()
            self._process = None


def _bytes_in(folder: Path) -> int:
    sizes = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            sizes += path.stat().st_size
    return sizes


class _JobLogger:
    """Sends yt-dlp's messages to the job's log. Errors are not logged here: they are raised as exceptions too."""

    def debug(self, message: str) -> None:
        logging.debug(message)

    def info(self, message: str) -> None:
        logging.debug(message)

    def warning(self, message: str) -> None:
        logging.warning(message)

    def error(self, message: str) -> None:
        logging.debug(message)


class _Server:
    """Answers requests one after the other with one ``YoutubeDL``."""

    def __init__(self, options: dict[str, Any]) -> None:
        import yt_dlp

        self._section: tuple[float, float] | None = None
        defaults: dict[str, Any] = {
            "format": FORMAT,
            "noplaylist": True,
            "logger": _JobLogger(),
            "noprogress": True,
            "color": "no_color",
            "overwrites": True,
            "continuedl": False,
            "socket_timeout": SOCKET_TIMEOUT_SECONDS,
            "retries": 0,
            "extractor_retries": 0,
            "fragment_retries": 0,
            "skip_unavailable_fragments": False,
            "external_downloader_args": {
                # a section keeps the time stamps of the video, so that its true start can be read from the file
                "ffmpeg_o": ["-loglevel", "error", "-vn", "-copyts", "-start_at_zero"],
                # ends a stalled transfer inside ffmpeg (in microseconds)
                "ffmpeg_i": ["-rw_timeout", str(int(SOCKET_TIMEOUT_SECONDS * 1e6))],
            },
            "download_ranges": self._ranges,
        }
        self._ydl = yt_dlp.YoutubeDL(defaults | options)
        # matching the first address compiles the patterns of all sites: one second that must not delay a request
        for extractor in yt_dlp.extractor.gen_extractor_classes():
            extractor.suitable("https://localhost/")

    def answer(
        self, url: str, stretch: tuple[float, float], section: tuple[float, float] | None, trimmed: bool, folder: str
    ) -> dict[str, Any]:
        """Fetch a section, or the whole file if the section is unusable. Return the media or the error as a dict."""
        from yt_dlp.utils import YoutubeDLError

        from soundsift.media.sources.ytdlp_errors import classify, retry_after_seconds

        try:
            found = self._fetch_section(url, Path(folder, "section"), section, stretch) if section else None
            if found is None:
                note = "the section was unusable: the whole file was fetched" if section else ""
                found = self._fetch_whole(url, Path(folder, "whole"), stretch, stretch[0] if trimmed else 0.0, note)
            return asdict(found) | {"path": str(found.path)}
        except MediaError as error:
            return {"outcome": error.outcome, "reason": error.reason, "retry_after_seconds": 0.0}
        except (YoutubeDLError, OSError) as error:
            if is_about_storage(error):
                return {"storage": re.sub(r"^.*\[Errno \d+\] ", "", str(error))}
            outcome, reason = classify(error)
            # the reason is recorded and must not contain a path of this machine
            reason = reason.replace(f"{folder}/", "")
            return {"outcome": outcome, "reason": reason, "retry_after_seconds": retry_after_seconds(error)}

    def _fetch_section(
        self, url: str, stem: Path, section: tuple[float, float], stretch: tuple[float, float]
    ) -> Media | None:
        """Fetch a section; None if that is not possible, or if its time stamps do not cover the stretch."""
        from yt_dlp.utils import DownloadError

        from soundsift.media.decode import held_seconds, span_seconds

        try:
            path, duration = self._fetch(url, stem, section)
        except DownloadError as error:
            if re.search("ffmpeg exited|cannot be partially downloaded|file is empty", str(error)):
                return None
            raise
        span = span_seconds(path) if path else None
        if path is None or span is None:
            return None
        needed_end = min(stretch[1], duration or stretch[1])
        if span[0] > stretch[0] + SECTION_TOLERANCE_SECONDS or span[1] < needed_end - SECTION_TOLERANCE_SECONDS:
            return None
        try:
            return Media(path, *span, held_seconds(path, stretch[0] - span[0], stretch[1] - span[0]))
        except MediaError as error:
            logging.info("%s: %s", url, error.reason)
            return None

    def _fetch_whole(
        self, url: str, stem: Path, stretch: tuple[float, float], begins_seconds: float, note: str
    ) -> Media:
        from soundsift.media.decode import held_seconds, span_seconds

        path, _ = self._fetch(url, stem, None)
        if path is None:
            raise MediaError("corrupt", "the answer is an empty file")
        held = held_seconds(path, stretch[0] - begins_seconds, stretch[1] - begins_seconds)
        span = span_seconds(path)
        return Media(path, begins_seconds, begins_seconds + span[1] if span else None, held, whole=True, note=note)

    def _fetch(self, url: str, stem: Path, section: tuple[float, float] | None) -> tuple[Path | None, float | None]:
        """Fetch a section or the whole file; return the file (None if empty) and the duration that the site states."""
        # the output name is a template in which %, $ and ~ have a meaning, so the folder must not be part of it
        os.chdir(stem.parent)
        self._ydl.params["outtmpl"]["default"] = f"{stem.name}.%(ext)s"
        self._section = section
        info = self._ydl.extract_info(url, download=True)
        if info.get("entries") is not None:
            raise MediaError("corrupt", "the answer is a list of videos, not one")
        path = stem.parent / info["requested_downloads"][0]["filepath"]
        return (path if path.is_file() and path.stat().st_size else None), info.get("duration")

    def _ranges(self, info: dict[str, Any], ydl: object) -> Iterable[dict[str, float]]:
        return [{"start_time": self._section[0], "end_time": self._section[1]}] if self._section else [{}]


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os.killpg(0, signal.SIGKILL)


def serve() -> None:
    """Read the options and then requests, each a line of JSON, until the parent ends."""
    import imageio_ffmpeg

    # answers go to a copy of stdout; what libraries and programs print goes to stderr
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with tempfile.TemporaryDirectory() as programs:
        # yt-dlp fetches sections only if it finds a program named ffmpeg; the packaged one has another name
        Path(programs, "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])
        try:
            server = _Server(json.loads(sys.stdin.readline()))
        except Exception as error:  # yt-dlp raises various errors for invalid options
            answers.write(json.dumps(f"{type(error).__name__}: {error}") + "\n")
            return
        answers.write(READY.decode())
        answers.flush()
        for line in sys.stdin:
            answers.write(json.dumps(server.answer(**json.loads(line))) + "\n")
            answers.flush()


if __name__ == "__main__":
    serve()
