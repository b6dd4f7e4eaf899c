"""The end of a run: write the report, and print the summary or the errors."""

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from snakemake.settings.types import ConfigSettings

SUMMARY = Path("results/summary.txt")
PROVENANCE = Path("results/provenance.html")
# The configuration of the working directory, and that of the run.
BASE = Path("config.yaml")
CONFIG = Path("results/config.yaml")
REPORT = Path("results/report.html")
# The files that the end of a complete run writes.
MADE_LAST = (CONFIG, REPORT)
LOGS = Path("results/logs")


def shareable(config: Mapping[str, Any]) -> str:
    """Write the configuration as YAML without secrets.

    A proxy, cookies and values of yt-dlp options are replaced by ``(set)``. ``recordings`` is left out, because no
    result in the report depends on it.
    """
    download = dict(config["download"])
    download |= {key: "(set)" for key in ("proxy", "cookies") if download[key]}
    download["yt_dlp"] = dict.fromkeys(download["yt_dlp"], "(set)")
    public = {key: value for key, value in config.items() if key != "recordings"}
    return yaml.safe_dump(public | {"download": download}, sort_keys=False)


def report_errors(started: float, put_back: Sequence[str] = (), options: str = "") -> None:
    """Print the errors of this run's logs, each once, and the outputs of which the previous version was put back.

    The jobs themselves print no errors, because Snakemake prints many lines after them.

    Parameters
    ----------
    started
        Start of the run, in seconds since 1970. Logs that are older are skipped.
    put_back
        Outputs of failed jobs that are again as they were before the run.
    options
        From :func:`options_of`. A command without them would be about other clips.
    """
    logs = [path for path in LOGS.rglob("*.log") if path.stat().st_mtime >= started]
    errors = {line for path in sorted(logs) for line in _errors(path)}
    for line in sorted(errors):
        print(f"soundsift: {line}", file=sys.stderr)
    if put_back:
        print(f"soundsift: as before this run, and outdated: {', '.join(put_back)}", file=sys.stderr)
    if errors and options:
        print(f"soundsift: this run had {options}: use it again", file=sys.stderr)


def options_of(settings: ConfigSettings) -> str:
    """Write the options of the command line that change the configuration; empty if there are none.

    Values of ``--config`` are left out, because they may be secret.

    Examples
    --------
    >>> options_of(ConfigSettings(config={"metadata": {"max_clips": 9}}))
    '--config metadata=...'
    """
    here = Path.cwd()
    paths = [path.relative_to(here) if path.is_relative_to(here) else path for path in settings.configfiles]
    options = [shlex.join(["--configfile", *map(str, paths)])] if paths else []
    options += ["--config", *(f"{key}=..." for key in settings.config)] if settings.config else []
    return " ".join(options)


def _errors(log: Path) -> list[str]:
    prefix = "error: "
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


def as_overlay(config: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Make a configuration that is the same when it is read after another one.

    Snakemake reads ``config.yaml`` first. What an overlay has left out of it, a detector for example, must be null, or
    it would be there again.

    Examples
    --------
    >>> as_overlay({"detectors": {"dog": ["Dog"]}, "keep": {}}, {"detectors": {"music": ["Music"], "dog": ["Wolf"]}})
    {'detectors': {'dog': ['Dog'], 'music': None}, 'keep': {}}
    """
    overlay = dict(config)
    for key, value in base.items():
        if isinstance(value, Mapping) and isinstance(overlay.get(key), Mapping):
            overlay[key] = as_overlay(overlay[key], value)
        overlay.setdefault(key, None)
    return overlay


def write_report(started: float, snakefile: str, config: Mapping[str, Any]) -> None:
    """Write the configuration and the report, and print the summary, if this run made all that the report needs.

    Snakemake's --report-after-run is not used: it fails after a dry run and after a run of some targets only.

    Parameters
    ----------
    started
        Start of the run, in seconds since 1970.
    snakefile
        Path of the Snakefile.
    config
        Configuration of the run. It is written to ``results/config.yaml``, from which the report is made.
    """
    made = [path.stat().st_mtime for path in (SUMMARY, PROVENANCE) if path.is_file()]
    if len(made) < 2 or max(made) < started:
        return
    base = yaml.safe_load(BASE.read_text(encoding="utf-8")) if BASE.is_file() else None
    CONFIG.write_text(yaml.safe_dump(as_overlay(config, base or {}), sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--configfile", str(CONFIG)]
    style = Path(snakefile).parent / "workflow" / "report" / "report.css"
    command += ["--nolock", "--report", str(REPORT), "--report-stylesheet", str(style)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode:
        REPORT.unlink(missing_ok=True)
        print(f"soundsift: the report could not be made:\n{result.stderr}", file=sys.stderr)
    print(f"\n{SUMMARY.read_text(encoding='utf-8')}", file=sys.stderr)
