"""Show all recordings on one page, and what became of each in one table."""

import logging
from collections.abc import Sequence
from pathlib import Path

from soundsift.detection import formats
from soundsift.detectors.model_file import read_definition
from soundsift.files import read_json
from soundsift.joblog import job_log
from soundsift.report import detection
from soundsift.report.page import write_page
from soundsift.tables import write_csv

DEMO = "They have learned from synthetic sound and know nothing of real recordings: train on real clips first."
LACKING = "They were trained for others than the configuration names: run snakemake --cores N first."


def detect(
    model: Path, detectors: Sequence[str], records: Sequence[Path], figures: Sequence[Path], table: Path, page: Path,
) -> None:  # fmt: skip
    """Write the table and the page, and say on the terminal which recordings could not be heard, or not wholly."""
    said = [read_json(path) for path in records]
    overview = formats.overview(said)
    write_csv(overview, table)
    drawn = [
        (Path(record["recording"]).name, detection.shown(record, figure, page))
        for record, figure in zip(said, figures, strict=True)
    ]
    definition = read_definition(model)
    warning = [("These are the demo's detectors", DEMO)] if definition.synthetic else []
    if lacking := sorted(set(detectors) - set(definition.thresholds)):
        warning.append((f"{', '.join(lacking)}: not among these detectors", LACKING))
    write_page("What is heard in the recordings", [*warning, ("All recordings", overview), *drawn], page)
    unheard = [record for record in said if record["duration_seconds"] is None]
    tell = logging.getLogger("soundsift").warning
    for record in (record for record in said if record["reason"]):
        tell("%s: %s (%s)", Path(record["recording"]).name, record["outcome"], record["reason"])
    for heading, text in warning:
        tell("%s. %s", heading, text)
    tell("%d of %d recordings were heard: %s, %s", len(said) - len(unheard), len(said), page, table)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        detect(
            model=Path(snakemake.input.model),
            detectors=snakemake.params.detectors,
            records=[Path(path) for path in snakemake.input.records],
            figures=[Path(path) for path in snakemake.input.figures],
            table=Path(snakemake.output.table),
            page=Path(snakemake.output.page),
        )
