"""The script of the checks of a clean checkout, with an invented make."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[2] / ".ci" / "run"
# `make lint` starts a long process; `make run` fails once that one runs.
MAKE = """#!/bin/sh
case "$1" in
lint) sleep 300 & echo linting; echo $! > child; wait ;;
run) while [ ! -s child ]; do sleep 0.05; done; echo failed; exit 1 ;;
esac
"""


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_after_a_failure_no_step_runs_on_and_the_output_of_all_is_shown(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy2(RUN, tmp_path / ".ci" / "run")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("make", "chromium", "slurmctld", "slurmd", "munged"):
        (programs / name).write_text(MAKE)
        (programs / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    done = subprocess.run([tmp_path / ".ci" / "run"], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "failed" in done.stdout
    assert "=== lint: output until the failure\nlinting\n" in done.stdout
    child = int((tmp_path / "child").read_text())
    give_up = time.monotonic() + 10
    while is_running(child) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not is_running(child)
    assert list(tmp_path.glob("tmp.*")) == [], "the folder of the outputs"
