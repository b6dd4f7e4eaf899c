"""Download one of AudioSet's published lists or tables, and record its address, size and checksum."""

from collections.abc import Sequence
from pathlib import Path

from soundsift.config.audioset import AUDIOSET_SHA256, AUDIOSET_URLS, audioset_files
from soundsift.joblog import job_log
from soundsift.metadata.audioset import fetch


def fetch_audioset(path: Path, record: Path, wanted: Sequence[Path]) -> None:
    """Download the file that AudioSet publishes under the name of ``path``; resume an incomplete download."""
    fetch(AUDIOSET_URLS[path.name], path, record, AUDIOSET_SHA256.get(path.name), wanted)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        fetch_audioset(
            path=Path(snakemake.output.file),
            record=Path(snakemake.output.record),
            wanted=[Path(path) for path in audioset_files(snakemake.config)],
        )
