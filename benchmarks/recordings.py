"""Run the workflow on real recordings: seconds per stage, outcomes, and the detectors' metrics.

    SOUNDSIFT_RECORDINGS=... SOUNDSIFT_AUDIOSET=... python benchmarks/recordings.py [--cores 2] [--at-least 0.85]

The recordings folder holds {train,eval}_segments.csv, provenance.csv and media/; the other one AudioSet's class tables.
The run uses a temporary folder. With --at-least the exit status is 1 if a detector has a lower balanced accuracy.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow.parquet as pq
import yaml

ROOT = Path(__file__).resolve().parents[1]

TABLES = {
    "class_labels": "class_labels_indices.csv",
    "ontology": "ontology.json",
    "label_quality": "qa_true_counts.csv",
}


def run(folder: Path, cores: int) -> float:
    """Run the workflow in ``folder`` and return its wall time in seconds."""
    recordings, audioset = Path(os.environ["SOUNDSIFT_RECORDINGS"]), Path(os.environ["SOUNDSIFT_AUDIOSET"])
    config = {
        "metadata": {
            "segments": {name: str(recordings / f"{name}_segments.csv") for name in ("train", "eval")},
            **{key: str(audioset / name) for key, name in TABLES.items()},
        },
        "download": {"url": f"file://{recordings}/media/{{video_id}}.*"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    started = time.monotonic()
    with open(folder / "snakemake.log", "w") as log:
        status = subprocess.run([*command, "--cores", str(cores)], stdout=log, stderr=log).returncode
    if status:
        sys.exit((folder / "snakemake.log").read_text()[-5000:])
    return time.monotonic() - started


def spans_of(folder: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """Read from Snakemake's records when the jobs of a run began and ended: {rule: {log: (began, ended)}}."""
    # There is one record per output file; the records of one job share its log.
    spans: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for path in (folder / ".snakemake" / "metadata").iterdir():
        record = json.loads(path.read_text())
        spans[record["rule"]][str(record["log"])] = (record["starttime"], record["endtime"])
    return spans


def stages(folder: Path) -> None:
    """Print jobs, busy time and wall time of every rule."""
    spans = spans_of(folder)
    print(f"{'stage':20} {'jobs':>5} {'busy s':>8} {'wall s':>8}")
    for rule, found in sorted(spans.items(), key=lambda item: min(item[1].values())):
        busy = sum(end - start for start, end in found.values())
        wall = max(end for _, end in found.values()) - min(start for start, _ in found.values())
        print(f"{rule:20} {len(found):5} {busy:8.1f} {wall:8.1f}")


def figures(folder: Path) -> dict[str, float]:
    """Print the metrics of every detector and its baselines; return the balanced accuracies."""
    columns = ("accuracy", "balanced_accuracy", "roc_auc", "average_precision", "brier_score")
    print(f"{'':34} {'n_train':>7} {'n_eval':>6} " + " ".join(f"{name:>17}" for name in columns))
    found = {}
    for path in sorted((folder / "results" / "detectors").glob("*/metrics.json")):
        m = json.loads(path.read_text())
        for name, of in {"": m, **m["baselines"]}.items():
            cells = " ".join(f"{of[column]['value']:17.3f}" for column in columns)
            print(f"{m['detector']:8} {name:25} {m['n_train']:7} {m['n_eval']:6} {cells}")
        found[m["detector"]] = m["balanced_accuracy"]["value"]
    return found


def kinds(folder: Path) -> None:
    """Print the number of eval clips of each kind of sound that every detector finds positive."""
    with open(Path(os.environ["SOUNDSIFT_RECORDINGS"]) / "provenance.csv", encoding="utf-8") as file:
        kind_of = {row["video_id"]: row["kind"] for row in csv.DictReader(file)}
    for path in sorted((folder / "results" / "detectors").glob("*/predictions.parquet")):
        claimed: dict[str, list[bool]] = defaultdict(list)
        for row in pq.read_table(path).to_pylist():
            if row["split"] == "eval":
                claimed[kind_of[row["clip_id"].rpartition("_")[0]]].append(row["predicted"])
        text = ", ".join(f"{sum(found)} of {len(found)} {kind}" for kind, found in sorted(claimed.items()))
        print(f"{path.parent.name:8} is found in {text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--at-least", type=float, default=0.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = run(folder, options.cores)
        coverage = pq.read_table(folder / "results" / "coverage.parquet")
        print(
            f"{coverage.num_rows} clips, {options.cores} cores, {seconds:.0f} s:",
            dict(Counter(coverage["outcome"].to_pylist())),
        )
        stages(folder)
        print()
        reached = figures(folder)
        kinds(folder)
    low = {detector: value for detector, value in reached.items() if value < options.at_least}
    if low:
        sys.exit(f"balanced accuracy below {options.at_least}: {low}")


if __name__ == "__main__":
    main()
