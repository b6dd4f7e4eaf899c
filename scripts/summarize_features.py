"""Reduce the frames of every clip of a batch to one row of statistics."""

from collections.abc import Sequence
from pathlib import Path

from soundsift.features import summary_table
from soundsift.joblog import job_log
from soundsift.tables import visible_files, write_parquet


def summarize_features(frames_dir: Path, statistics: Sequence[str], features: Path) -> None:
    """Write the features table of a batch."""
    write_parquet(summary_table(visible_files(frames_dir), statistics), features)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        summarize_features(
            frames_dir=Path(snakemake.input.frames),
            statistics=snakemake.params.statistics,
            features=Path(snakemake.output.features),
        )
