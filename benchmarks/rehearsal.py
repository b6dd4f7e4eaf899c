"""Run a long list from a site with faults on a Slurm, from nothing to the report, with kills.

    make .venv/slurm && SLURM_LOOPBACK_CPUS=1 tests/slurm/loopback.sh start
    python benchmarks/rehearsal.py [--clips 20000] [--batch-size 512] [--folder FOLDER]

The list repeats the clips of the demo under other ids. Every tenth clip has a fault, so the expected outcome of every
clip is known. The expected features are those of an undisturbed run of the same media without a cluster. During the run
Snakemake is killed twice (SIGKILL, then as in docs/cluster.md), and one node loses its power once.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from soundsift.demo import make_demo
from soundsift.features.table import MEASURED
from soundsift.media.archive import Archive
from soundsift.media.archive_check import check
from tests.site.site import Site
from tests.workflow.project import Project, config_for

ROOT = Path(__file__).resolve().parents[1]

LOOPBACK = ROOT / "tests" / "slurm" / "loopback.sh"
PROFILE = ("--workflow-profile", "workflow/profiles/slurm")
# (fault, expected outcome)
FAULTS: list[tuple[Any, str]] = [
    (404, "not_found"), (410, "not_found"), ("page", "corrupt"), ("truncated", "corrupt"), ("empty", "corrupt"),
    (500, "server_error"), ("no_range", "ok"), ([503], "ok"), (["cut"], "ok"),
]  # fmt: skip
# Events, and the share of downloaded batches at which they happen.
EVENTS = [(0.25, "kill"), (0.45, "power cut"), (0.65, "kill")]


def make_lists(folder: Path, n_clips: int) -> dict[str, str]:
    """Write a site, the long lists, and short lists of its media; return {clip id: clip id of the same medium}."""
    make_demo(folder / "demo", 60, 30, n_processes=2)
    (folder / "site").mkdir()
    head, medium_of = "# YTID, start_seconds, end_seconds, positive_labels", {}
    for split, n in (("train", n_clips - n_clips // 20), ("eval", n_clips // 20)):
        rows = [
            line.split(", ", 2) for line in (folder / "demo" / f"{split}_segments.csv").read_text().splitlines()[3:]
        ]
        found = {row[0]: folder / "demo" / "media" / f"{row[0]}.m4a" for row in rows}
        # Leave out the missing and short media of the demo.
        rows = [row for row in rows if found[row[0]].is_file() and found[row[0]].stat().st_size > 60_000]
        lines = []
        for number in range(n):
            video_id, (medium, start, rest) = f"{split[0]}{number:010d}", rows[number % len(rows)]
            (folder / "site" / f"{video_id}.m4a").hardlink_to(found[medium])
            lines.append(f"{video_id}, {start}, {rest}")
            ending = f"_{round(float(start) * 1000)}"
            medium_of[video_id + ending] = medium + ending
        (folder / f"{split}.csv").write_text("\n".join([head, *lines, ""]))
        (folder / f"{split}_few.csv").write_text("\n".join([head, *(", ".join(row) for row in rows), ""]))
    return medium_of


def config_of(folder: Path, lists: str, url: str, batch_size: int) -> dict[str, Any]:
    """Return the configuration of a run."""
    config = config_for(folder / "demo", url)
    config["metadata"]["segments"] = {name: str(folder / f"{name}{lists}.csv") for name in ("train", "eval")}
    config["download"] |= {"tries": 2, "on_transient": "record", "yt_dlp": {"socket_timeout": 10}}
    return config | {
        "batch_size": batch_size,
        "clips": {"format": "flac"},
        "keep": {"clips": False, "frames": False},
        "training": {"augment": 0},
    }


def start(project: Project) -> subprocess.Popen[bytes]:
    """Start Snakemake on the cluster."""
    with open(project.folder / "run.log", "ab") as log:
        return subprocess.Popen(
            project.command(*PROFILE, "--cores", "all", "--jobs", "4"), cwd=project.folder, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip


def video_of(clip_id: str) -> str:
    """Return the video of a clip."""
    return clip_id.rpartition("_")[0]


def rehearse(folder: Path, n_clips: int, batch_size: int) -> None:
    """Run the list with its events and print the results."""
    medium_of = make_lists(folder, n_clips)
    few = Project.make(folder / "few", config_of(folder, "_few", f"file://{folder}/demo/media/{{video_id}}.m4a", 100))
    run = few.run("results/features.parquet")
    if run.status:
        sys.exit(run.text)
    with Site(folder / "site") as site:
        expected = dict.fromkeys(medium_of, "ok")
        for index, clip_id in enumerate(sorted(medium_of)[::10]):
            fault, expected[clip_id] = FAULTS[index % len(FAULTS)]
            site.faults[video_of(clip_id)] = list(fault) if isinstance(fault, list) else fault
        project = Project.make(folder / "long", config_of(folder, "", site.url, batch_size))
        archive = Archive(project.folder / "archive")
        n_batches = n_clips / batch_size
        settled: dict[str, int] = {}
        n_again = 0
        began = time.monotonic()
        process = start(project)
        for share, event in EVENTS:
            while len(list((project.folder / "results" / "downloads").glob("*.csv"))) < share * n_batches:
                if process.poll() is not None:
                    sys.exit(f"the run ended too early:\n{(project.folder / 'run.log').read_text()[-3000:]}")
                time.sleep(1)
            at = f"after {time.monotonic() - began:.0f} s"
            if event == "power cut":
                subprocess.run([str(LOOPBACK), "restart-node", "n2", "25"], check=True)
                print(f"{at} node n2 without power for 25 s", flush=True)
                continue
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            n_cancelled = project.cancel_cluster_jobs()
            n_again += sum(site.requests[video] > n for video, n in settled.items())
            records = [record for clip_id in medium_of if (record := archive.read(clip_id))]
            settled = {r.video_id: site.requests[r.video_id] for r in records if r.outcome in ("ok", "not_found")}
            _, faults = check(archive)
            print(
                f"{at} Snakemake killed: {n_cancelled} cluster jobs cancelled, {len(settled):,} clips settled, "
                f"{len(faults)} faults in the archive",
                flush=True,
            )
            if project.run("--unlock").status:
                sys.exit("it cannot be unlocked")
            process = start(project)
        if process.wait():
            sys.exit(f"the run failed:\n{(project.folder / 'run.log').read_text()[-5000:]}")
        seconds = time.monotonic() - began
        n_again += sum(site.requests[video] > n for video, n in settled.items())
        print(
            f"from nothing to the report in {seconds:.0f} s; {site.requests.total():,} requests for {n_clips:,} clips"
        )
        print(f"clips asked for again after they were settled: {n_again}")
    compare(project, few, medium_of, expected)
    n_records, faults = check(archive)
    done = "Nothing to be done" in project.run().text
    print(f"archive: {n_records:,} records, {len(faults)} faults; nothing left to do: {done}")


def compare(project: Project, few: Project, medium_of: dict[str, str], expected: dict[str, str]) -> None:
    """Print the differences from the expected outcomes and features."""
    coverage = pq.read_table(project.folder / "results" / "coverage.parquet", columns=["clip_id", "outcome"])
    found = dict(zip(*(coverage[name].to_pylist() for name in coverage.column_names), strict=True))
    print(f"outcomes of {len(found):,} clips: {dict(Counter(found.values()).most_common())}")
    wrong = [clip_id for clip_id in expected if found.get(clip_id) != expected[clip_id]]
    print(
        f"clips not accounted for: {len(expected.keys() - found.keys())}, with another outcome: {wrong[:5] or 'none'}"
    )
    tables = [pq.read_table(one.folder / "results" / "features.parquet") for one in (project, few)]
    names = [*MEASURED, *tables[0].column_names[tables[0].column_names.index(MEASURED[-1]) + 1 :]]
    ids = [table["clip_id"].to_pylist() for table in tables]
    x, y = (np.stack([table[name].to_numpy() for name in names], axis=1) for table in tables)
    row_of = {clip_id: row for row, clip_id in enumerate(ids[1])}
    same = (x == y[[row_of[medium_of[clip_id]] for clip_id in ids[0]]]).all(axis=1)
    there = {clip_id for clip_id, outcome in expected.items() if outcome == "ok"}
    print(
        f"rows of features: {len(same):,}, wanted {len(there):,}, missing {len(there - set(ids[0]))}, "
        f"different from the undisturbed run in any of {len(names)} columns: {int((~same).sum())}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--folder", type=Path, help="where the runs take place, and are deleted afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, ignore_cleanup_errors=True) as name:
        rehearse(Path(name), options.clips, options.batch_size)


if __name__ == "__main__":
    main()
