# In:  results/metadata/*.parquet, results/coverage.parquet, results/features.parquet, results/detectors/{detector}/metrics.json
# Out: results/summary.txt and, for the report, results/metadata/{rows.csv,classes.csv,metadata.html},
#      results/{coverage,detectors}.html, results/figures/*.svg; results/report.html is written at the end of each run
# By:  summarize_metadata, summarize_run, draw_example


# Show the metadata as people look at them.
rule summarize_metadata:
    input:
        clips="results/metadata/clips.parquet",
        labels="results/metadata/labels.parquet",
        excluded="results/metadata/excluded.parquet",
    output:
        rows="results/metadata/rows.csv",
        classes="results/metadata/classes.csv",
        page=report(
            "results/metadata/metadata.html",
            caption="../report/metadata.rst",
            category="Metadata",
            labels={"shows": "rows, classes and clips as tables"},
        ),
        class_figure=report(
            "results/figures/classes.svg",
            caption="../report/classes.rst",
            category="Metadata",
            labels={"shows": "clips by class"},
        ),
        truth_figure=report(
            "results/figures/truths.svg",
            caption="../report/truths.rst",
            category="Metadata",
            labels={"shows": "what is true of the clips"},
        ),
        together_figure=report(
            "results/figures/together.svg",
            caption="../report/together.rst",
            category="Metadata",
            labels={"shows": "classes on the same clip"},
        ),
    log:
        "results/logs/summarize_metadata.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=15,
    params:
        detectors=DETECTORS,
        at_youtube=config["download"]["url"] == YOUTUBE,
        code=code_digest("summarize_metadata"),
    message:
        "Showing the metadata"
    script:
        "../../scripts/summarize_metadata.py"


# Say in a few lines what was made, what is missing and how good the detectors are.
rule summarize_run:
    input:
        coverage="results/coverage.parquet",
        excluded="results/metadata/excluded.parquet",
        metrics=expand("results/detectors/{detector}/metrics.json", detector=DETECTORS),
    output:
        text="results/summary.txt",
        missing="results/missing.csv",
        table=report(
            "results/detectors.html",
            caption="../report/detectors.rst",
            category="Detectors",
            labels={"shows": "all detectors beside simpler ones"},
        ),
        counted=report(
            "results/coverage.html",
            caption="../report/coverage.rst",
            category="Coverage",
            labels={"shows": "clips by outcome"},
        ),
        figure=report(
            "results/figures/coverage.svg",
            caption="../report/coverage.rst",
            category="Coverage",
            labels={"shows": "what became of the wanted clips"},
        ),
    log:
        "results/logs/summarize_run.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=15,
    params:
        detectors=DETECTORS,
        is_demo=is_demo(config),
        code=code_digest("summarize_run"),
    message:
        "Summing up"
    script:
        "../../scripts/summarize_run.py"


# Show one clip as the workflow sees it.
rule draw_example:
    input:
        features="results/features.parquet",
        # one of them is drawn; which, the table says
        clips=per_batch("results/clips/{batch}"),
        frames=per_batch("results/frames/{batch}"),
    output:
        figure=report(
            "results/figures/example.svg",
            caption="../report/example.rst",
            category="Clips",
            labels={"shows": "an example clip and its features"},
        ),
    log:
        "results/logs/draw_example.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=15,
    params:
        format=config["clips"]["format"],
        code=code_digest("draw_example"),
    message:
        "Drawing an example clip"
    script:
        "../../scripts/draw_example.py"
