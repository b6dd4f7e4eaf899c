"""The end of a run: write the report, and show the summary or the errors on the terminal."""

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
    """Format the configuration as YAML for publication.

    Cookies, proxy and the options of yt-dlp may contain credentials and are replaced by ``(set)``. The folder of
    recordings is omitted, because no result of the report depends on it.
    """
    download = dict(config["download"])
    download |= {key: "(set)" for key in ("proxy", "cookies") if download[key]}
    download["yt_dlp"] = dict.fromkeys(download["yt_dlp"], "(set)")
    published = {key: value for key, value in config.items() if key != "recordings"}
    return yaml.safe_dump(published | {"download": download}, sort_keys=False)


def report_errors(started: float) -> None:
    """Repeat the error messages of this run on the terminal, each once.

    The message of a failed job is followed by many lines of Snakemake, so it is easily missed.

    Parameters
    ----------
    started
        Start of the run, in seconds since 1970. Older logs are ignored.
    """
    logs = [path for path in LOGS.rglob("*.log") if path.stat().st_mtime >= started]
    messages = {line for path in sorted(logs) for line in _errors(path)}
    for line in sorted(messages):
        print(f"soundsift: {line}", file=sys.stderr)


def _errors(log: Path) -> list[str]:
    prefix = "error: "
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


def write_report(started: float, snakefile: str, config: Mapping[str, Any]) -> None:
    """Write the completed configuration and the report, and show the summary.

    Nothing is done if this run has not made the summary and the provenance page. Snakemake's option --report-after-run
    is not used: it also runs after a dry run or a run of a few targets, and fails there.

    Parameters
    ----------
    started
        Start of the run, in seconds since 1970.
    snakefile
        Path of the Snakefile.
    config
        Configuration of the run. The report reads it from ``results/config.yaml`` and so uses the same configuration.
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
        print(f"soundsift: the report could not be written:\n{done.stderr}", file=sys.stderr)
    print(f"\n{SUMMARY.read_text(encoding='utf-8')}", file=sys.stderr)
