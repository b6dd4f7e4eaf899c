"""Say in a few lines what a run made, what is missing and how good the detectors are."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from soundsift import coverage as covering
from soundsift import plots, summary
from soundsift.joblog import job_log
from soundsift.pages import write_page
from soundsift.tables import read_json, read_parquet, write_csv, write_text


def summarize_run(
    coverage: Path, excluded: Path, metrics: Mapping[str, Path], is_demo: bool,
    text: Path, missing: Path, table: Path, counted: Path, figure: Path,
) -> None:  # fmt: skip
    """Write the lines, the detectors' figures and the outcomes as tables, and the coverage figure."""
    found = read_parquet(coverage)
    counts = covering.outcome_counts(found)
    gone = covering.missing(found)
    judged = {name: read_json(path) for name, path in metrics.items()}
    left_out = Counter(read_parquet(excluded)["reason"].to_pylist())
    write_text(summary.lines(counts, left_out, summary.unrecognised(gone), judged, is_demo), text)
    write_csv(gone, missing)
    write_page("Detectors", [("Detectors beside simpler ones", summary.detector_table(judged))], table)
    write_page("Coverage", [("What became of the wanted clips", summary.coverage_table(counts))], counted)
    plots.coverage(counts, figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        summarize_run(
            coverage=Path(snakemake.input.coverage),
            excluded=Path(snakemake.input.excluded),
            metrics=dict(zip(snakemake.params.detectors, map(Path, snakemake.input.metrics), strict=True)),
            is_demo=snakemake.params.is_demo,
            text=Path(snakemake.output.text),
            missing=Path(snakemake.output.missing),
            table=Path(snakemake.output.table),
            counted=Path(snakemake.output.counted),
            figure=Path(snakemake.output.figure),
        )
