"""The warm process: a program that has imported yt-dlp, and forks a copy of itself whenever one is needed.

Importing yt-dlp and compiling its patterns takes a second of CPU time, so it is done once. The warm process ends when
its parent does, and its forks end when the warm process does. The standard library's forkserver is not used: its
processes run the main module again, which is Snakemake's script, and have the environment and the log that were current
when the first one was started.
"""

import atexit
import contextlib
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
from typing import NoReturn

POLL_SECONDS = 0.5
READY = "ready"
PID_BYTES = 8


class WarmProcess:
    """A process that has imported yt-dlp and forks a copy of itself on request."""

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
                [sys.executable, "-P", "-m", "soundsift.media.sources.ytdlp_warm", str(theirs.fileno())],
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
