# In:  results/metadata/*.parquet, results/coverage.parquet, results/features.parquet, results/detectors/{detector}/metrics.json
# Out: results/summary.txt and, for the report, results/metadata/{rows.csv,classes.csv,metadata.html},
#      results/{coverage,detectors,provenance}.html, results/figures/*.svg; results/parts/opening.html is the opening text of
#      results/report.html, which is written at the end of each run
# By:  summarize_metadata, summarize_run, write_provenance

LABEL_TABLES = ("class_labels", "ontology", "label_quality")
# the labels of the lists as they stand need no tables
USED_TABLES = [name for name in LABEL_TABLES if METADATA[name]]


# Summarise the metadata in tables and figures.
rule summarize_metadata:
    input:
        clips="results/metadata/clips.parquet",
        labels="results/metadata/labels.parquet",
        excluded="results/metadata/excluded.parquet",
        warnings="results/metadata/warnings.txt",
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
            labels={"shows": "clips with and without each class"},
        ),
        co_occurrence_figure=report(
            "results/figures/together.svg",
            caption="../report/co_occurrence.rst",
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
        at_youtube=is_only_youtube(config),
        code=code_digest("summarize_metadata"),
    message:
        "Summarising the metadata"
    script:
        "../../scripts/summarize_metadata.py"


# Summarise the run: its results, the missing clips, and the quality of the detectors.
rule summarize_run:
    input:
        coverage="results/coverage.parquet",
        excluded="results/metadata/excluded.parquet",
        metrics=expand("results/detectors/{detector}/metrics.json", detector=DETECTORS),
        folds=[] if METADATA["fold"] is None else rules.combine_folds.output.sentences,
    output:
        text="results/summary.txt",
        opening="results/parts/opening.html",
        missing="results/missing.csv",
        table=report(
            "results/detectors.html",
            caption="../report/detectors.rst",
            category="5 Detectors",
            subcategory="all",
            labels={"shows": "all detectors and simpler baselines"},
        ),
        answers=report(
            "results/figures/answers.svg",
            caption="../report/answers.rst",
            category="5 Detectors",
            subcategory="all",
            labels={"shows": "right and wrong answers per hundred clips"},
        ),
        counted=report(
            "results/coverage.html",
            caption="../report/coverage.rst",
            category="2 Coverage",
            labels={"shows": "table of the clips by outcome"},
        ),
        figure=report(
            "results/figures/coverage.svg",
            caption="../report/coverage.rst",
            category="2 Coverage",
            labels={"shows": "figure of the clips by outcome"},
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
        "Summarising the run"
    script:
        "../../scripts/summarize_run.py"


# Record the lists, tools and configuration that the results were made with.
rule write_provenance:
    input:
        tables=[*METADATA["segments"].values(), *map(METADATA.get, USED_TABLES)],
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
        names=[*METADATA["segments"], *USED_TABLES],
        archive=config["download"]["archive"],
        # A function, because Snakemake expands braces in strings, and the configuration may contain braces.
        config=lambda wildcards: shareable(config),
        code=code_digest("write_provenance"),
    message:
        "Recording lists, tools and configuration"
    script:
        "../../scripts/write_provenance.py"
