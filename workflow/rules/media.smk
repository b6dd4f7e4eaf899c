# In:  results/batches/{batch}.csv
# Out: the media in the archive, results/downloads/{batch}.csv (the archive's records of the batch),
#      results/clips/{batch}/{clip_id}.{format}, results/outcomes/{batch}.csv
# By:  download_clips, convert_clips; separate targets that send no requests: coverage
#      (results/coverage.txt and results/missing.csv at any time), check_archive
from soundsift.config.download import SourceParams, sources_of
from soundsift.report.ending import options_of

# A list of its own, so that nothing changes for a configuration with one source.
SEVERAL = {"sources": sources_of(config["download"])}
# The table of downloads of every batch.
DOWNLOADS = per_batch("results/downloads/{batch}.csv")


# Download the media of a batch into the archive. The archive is not a declared output, because Snakemake deletes the
# outputs of a failed job.
rule download_clips:
    input:
        batch=batch_csv,
        media=DEMO_MEDIA,
        # a new shard does not run all batches again
        shards=ancient(list(SHARDED)),
    output:
        downloads=(
            "results/downloads/{batch}.csv"
            if config["keep"]["media"]
            else temp("results/downloads/{batch}.csv")
        ),
    log:
        "results/logs/download_clips/{batch}.log",
    conda:
        "../../envs/media.yaml"
    threads: 1
    resources:
        downloads=1,
        # each worker runs yt-dlp, and deno for YouTube's challenges
        mem_mb=growing(400 + 350 * config["download"]["concurrency"]),
        runtime=2880,
    params:
        **(SEVERAL if config["download"]["sources"] else {}),
        archive=config["download"]["archive"],
        source=pick(SourceParams, config["download"]),
        min_seconds=config["clips"]["min_seconds"],
        # No digest: the archive already has the media, so a change of the code downloads nothing again. With a digest
        # Snakemake would still run this rule and all later steps again.
    message:
        "Downloading {wildcards.batch}"
    script:
        "../../scripts/download_clips.py"


# Cut each clip out of its media, exact to the sample.
rule convert_clips:
    input:
        downloads="results/downloads/{batch}.csv",
    output:
        clips=kept("clips", "results/clips/{batch}"),
        outcomes="results/outcomes/{batch}.csv",
    log:
        "results/logs/convert_clips/{batch}.log",
    conda:
        "../../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=60,
    params:
        archive=config["download"]["archive"],
        format=config["clips"]["format"],
        sample_rate_hz=config["clips"]["sample_rate_hz"],
        min_seconds=config["clips"]["min_seconds"],
        code=code_digest("convert_clips"),
    message:
        "Converting {wildcards.batch}"
    script:
        "../../scripts/convert_clips.py"


# Count the available clips at any time. Without an output the rule runs whenever it is requested.
rule coverage:
    input:
        clips="results/metadata/clips.parquet",
    log:
        "results/logs/coverage.log",
    localrule: True
    conda:
        "../../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=60,
    params:
        # what download_clips has written, unless it is deleted once used
        finished="results/downloads" if config["keep"]["media"] else "results/outcomes",
        outcomes="results/outcomes",
        features="results/features",
        merged="results/coverage.parquet",
        archive=config["download"]["archive"],
        retry_permanent=config["download"]["retry_permanent"],
        missing="results/missing.csv",
        counts="results/coverage.txt",
        options=options_of(workflow.config_settings),
    message:
        "Counting available clips"
    script:
        "../../scripts/count_coverage.py"


# Compare every media file of the archive with its checksum.
rule check_archive:
    log:
        "results/logs/check_archive.log",
    conda:
        "../../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=720,
    params:
        archive=config["download"]["archive"],
    message:
        "Checking {params.archive}"
    script:
        "../../scripts/check_archive.py"
