"""Delete the media of a batch from the archive if their source can be read again."""

import logging
from collections.abc import Sequence
from pathlib import Path

from soundsift.config.download import sources_of
from soundsift.config.sources import index_path, is_sharded
from soundsift.files import write_text
from soundsift.joblog import job_log
from soundsift.media.archive_uses import Uses
from soundsift.media.archive_writer import open_for_writing
from soundsift.media.columns import DOWNLOAD_COLUMNS
from soundsift.media.shards.index import ShardIndex
from soundsift.tables import read_csv


def free_media(downloads: Path, archive: Path, urls: Sequence[str], freed: Path) -> None:
    """Free the media of all clips of a batch that no other run uses and whose shards are still there.

    How many there were is written to ``freed``.
    """
    writer, uses = open_for_writing(archive), Uses(archive, downloads.stem)
    indexes = {url: path for url in urls if is_sharded(url) and (path := Path(index_path(url))).is_file()}
    shards = {shard for url, path in indexes.items() for shard in ShardIndex(path).there(url)}
    wanted = [row["clip_id"] for row in read_csv(downloads, DOWNLOAD_COLUMNS).to_pylist() if row["media"]]
    uses.end()
    n_used, found, in_batch = 0, [], set(wanted)
    for clip_id in wanted:
        # another run may begin to use a clip at any moment
        if clip_id in uses.of_others(in_batch):
            n_used += 1
        else:
            found.append(writer.free(clip_id, shards))
    n_bytes = [n for n in found if n]
    warn = logging.getLogger("soundsift").warning
    if n_kept := found.count(None):
        warn(
            "the media of %d clips stay in the archive: their shards are gone, have changed, cannot be read or are no "
            "longer in download.sources", n_kept,
        )  # fmt: skip
    if n_used:
        warn(
            "the media of %d clips stay in the archive for another run: if it was given up, delete its notes %s",
            n_used, uses.other_runs,
        )  # fmt: skip
    write_text(f"{len(n_bytes)} media, {sum(n_bytes)} bytes; {n_kept + n_used} media kept\n", freed)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        free_media(
            downloads=Path(snakemake.input.downloads),
            archive=Path(snakemake.params.archive),
            # no param: another source would run this rule, and all that it needs, again
            urls=[one["url"] for one in sources_of(snakemake.config["download"])],
            freed=Path(snakemake.output.freed),
        )
