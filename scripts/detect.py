"""Show all recordings on one page and in one table."""

import logging
from collections.abc import Sequence
from pathlib import Path

from soundsift.detection.overview import overview
from soundsift.detection.state import figures_of, results_of
from soundsift.detectors.definition import read_definition
from soundsift.files import read_json
from soundsift.joblog import job_log
from soundsift.report.detection import recording_section
from soundsift.report.page import write_page
from soundsift.tables import write_csv

DEMO = "They were trained on synthetic sound and do not work on real recordings: train on real clips first."
MISSING = "These detectors were trained with another configuration: run the workflow with this configuration first."


def detect(model: Path, detectors: Sequence[str], groups: Sequence[Path], table: Path, page: Path) -> None:
    """Write the table and the page; log each recording that could not be read or was read only in part."""
    names = sorted(name for group in groups for name in read_json(group)["recordings"])
    results = [read_json(results_of(name)[0]) for name in names]
    rows = overview([{"name": name, **result} for name, result in zip(names, results, strict=True)])
    write_csv(rows, table)
    sections = [
        (Path(result["recording"]).name, recording_section(result, figures_of(name)[0], page))
        for name, result in zip(names, results, strict=True)
    ]
    definition = read_definition(model)
    warnings = [("These are the demo's detectors", DEMO)] if definition.synthetic else []
    if missing := sorted(set(detectors) - set(definition.thresholds)):
        warnings.append((f"{', '.join(missing)}: not among these detectors", MISSING))
    write_page(
        "Classes detected in the recordings",
        [*warnings, ("All recordings", rows.drop_columns("name")), *sections],
        page,
    )
    warn = logging.getLogger("soundsift").warning
    for result in (result for result in results if result["reason"]):
        warn("%s: %s (%s)", Path(result["recording"]).name, result["outcome"], result["reason"])
    for heading, text in warnings:
        warn("%s. %s", heading, text)
    n_read = sum(result["duration_seconds"] is not None for result in results)
    warn("%d of %d recordings were analysed: %s, %s", n_read, len(results), page, table)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        detect(
            model=Path(snakemake.input.model),
            detectors=snakemake.params.detectors,
            groups=[Path(path) for path in snakemake.input.detected],
            table=Path(snakemake.output.table),
            page=Path(snakemake.output.page),
        )
