"""What a run does when it has come to its end: the report, and a few lines on the terminal."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SUMMARY = Path("results/summary.txt")
REPORT = Path("results/report.html")


def conclude(started: float, arguments: Sequence[str]) -> None:
    """Write the report and show the summary, if this run made one.

    Snakemake's own --report-after-run would try the same after a dry run or a run that makes only a part, and fail.

    Parameters
    ----------
    started
        When the run began, in seconds since 1970.
    arguments
        What snakemake was called with, so that the report is of the same configuration and targets.
    """
    if not SUMMARY.is_file() or SUMMARY.stat().st_mtime < started:
        return
    command = [sys.executable, "-m", "snakemake", *arguments, "--nolock", "--report", str(REPORT)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        print(f"soundsift: the report could not be made:\n{done.stderr}", file=sys.stderr)
    print(f"\n{SUMMARY.read_text(encoding='utf-8')}", file=sys.stderr)
