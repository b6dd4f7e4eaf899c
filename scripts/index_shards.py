"""Index the shards of a source: which clip is in which of them, and where."""

from collections.abc import Sequence
from pathlib import Path

from soundsift.config.sources import has_other_place
from soundsift.joblog import job_log
from soundsift.media.shards import indexing


def index_shards(
    url: str, folder: Path, path: Path, n_threads: int, tries: int, on_transient: str, urls: Sequence[str]
) -> None:
    """Write the index of all shards that an address names."""
    can_do_without = on_transient == "record" and has_other_place(url, urls)
    indexing.index_shards(url, folder, path, n_threads, tries, can_do_without=can_do_without)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        index_shards(
            url=snakemake.params.url,
            folder=Path(snakemake.params.folder),
            path=Path(snakemake.output.index),
            n_threads=snakemake.params.n_threads,
            # no params: they change no result
            tries=snakemake.config["download"]["tries"],
            on_transient=snakemake.config["download"]["on_transient"],
            urls=[one["url"] for one in snakemake.config["download"]["sources"] or []],
        )
