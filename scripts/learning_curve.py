"""Measure the performance of a detector with fewer training clips, to see whether more clips would help."""

from pathlib import Path

from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.learning_curve import measure
from soundsift.features.inputs import input_columns
from soundsift.joblog import job_log
from soundsift.tables import read_schema, write_parquet


def learning_curve(
    features: Path, augmented: Path | None, detector: str, feature_set: str, params: Hyperparameters,
    test_fraction: float | None, curve: Path,
) -> None:  # fmt: skip
    """Write the learning curve as a table."""
    columns = input_columns(read_schema(features).names, feature_set)
    write_parquet(measure(features, augmented, detector, columns, params, test_fraction), curve)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        augmented = snakemake.input.get("augmented")
        learning_curve(
            features=Path(snakemake.input.features),
            augmented=Path(augmented) if augmented else None,
            detector=snakemake.wildcards.detector,
            feature_set=snakemake.params.features,
            params=Hyperparameters(**snakemake.params.network),
            test_fraction=snakemake.params.test_fraction,
            curve=Path(snakemake.output.curve),
        )
