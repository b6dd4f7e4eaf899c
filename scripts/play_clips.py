"""List clips with players: a detector's largest errors, and a random sample of the labelled clips."""

from pathlib import Path

import pyarrow as pa

from soundsift.detectors.columns import ERROR_COLUMNS, PREDICTION_COLUMNS
from soundsift.joblog import job_log
from soundsift.report import listening
from soundsift.report.page import write_page
from soundsift.tables import read_parquet

NO_EVAL_CLIPS = "There are no eval clips of known truth."


def play_clips(
    features: Path, predictions: Path, errors: Path, detector: str, clips_dir: Path, clip_format: str, seed: int,
    errors_page: Path, labels_page: Path,
) -> None:  # fmt: skip
    """Write a page of the errors and a page of clips with and without the class."""
    predicted = read_parquet(predictions, PREDICTION_COLUMNS)
    by_label = read_parquet(errors, ERROR_COLUMNS)
    by_label = by_label.rename_columns([name.replace("_", " ") for name in by_label.column_names])
    chosen = [listening.worst(predicted), *listening.draw(predicted, seed)]
    # In one call, so that the features table is read once.
    described = listening.describe(pa.concat_tables(chosen), features, clips_dir, clip_format)
    n_worst, n_with, n_without = map(len, chosen)
    worst, with_it = described.slice(0, n_worst), described.slice(n_worst, n_with)
    without_it = described.slice(n_worst + n_with, n_without)
    listed = [worst, by_label] if n_worst else [NO_EVAL_CLIPS] * 2
    headings = ("The eval clips furthest from their labels", "Errors by label of the eval clips")
    sections = list(zip(headings, listed, strict=True))
    write_page(f"{detector}: errors", sections, errors_page)
    sections = [(f"Labelled with {detector}", with_it), (f"Labelled without {detector}", without_it)]
    write_page(f"{detector}: are the labels right?", sections, labels_page)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        play_clips(
            features=Path(snakemake.input.features),
            predictions=Path(snakemake.input.predictions),
            errors=Path(snakemake.input.errors),
            detector=snakemake.wildcards.detector,
            clips_dir=Path("results/clips"),
            clip_format=snakemake.params.format,
            seed=snakemake.params.seed,
            errors_page=Path(snakemake.output.errors_page),
            labels_page=Path(snakemake.output.labels_page),
        )
