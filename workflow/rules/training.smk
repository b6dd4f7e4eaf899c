# In:  results/features.parquet, results/augmented.parquet
# Out: results/detectors/{detector}/{model.keras,history.parquet} and results/detectors/combined.keras
# By:  train_detector, combine_detectors
from soundsift.config.training import NetworkParams

TRAINING = config["training"]
NETWORK = pick(NetworkParams, TRAINING)
# an eval list judges; only without one are videos kept back
TEST_FRACTION = None if "eval" in METADATA["segments"] else TRAINING["test_fraction"]
LEARNED_FROM = {"features": "results/features.parquet"} | (
    {"augmented": "results/augmented.parquet"} if TRAINING["augment"] else {}
)


# Train one detector on the clips that teach and their changed versions.
rule train_detector:
    input:
        **LEARNED_FROM,
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


# Join all detectors into one model.
rule combine_detectors:
    input:
        models=expand("results/detectors/{detector}/model.keras", detector=DETECTORS),
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
        code=code_digest("combine_detectors"),
    message:
        "Combining {params.detectors}"
    script:
        "../../scripts/combine_detectors.py"
