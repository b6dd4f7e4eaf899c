# soundsift: from labelled segments of videos to sound detectors. The stages are included in the order of the data flow.
# Each rule file begins with its inputs and outputs. docs/configuration.md describes every key of the configuration.
from snakemake.utils import min_version

min_version("9.27")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/metadata.smk"
include: "workflow/rules/media.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/gallery.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/detect.smk"


# Default target: tables, detectors, the combined model, and the pages of the report.
rule all:
    default_target: True
    input:
        "results/features.parquet",
        "results/coverage.parquet",
        "results/detectors/combined.keras",
        expand("results/detectors/{detector}/card.md", detector=DETECTORS),
        "results/summary.txt",
        "results/metadata/rows.csv",
        "results/provenance.html",
        expand(
            "results/detectors/{detector}/{page}",
            detector=DETECTORS,
            page=["calibration.svg", "features.svg", "labels.html"],
        ),
        # the gallery needs the clips and their frames
        "results/gallery.html" if all(config["keep"].values()) else [],


onsuccess:
    write_report(STARTED, workflow.main_snakefile, config)


onerror:
    report_errors(STARTED)
