# In:  results/features.parquet, results/clips/{batch}, results/frames/{batch},
#      results/detectors/{detector}/{predictions,errors}.parquet
# Out: for the report, results/gallery.html and results/detectors/{detector}/{features.svg,errors.html,labels.html}
# By:  draw_gallery, draw_distributions, play_clips


# Show one clip of each of two classes with its features and its sound.
rule draw_gallery:
    input:
        features="results/features.parquet",
        # Only two clips are shown, but they can be chosen only when the features table exists.
        clips=per_batch("results/clips/{batch}"),
        frames=per_batch("results/frames/{batch}"),
    output:
        page=report(
            "results/gallery.html",
            caption="../report/gallery.rst",
            category="4 Features",
            labels={"shows": "two clips and their features, with sound"},
        ),
    log:
        "results/logs/draw_gallery.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=15,
    params:
        format=config["clips"]["format"],
        detectors=list(config["detectors"]),
        code=code_digest("draw_gallery"),
    message:
        "Drawing one clip of each of two classes"
    script:
        "../../scripts/draw_gallery.py"


# Draw histograms of features for clips with and without a class.
rule draw_distributions:
    input:
        features="results/features.parquet",
    output:
        figure=report(
            "results/detectors/{detector}/features.svg",
            caption="../report/distributions.rst",
            category="4 Features",
            labels={"shows": "features of clips with and without {detector}"},
        ),
    log:
        "results/logs/draw_distributions/{detector}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=15,
    params:
        code=code_digest("draw_distributions"),
    message:
        "Drawing features with and without {wildcards.detector}"
    script:
        "../../scripts/draw_distributions.py"


# Make pages for checking a detector's errors and the labels by ear.
rule play_clips:
    input:
        features="results/features.parquet",
        predictions="results/detectors/{detector}/predictions.parquet",
        errors="results/detectors/{detector}/errors.parquet",
    output:
        errors_page=report(
            "results/detectors/{detector}/errors.html",
            caption="../report/errors.rst",
            category="6 Errors",
            labels={"shows": "{detector}: largest errors, and errors by label"},
        ),
        labels_page=report(
            "results/detectors/{detector}/labels.html",
            caption="../report/labels.rst",
            category="3 Clips",
            labels={"shows": "clips with and without {detector}, to listen to"},
        ),
    log:
        "results/logs/play_clips/{detector}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=15,
    params:
        format=config["clips"]["format"],
        seed=TRAINING["seed"],
        code=code_digest("play_clips"),
    message:
        "Choosing clips of {wildcards.detector} to listen to"
    script:
        "../../scripts/play_clips.py"
