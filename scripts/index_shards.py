"""Index the shards of a source: which clip is in which of them, and where."""

from pathlib import Path

from soundsift.joblog import job_log
from soundsift.media.shards import indexing


def index_shards(url: str, folder: Path, path: Path, n_threads: int, tries: int) -> None:
    """Write the index of all shards that an address names."""
    indexing.index_shards(url, folder, path, n_threads, tries)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        index_shards(
            url=snakemake.params.url,
            folder=Path(snakemake.params.folder),
            path=Path(snakemake.output.index),
            n_threads=snakemake.params.n_threads,
            # no param: it changes no result
            tries=snakemake.config["download"]["tries"],
        )
