"""Measure how good a detector is with fewer training clips, to see whether more would help."""

from pathlib import Path

import pyarrow.parquet as pq

from soundsift import evaluation, plots
from soundsift.features import input_columns
from soundsift.joblog import job_log
from soundsift.tables import write_parquet
from soundsift.training import TrainingParams


def learning_curve(
    features: Path, augmented: Path | None, detector: str, feature_set: str, params: TrainingParams,
    test_fraction: float | None, curve: Path, figure: Path,
) -> None:  # fmt: skip
    """Write the curve and its figure."""
    columns = input_columns(pq.read_schema(features).names, feature_set)
    found = evaluation.learning_curve(features, augmented, detector, columns, params, test_fraction)
    write_parquet(found, curve)
    plots.learning_curve(found, detector, figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        augmented = snakemake.input.get("augmented")
        learning_curve(
            features=Path(snakemake.input.features),
            augmented=Path(augmented) if augmented else None,
            detector=snakemake.wildcards.detector,
            feature_set=snakemake.params.features,
            params=TrainingParams(**snakemake.params.network),
            test_fraction=snakemake.params.test_fraction,
            curve=Path(snakemake.output.curve),
            figure=Path(snakemake.output.figure),
        )
