import copy
import os
from pathlib import Path

import pytest
import yaml
from snakemake.settings.types import ConfigSettings
from snakemake.utils import update_config

from soundsift.config.settings import settle
from soundsift.report.ending import LOGS, as_overlay, options_of, report_errors
from tests.pages import ROOT


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
    for name in ("mine.yaml", "dog one.yaml"):
        (tmp_path / name).write_text("{}")
    settings = ConfigSettings(
        config={"download": "{proxy: secret}"}, configfiles=[Path("mine.yaml"), tmp_path / "dog one.yaml"]
    )
    report_errors(1000.0, options=options_of(settings))
    assert capsys.readouterr().err == (
        "soundsift: the disk is full: make room\n"
        "soundsift: this run had --configfile mine.yaml 'dog one.yaml' --config download=...: use it again\n"
    )
    report_errors(2e10, options="--configfile mine.yaml")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "overlay",
    [
        {},
        {"detectors": {"music": None, "speech": None, "dog": ["Dog"]}},
        {"metadata": {"segments": {"train": "a.csv"}, "classes": "own", "columns": {"file": "Datei"}}},
        {
            "metadata": {"segments": {"train": "a.csv"}},
            "download": {"sources": [{"url": "file:///x/{video_id}.wav", "trimmed": True}, {"url": "youtube"}]},
        },
    ],
)
def test_the_written_configuration_is_that_of_the_run_when_it_is_read_after_the_shipped_one(
    overlay: dict[str, object],
) -> None:
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text())
    of_run = settle(merged(shipped, overlay))
    assert settle(merged(shipped, as_overlay(of_run, shipped))) == of_run


def merged(*configs: dict[str, object]) -> dict[str, object]:
    """Merge as Snakemake does."""
    result: dict[str, object] = {}
    for config in configs:
        update_config(result, copy.deepcopy(config))
    return result
