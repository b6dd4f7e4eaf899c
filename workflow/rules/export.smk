# In:  results/metadata/clips.parquet, results/clips/{batch}
# Out: results/export/{huggingface,webdataset}/ and results/export/clips.csv; their paths, results/parts/export.txt
# By:  export, a separate target
from soundsift.planning import with_files_of

EXPORT = "results/export"
EXPORTED = "results/parts/export.txt"


# Export the clips with their labels for others, in forms that can be a source of clips again.
rule export:
    input:
        clips=with_files_of(
            workflow, EXPORT, EXPORTED, "results/metadata/clips.parquet"
        ),
        folders=per_batch("results/clips/{batch}"),
    output:
        exported=directory(EXPORT),
        files=EXPORTED,
    log:
        "results/logs/export.log",
    conda:
        "../../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=240,
    params:
        format=config["clips"]["format"],
        code=code_digest("export"),
    message:
        "Exporting clips"
    script:
        "../../scripts/export.py"
