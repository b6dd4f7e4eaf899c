import errno
import logging
import os
import sys
import warnings
from pathlib import Path

import pytest

from soundsift import joblog
from soundsift.errors import InputError
from soundsift.joblog import Progress, job_log


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(joblog, "time", clock)
    return clock


def test_a_full_disk_is_said_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), job_log(tmp_path / "job.log"):
        raise OSError(errno.ENOSPC, "No space left on device", "results/features.parquet")
    last = (tmp_path / "job.log").read_text().splitlines()[-1]
    assert last == "error: the disk is full (results/features.parquet): free space and run the same command again"


def test_an_expected_error_is_one_line_in_the_log_and_left_to_the_end_of_the_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end, job_log(tmp_path / "job.log"):
        print("chatter", file=sys.stderr)
        raise InputError("list.csv, line 3: a “segment” is written as so and so")
    assert end.value.code == 1
    assert capfd.readouterr().err == ""
    text = (tmp_path / "job.log").read_text(encoding="utf-8")
    assert text.endswith("\nerror: list.csv, line 3: a “segment” is written as so and so\n")
    assert "Traceback" not in text


def test_an_unexpected_error_is_a_traceback_and_one_line_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit), job_log(tmp_path / "job.log"):
        _ = 1 // len([])
    text = (tmp_path / "job.log").read_text(encoding="utf-8")
    assert text.startswith("Traceback (most recent call last)")
    assert "_ = 1 // len([])" in text
    assert "ZeroDivisionError" in text
    assert text.splitlines()[-1].startswith("error: unexpected ZeroDivisionError: ")
    assert text.endswith(f"(traceback in {tmp_path / 'job.log'})\n")
    assert capfd.readouterr().err == ""


def test_logging_warnings_prints_and_output_of_programs_go_to_the_log_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings(), job_log(tmp_path / "job.log"):
        warnings.simplefilter("always")
        logging.info("three clips")
        warnings.warn("an odd clip", stacklevel=1)
        print("a print", file=sys.stderr)
        os.write(2, b"a program\n")
    text = (tmp_path / "job.log").read_text(encoding="utf-8")
    for said in ("INFO three clips\n", "an odd clip", "a print\n", "a program\n"):
        assert said in text
    assert capfd.readouterr().err == ""


def test_warnings_are_on_the_terminal_and_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with job_log(tmp_path / "job.log") as said:
        logging.getLogger("soundsift").warning("%d odd clips", 3)
        logging.warning("of a library")
    assert said == ["3 odd clips"]
    assert capfd.readouterr().err == "soundsift: 3 odd clips\n"


@pytest.mark.parametrize("error", [None, InputError("bad"), ValueError("bad")])
def test_the_terminal_and_logging_are_as_before_after_the_job(
    error: Exception | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = sys.stderr
    root = logging.getLogger()
    log_before = root.handlers[:], root.level, warnings.showwarning
    n_open = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    try:
        with job_log(tmp_path / "job.log"):
            if error is not None:
                raise error
    except (SystemExit, ValueError):
        capfd.readouterr()
    assert sys.stderr is before
    assert (root.handlers, root.level, warnings.showwarning) == log_before
    os.write(2, b"on the terminal\n")
    assert capfd.readouterr().err == "on the terminal\n"
    assert "on the terminal" not in (tmp_path / "job.log").read_text(encoding="utf-8")
    assert n_open is None or len(os.listdir("/proc/self/fd")) == n_open


def test_a_log_is_created_with_its_folder_and_overwritten(tmp_path: Path) -> None:
    for said in ("first", "second"):
        with job_log(str(tmp_path / "logs" / "step" / "job.log")):
            logging.info(said)
    text = (tmp_path / "logs" / "step" / "job.log").read_text(encoding="utf-8")
    assert "second" in text
    assert "first" not in text


def test_progress_is_logged_at_most_every_ten_seconds_and_at_the_end(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    progress = Progress("converted", 30)
    for _ in range(30):
        clock.now += 1
        progress.step()
    assert caplog.messages == [
        "converted: 10 of 30, 1.0 a second, 20 s left",
        "converted: 20 of 30, 1.0 a second, 10 s left",
        "converted: 30 of 30, 1.0 a second, 0 s left",
    ]


def test_progress_is_logged_if_no_time_has_passed(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Progress("converted", 1).step()
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("converted: 1 of 1, ")


def test_warnings_of_the_package_are_on_the_terminal_and_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with job_log(tmp_path / "job.log"):
        logging.getLogger("soundsift").warning("2 rows repeat a clip")
        logging.getLogger("soundsift").info("as usual")
    assert capfd.readouterr().err == "soundsift: 2 rows repeat a clip\n"
    assert "2 rows repeat a clip" in (tmp_path / "job.log").read_text()
