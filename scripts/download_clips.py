"""Download the media of a batch into the archive and record the outcome of every clip."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.joblog import job_log
from soundsift.media.archive_writer import open_for_writing
from soundsift.media.download import download
from soundsift.metadata.batches import read_batch
from soundsift.tables import write_csv

POLICY = (
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
    batch: Path, archive: Path, source: SourceParams, policy: Mapping[str, Any], min_seconds: float, downloads: Path
) -> None:
    """Download the clips of a batch that the archive does not have."""
    table = download(read_batch(batch), source, RequestPolicy(**policy), open_for_writing(archive), min_seconds)
    write_csv(table, downloads)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        download_clips(
            batch=Path(snakemake.input.batch),
            archive=Path(snakemake.params.archive),
            source=SourceParams(**snakemake.params.source),
            # from the config, not a param: how we ask changes no result, so it reruns nothing
            policy={key: snakemake.config["download"][key] for key in POLICY},
            min_seconds=snakemake.params.min_seconds,
            downloads=Path(snakemake.output.downloads),
        )
