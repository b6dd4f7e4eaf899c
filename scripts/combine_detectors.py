"""Combine all detectors into one model with one named probability each."""

from collections.abc import Mapping
from pathlib import Path

from soundsift.detectors.inference import read_model
from soundsift.detectors.model_file import combine, load, save
from soundsift.joblog import job_log


def combine_detectors(models: Mapping[str, Path], combined: Path) -> None:
    """Write the combined model."""
    filters = read_model(next(iter(models.values()))).filters
    save(*combine({name: load(path) for name, path in models.items()}), filters, combined)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        combine_detectors(
            models=dict(zip(snakemake.params.detectors, map(Path, snakemake.input.models), strict=True)),
            combined=Path(snakemake.output.combined),
        )
