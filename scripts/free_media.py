"""Delete the media of a batch from the archive if their source can be read again."""

import logging
from collections.abc import Sequence
from pathlib import Path

from soundsift.config.download import sources_of
from soundsift.config.sources import index_path, is_sharded
from soundsift.files import write_text
from soundsift.joblog import job_log
from soundsift.media.archive_writer import open_for_writing
from soundsift.media.columns import DOWNLOAD_COLUMNS
from soundsift.media.shards.index import ShardIndex
from soundsift.tables import read_csv


def free_media(downloads: Path, archive: Path, urls: Sequence[str], freed: Path) -> None:
    """Free the media of all clips of a batch whose shards are still there, and write how many there were."""
    writer = open_for_writing(archive)
    indexes = {url: path for url in urls if is_sharded(url) and (path := Path(index_path(url))).is_file()}
    shards = {shard for url, path in indexes.items() for shard in ShardIndex(path).there(url)}
    found = [writer.free(clip_id, shards) for clip_id in read_csv(downloads, DOWNLOAD_COLUMNS)["clip_id"].to_pylist()]
    n_bytes = [n for n in found if n]
    if n_kept := found.count(None):
        logging.getLogger("soundsift").warning(
            "the media of %d clips stay in the archive: their shards are gone, have changed or are no longer in "
            "download.sources", n_kept,
        )  # fmt: skip
    write_text(f"{len(n_bytes)} media, {sum(n_bytes)} bytes; {n_kept} media kept\n", freed)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        free_media(
            downloads=Path(snakemake.input.downloads),
            archive=Path(snakemake.params.archive),
            # no param: another source would run this rule, and all that it needs, again
            urls=[one["url"] for one in sources_of(snakemake.config["download"])],
            freed=Path(snakemake.output.freed),
        )
