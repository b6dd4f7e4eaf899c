# In:  results/clips/{batch}/{clip_id}.{format}, results/outcomes/{batch}.csv, results/metadata/clips.parquet
# Out: results/frames/{batch}/{clip_id}.parquet, results/features/{batch}.parquet, results/{features,coverage}.parquet
#      and the augmented training clips, results/augmented/{batch}.parquet and results/augmented.parquet
# By:  extract_features, summarize_features, merge_features, augment_clips, merge_augmented
from soundsift.config.features import FeatureParams

FRAMES = pick(FeatureParams, config["features"])
# The tables of all batches.
OUTCOMES = per_batch("results/outcomes/{batch}.csv")
FEATURES = per_batch("results/features/{batch}.parquet")
AUGMENTED = (
    per_batch("results/augmented/{batch}.parquet", with_eval=False)
    if config["training"]["augment"]
    else []
)


# Compute the frame features of each clip.
rule extract_features:
    input:
        clips="results/clips/{batch}",
    output:
        frames=kept("frames", "results/frames/{batch}"),
    log:
        "results/logs/extract_features/{batch}.log",
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=60,
    params:
        features=FRAMES,
        log_mel=config["features"]["log_mel"],
        code=code_digest("extract_features"),
    message:
        "Extracting features of {wildcards.batch}"
    script:
        "../../scripts/extract_features.py"


# Reduce the frames of each clip to one row.
rule summarize_features:
    input:
        frames="results/frames/{batch}",
        outcomes="results/outcomes/{batch}.csv",
    output:
        features="results/features/{batch}.parquet",
    log:
        "results/logs/summarize_features/{batch}.log",
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=30,
    params:
        statistics=config["features"]["statistics"],
        code=code_digest("summarize_features"),
    message:
        "Summarising {wildcards.batch}"
    script:
        "../../scripts/summarize_features.py"


# Merge all batches, add the truth of each clip, and record the outcome of every wanted clip.
rule merge_features:
    input:
        clips="results/metadata/clips.parquet",
        outcomes=OUTCOMES,
        features=FEATURES,
    output:
        features="results/features.parquet",
        coverage="results/coverage.parquet",
    log:
        "results/logs/merge_features.log",
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=60,
    params:
        code=code_digest("merge_features"),
    message:
        "Merging all batches"
    script:
        "../../scripts/merge_features.py"


# Compute the features of augmented training clips: other rooms, microphones and speeds, noise, another clip mixed in.
rule augment_clips:
    input:
        clips="results/clips/{batch}",
    output:
        augmented="results/augmented/{batch}.parquet",
    log:
        "results/logs/augment_clips/{batch}.log",
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=120,
    params:
        n_versions=config["training"]["augment"],
        features=FRAMES,
        statistics=config["features"]["statistics"],
        code=code_digest("augment_clips"),
    message:
        "Augmenting clips of {wildcards.batch}"
    script:
        "../../scripts/augment_clips.py"


# Merge the augmented clips and add the truth of each. Before, refuse detectors that have too few clips.
rule merge_augmented:
    input:
        features="results/features.parquet",
        augmented=AUGMENTED,
    output:
        table="results/augmented.parquet",
    log:
        "results/logs/merge_augmented.log",
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=60,
    params:
        code=code_digest("merge_augmented"),
    message:
        "Merging augmented clips"
    script:
        "../../scripts/merge_augmented.py"
