"""Runs of snakemake in forks of one process that has imported it. A start takes a second less than a new process.

The server is started with the path of its socket, ``python snakemake_server.py SOCKET``. With arguments after that, this
file is a client that runs snakemake in the working directory. A client sends one line of JSON (working directory,
arguments, file for the output, environment), and gets the exit status as a number when the run has ended. The server
imports packages of third parties, but not ``soundsift``: each run uses the package beside its own Snakefile.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TIMEOUT_SECONDS = 600.0


@contextmanager
def serving(path: Path) -> Iterator[None]:
    """Run the server, with its socket at ``path``, until the block ends."""
    with subprocess.Popen([sys.executable, __file__, str(path)], stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            server.terminate()


def run_snakemake(server: Path, folder: Path, arguments: Sequence[str], output: Path) -> int:
    """Run snakemake in ``folder``, with its messages in the file ``output``; return its exit status."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT_SECONDS)
        client.connect(str(server))
        client.sendall(json.dumps([str(folder), list(arguments), str(output), dict(os.environ)]).encode() + b"\n")
        return int(client.makefile().readline())


def _serve(path: str) -> None:
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import pydantic  # noqa: F401
    from snakemake.cli import get_argument_parser

    get_argument_parser()  # imports all plugins
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _answer(connection)
                return
            connection.close()


def _answer(connection: socket.socket) -> None:
    """Fork a run; send its exit status."""
    lines = connection.makefile()
    folder, arguments, output, environment = json.loads(lines.readline())
    child = os.fork()
    if child:
        connection.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
        return
    connection.close()
    lines.close()
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    from snakemake.cli import main

    sys.argv = ["snakemake", *arguments]
    main(arguments)


def _run_here(server: Path, arguments: Sequence[str]) -> int:
    with tempfile.NamedTemporaryFile("r") as output:
        status = run_snakemake(server, Path.cwd(), arguments, Path(output.name))
        print(output.read())
    return status


if __name__ == "__main__":
    if sys.argv[2:]:
        sys.exit(_run_here(Path(sys.argv[1]), sys.argv[2:]))
    _serve(sys.argv[1])
