"""Measure the selection of AudioSet's clips: counts against published ones, growth, time and memory against pandas.

    SOUNDSIFT_AUDIOSET=... python benchmarks/metadata.py [--rows 2041789]

The folder holds AudioSet's lists and tables as published. The long list is generated: ids are drawn, and each row has
the labels of two rows of the balanced list, twice as many as real rows. Each time is that of a separate process with
its imports; memory is the peak of that process.
"""

import argparse
import csv
import filecmp
import json
import os
import random
import string
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

AUDIOSET = Path(os.environ["SOUNDSIFT_AUDIOSET"])
TABLES = ("class_labels_indices.csv", "ontology.json", "qa_true_counts.csv")
BALANCED, EVAL = AUDIOSET / "balanced_train_segments.csv", AUDIOSET / "eval_segments.csv"

SELECT = """
import json, sys
from pathlib import Path
from select_clips import select_clips
from soundsift.config.metadata import SelectionParams
o = json.loads(sys.argv[1])
out = Path(o["out"])
classes, ontology, quality = map(Path, o["tables"])
select_clips(
    segments={n: Path(p) for n, p in o["lists"].items()},
    tables={"class_labels": classes, "ontology": ontology, "label_quality": quality},
    params=SelectionParams(o["bar"], o["keep_unrated"], per_detector=o["per_detector"]), batch_size=o["batch_size"],
    youtube_ids=True, one_clip_a_video=False,
    detectors={"music": {"classes": ["Music"]}, "speech": {"classes": ["Speech"]}},
    clips_path=out / "clips.parquet", labels_path=out / "labels.parquet",
    excluded_path=out / "excluded.parquet", batches_dir=out / "batches", names_path=out / "batches.txt",
)
"""
PANDAS = """
import sys
import pandas as pd
names = ["video_id", "start", "end", "labels"]
rows = pd.read_csv(sys.argv[1], comment="#", names=names, skipinitialspace=True)
rows["labels"] = rows["labels"].str.split(",")
"""
# Runs a program; prints its wall time and its peak memory.
TIMED = """
import resource, subprocess, sys, time
started = time.monotonic()
status = subprocess.run(sys.argv[1:]).returncode
print(time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def timed(code: str, *arguments: str) -> tuple[float, float]:
    """Run Python code in a process; return seconds and gigabytes."""
    command = [sys.executable, "-c", TIMED, sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    seconds, kilobytes = done.stdout.split()
    return float(seconds), float(kilobytes) / 1e6


def select(out: Path, lists: dict[str, Path], **options: object) -> tuple[float, float]:
    """Run the step; return seconds and gigabytes."""
    given = {
        "out": str(out), "lists": {n: str(p) for n, p in lists.items()}, "tables": [str(AUDIOSET / t) for t in TABLES],
        "bar": 0.8, "keep_unrated": True, "per_detector": None, "batch_size": 100,
    } | options  # fmt: skip
    return timed(SELECT, json.dumps(given))


def counts(folder: Path) -> None:
    """Print the rows, the rows with each class, the rows that remain, and their truth."""
    expected = {
        "balanced": "22,160 rows; Music 6,244 / 8,836; Speech 5,735 / 5,842; kept 18,117 / 17,667",
        "eval": "20,371 rows",
    }
    for name, path in (("balanced", BALANCED), ("eval", EVAL)):
        select(folder / "all", {"train": path}, bar=0.0)
        clips = pq.read_table(folder / "all" / "clips.parquet")
        own = {w: sum(w in labels for labels in clips["labels"].to_pylist()) for w in ("Music", "Speech")}
        family = {w: sum(clips[f"is_{w.lower()}"].to_pylist()) for w in own}
        select(folder / "strict", {"train": path}, keep_unrated=False)
        select(folder / "kept", {"train": path})
        kept, strict = (pq.read_table(folder / f / "clips.parquet") for f in ("kept", "strict"))
        print(
            f"{name}: {clips.num_rows:,} rows; "
            + "; ".join(f"{w} {own[w]:,} / {family[w]:,}" for w in own)
            + f"; kept {kept.num_rows:,} / {strict.num_rows:,}   (published: {expected[name]})"
        )
        for detector in ("music", "speech"):
            truth = kept[f"is_{detector}"].to_pylist()
            print(f"  {detector} at 0.8: " + ", ".join(f"{truth.count(v):,} {v}" for v in (True, False, None)))
        without = clips.num_rows - own["Music"]
        hidden = family["Music"] - own["Music"]
        print(f"  rows without the label Music: {without:,}, of these below it {hidden:,} ({hidden / without:.1%})")


def write_mirror(source: Path, path: Path) -> None:
    """Save a list in the form of the mirrors: one header line, no blanks, whole seconds, quotes only where needed."""
    lines = [line for line in source.read_text().splitlines() if not line.startswith("#")]
    with open(path, "w", newline="") as file:
        file.write("# YTID, start_seconds, end_seconds, positive_labels\n")
        writer = csv.writer(file, lineterminator="\n")
        for video_id, start, end, labels in csv.reader(lines, skipinitialspace=True):
            writer.writerow([video_id, f"{float(start):g}", f"{float(end):g}", labels])


def forms(folder: Path) -> None:
    """Print whether both published forms of the balanced list give the same clip table."""
    write_mirror(BALANCED, folder / "mirror.csv")
    select(folder / "official", {"train": BALANCED})
    select(folder / "mirror", {"train": folder / "mirror.csv"})
    same = filecmp.cmp(folder / "official" / "clips.parquet", folder / "mirror" / "clips.parquet", shallow=False)
    print(f"both published forms give the same clips.parquet, byte by byte: {same}")


def growth(folder: Path) -> None:
    """Print the batches that change when the balanced list grows from 20,000 rows, and the clips that are lost."""
    lines = BALANCED.read_text().splitlines(keepends=True)
    (folder / "cut.csv").write_text("".join(lines[:20_003]))
    for size, each in ((100, None), (512, None), (512, 500)):
        select(folder / "before", {"train": folder / "cut.csv"}, per_detector=each, batch_size=size)
        select(folder / "after", {"train": BALANCED}, per_detector=each, batch_size=size)
        batches = {
            w: {p.name: p.read_bytes() for p in (folder / w / "batches").glob("*.csv")} for w in ("before", "after")
        }
        changed = [name for name, text in batches["before"].items() if batches["after"].get(name) != text]
        new = len(set(batches["after"]) - set(batches["before"]))
        ids = {w: set(pq.read_table(folder / w / "clips.parquet")["clip_id"].to_pylist()) for w in ("before", "after")}
        print(
            f"20,000 rows, then 22,160 in batches of {size}, per_detector {each}: {len(batches['before'])} batches, "
            f"changed {changed}, {new} new; {len(ids['before']):,} clips, {len(ids['before'] - ids['after'])} gone"
        )


def write_long(path: Path, n_rows: int) -> None:
    """Write a list in the official form."""
    rng = random.Random(1)
    pool = [line.split(", ", 3)[3].strip().strip('"').split(",") for line in BALANCED.read_text().splitlines()[3:]]
    letters = string.ascii_letters + string.digits + "-_"
    with open(path, "w") as file:
        file.write(f"# Segments csv\n# num_segs={n_rows}\n# YTID, start_seconds, end_seconds, positive_labels\n")
        for _ in range(n_rows):
            start = rng.randrange(400)
            labels = dict.fromkeys(rng.choice(pool) + rng.choice(pool))
            video_id = "".join(rng.choices(letters, k=11))
            file.write(f'{video_id}, {start}.000, {start + 10}.000, "{",".join(labels)}"\n')


def speed(folder: Path, n_rows: int) -> None:
    """Print seconds and memory of the step for the balanced and the long list, and of pandas reading the same."""
    write_long(folder / "long.csv", n_rows)
    print(f"\n{'rows':>9} {'batches of':>10} {'step s':>8} {'GB':>6} {'pandas s':>9} {'GB':>6}")
    for n, path in ((22_160, BALANCED), (n_rows, folder / "long.csv")):
        for batch_size in (100, 512):
            seconds, memory = select(folder / "timed", {"train": path}, batch_size=batch_size)
            pandas = timed(PANDAS, str(path))
            print(f"{n:9,} {batch_size:10} {seconds:8.1f} {memory:6.2f} {pandas[0]:9.1f} {pandas[1]:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_041_789)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        counts(folder)
        forms(folder)
        growth(folder)
        speed(folder, options.rows)


if __name__ == "__main__":
    main()
