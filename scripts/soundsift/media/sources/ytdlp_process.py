"""Running yt-dlp in separate processes, so that a transfer can be stopped at any time.

yt-dlp has no time limit for a whole transfer: it waits as long as the server sends a byte now and then. A thread that
waits cannot be stopped, but a process can. Each :class:`Fetcher` keeps one process with one ``YoutubeDL`` and sends it
requests for one clip after the other. If a clip takes too long or its file becomes too large, the :class:`Fetcher`
kills the process and whatever it has started. :mod:`soundsift.media.sources.ytdlp_server` answers the requests.

Importing yt-dlp and compiling its patterns takes a second of CPU time, so it is done once: the processes are forks of
one warm process, which this module starts as a program. The warm process ends when its parent does, and the others end
when the warm process does. The standard library's forkserver is not used: its processes run the main module again,
which is Snakemake's script, and have the environment and the log that were current when the first one was started.
"""

import atexit
import contextlib
import errno
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from soundsift.errors import ConfigError, MediaError
from soundsift.media.sources.base import FetchError, Media

POLL_SECONDS = 0.5
READY = "ready"
PID_BYTES = 8


class _WarmProcess:
    """A process that has imported yt-dlp and forks a copy of itself for each :class:`Fetcher`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def fork(self) -> tuple[int, Connection]:
        """Fork a process, whose stderr is the one of this process; return its id and the connection to it.

        The process leads a process group of its own.

        Raises
        ------
        EOFError, ConnectionError
            If the warm process ended. The next call starts a new one.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._end()
                self._start()
            assert self._requests
            ours, theirs = Pipe()
            try:
                with theirs:
                    socket.send_fds(self._requests, [b"."], [theirs.fileno(), 2])
                pid = self._requests.recv(PID_BYTES)
                if not pid:
                    raise EOFError
            except BaseException:  # a later call must not receive this answer
                ours.close()
                self._end()
                raise
            return int.from_bytes(pid), ours

    def _start(self) -> None:
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                # -P: modules are not looked for in the working folder, which is the user's
                [sys.executable, "-P", "-m", "soundsift.media.sources.ytdlp_process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True,
                env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])},
            )  # fmt: skip
        atexit.register(self._end)

    def _end(self) -> None:
        atexit.unregister(self._end)
        if self._requests and self._process:
            self._requests.close()
            self._process.wait()
        self._requests = self._process = None


_WARM = _WarmProcess()


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
        limit = self._max_bytes / 1e6
        return MediaError("unavailable", f"larger than download.max_megabytes ({limit:g}): raise it to get this file")

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


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os.killpg(0, signal.SIGKILL)


def _serve(connection: Connection) -> None:
    """Receive the options and then requests, until the parent closes the connection."""
    from soundsift.media.sources.ytdlp_server import Server

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    given = connection.recv()
    os.environ.clear()
    os.environ.update(given["environment"])
    os.chdir(given["folder"])
    try:
        server = Server(given["options"])
    except Exception as error:  # yt-dlp raises various errors for invalid options
        connection.send(str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}")
        return
    connection.send(READY)
    while True:
        connection.send(server.answer(**connection.recv()))


def _run_fork(connection_fd: int, log_fd: int, warm_pid: int) -> NoReturn:
    """Be a forked process: never return to the code of the warm process."""
    try:
        # what libraries and programs print goes to the log
        for fd in (1, 2):
            os.dup2(log_fd, fd)
        os.close(log_fd)
        threading.Thread(target=_end_with_parent, args=(warm_pid,), daemon=True).start()
        with contextlib.suppress(EOFError, ConnectionError):
            _serve(Connection(connection_fd))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def run_warm(requests: socket.socket) -> None:
    """Be the warm process: import yt-dlp, and fork for each message until the parent ends."""
    import yt_dlp

    # for the forks; it must not start a thread, because a lock that a thread holds stays locked in a fork
    from soundsift.media.sources import ytdlp_server  # noqa: F401

    # matching an address compiles the patterns of all sites
    address = "https://localhost/"
    for extractor in yt_dlp.extractor.gen_extractor_classes():
        extractor.suitable(address)
    # yt-dlp loads the code of a site when it is used
    with yt_dlp.YoutubeDL({"quiet": True}) as client:
        for name in ("Youtube", "Generic"):
            client.get_info_extractor(name).suitable(address)
    # Forks that have ended are not waited for. Their ids stay taken, so a late kill never meets another process.
    warm_pid = os.getpid()
    while (message := socket.recv_fds(requests, 1, 2))[0]:
        connection_fd, log_fd = message[1]
        pid = os.fork()
        if pid == 0:
            requests.close()
            _run_fork(connection_fd, log_fd, warm_pid)
        os.close(connection_fd)
        os.close(log_fd)
        # here and not in the child, so that the group exists before anyone knows the child
        with contextlib.suppress(ProcessLookupError):
            os.setpgid(pid, pid)
        requests.sendall(pid.to_bytes(PID_BYTES))


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as parent:
        run_warm(parent)
