"""Summarise the metadata: outcomes of the rows, clips with each truth, every class, and the first clips."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from soundsift.joblog import job_log
from soundsift.report import metadata
from soundsift.report.figures import metadata as figures
from soundsift.report.page import write_page
from soundsift.tables import read_parquet, write_csv

# Remark for the table of classes that are no classes of AudioSet.
OWN_LABELS = ": the labels of the lists as they stand, of unknown accuracy"


def summarize_metadata(
    clips: Path, labels: Path, excluded: Path, warnings: Path, detectors: Sequence[str], at_youtube: bool,
    rows: Path, classes: Path, page: Path, class_figure: Path, truth_figure: Path, co_occurrence_figure: Path,
) -> None:  # fmt: skip
    """Write the tables and their page; draw classes, truths and the co-occurrence of classes."""
    wanted, known = read_parquet(clips), read_parquet(labels)
    counted = metadata.class_counts(wanted, known)
    outcomes = metadata.row_outcomes(wanted, read_parquet(excluded))
    truths = metadata.truth_counts(wanted, detectors)
    write_csv(outcomes, rows)
    write_csv(counted, classes)
    first, said = metadata.first_clips(wanted, at_youtube), warnings.read_text(encoding="utf-8").splitlines()
    tables = [
        *([("Warnings about the lists", pa.table({"warning": said}))] if said else []),
        ("Outcomes of the lists' rows", outcomes),
        ("Wanted clips with and without each detector's class", truths),
        (f"Every class{OWN_LABELS if metadata.are_own(known) else ''}", metadata.with_names_of_detectors(counted)),
        ("The first clips of each split", metadata.with_names_of_detectors(first)),
    ]
    write_page("Metadata", tables, page)
    figures.class_counts(counted, class_figure)
    figures.truths(truths, truth_figure)
    figures.co_occurrence(*metadata.co_occurrence(wanted, known), co_occurrence_figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        summarize_metadata(
            clips=Path(snakemake.input.clips),
            labels=Path(snakemake.input.labels),
            excluded=Path(snakemake.input.excluded),
            warnings=Path(snakemake.input.warnings),
            detectors=snakemake.params.detectors,
            at_youtube=snakemake.params.at_youtube,
            rows=Path(snakemake.output.rows),
            classes=Path(snakemake.output.classes),
            page=Path(snakemake.output.page),
            class_figure=Path(snakemake.output.class_figure),
            truth_figure=Path(snakemake.output.truth_figure),
            co_occurrence_figure=Path(snakemake.output.co_occurrence_figure),
        )
