"""What a run does when it has come to its end: the report, and a few lines on the terminal."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

SUMMARY = Path("results/summary.txt")
PROVENANCE = Path("results/provenance.html")
SETTLED = Path("results/config.yaml")
REPORT = Path("results/report.html")
LOGS = Path("results/logs")


def shareable(config: Mapping[str, Any]) -> str:
    """The configuration as YAML, without what may let others in and what no result of the report depends on."""
    download = dict(config["download"])
    download |= {key: "(set)" for key in ("proxy", "cookies") if download[key]}
    download["yt_dlp"] = dict.fromkeys(download["yt_dlp"], "(set)")
    told = {key: value for key, value in config.items() if key != "recordings"}
    return yaml.safe_dump(told | {"download": download}, sort_keys=False)


def complain(started: float) -> None:
    """Say once more, at the end, what failed: our one line stands above many of Snakemake's."""
    logs = [path for path in LOGS.rglob("*.log") if path.stat().st_mtime >= started]
    said = {line for path in sorted(logs) for line in _errors(path)}
    for line in sorted(said):
        print(f"soundsift: {line}", file=sys.stderr)


def _errors(log: Path) -> list[str]:
    prefix = "error: "
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


def conclude(started: float, snakefile: str, config: Mapping[str, Any]) -> None:
    """Write the settled configuration and the report, and show the summary, if this run came to it.

    Snakemake's own --report-after-run would try the same after a dry run or a run that makes only a part, and fail.

    Parameters
    ----------
    started
        When the run began, in seconds since 1970.
    snakefile
        The workflow's entry file.
    config
        As the run had it; it is read back from ``results/config.yaml``, so that the report is of the same run.
    """
    made = [path.stat().st_mtime for path in (SUMMARY, PROVENANCE) if path.is_file()]
    if len(made) < 2 or max(made) < started:
        return
    SETTLED.write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--configfile", str(SETTLED)]
    style = Path(snakefile).parent / "workflow" / "report" / "report.css"
    command += ["--nolock", "--report", str(REPORT), "--report-stylesheet", str(style)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        REPORT.unlink(missing_ok=True)
        print(f"soundsift: the report could not be made:\n{done.stderr}", file=sys.stderr)
    print(f"\n{SUMMARY.read_text(encoding='utf-8')}", file=sys.stderr)
