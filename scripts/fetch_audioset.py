"""Fetch one of AudioSet's published lists or tables, and record what was fetched."""

from datetime import UTC, datetime
from pathlib import Path

import pooch
import requests

from soundsift.archive import sha256_of
from soundsift.errors import InputError
from soundsift.joblog import job_log
from soundsift.tables import write_json


def fetch_audioset(url: str, path: Path, record: Path) -> None:
    """Download ``url`` to ``path``, whole or not at all; write its address, size and SHA-256 to ``record``."""
    try:
        pooch.retrieve(url, known_hash=None, fname=path.name, path=path.parent)
    except (requests.RequestException, OSError, ValueError) as error:
        raise InputError(
            f"{url} cannot be fetched ({str(error).splitlines()[0]}): "
            f"try again later, or put the file at {path} yourself"
        ) from error
    found = {"url": url, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
    write_json(found | {"fetched": datetime.now(UTC).isoformat(timespec="seconds")}, record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        fetch_audioset(
            url=snakemake.params.url,
            path=Path(snakemake.output.file),
            record=Path(snakemake.output.record),
        )
