"""Bring the media of a batch into the archive and list what became of each clip."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soundsift.archive import Archive
from soundsift.batches import read_batch
from soundsift.download import download
from soundsift.joblog import job_log
from soundsift.origins import Manners, Source
from soundsift.tables import write_csv

MANNERS = (
    "link",
    "concurrency",
    "videos_per_hour",
    "tries",
    "timeout_seconds",
    "block_after",
    "wait_when_blocked",
    "on_transient",
    "cookies",
    "proxy",
    "yt_dlp",
)


def download_clips(
    batch: Path, archive: Path, source: Source, manners: Mapping[str, Any], min_seconds: float, downloads: Path
) -> None:
    """Fetch what the archive lacks of a batch."""
    write_csv(download(read_batch(batch), source, Manners(**manners), Archive(archive), min_seconds), downloads)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        download_clips(
            batch=Path(snakemake.input.batch),
            archive=Path(snakemake.params.archive),
            source=Source(**snakemake.params.source),
            # from the config, not a param: how we ask changes no result, so it reruns nothing
            manners={key: snakemake.config["download"][key] for key in MANNERS},
            min_seconds=snakemake.params.min_seconds,
            downloads=Path(snakemake.output.downloads),
        )
