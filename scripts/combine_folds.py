"""Add the metrics of the test fold to those of the folds of earlier runs, and write their mean and spread."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from soundsift.detectors.metrics import read_metrics
from soundsift.files import write_text
from soundsift.joblog import job_log
from soundsift.report.folds import add_fold, settings_digest


def combine_folds(
    metrics: Mapping[str, Path], lists: Sequence[Path], settings: Mapping[str, Mapping[str, Any]], fold: str,
    table: Path, sentences: Path,
) -> None:  # fmt: skip
    """Write the table of all folds, and one sentence for each detector."""
    digests = {name: settings_digest(lists, of_detector) for name, of_detector in settings.items()}
    found = add_fold(table, fold, {name: read_metrics(path) for name, path in metrics.items()}, digests)
    write_text("\n".join(found) + "\n", sentences)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        combine_folds(
            metrics=dict(zip(snakemake.params.detectors, map(Path, snakemake.input.metrics), strict=True)),
            lists=list(map(Path, snakemake.input.lists)),
            settings=snakemake.params.settings,
            fold=snakemake.params.fold,
            table=Path(snakemake.params.table),
            sentences=Path(snakemake.output.sentences),
        )
