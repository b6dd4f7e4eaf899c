# In:  results/features.parquet
# Out: results/detectors/{detector}/{model.keras,history.parquet,metrics.json,predictions.parquet,*.svg} and
#      results/detectors/combined.keras
# By:  train_detector, evaluate_detector, combine_detectors


# Train one detector on the clips that teach.
rule train_detector:
    input:
        features="results/features.parquet",
    output:
        model="results/detectors/{detector}/model.keras",
        history="results/detectors/{detector}/history.parquet",
    log:
        "results/logs/train_detector/{detector}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        **config["training"],
        code=code_digest("train_detector"),
    message:
        "Training the {wildcards.detector} detector"
    script:
        "../../scripts/train_detector.py"


# Judge it by the clips it has not seen.
rule evaluate_detector:
    input:
        features="results/features.parquet",
        model="results/detectors/{detector}/model.keras",
        history="results/detectors/{detector}/history.parquet",
    output:
        metrics="results/detectors/{detector}/metrics.json",
        predictions="results/detectors/{detector}/predictions.parquet",
        confusion=report(
            "results/detectors/{detector}/confusion.svg",
            caption="../report/confusion.rst",
            category="Detectors",
            subcategory="{detector}",
            labels={"shows": "right and wrong answers"},
        ),
        curves=report(
            "results/detectors/{detector}/curves.svg",
            caption="../report/curves.rst",
            category="Detectors",
            subcategory="{detector}",
            labels={"shows": "ROC, precision and recall"},
        ),
        probabilities=report(
            "results/detectors/{detector}/probabilities.svg",
            caption="../report/probabilities.rst",
            category="Detectors",
            subcategory="{detector}",
            labels={"shows": "what the detector says"},
        ),
        history=report(
            "results/detectors/{detector}/history.svg",
            caption="../report/history.rst",
            category="Detectors",
            subcategory="{detector}",
            labels={"shows": "training"},
        ),
    log:
        "results/logs/evaluate_detector/{detector}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        balance=config["training"]["balance"],
        test_fraction=config["training"]["test_fraction"],
        seed=config["training"]["seed"],
        code=code_digest("evaluate_detector"),
    message:
        "Judging the {wildcards.detector} detector"
    script:
        "../../scripts/evaluate_detector.py"


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
        mem_mb=2000,
        runtime=15,
    params:
        detectors=DETECTORS,
        code=code_digest("combine_detectors"),
    message:
        "Combining {params.detectors}"
    script:
        "../../scripts/combine_detectors.py"
