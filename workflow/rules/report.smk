# In:  results/coverage.parquet, results/detectors/{detector}/metrics.json
# Out: results/summary.txt, results/detectors.csv, results/figures/coverage.svg; with the detectors' figures they make
#      results/report.html, which is written at the end of each run
# By:  summarize_run


# Say in a few lines what was made, what is missing and how good the detectors are.
rule summarize_run:
    input:
        coverage="results/coverage.parquet",
        metrics=expand("results/detectors/{detector}/metrics.json", detector=DETECTORS),
    output:
        text="results/summary.txt",
        table=report(
            "results/detectors.csv",
            caption="../report/detectors.rst",
            category="Detectors",
            labels={"shows": "all detectors beside simpler ones"},
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
