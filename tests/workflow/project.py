"""A copy of the workflow with small lists, and the result of running it."""

import atexit
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import wave
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from soundsift.demo import make_demo
from tests.pages import commands
from tests.workflow import warm

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("Snakefile", "workflow", "scripts", "envs", "profiles")
TABLES = ("results/features.parquet", "results/coverage.parquet")


# Rows of the small lists for complete runs, and the batches of sixteen that they fill.
N_TRAIN, N_EVAL = 28, 16
N_BATCHES = 2 + 1
# Length of a clip. Most of the time of a complete run goes into the conversion and the features of clips.
CLIP_SECONDS = 4


def make_media(folder: Path, n_train: int, n_eval: int) -> None:
    """Write lists and media as :func:`soundsift.demo.make_demo` does, with clips of :data:`CLIP_SECONDS`."""
    make_demo(folder, n_train, n_eval, n_processes=2)
    for path in folder.glob("*_segments.csv"):
        rows = re.sub(r", (\d+)\.000, \d+\.000,", lambda row: segment(int(row[1])), path.read_text(encoding="utf-8"))
        path.write_text(rows, encoding="utf-8")


def segment(start_seconds: int) -> str:
    """The times of a clip, as they stand between the other columns of a list."""
    return f", {start_seconds}.000, {start_seconds + CLIP_SECONDS}.000,"


def config_for(media: Path, url: str | None = None) -> dict[str, Any]:
    """Configuration for a small list and its media, as :func:`soundsift.demo.make_demo` writes them."""
    tables = {
        "class_labels": "class_labels_indices.csv",
        "ontology": "ontology.json",
        "label_quality": "qa_true_counts.csv",
    }
    return {
        "metadata": {
            "segments": {name: str(media / f"{name}_segments.csv") for name in ("train", "eval")},
            **{key: str(media / name) for key, name in tables.items()},
            "min_label_accuracy": 0.0,
        },
        "batch_size": 16,
        "download": {"url": url or f"file://{media}/media/{{video_id}}.*"},
        # few steps of small networks: tests of the workflow do not measure detectors
        "training": {"members": 2, "min_steps": 30, "hidden_units": [32], "augment": 1},
    }


@dataclass(frozen=True)
class Run:
    """Result of one call of snakemake: exit status and output."""

    status: int
    text: str

    @property
    def jobs(self) -> Counter[str]:
        """{rule: number of finished jobs}."""
        return Counter(re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", self.text))

    @property
    def planned(self) -> Counter[str]:
        """{rule: number of jobs} in the table of jobs that a dry run prints."""
        rows = re.findall(r"^(\w+) +(\d+)$", self.text, flags=re.MULTILINE)
        return Counter({rule: int(n) for rule, n in rows if rule not in ("all", "total")})


@cache
def servers() -> Path:
    """The folder of the processes that run snakemake and scripts for all tests: see :mod:`tests.workflow.warm`."""
    if "SOUNDSIFT_TEST_SERVERS" not in os.environ:  # pytest sets it; a benchmark runs without pytest
        os.environ["SOUNDSIFT_TEST_SERVERS"] = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, os.environ["SOUNDSIFT_TEST_SERVERS"])
        atexit.register(warm.stop, Path(os.environ["SOUNDSIFT_TEST_SERVERS"]))
    folder = Path(os.environ["SOUNDSIFT_TEST_SERVERS"])
    for kind in warm.KINDS:
        warm.start(folder, kind)
    return folder


class Project:
    """A working directory with the workflow, its configuration and its results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def make(cls, folder: Path, config: Mapping[str, Any]) -> "Project":
        """Copy the workflow into ``folder`` and write its configuration."""
        folder.mkdir(parents=True)
        for name in SOURCES:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name)
            else:
                shutil.copy2(source, folder / name)
        project = cls(folder)
        project.configure(config)
        return project

    def copy(self, folder: Path) -> "Project":
        """Copy the whole project, including time stamps."""
        shutil.copytree(self.folder, folder, copy_function=shutil.copy2)
        return Project(folder)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write ``config.yaml``."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(dict(config)))

    def change(self, section: str, **values: Any) -> None:
        """Change keys of one section of ``config.yaml``."""
        config = yaml.safe_load((self.folder / "config.yaml").read_text())
        config.setdefault(section, {}).update(values)
        self.configure(config)

    def run(self, *arguments: str) -> Run:
        """Run snakemake in the project and wait for it."""
        with tempfile.TemporaryFile("w+") as output:
            both = [output.fileno()] * 2
            status = warm.run(servers(), "snakemake", ["--cores", "2", *arguments], both, self.folder)
            output.seek(0)
            return Run(status, output.read())

    def command(self, *arguments: str) -> list[str]:
        """Return the command that runs snakemake, for a process that is going to be killed."""
        return [str(servers() / "python"), "-m", "snakemake", "--cores", "2", *arguments]

    def plan(self, *arguments: str) -> Counter[str]:
        """{rule: number of jobs} that snakemake would run."""
        run = self.run("--dry-run", *arguments)
        assert run.status == 0, run.text
        return run.planned

    def kill_when(self, pattern: str, *arguments: str) -> None:
        """Run snakemake in the project; kill it and its children (SIGKILL) as soon as a file matches ``pattern``."""
        log = self.folder / "killed.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        give_up = time.monotonic() + 120
        while not any(self.folder.glob(pattern)) and process.poll() is None and time.monotonic() < give_up:
            time.sleep(0.01)
        assert process.poll() is None, f"the run ended before {pattern} was seen: {log.read_text()}"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def tables(self) -> dict[str, pa.Table]:
        return {name: pq.read_table(self.folder / name) for name in TABLES}

    def cancel_cluster_jobs(self) -> int:
        """Cancel the cluster jobs of a killed Snakemake as docs/cluster.md describes; return their number."""
        log = max((self.folder / ".snakemake" / "log").glob("*.snakemake.log"))
        name = re.findall(r"SLURM run ID: (\S+)", log.read_text())[-1]
        queue = ["squeue", "--noheader", "--format=%A", f"--name={name}"]
        jobs = subprocess.run(queue, capture_output=True, text=True, check=True).stdout.split()
        subprocess.run(["scancel", f"--name={name}"], check=True)
        while subprocess.run(queue, capture_output=True, text=True, check=True).stdout.strip():
            time.sleep(1)
        return len(jobs)


def assert_plans(command: str, folder: Path) -> None:
    """Run a command of the documentation with ``--dry-run`` in ``folder``."""
    # a command that uses a variable needs the command that sets it
    names = re.findall(r"\$\{?([a-z]+)", command)
    before = [line for line in commands() if line.split("=")[0] in names]
    snakemake = f'snakemake() {{ "{servers()}/python" -m snakemake "$@" --dry-run; }}'
    script = "\n".join(["set -euo pipefail", snakemake, *before, command])
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def silence(path: Path, n_seconds: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.zeros(8000 * n_seconds, dtype=np.int16).tobytes())
