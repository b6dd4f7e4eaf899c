"""Count the selected clips by class, detector and split."""

from pathlib import Path

from soundsift.files import write_text
from soundsift.joblog import job_log
from soundsift.metadata.overview import overview
from soundsift.tables import read_parquet


def count_metadata(
    clips: Path, labels: Path, excluded: Path, warnings: Path, batch_size: int, seed: int, counts: Path
) -> str:
    """Write the counts; return the text to print."""
    said = warnings.read_text(encoding="utf-8").splitlines()
    text = overview(read_parquet(clips), read_parquet(labels), read_parquet(excluded), batch_size, seed, said)
    write_text(text, counts)
    return text


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        print(
            count_metadata(
                clips=Path(snakemake.input.clips),
                labels=Path(snakemake.input.labels),
                excluded=Path(snakemake.input.excluded),
                warnings=Path(snakemake.input.warnings),
                batch_size=snakemake.params.batch_size,
                seed=snakemake.params.seed,
                counts=Path(snakemake.params.counts),
            )
        )
