"""Fetch one of AudioSet's published lists or tables, and record what was fetched."""

from pathlib import Path

from soundsift.joblog import job_log
from soundsift.metadata.audioset import fetch


def fetch_audioset(url: str, path: Path, record: Path) -> None:
    """Download ``url`` to ``path``, whole or not at all; write its address, size and SHA-256 to ``record``."""
    fetch(url, path, record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        fetch_audioset(
            url=snakemake.params.url,
            path=Path(snakemake.output.file),
            record=Path(snakemake.output.record),
        )
