# In:  results/metadata/*.parquet, results/coverage.parquet, results/features.parquet, results/detectors/{detector}/metrics.json
# Out: results/summary.txt and, for the report, results/metadata/{rows.csv,classes.csv,metadata.html},
#      results/{coverage,detectors,provenance,opening}.html, results/figures/*.svg; the last page opens the report, which is
#      written to results/report.html at the end of each run
# By:  summarize_metadata, summarize_run, write_provenance

LABEL_TABLES = ("class_labels", "ontology", "label_quality")


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
            category="1 Metadata",
            labels={"shows": "rows, classes and clips as tables"},
        ),
        class_figure=report(
            "results/figures/classes.svg",
            caption="../report/classes.rst",
            category="1 Metadata",
            labels={"shows": "clips by class"},
        ),
        truth_figure=report(
            "results/figures/truths.svg",
            caption="../report/truths.rst",
            category="1 Metadata",
            labels={"shows": "what is true of the clips"},
        ),
        together_figure=report(
            "results/figures/together.svg",
            caption="../report/together.rst",
            category="1 Metadata",
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
        opening="results/opening.html",
        missing="results/missing.csv",
        table=report(
            "results/detectors.html",
            caption="../report/detectors.rst",
            category="5 Detectors",
            subcategory="all",
            labels={"shows": "all detectors beside simpler ones"},
        ),
        answers=report(
            "results/figures/answers.svg",
            caption="../report/answers.rst",
            category="5 Detectors",
            subcategory="all",
            labels={"shows": "right and wrong answers in a hundred clips"},
        ),
        counted=report(
            "results/coverage.html",
            caption="../report/coverage.rst",
            category="2 Coverage",
            labels={"shows": "clips by outcome"},
        ),
        figure=report(
            "results/figures/coverage.svg",
            caption="../report/coverage.rst",
            category="2 Coverage",
            labels={"shows": "what became of the wanted clips"},
        ),
    log:
        "results/logs/summarize_run.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=15,
    params:
        detectors=DETECTORS,
        is_demo=is_demo(config),
        code=code_digest("summarize_run"),
    message:
        "Summing up"
    script:
        "../../scripts/summarize_run.py"


# Say from what, with what and how all this was made.
rule write_provenance:
    input:
        tables=[*METADATA["segments"].values(), *map(METADATA.get, LABEL_TABLES)],
        coverage="results/coverage.parquet",
        features="results/features.parquet",
    output:
        page=report(
            "results/provenance.html",
            caption="../report/provenance.rst",
            category="7 Provenance",
            labels={"shows": "configuration, tools and lists"},
        ),
    log:
        "results/logs/write_provenance.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=15,
    params:
        names=[*METADATA["segments"], *LABEL_TABLES],
        archive=config["download"]["archive"],
        # a function, for the configuration may have braces in it
        config=lambda wildcards: shareable(config),
        code=code_digest("write_provenance"),
    message:
        "Writing down where all this comes from"
    script:
        "../../scripts/write_provenance.py"
