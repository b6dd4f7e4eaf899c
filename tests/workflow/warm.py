"""Runs of snakemake and of the workflow's scripts in forks of processes that have imported what they need.

Most of the time of a small run goes into imports: two seconds for each start of snakemake, up to five for each job.
Therefore two servers run beside the tests, one for snakemake and one for scripts. Each imports packages of third parties
once, and forks for every request. None imports ``soundsift``: each run uses the package beside its own Snakefile.

A request is a line of JSON (working directory, arguments, environment) with the file descriptors for stdout and stderr. The
answer is the exit status. There is none if the fork was killed. If the one that asks is killed, so are the fork and its
children.

``warm.py FOLDER KIND`` starts a server and ends when the server is ready. The program ``FOLDER/python`` is a client. It takes the place of the Python
interpreter for Snakemake: scripts and ``-m snakemake`` run in forks, anything else in a new process.
"""

import atexit
import fcntl
import gc
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

TIMEOUT_SECONDS = 1800.0
KILLED = 137


def run(folder: Path, kind: str, arguments: Sequence[str], output: Sequence[int] = (1, 2), cwd: str | Path = "") -> int:
    """Run snakemake or a script in a fork of the server of this folder; return its exit status."""
    request = json.dumps([str(cwd) or os.getcwd(), list(arguments), dict(os.environ)])
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(str(folder / kind))
        socket.send_fds(connection, [b"."], output)
        connection.sendall(request.encode() + b"\n")
        return int(connection.makefile().readline() or KILLED)


def start(folder: Path, kind: str) -> None:
    """Start a server, if it does not run yet. It ends with :func:`stop`."""
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / kind).exists():
            return
        client = folder / "python"
        client.write_text(f"#!{sys.executable} -IS\n" + Path(__file__).read_text())
        client.chmod(0o755)
        # as soundsift/__init__.py, because libraries read these variables when they are imported
        names = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMBA_NUM", "TF_NUM_INTRAOP")
        environment = os.environ | {f"{name}_THREADS": "1" for name in names} | {"TF_CPP_MIN_LOG_LEVEL": "2"}
        subprocess.run(
            [sys.executable, __file__, str(folder), kind], env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip


def stop(folder: Path) -> None:
    """End the servers of this folder."""
    for pid in folder.glob("*.pid"):
        os.kill(int(pid.read_text()), signal.SIGTERM)


def _import_for_snakemake() -> None:
    import nbformat  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import pydantic  # noqa: F401
    import smart_open  # noqa: F401
    from snakemake.cli import get_argument_parser

    get_argument_parser()  # imports all plugins


def _import_for_scripts() -> None:
    import av  # noqa: F401
    import keras  # noqa: F401
    import librosa.filters
    import librosa.util.utils  # noqa: F401, compiled functions that librosa loads when it needs them
    import matplotlib.pyplot  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import scipy.signal  # noqa: F401
    import sklearn.linear_model
    import sklearn.model_selection  # noqa: F401
    import snakemake.iocontainers
    import snakemake.logging  # noqa: F401


def _snakemake(folder: Path, arguments: list[str]) -> None:
    from snakemake.cli import main

    if "--workflow-profile" not in arguments:  # a cluster starts jobs as it does for users
        sys.executable = str(folder / "python")  # Snakemake starts scripts with it
    sys.argv = ["snakemake", *arguments]
    main(arguments)


def _script(folder: Path, arguments: list[str]) -> None:
    import runpy

    sys.argv = arguments
    sys.path[:1] = [str(Path(arguments[0]).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    runpy.run_path(arguments[0], run_name="__main__")


KINDS = {"snakemake": (_import_for_snakemake, _snakemake), "script": (_import_for_scripts, _script)}


def _serve(folder: Path, kind: str) -> None:
    make_warm, program = KINDS[kind]
    make_warm()
    gc.freeze()  # a collection would write to all pages that the forks share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / kind))
        server.listen()
        if server_pid := os.fork():
            (folder / f"{kind}.pid").write_text(str(server_pid))
            os._exit(0)
        os.setsid()
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _answer(connection, folder, program)
            connection.close()


def _answer(connection: socket.socket, folder: Path, program: Callable[[Path, list[str]], None]) -> None:
    """Run the program in this process and send its exit status."""
    status = 1
    try:
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 2)
        with connection.makefile() as lines:
            cwd, arguments, environment = json.loads(lines.readline())
        for descriptor, given in zip((1, 2), descriptors, strict=True):
            os.dup2(given, descriptor)
            os.close(given)
        os.setpgrp()
        threading.Thread(target=_end_with, args=[connection], daemon=True).start()
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(environment)
        program(folder, arguments)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        logging.getLogger().handlers.clear()
        sys.excepthook(*sys.exc_info())
    finally:
        # what the interpreter does at its end, without taking down its modules, which would take a second
        threading._shutdown()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        connection.sendall(f"{status}\n".encode())
        os._exit(status)


def _end_with(connection: socket.socket) -> None:
    """Kill this process and its children as soon as the other side of the connection is gone."""
    with suppress(OSError):
        connection.recv(1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[0].endswith("/python"):
        here = Path(sys.argv[0]).parent
        if sys.argv[1:3] == ["-m", "snakemake"]:
            sys.exit(run(here, "snakemake", sys.argv[3:]))
        if sys.argv[1].endswith(".py"):
            sys.exit(run(here, "script", sys.argv[1:]))
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    _serve(Path(sys.argv[1]), sys.argv[2])
