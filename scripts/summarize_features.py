"""Reduce the frames of every clip of a batch to one row of statistics."""

from collections.abc import Sequence
from pathlib import Path

from soundsift.errors import InputError
from soundsift.features.summary import summary_table
from soundsift.files import visible_files
from soundsift.joblog import job_log
from soundsift.media.columns import KEPT, OUTCOME_COLUMNS
from soundsift.tables import read_csv, write_parquet


def summarize_features(frames_dir: Path, outcomes: Path, statistics: Sequence[str], features: Path) -> None:
    """Write the features table of a batch, without the clips whose file could not be read.

    Raises
    ------
    InputError
        If a clip has neither frames nor a file with the reason.
    """
    outcome = read_csv(outcomes, OUTCOME_COLUMNS)
    files = visible_files(frames_dir)
    there = {path.stem for path in files}
    for clip_id, word in zip(outcome["clip_id"].to_pylist(), outcome["outcome"].to_pylist(), strict=True):
        if word in KEPT and clip_id not in there:
            raise InputError(
                f"{frames_dir} has lost the clip {clip_id}: delete this folder and the one of the same name in "
                "results/clips, and run again"
            )
    write_parquet(summary_table([path for path in files if path.suffix == ".parquet"], statistics), features)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        summarize_features(
            frames_dir=Path(snakemake.input.frames),
            outcomes=Path(snakemake.input.outcomes),
            statistics=snakemake.params.statistics,
            features=Path(snakemake.output.features),
        )
