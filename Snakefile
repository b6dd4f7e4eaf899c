# soundsift: from labelled pieces of videos to detectors. The stages stand in the order in which data flow through them;
# what each takes and gives is on top of its file, what every key of the configuration means in docs/configuration.md.
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


# Everything: tables, detectors, the combined model, and what the report shows.
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
        # what shows clips needs them and their frames
        "results/gallery.html" if all(config["keep"].values()) else [],


onsuccess:
    write_report(STARTED, workflow.main_snakefile, config)


onerror:
    report_errors(STARTED)
