"""Count the wanted clips that are available at present, and list those that are missing."""

from pathlib import Path

from soundsift.files import write_text
from soundsift.joblog import job_log
from soundsift.media import coverage
from soundsift.media.archive import Archive
from soundsift.tables import read_parquet, write_csv


def count_coverage(
    clips: Path, finished_dir: Path, outcomes_dir: Path, features_dir: Path, merged: Path, archive: Path,
    retry_permanent: bool, missing: Path, counts: Path, options: str = "",
) -> str:  # fmt: skip
    """Write the missing clips and the counts; return the text to print."""
    records = Archive(archive)
    found = coverage.present(read_parquet(clips), finished_dir, outcomes_dir, features_dir, records, merged)
    write_csv(coverage.missing(found), missing)
    text = coverage.lines(found, retry_permanent, coverage.undecided(found, records), options)
    text += coverage.whole_files(found, records) + coverage.refusals(records)
    write_text(text, counts)
    return f"{text}Clip by clip: {missing}"


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        print(
            count_coverage(
                clips=Path(snakemake.input.clips),
                finished_dir=Path(snakemake.params.finished),
                outcomes_dir=Path(snakemake.params.outcomes),
                features_dir=Path(snakemake.params.features),
                merged=Path(snakemake.params.merged),
                archive=Path(snakemake.params.archive),
                retry_permanent=snakemake.params.retry_permanent,
                missing=Path(snakemake.params.missing),
                counts=Path(snakemake.params.counts),
                options=snakemake.params.options,
            )
        )
