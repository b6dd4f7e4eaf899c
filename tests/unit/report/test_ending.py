import os
from pathlib import Path

import pytest

from soundsift.report.ending import LOGS, report_errors


def test_an_error_of_this_run_is_printed_once_and_older_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    report_errors(0.0)
    for name, text in (
        ("a/1.log", "INFO begun\nerror: the disk is full: make room\n"),
        ("a/2.log", "error: the disk is full: make room\n"),
        ("b.log", "INFO all well\n"),
        ("old.log", "error: long mended\n"),
    ):
        (LOGS / name).parent.mkdir(parents=True, exist_ok=True)
        (LOGS / name).write_text(text)
    os.utime(LOGS / "old.log", (1, 1))
    report_errors(1000.0, ["results/a.csv", "results/b"])
    assert capsys.readouterr().err == (
        "soundsift: the disk is full: make room\n"
        "soundsift: as before this run, and outdated: results/a.csv, results/b\n"
    )
