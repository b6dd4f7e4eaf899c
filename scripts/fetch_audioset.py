"""Download one of AudioSet's published lists or tables, and record its address, size and checksum."""

from pathlib import Path

from soundsift.joblog import job_log
from soundsift.metadata.audioset import fetch


def fetch_audioset(url: str, path: Path, record: Path) -> None:
    """Download ``url`` to ``path``; resume an incomplete download."""
    fetch(url, path, record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        fetch_audioset(
            url=snakemake.params.url,
            path=Path(snakemake.output.file),
            record=Path(snakemake.output.record),
        )
