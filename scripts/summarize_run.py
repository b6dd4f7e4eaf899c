"""Summarise a run in a few lines: its results, the missing clips, and the quality of the detectors."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from soundsift.detectors.metrics import read_metrics
from soundsift.files import write_text
from soundsift.joblog import job_log
from soundsift.media import coverage as clip_coverage
from soundsift.report import run
from soundsift.report.figures import coverage as coverage_figures
from soundsift.report.figures import detectors as detector_figures
from soundsift.report.page import write_page
from soundsift.tables import read_parquet, write_csv


def summarize_run(
    coverage: Path, excluded: Path, metrics: Mapping[str, Path], is_demo: bool,
    text: Path, opening: Path, missing: Path, table: Path, counted: Path, figure: Path, answers: Path,
    folds: Path | None = None,
) -> None:  # fmt: skip
    """Write the summary, the opening of the report and the missing clips; tabulate and draw detectors and outcomes."""
    found = read_parquet(coverage)
    counts, sources = clip_coverage.outcome_counts(found), clip_coverage.by_source(found)
    absent = clip_coverage.missing(found)
    evaluated = {name: read_metrics(path) for name, path in metrics.items()}
    left_out = Counter(read_parquet(excluded)["reason"].to_pylist())
    of_folds = folds.read_text(encoding="utf-8").splitlines() if folds else []
    write_text(run.lines(counts, left_out, run.unrecognised(absent), evaluated, is_demo, sources, of_folds), text)
    write_csv(absent, missing)
    write_page("Detectors and simpler baselines", run.detector_sections(evaluated), table)
    by_source = ("Available clips by source", run.source_table(sources))
    write_page("Coverage", [("Wanted clips by outcome", run.coverage_table(counts)), by_source], counted)
    coverage_figures.coverage(counts, figure)
    judged = {name: result.performance for name, result in evaluated.items() if result.performance}
    detector_figures.answers({name: performance.confusion for name, performance in judged.items()}, answers)
    figures = [path.read_text(encoding="utf-8") for path in (figure, answers)]
    write_text(run.opening(counts, left_out, evaluated, figures, of_folds), opening)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        folds = snakemake.input.get("folds")
        summarize_run(
            coverage=Path(snakemake.input.coverage),
            excluded=Path(snakemake.input.excluded),
            metrics=dict(zip(snakemake.params.detectors, map(Path, snakemake.input.metrics), strict=True)),
            is_demo=snakemake.params.is_demo,
            text=Path(snakemake.output.text),
            opening=Path(snakemake.output.opening),
            missing=Path(snakemake.output.missing),
            table=Path(snakemake.output.table),
            counted=Path(snakemake.output.counted),
            figure=Path(snakemake.output.figure),
            answers=Path(snakemake.output.answers),
            folds=Path(folds) if folds else None,
        )
