"""The log file of a job: progress, warnings, output of external programs, and the traceback of a failure."""

import errno
import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

from soundsift.errors import SoundsiftError


class _Said(logging.Handler):
    """The messages of a logger so far."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def job_log(path: str | Path) -> Iterator[list[str]]:
    """Write logging, stderr and tracebacks of the enclosed block to ``path``.

    Warnings of the logger ``soundsift`` are shown on the terminal too, and are the list that is yielded. An exception
    ends the process with exit status 1 and a last line in the log that begins with ``error:``. Before it is the
    traceback of an exception that is no :class:`SoundsiftError`. The end of the run prints these lines:
    :func:`soundsift.report.ending.report_errors`.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    terminal = os.dup(2)
    with open(path, "w", buffering=1, encoding="utf-8") as log, redirect_stderr(log):
        # external programs and C libraries write to file descriptor 2, not to sys.stderr
        os.dup2(log.fileno(), 2)
        in_file = logging.StreamHandler(log)
        in_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        root = logging.getLogger()
        before = root.handlers[:], root.level
        root.handlers[:] = [in_file]
        root.setLevel(logging.INFO)
        logging.captureWarnings(True)
        on_terminal = logging.StreamHandler(os.fdopen(os.dup(terminal), "w", encoding="utf-8"))
        on_terminal.setFormatter(logging.Formatter("soundsift: %(message)s"))
        on_terminal.setLevel(logging.WARNING)
        said = _Said()
        for handler in (on_terminal, said):
            logging.getLogger("soundsift").addHandler(handler)
        try:
            yield said.lines
        except SoundsiftError as error:
            log.write(f"error: {error}\n")
            sys.exit(1)
        except Exception as error:
            log.write(traceback.format_exc())
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                log.write(
                    f"error: the disk is full ({error.filename or path}): free space and run the same command again\n"
                )
                sys.exit(1)
            line = f"error: unexpected {type(error).__name__}: {error}".splitlines()[0]
            log.write(f"{line} (traceback in {path})\n")
            sys.exit(1)
        finally:
            for handler in (on_terminal, said):
                logging.getLogger("soundsift").removeHandler(handler)
            on_terminal.stream.close()
            logging.captureWarnings(False)
            root.handlers[:] = before[0]
            root.setLevel(before[1])
            os.dup2(terminal, 2)
            os.close(terminal)


class Progress:
    """Log the progress of a batch: items done, rate and time left.

    Parameters
    ----------
    what
        Verb for the message, such as ``converted``.
    n_wanted
        Number of items in the batch.
    every_seconds
        Shortest time between two messages. The last item is always logged.
    """

    def __init__(self, what: str, n_wanted: int, every_seconds: float = 10.0) -> None:
        self._what, self._n_wanted, self._every = what, n_wanted, every_seconds
        self._n_done = 0
        self._started = self._reported = time.monotonic()

    def step(self) -> None:
        """Count one more item as done."""
        self._n_done += 1
        now = time.monotonic()
        if now - self._reported < self._every and self._n_done < self._n_wanted:
            return
        self._reported = now
        seconds = now - self._started
        left = seconds / self._n_done * (self._n_wanted - self._n_done)
        logging.info(
            "%s: %d of %d, %.1f a second, %.0f s left",
            self._what, self._n_done, self._n_wanted, self._n_done / max(seconds, 1e-9), left,
        )  # fmt: skip
