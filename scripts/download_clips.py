"""Download the media of a batch into the archive and record the outcome of every clip."""

from collections.abc import Sequence
from pathlib import Path

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.config.pick import pick
from soundsift.joblog import job_log
from soundsift.media.archive_uses import Uses
from soundsift.media.archive_writer import open_for_writing
from soundsift.media.download import download
from soundsift.metadata.batches import read_batch
from soundsift.tables import write_csv


def download_clips(
    batch: Path, archive: Path, sources: Sequence[SourceParams], policy: RequestPolicy, min_seconds: float,
    downloads: Path,
) -> None:  # fmt: skip
    """Download the clips of a batch that the archive does not have."""
    clips, writer = read_batch(batch), open_for_writing(archive)
    # whatever the sources are: the archive may have media that another run has read from shards and will free
    Uses(archive, batch.stem).begin(clip.clip_id for clip in clips)
    write_csv(download(clips, sources, policy, writer, min_seconds), downloads)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        download_clips(
            batch=Path(snakemake.input.batch),
            archive=Path(snakemake.params.archive),
            # several sources, or the only one
            sources=[SourceParams(**s) for s in snakemake.params.get("sources", [snakemake.params.source])],
            # from the configuration, not from params: the policy changes no result, so a new policy reruns nothing
            policy=RequestPolicy(**pick(RequestPolicy, snakemake.config["download"])),
            min_seconds=snakemake.params.min_seconds,
            downloads=Path(snakemake.output.downloads),
        )
