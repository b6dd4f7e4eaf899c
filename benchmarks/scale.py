"""Measure the cost of long lists: planning, merging, summarising, and an estimate for all of AudioSet.

    SOUNDSIFT_AUDIOSET=... python benchmarks/scale.py [--rows 22160 2041789] [--batch-size 512] [--folder FOLDER]
    SOUNDSIFT_AUDIOSET=... python benchmarks/scale.py --rows --bill FINISHED_RUN [--batch-size 1024]

Lists are generated as in ``benchmarks/metadata.py``, and the selection is the real job. The outputs of all later jobs
are first made empty and marked as finished (--touch), so that Snakemake finds as many records as after a whole run.
Then the tables of the batches are written with random features, and the steps after the batches run on them.
``benchmarks/training.py`` measures training on such a table. Memory is that of the measured process. Two million rows
take 15 GB of disk. The estimate uses the seconds and bytes per clip of a finished run, including its downloads.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from metadata import AUDIOSET, timed, write_long
from recordings import TABLES, spans_of

from soundsift.config.features import FeatureParams
from soundsift.features.augmented_columns import VERSION_COLUMNS
from soundsift.features.definition import definition
from soundsift.features.sequence import SEQUENCE_COLUMN
from soundsift.features.statistics import STATISTICS, summary_columns
from soundsift.media.columns import OUTCOME_COLUMNS
from soundsift.metadata.columns import BATCH_COLUMNS
from soundsift.tables import read_csv, schema_of, write_csv, write_parquet

ROOT = Path(__file__).resolve().parents[1]
N_AUDIOSET = 2_041_789
# Overhead of a job on the loopback Slurm: from submission to its first log line, and from its last one to its end.
START_SECONDS = 7.0
EMPTY = "rule all:\n    input: []\n"
# Snakemake, without the pause of a tenth of a second after each job of --touch.
SNAKEMAKE = """
import sys
from snakemake.executors.touch import Executor
from snakemake.cli import main
Executor.SLEEPING_TIME = 0
main()
"""
# The steps after the batches, as the rules call them.
STEPS = """
import sys
from pathlib import Path
import pyarrow.parquet as pq

results, out, metadata = Path("results"), Path("out"), Path("results/metadata")
features, coverage, clips = results / "features.parquet", results / "coverage.parquet", metadata / "clips.parquet"
labels, excluded = metadata / "labels.parquet", metadata / "excluded.parquet"
names = pq.read_table(clips, columns=["batch"])["batch"].unique().to_pylist()
def files(kind, ending, wanted=names):
    return [results / kind / f"{name}.{ending}" for name in wanted]
if sys.argv[1] == "merge_features":
    from merge_features import merge_features
    merge_features(clips, files("outcomes", "csv"), files("features", "parquet"), features, coverage)
elif sys.argv[1] == "merge_augmented":
    from merge_augmented import merge_augmented
    wanted = [name for name in names if not name.startswith("eval")]
    merge_augmented(features, files("augmented", "parquet", wanted), out / "augmented.parquet")
elif sys.argv[1] == "summarize_run":
    from summarize_run import summarize_run
    written = [out / f"run{n}" for n in range(5)]
    summarize_run(coverage, excluded, {}, False, *written, out / "run.svg", out / "answers.svg")
elif sys.argv[1] == "draw_distributions":
    from draw_distributions import draw_distributions
    draw_distributions(features, "music", out / "features.svg")
else:
    from summarize_metadata import summarize_metadata
    pages = [out / f"metadata{n}" for n in range(3)]
    figures = [out / f"{n}.svg" for n in range(3)]
    summarize_metadata(clips, labels, excluded, ["music", "speech"], True, *pages, *figures)
"""


def call(folder: Path, *arguments: str, snakefile: Path = ROOT / "Snakefile") -> tuple[float, float, str]:
    """Call Snakemake in a folder; return seconds, megabytes and its output."""
    command = [sys.executable, "-c", SNAKEMAKE, "--snakefile", str(snakefile), "--cores", "1"]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        began = time.perf_counter()
        process = subprocess.Popen([*command, *arguments], cwd=folder, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        output.seek(0)
        text = output.read()
    if status:
        sys.exit(f"snakemake {' '.join(arguments)} failed:\n{text[-3000:]}")
    return seconds, used.ru_maxrss / 1e3, text


def pretend(folder: Path) -> None:
    """Make empty outputs of every job that is still to run, and let Snakemake record them as finished."""
    _, _, text = call(folder, "--summary")
    for line in text.splitlines():
        name, _, state = line.partition("\t")
        if name.startswith("results/") and "missing" in state:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch() if path.suffix else path.mkdir()
    # Schedule as many jobs as possible in one round: each round examines all ready jobs.
    call(folder, "--touch", "--cores", "9999", "--resources", "downloads=9999")


def plan(folder: Path, n_rows: int, batch_size: int) -> None:
    """Print a row of the table."""
    write_long(folder / "long.csv", n_rows)
    config = {
        "metadata": {
            "segments": {"train": str(folder / "long.csv"), "eval": str(AUDIOSET / "eval_segments.csv")},
            **{key: str(AUDIOSET / name) for key, name in TABLES.items()},
        },
        "batch_size": batch_size,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    found = {"first plan": call(folder, "--dry-run", "--quiet")}
    found["checkpoint"] = call(folder, "results/metadata/clips.parquet")
    n_batches = len(list((folder / "results" / "batches").glob("*.csv")))
    found["dry run of all"] = call(folder, "--dry-run", "--quiet")
    pretend(folder)
    found["nothing to do"] = call(folder)
    if "Nothing to be done" not in found["nothing to do"][2]:
        sys.exit(f"there is still something to do:\n{found['nothing to do'][2][-3000:]}")
    cells = " ".join(f"{seconds:9.1f} {megabytes:6.0f}" for seconds, megabytes, _ in found.values())
    print(f"{n_rows:9,} {n_batches:8,} {cells}", flush=True)


def fill(folder: Path) -> None:
    """Write the tables of every batch with random features and no missing clip."""
    rng = np.random.default_rng(0)
    results, columns, made_with = (
        folder / "results",
        summary_columns(20, list(STATISTICS)),
        definition(22050, FeatureParams()),
    )
    clip_id = BATCH_COLUMNS[0]
    for path in (results / "batches").glob("*.csv"):
        batch = read_csv(path, BATCH_COLUMNS)
        n = batch.num_rows
        values = rng.standard_normal((len(columns), n), dtype=np.float32)
        measured = {"duration_seconds": 10.0, "peak_dbfs": -3.0, "loudness_dbfs": -20.0, "outcome": "ok", "reason": ""}
        rows = {name: [value] * n for name, value in measured.items()} | {c: batch[c] for c in batch.column_names}
        schema = schema_of(OUTCOME_COLUMNS)
        write_csv(
            pa.table({c.name: rows[c.name] for c in OUTCOME_COLUMNS}, schema=schema), results / "outcomes" / path.name
        )
        for kind, front in (("features", [clip_id]), ("augmented", list(VERSION_COLUMNS))):
            given = {"clip_id": batch["clip_id"], "version": pa.array([1] * n), "partner": pa.nulls(n, pa.string())}
            given |= {"is_window": pa.array([False] * n)}
            sequences = pa.array([rng.bytes(2 * 37 * 215) for _ in range(n)])
            arrays = [*(given[c.name] for c in front), *(pa.array(row) for row in values), sequences]
            table = pa.Table.from_arrays(arrays, schema=schema_of([*front, *columns, SEQUENCE_COLUMN], made_with))
            write_parquet(table, results / kind / f"{path.stem}.parquet")


def following(folder: Path) -> None:
    """Print the time and memory of the steps after the batches."""
    fill(folder)
    (folder / "out").mkdir()
    before = os.getcwd()
    os.chdir(folder)
    for step in ("merge_features", "merge_augmented", "summarize_run", "summarize_metadata", "draw_distributions"):
        seconds, gigabytes = timed(STEPS, step)
        print(f"{'':18} {step:20} {seconds:6.1f} s {gigabytes:6.2f} GB", flush=True)
    os.chdir(before)


def bill(run: Path, batch_size: int) -> None:
    """Print an estimate for the unbalanced list from the seconds and bytes per clip of a finished run."""
    n_clips = pq.read_metadata(run / "results" / "coverage.parquet").num_rows
    spans, hours = spans_of(run), 0.0
    n_augmented = pq.read_metadata(run / "results" / "augmented.parquet").num_rows
    n_jobs = 2 * -(-N_AUDIOSET // batch_size)
    print(f"{'':22} {'s a clip':>9} {'core hours':>11}   ({N_AUDIOSET:,} clips)")
    for rule in ("download_clips", "convert_clips", "extract_features", "summarize_features", "augment_clips"):
        seconds = sum(end - begin for begin, end in spans[rule].values())
        seconds /= n_augmented if rule == "augment_clips" else n_clips
        hours += seconds * N_AUDIOSET / 3600
        print(f"{rule:22} {seconds:9.4f} {seconds * N_AUDIOSET / 3600:11.0f}")
    start = START_SECONDS * n_jobs / 3600
    print(f"{'starting jobs':22} {'':9} {start:11.0f}   ({n_jobs:,} cluster jobs of {START_SECONDS:.0f} s)")
    print(f"{'all of it':22} {'':9} {hours + start:11.0f}")
    for name in ("archive", "results/clips", "results/frames", "results/features.parquet", "results/augmented.parquet"):
        path = run / name
        files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
        size = sum(file.stat().st_size for file in files) / n_clips
        print(f"{name:26} {size / 1e3:8.1f} kB a clip {size * N_AUDIOSET / 1e12:8.3f} TB")
    for per_hour in (250, 1000, 10_000):
        print(f"at {per_hour:6,} videos an hour: {N_AUDIOSET / per_hour / 24:6.0f} days")


def parsing(folder: Path) -> None:
    """Print the time that every cluster job needs to parse the workflow, and to parse an empty one."""
    (folder / "empty.smk").write_text(EMPTY)
    for name, path in (("an empty workflow", folder / "empty.smk"), ("soundsift", ROOT / "Snakefile")):
        seconds = min(call(folder, "--list-rules", snakefile=path)[0] for _ in range(3))
        print(f"to start Snakemake and parse {name}: {seconds:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[22_160, 2_041_789])
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--folder", type=Path, help="where the runs take place, and are deleted afterwards")
    parser.add_argument("--bill", type=Path, metavar="FINISHED_RUN", help="print the bill by this run")
    options = parser.parse_args()
    if options.bill:
        bill(options.bill, options.batch_size)
    if not options.rows:
        return
    names = ("first plan", "checkpoint", "dry run of all", "nothing to do")
    print(f"{'':9} {'':8} " + " ".join(f"{name:>16}" for name in names))
    print(f"{'rows':>9} {'batches':>8} " + " ".join(f"{'s':>9} {'MB':>6}" for _ in names))
    for n_rows in options.rows:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            plan(Path(folder), n_rows, options.batch_size)
            following(Path(folder))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        parsing(Path(folder))


if __name__ == "__main__":
    main()
