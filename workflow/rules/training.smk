# In:  results/features.parquet, results/augmented.parquet, lists; to combine, results/detectors/{detector}/metrics.json
# Out: results/detectors/{detector}/{model.keras,history.parquet,learning.parquet} and results/detectors/combined.keras;
#      with metadata.fold, results/folds.csv and results/parts/folds.txt
# By:  train_detector, learning_curve, combine_detectors, combine_folds
from math import ceil

from soundsift.config.training import NetworkParams

TRAINING = config["training"]
NETWORK = pick(NetworkParams, TRAINING)
# the eval list or the test fold is for evaluation; without one a share of the videos is held out
HAS_EVAL = "eval" in METADATA["segments"] or METADATA["fold"] is not None
TEST_FRACTION = None if HAS_EVAL else TRAINING["test_fraction"]
# what the metrics of a detector depend on beside the lists and its classes
MEASURED = {
    "metadata": {k: v for k, v in METADATA.items() if k not in ("segments", "fold")},
    **{name: config[name] for name in ("clips", "features", "training")},
}
FOLDS = "results/folds.csv"
TRAINING_TABLES = {k: f"results/{k}.parquet" for k in ("features", "augmented")}
# the networks on frames read the sequences of all clips, which are not in the merged tables
FRAME_TABLES = (
    {"of_batches": FEATURES, "augmented_of_batches": AUGMENTED}
    if TRAINING["model"] != "statistics"
    else {}
)


# Train one detector on the training clips and their augmented versions.
rule train_detector:
    input:
        **TRAINING_TABLES,
        **FRAME_TABLES,
    output:
        model="results/detectors/{detector}/model.keras",
        history="results/detectors/{detector}/history.parquet",
    log:
        "results/logs/train_detector/{detector}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=720,
    params:
        features=TRAINING["features"],
        test_fraction=TEST_FRACTION,
        is_demo=is_demo(config),
        network=NETWORK,
        code=code_digest("train_detector"),
    message:
        "Training the {wildcards.detector} detector"
    script:
        "../../scripts/train_detector.py"


# Measure the performance with fewer training clips.
rule learning_curve:
    input:
        **TRAINING_TABLES,
    output:
        curve="results/detectors/{detector}/learning.parquet",
    log:
        "results/logs/learning_curve/{detector}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=720,
    params:
        features=TRAINING["features"],
        test_fraction=TEST_FRACTION,
        # the curve measures the ranking of clips, for which networks on statistics and half of the steps are enough
        network={
            **NETWORK,
            "model": "statistics",
            "members": 1,
            "min_steps": ceil(NETWORK["min_steps"] / 2),
        },
        code=code_digest("learning_curve"),
    message:
        "Measuring the learning curve of the {wildcards.detector} detector"
    script:
        "../../scripts/learning_curve.py"


# Combine all detectors into one model.
rule combine_detectors:
    input:
        models=expand("results/detectors/{detector}/model.keras", detector=DETECTORS),
        metrics=expand("results/detectors/{detector}/metrics.json", detector=DETECTORS),
    output:
        combined="results/detectors/combined.keras",
    log:
        "results/logs/combine_detectors.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=15,
    params:
        detectors=DETECTORS,
        classes=config["detectors"],
        code=code_digest("combine_detectors"),
    message:
        "Combining {params.detectors}"
    script:
        "../../scripts/combine_detectors.py"


# Add the metrics of the test fold to earlier ones. The table is no output: Snakemake would delete it before the job.
rule combine_folds:
    input:
        metrics=expand("results/detectors/{detector}/metrics.json", detector=DETECTORS),
        lists=list(METADATA["segments"].values()),
    output:
        sentences="results/parts/folds.txt",
    log:
        "results/logs/combine_folds.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=15,
    params:
        fold=METADATA["fold"],
        table=FOLDS,
        detectors=DETECTORS,
        # A function, because Snakemake expands braces in strings.
        settings=lambda wildcards: {
            name: MEASURED | {"classes": config["detectors"][name]}
            for name in DETECTORS
        },
        code=code_digest("combine_folds"),
    message:
        "Combining the metrics of the folds"
    script:
        "../../scripts/combine_folds.py"
