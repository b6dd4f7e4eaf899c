# In:  results/metadata/clips.parquet, results/clips/{batch}
# Out: results/export/{huggingface,webdataset}/ and results/export/clips.csv
# By:  export, a separate target


# Export the clips with their labels for others, in forms that can be a source of clips again.
rule export:
    input:
        clips="results/metadata/clips.parquet",
        folders=per_batch("results/clips/{batch}"),
    output:
        exported=directory("results/export"),
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
