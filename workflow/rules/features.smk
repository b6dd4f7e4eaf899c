# In:  results/clips/{batch}/{clip_id}.{format}, results/outcomes/{batch}.csv, results/metadata/clips.parquet
# Out: results/frames/{batch}/{clip_id}.parquet, results/features/{batch}.parquet, results/{features,coverage}.parquet
# By:  extract_features, summarize_features, merge_features


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
        mem_mb=1500,
        runtime=60,
    params:
        features={
            key: config["features"][key]
            for key in ("n_fft", "hop_length", "n_mels", "n_mfcc", "rolloff_fraction")
        },
        code=code_digest("extract_features"),
    message:
        "Extracting features of {wildcards.batch}"
    script:
        "../../scripts/extract_features.py"


# Reduce each clip's frames to one row.
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
        mem_mb=1000,
        runtime=30,
    params:
        statistics=config["features"]["statistics"],
        code=code_digest("summarize_features"),
    message:
        "Summarizing {wildcards.batch}"
    script:
        "../../scripts/summarize_features.py"


# Put all batches together with what is true of each clip, and account for every wanted one.
rule merge_features:
    input:
        clips="results/metadata/clips.parquet",
        outcomes=per_batch("results/outcomes/{batch}.csv"),
        features=per_batch("results/features/{batch}.parquet"),
    output:
        features="results/features.parquet",
        coverage="results/coverage.parquet",
    log:
        "results/logs/merge_features.log",
    conda:
        "../../envs/features.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("merge_features"),
    message:
        "Merging all batches"
    script:
        "../../scripts/merge_features.py"
