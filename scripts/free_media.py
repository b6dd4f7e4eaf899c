"""Delete the media of a batch from the archive if their source can be read again."""

from pathlib import Path

from soundsift.files import write_text
from soundsift.joblog import job_log
from soundsift.media.archive_writer import open_for_writing
from soundsift.media.columns import DOWNLOAD_COLUMNS
from soundsift.tables import read_csv


def free_media(downloads: Path, archive: Path, freed: Path) -> None:
    """Free the media of all clips of a batch that came from shards, and write how many there were."""
    writer = open_for_writing(archive)
    found = [writer.free(clip_id) for clip_id in read_csv(downloads, DOWNLOAD_COLUMNS)["clip_id"].to_pylist()]
    write_text(f"{sum(n > 0 for n in found)} media, {sum(found)} bytes\n", freed)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        free_media(
            downloads=Path(snakemake.input.downloads),
            archive=Path(snakemake.params.archive),
            freed=Path(snakemake.output.freed),
        )
