# In:  the Parquet or tar shards that download.sources names, on disk or on the Hugging Face Hub
# Out: resources/shards/{digest of the address}.parquet (which clip is where); results/freed/{batch}.txt if keep.media is
#      false
# By:  index_shards, free_media
from soundsift.config.download import sources_of
from soundsift.config.sources import index_path, is_sharded
from soundsift.media.shards.places import state_now

SHARDED = {
    index_path(one["url"]): one["url"]
    for one in sources_of(config["download"])
    if is_sharded(one["url"])
}
# {digest: address, and state of the shards at present}. Snakemake compares params only if they depend on wildcards alone.
SHARD_SETS = {
    Path(path).stem: (url, state_now(url, path.removesuffix(".parquet")))
    for path, url in SHARDED.items()
}


# What is left of the downloads of every batch if keep.media is false.
FREED = per_batch("results/freed/{batch}.txt")


# Index the shards of a source. Only new and changed shards are read. Batches do not run again when the index changes.
rule index_shards:
    output:
        index="resources/shards/{digest}.parquet",
    log:
        "results/logs/index_shards/{digest}.log",
    wildcard_constraints:
        digest="[0-9a-f]{16}",
    conda:
        "../../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=720,
    params:
        url=lambda wildcards: SHARD_SETS[wildcards.digest][0],
        folder="resources/shards/{digest}",
        state=lambda wildcards: SHARD_SETS[wildcards.digest][1],
        n_threads=8,
        code=code_digest("index_shards"),
    message:
        "Indexing the shards of {params.url}"
    script:
        "../../scripts/index_shards.py"


# Delete the media of a converted batch from the archive if their shards can be read again.
rule free_media:
    input:
        downloads="results/downloads/{batch}.csv",
        outcomes="results/outcomes/{batch}.csv",
    output:
        freed="results/freed/{batch}.txt",
    log:
        "results/logs/free_media/{batch}.log",
    conda:
        "../../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=30,
    params:
        archive=config["download"]["archive"],
        # no digest: with one, new code would read the shards again only to free their media
    message:
        "Freeing the media of {wildcards.batch}"
    script:
        "../../scripts/free_media.py"
