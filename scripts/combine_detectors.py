"""Combine all detectors into one model with one named probability each."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from soundsift.detectors.definition import about
from soundsift.detectors.inference import read_model
from soundsift.detectors.metrics import read_metrics
from soundsift.detectors.model_file import combine, load, save
from soundsift.joblog import job_log


def combine_detectors(
    models: Mapping[str, Path], metrics: Mapping[str, Path], classes: Mapping[str, Mapping[str, Any]], combined: Path
) -> None:
    """Write the combined model; it says what its detectors are and how good they are."""
    filters = read_model(next(iter(models.values()))).filters
    model, definition = combine({name: load(path) for name, path in models.items()})
    facts = {name: about(classes[name], read_metrics(path)) for name, path in metrics.items()}
    save(model, replace(definition, about=facts), filters, combined)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        combine_detectors(
            models=dict(zip(snakemake.params.detectors, map(Path, snakemake.input.models), strict=True)),
            metrics=dict(zip(snakemake.params.detectors, map(Path, snakemake.input.metrics), strict=True)),
            classes=snakemake.params.classes,
            combined=Path(snakemake.output.combined),
        )
