# In:  results/features.parquet, results/augmented.parquet, results/detectors/{detector}/{model.keras,history.parquet}
# Out: results/detectors/{detector}/{metrics.json,predictions.parquet,errors.parquet,learning.parquet,card.md,*.svg}
# By:  evaluate_detector, learning_curve, write_card


# Judge it by the clips it has not heard.
rule evaluate_detector:
    input:
        **LEARNED_FROM,
        model="results/detectors/{detector}/model.keras",
        history="results/detectors/{detector}/history.parquet",
    output:
        metrics="results/detectors/{detector}/metrics.json",
        predictions="results/detectors/{detector}/predictions.parquet",
        errors="results/detectors/{detector}/errors.parquet",
        calibration=report(
            "results/detectors/{detector}/calibration.svg",
            caption="../report/calibration.rst",
            category="5 Detectors",
            subcategory="{detector}",
            labels={"shows": "how sure it may be"},
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
            labels={"shows": "what the detector says"},
        ),
        history=report(
            "results/detectors/{detector}/history.svg",
            caption="../report/history.rst",
            category="5 Detectors",
            subcategory="{detector}",
            labels={"shows": "training"},
        ),
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
        "Judging the {wildcards.detector} detector"
    script:
        "../../scripts/evaluate_detector.py"


# See whether more clips would help.
rule learning_curve:
    input:
        **LEARNED_FROM,
    output:
        curve="results/detectors/{detector}/learning.parquet",
        figure=report(
            "results/detectors/{detector}/learning.svg",
            caption="../report/learning.rst",
            category="5 Detectors",
            subcategory="{detector}",
            labels={"shows": "whether more clips would help"},
        ),
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
        # ranking takes half as many steps as probabilities do
        network={**NETWORK, "members": 1, "min_steps": 500},
        code=code_digest("learning_curve"),
    message:
        "Measuring how the {wildcards.detector} detector learns"
    script:
        "../../scripts/learning_curve.py"


# Say what it is, what it was made from, how good it is and where that ends.
rule write_card:
    input:
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
        network={**NETWORK, "augment": TRAINING["augment"]},
        code=code_digest("write_card"),
    message:
        "Writing the card of the {wildcards.detector} detector"
    script:
        "../../scripts/write_card.py"
