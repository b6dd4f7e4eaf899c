"""Train on a table of any length: seconds and peak memory of reading it and of some steps.

    python benchmarks/training.py [--clips 2000000] [--steps 300] [--folder FOLDER]

The table is generated: random features of the default statistics, one of which depends on the class. The same rows
serve as clips and as their augmented versions. Two million rows take 2.5 GB of disk and some minutes to write.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from soundsift.config.features import FeatureParams
from soundsift.detectors.examples import read_examples
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.training import train
from soundsift.features.definition import definition
from soundsift.features.growing_parquet import ROW_GROUP
from soundsift.features.inputs import input_columns
from soundsift.features.statistics import STATISTICS, summary_columns
from soundsift.tables import parquet_options


def write_table(path: Path, n_clips: int) -> None:
    """Write rows as merge_features does."""
    rng = np.random.default_rng(0)
    names = [column.name for column in summary_columns(20, list(STATISTICS))]
    writer = None
    for first in range(0, n_clips, ROW_GROUP):
        n = min(ROW_GROUP, n_clips - first)
        truth = rng.random(n) < 0.4
        values = rng.standard_normal((len(names), n), dtype=np.float32)
        values[5] += truth
        videos = [f"v{first + i:010d}" for i in range(n)]
        data = {"clip_id": videos, "video_id": videos, "partner_video_id": pa.nulls(n, pa.string())}
        data |= {"version": [1] * n, "is_window": [False] * n}
        data |= {"split": ["train" if i % 50 else "eval" for i in range(n)], "is_music": truth}
        table = pa.table(data | {name: values[i] for i, name in enumerate(names)})
        table = table.replace_schema_metadata(definition(22050, FeatureParams()))
        writer = writer or pq.ParquetWriter(path, table.schema, **parquet_options(table.schema))
        writer.write_table(table)
    assert writer is not None
    writer.close()


def report(what: str, seconds: float) -> None:
    """Print one line: the task, its seconds, and the peak memory so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what:40} {seconds:8.1f} s   peak so far {peak:5.2f} GB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=2_000_000)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="where the table is written, and deleted afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path, began = Path(folder) / "features.parquet", time.perf_counter()
        write_table(path, options.clips)
        report(f"{options.clips:,} rows written, {path.stat().st_size / 1e9:.1f} GB", time.perf_counter() - began)
        columns, began = input_columns(pq.read_schema(path).names, "all"), time.perf_counter()
        examples = read_examples(path, path, "music", columns, 0.2, 0)
        report(f"{len(examples.x):,} x {len(columns)} inputs read", time.perf_counter() - began)
        began = time.perf_counter()
        trained = train("music", examples, Hyperparameters(model="statistics", min_steps=options.steps, passes=0))
        report(f"{options.steps} steps, all members evaluated", time.perf_counter() - began)
        print(f"last loss of the clips left out: {trained.history['val_loss'][-1].as_py():.4f} nat")


if __name__ == "__main__":
    main()
