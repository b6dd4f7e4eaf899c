"""Merge the features, truth and outcomes of all batches into the features table and the coverage table."""

import logging
from collections.abc import Sequence
from pathlib import Path

from soundsift.features.table import merge
from soundsift.joblog import job_log
from soundsift.tables import read_parquet


def merge_features(
    clips: Path, outcomes: Sequence[Path], features: Sequence[Path], features_table: Path, coverage_table: Path
) -> None:
    """Write the features and the coverage table."""
    n_wanted, n_available = merge(read_parquet(clips), outcomes, features, features_table, coverage_table)
    logging.info("%d of %d wanted clips are available", n_available, n_wanted)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        merge_features(
            clips=Path(snakemake.input.clips),
            outcomes=[Path(path) for path in snakemake.input.outcomes],
            features=[Path(path) for path in snakemake.input.features],
            features_table=Path(snakemake.output.features),
            coverage_table=Path(snakemake.output.coverage),
        )
