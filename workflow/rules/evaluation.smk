# In:  results/features.parquet, results/augmented.parquet,
#      results/detectors/{detector}/{model.keras,history.parquet,learning.parquet}
# Out: results/detectors/{detector}/{metrics.json,predictions.parquet,probabilities.parquet,errors.parquet} and, for
#      reading, results/detectors/{detector}/{card.md,*.svg}
# By:  evaluate_detector, draw_detector, write_card


# Evaluate a detector and its baselines on the eval clips.
rule evaluate_detector:
    input:
        **TRAINING_TABLES,
        **FRAME_TABLES,
        model="results/detectors/{detector}/model.keras",
    output:
        metrics="results/detectors/{detector}/metrics.json",
        predictions="results/detectors/{detector}/predictions.parquet",
        probabilities="results/detectors/{detector}/probabilities.parquet",
        errors="results/detectors/{detector}/errors.parquet",
    log:
        "results/logs/evaluate_detector/{detector}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=720,
    params:
        test_fraction=TEST_FRACTION,
        network=NETWORK,
        code=code_digest("evaluate_detector"),
    message:
        "Evaluating the {wildcards.detector} detector"
    script:
        "../../scripts/evaluate_detector.py"


# Draw the figures of a detector.
rule draw_detector:
    input:
        metrics="results/detectors/{detector}/metrics.json",
        probabilities="results/detectors/{detector}/probabilities.parquet",
        history="results/detectors/{detector}/history.parquet",
        curve="results/detectors/{detector}/learning.parquet",
    output:
        calibration=report(
            "results/detectors/{detector}/calibration.svg",
            caption="../report/calibration.rst",
            category="5 Detectors",
            subcategory="{detector}",
            labels={"shows": "calibration of the probabilities"},
        ),
        confusion=report(
            "results/detectors/{detector}/confusion.svg",
            caption="../report/confusion.rst",
            category="5 Detectors",
            subcategory="{detector}",
            labels={"shows": "right and wrong answers"},
        ),
        curves=report(
            "results/detectors/{detector}/curves.svg",
            caption="../report/curves.rst",
            category="5 Detectors",
            subcategory="{detector}",
            labels={"shows": "ROC, precision and recall"},
        ),
        probabilities=report(
            "results/detectors/{detector}/probabilities.svg",
            caption="../report/probabilities.rst",
            category="5 Detectors",
            subcategory="{detector}",
            labels={"shows": "probabilities with and without {detector}"},
        ),
        history=report(
            "results/detectors/{detector}/history.svg",
            caption="../report/history.rst",
            category="5 Detectors",
            subcategory="{detector}",
            labels={"shows": "training"},
        ),
        learning=report(
            "results/detectors/{detector}/learning.svg",
            caption="../report/learning.rst",
            category="5 Detectors",
            subcategory="{detector}",
            labels={"shows": "whether more clips would help"},
        ),
    log:
        "results/logs/draw_detector/{detector}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=15,
    params:
        code=code_digest("draw_detector"),
    message:
        "Drawing the figures of the {wildcards.detector} detector"
    script:
        "../../scripts/draw_detector.py"


# Write the model card.
rule write_card:
    input:
        **TRAINING_TABLES,
        model="results/detectors/{detector}/model.keras",
        metrics="results/detectors/{detector}/metrics.json",
        errors="results/detectors/{detector}/errors.parquet",
        curve="results/detectors/{detector}/learning.parquet",
    output:
        card="results/detectors/{detector}/card.md",
    log:
        "results/logs/write_card/{detector}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=15,
    params:
        classes=lambda wildcards: config["detectors"][wildcards.detector],
        lists=METADATA["segments"],
        settings={k: config[k] for k in ("clips", "features", "training")},
        code=code_digest("write_card"),
    message:
        "Writing the card of the {wildcards.detector} detector"
    script:
        "../../scripts/write_card.py"
