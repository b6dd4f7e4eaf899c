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
include: "workflow/rules/export.smk"


# Default target. All outputs are named: Snakemake does not notice that an output is gone if nothing asks for it.
rule all:
    default_target: True
    input:
        rules.select_clips.output,
        [rules.merge_features.output, OUTCOMES, FEATURES],
        [rules.merge_augmented.output, AUGMENTED],
        rules.combine_detectors.output,
        [
            expand(output, detector=DETECTORS)
            for rule in workflow.rules
            if rule.wildcard_names == {"detector"}
            for output in getattr(rules, rule.name).output
        ],
        rules.summarize_metadata.output,
        rules.summarize_run.output,
        lambda _: run_again_without(
            workflow, rules.write_provenance.output.page, MADE_LAST
        ),
        rules.draw_gallery.output if WITH_GALLERY else [],
        per_batch("results/clips/{batch}") if config["keep"]["clips"] else [],
        per_batch("results/frames/{batch}") if config["keep"]["frames"] else [],
        DOWNLOADS if config["keep"]["media"] else FREED,


onstart:
    with one_line_on_error():
        check_start(workflow, (*MADE_LAST, FOLDS), DEMO_FOLDER)
        PREVIOUS.keep()


onsuccess:
    PREVIOUS.discard()
    write_report(STARTED, workflow.main_snakefile, config)


onerror:
    report_errors(STARTED, PREVIOUS.put_back(), options_of(workflow.config_settings))
