"""Show the metadata as people look at them: what became of the rows, every class, what is true of the clips."""

from collections.abc import Sequence
from pathlib import Path

from soundsift.joblog import job_log
from soundsift.report import metadata
from soundsift.report.figures import metadata as figures
from soundsift.report.page import write_page
from soundsift.tables import read_parquet, write_csv


def summarize_metadata(
    clips: Path, labels: Path, excluded: Path, detectors: Sequence[str], at_youtube: bool,
    rows: Path, classes: Path, page: Path, class_figure: Path, truth_figure: Path, together_figure: Path,
) -> None:  # fmt: skip
    """Write the rows by fate, the classes and the first clips; draw classes, truths and what is heard together."""
    wanted, known = read_parquet(clips), read_parquet(labels)
    counted = metadata.class_counts(wanted, known)
    fates = metadata.rows_by_fate(wanted, read_parquet(excluded))
    truths = metadata.truth_counts(wanted, detectors)
    write_csv(fates, rows)
    write_csv(counted, classes)
    tables = [
        ("What became of the lists' rows", fates),
        ("What is true of the wanted clips", truths),
        ("Every class", counted),
        ("The first clips of each split", metadata.spelled_out(wanted, at_youtube)),
    ]
    write_page("Metadata", tables, page)
    figures.class_counts(counted, class_figure)
    figures.truths(truths, truth_figure)
    figures.together(*metadata.together(wanted, known), together_figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        summarize_metadata(
            clips=Path(snakemake.input.clips),
            labels=Path(snakemake.input.labels),
            excluded=Path(snakemake.input.excluded),
            detectors=snakemake.params.detectors,
            at_youtube=snakemake.params.at_youtube,
            rows=Path(snakemake.output.rows),
            classes=Path(snakemake.output.classes),
            page=Path(snakemake.output.page),
            class_figure=Path(snakemake.output.class_figure),
            truth_figure=Path(snakemake.output.truth_figure),
            together_figure=Path(snakemake.output.together_figure),
        )
