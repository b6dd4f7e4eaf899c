"""Measure detection: accuracy of the segments, speed and memory.

    python benchmarks/detection.py RESULTS [--hours 3] [--split eval]

RESULTS is the folder of a finished run with its clips. Recordings of known truth are composed of clips of one list
whose truth is known for every detector: 5 to 10 s of each clip, one to three clips of a kind in a row. For windows of
several lengths the table shows F1 over seconds and the distance of the found boundaries from the true ones. Then the
time and the peak memory of one process are measured on a recording of ten minutes and on one of hours.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from soundsift.detection.listen import load
from soundsift.media.clip_file import read_samples
from soundsift.media.encode import write_clip

SHORTEST, LONGEST, MOST_OF_A_KIND = 5.0, 10.0, 3
WINDOWS_SECONDS = (2, 3, 5, 10)


def assemble(results: Path, detectors: list[str], split: str, seed: int) -> tuple[np.ndarray, int, np.ndarray]:
    """Return samples, their rate, and the truth of every sample, shape (n, n_detectors)."""
    rng = np.random.default_rng(seed)
    truths = [f"is_{name}" for name in detectors]
    table = pq.read_table(results / "features.parquet", columns=["clip_id", "batch", "split", *truths])
    kinds: dict[tuple[bool, ...], list[Path]] = {}
    for row in table.to_pylist():
        kind = tuple(row[name] for name in truths)
        if row["split"] == split and None not in kind:
            kinds.setdefault(kind, []).append(next((results / "clips" / row["batch"]).glob(f"{row['clip_id']}.*")))
    for paths in kinds.values():
        rng.shuffle(paths)  # type: ignore[arg-type]
    sound, truth, last, rate_hz = [], [], None, 0
    while left := [kind for kind, paths in kinds.items() if paths and kind != last]:
        last = left[int(rng.integers(len(left)))]
        for _ in range(min(len(kinds[last]), int(rng.integers(1, MOST_OF_A_KIND + 1)))):
            samples, rate_hz = read_samples(kinds[last].pop())
            samples = samples[: int(rng.uniform(SHORTEST, LONGEST) * rate_hz)]
            sound.append(samples)
            truth.append(np.tile(np.array(last), (len(samples), 1)))
    return np.concatenate(sound), rate_hz, np.concatenate(truth)


def accuracy(found: np.ndarray, truth: np.ndarray) -> tuple[float, float, int, int]:
    """Return F1, the median distance of true boundaries from the nearest found one, and the counts of both."""
    f1 = 2 * (found & truth).sum() / (found.sum() + truth.sum())
    edges, of_truth = (np.flatnonzero(np.diff(values)) for values in (found, truth))
    far = [np.abs(edges - edge).min() for edge in of_truth] if len(edges) else [np.inf]
    return float(f1), float(np.median(far)), len(edges), len(of_truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--split", default="eval", help="list whose clips are used; choose settings on a training list")
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    combined = options.results / "detectors" / "combined.keras"
    detector = load(combined)
    if options.only:
        began = time.perf_counter()
        result = detector.detect(options.only)
        seconds = time.perf_counter() - began
        # getrusage would include the memory of the process that started this one.
        peak_mb = int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 1024
        length = result.duration_seconds
        print(f"{length / 60:9.1f} min {seconds:8.1f} s {length / seconds:8.0f} x {peak_mb:8.0f} MB", flush=True)
        return
    names = list(detector.definition.thresholds)
    with tempfile.TemporaryDirectory() as folder:
        recordings = []
        for seed in (0, 1, 2):
            samples, rate_hz, truth = assemble(options.results, names, options.split, seed)
            path = Path(folder) / f"{seed}.flac"
            write_clip(np.rint(samples * 32767).astype(np.int16), rate_hz, path)
            recordings.append((path, samples, rate_hz, truth))
        print(f"{len(recordings)} recordings of {len(samples) / rate_hz / 60:.1f} min")
        print(f"{'detector':10} {'window':>7} {'F1':>7} {'boundary':>9} {'found':>6} {'true':>6}")
        for window_seconds in WINDOWS_SECONDS:
            rows: dict[str, list[tuple[float, float, int, int]]] = {name: [] for name in names}
            for path, _, rate_hz, truth in recordings:
                segments = detector.detect(path, window_seconds=window_seconds)
                for i, name in enumerate(names):
                    # In tenths of a second.
                    true = truth[:: rate_hz // 10, i]
                    found = np.zeros(len(true), dtype=bool)
                    for row in (row for row in segments if row.detector == name):
                        found[round(row.start_seconds * 10) : round(row.end_seconds * 10)] = True
                    rows[name].append(accuracy(found, true))
            for name, values in rows.items():
                f1, tenths, *n = np.mean(values, axis=0)
                row = f"{name:10} {window_seconds:5} s {f1:7.3f} {tenths / 10:7.2f} s"
                print(row, *(f"{count:6.0f}" for count in n), flush=True)
        print("one process each: length, time without start-up, speed relative to real time, peak memory")
        _, samples, rate_hz, _ = recordings[0]
        for hours in (1 / 6, options.hours):
            long = np.resize(np.rint(samples * 32767).astype(np.int16), round(hours * 3600 * rate_hz))
            path = Path(folder) / "long.mp3"
            write_clip(long, rate_hz, path)
            subprocess.run([sys.executable, __file__, str(options.results), "--only", str(path)], check=True)


if __name__ == "__main__":
    main()
