# In:  segment lists, class table, ontology and label accuracy, as configured
# Out: results/metadata/{clips,labels,excluded}.parquet, results/metadata/warnings.txt (what was said about the lists),
#      results/metadata/batches.txt (name and size of all batches) and
#      results/batches/{batch}.csv, one small file per batch of clips
# By:  make_demo or fetch_audioset (only for files that the configuration asks for), select_clips; separate target that
#      downloads nothing: metadata (classes, detectors and splits)
from soundsift.config.metadata import LayoutParams, SelectionParams
from soundsift.config.audioset import AUDIOSET, AUDIOSET_URLS, TABLES
from soundsift.config.clips import LengthParams
from soundsift.config.download import places_of_files
from soundsift.config.settings import is_only_youtube, one_file_a_video


include: "shards.smk"


# Synthesise the built-in demo.
rule make_demo:
    output:
        segments=expand(f"{DEMO}/{{name}}_segments.csv", name=["train", "eval"]),
        class_labels=f"{DEMO}/class_labels_indices.csv",
        ontology=f"{DEMO}/ontology.json",
        label_quality=f"{DEMO}/qa_true_counts.csv",
        media=directory(f"{DEMO}/media"),
    log:
        "results/logs/make_demo.log",
    conda:
        "../../envs/media.yaml"
    threads: 2
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code_digest("make_demo"),
    message:
        "Synthesising the demo"
    script:
        "../../scripts/make_demo.py"


# Download a list or table that AudioSet publishes. The address is no param: a new address downloads no list again.
rule fetch_audioset:
    output:
        file=f"{AUDIOSET}/{{file}}",
        record=f"{AUDIOSET}/{{file}}.fetched.json",
    log:
        "results/logs/fetch_audioset/{file}.log",
    wildcard_constraints:
        file="|".join(AUDIOSET_URLS),
    localrule: True
    conda:
        "../../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=30,
    message:
        "Fetching {wildcards.file}"
    script:
        "../../scripts/fetch_audioset.py"


# Select the wanted clips, decide for each detector whether its class is present, and divide the clips into batches.
checkpoint select_clips:
    input:
        **{name: METADATA[name] for name in TABLES if METADATA[name]},
        segments=list(METADATA["segments"].values()),
        # Only for the order. After this step Snakemake plans the batches, and it would take an index that is being
        # written for one that is there, plan nothing, and end with success.
        shards=list(SHARDED),
    output:
        clips="results/metadata/clips.parquet",
        labels="results/metadata/labels.parquet",
        excluded="results/metadata/excluded.parquet",
        names="results/metadata/batches.txt",
        warnings="results/metadata/warnings.txt",
        batches=directory("results/batches"),
    log:
        "results/logs/select_clips.log",
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        lists=list(METADATA["segments"]),
        tables=[name for name in TABLES if METADATA[name]],
        selection=pick(SelectionParams, METADATA),
        layout=pick(LayoutParams, METADATA),
        lengths=pick(LengthParams, config["clips"]),
        min_seconds=config["clips"]["min_seconds"],
        # A function, because Snakemake expands braces in strings.
        places=lambda wildcards: places_of_files(config["download"]),
        youtube_ids=is_only_youtube(config),
        one_clip_a_video=one_file_a_video(config),
        batch_size=config["batch_size"],
        detectors=config["detectors"],
        code=code_digest("select_clips"),
    message:
        "Selecting clips"
    script:
        "../../scripts/select_clips.py"


# Print the balance of the classes before anything is downloaded. Without an output the rule runs whenever it is asked for.
rule metadata:
    input:
        clips="results/metadata/clips.parquet",
        labels="results/metadata/labels.parquet",
        excluded="results/metadata/excluded.parquet",
        warnings="results/metadata/warnings.txt",
    log:
        "results/logs/metadata.log",
    localrule: True
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        batch_size=config["batch_size"],
        seed=METADATA["seed"],
        counts="results/metadata/counts.txt",
    message:
        "Counting classes"
    script:
        "../../scripts/count_metadata.py"
