# In:  results/coverage.parquet, results/metadata/excluded.parquet, results/detectors/{detector}/metrics.json
# Out: results/summary.txt, results/detectors.csv, results/{coverage.csv,figures/*.svg}; with the detectors' figures they make
#      results/report.html, which is written at the end of each run
# By:  summarize_run, draw_example


# Say in a few lines what was made, what is missing and how good the detectors are.
rule summarize_run:
    input:
        coverage="results/coverage.parquet",
        excluded="results/metadata/excluded.parquet",
        metrics=expand("results/detectors/{detector}/metrics.json", detector=DETECTORS),
    output:
        text="results/summary.txt",
        table=report(
            "results/detectors.csv",
            caption="../report/detectors.rst",
            category="Detectors",
            labels={"shows": "all detectors beside simpler ones"},
        ),
        counted=report(
            "results/coverage.csv",
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
        mem_mb=1000,
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
        mem_mb=1000,
        runtime=15,
    params:
        format=config["clips"]["format"],
        code=code_digest("draw_example"),
    message:
        "Drawing an example clip"
    script:
        "../../scripts/draw_example.py"
