# In:  the files of the folder that `recordings` names, results/detectors/combined.keras
# Out: results/detections/{name}.{csv,txt,svg,json}, results/detections.csv, results/detections.html
# By:  detect_recording, detect; only asked for: snakemake detect --config recordings=FOLDER

# Detectors that are there are used as they are, whatever the configuration of this run says of training: by its
# absolute path the file is nobody's output.
COMBINED = Path("results/detectors/combined.keras")
HEARD_BY = COMBINED.resolve() if COMBINED.is_file() else COMBINED


# Find out what is heard in one recording, and when.
rule detect_recording:
    input:
        model=str(HEARD_BY),
    output:
        segments="results/detections/{name}.csv",
        labels="results/detections/{name}.txt",
        figure="results/detections/{name}.svg",
        record="results/detections/{name}.json",
    log:
        "results/logs/detect_recording/{name}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=120,
    params:
        recording=path_of_recording(config["recordings"]),
        state=state_of_recording(config["recordings"]),
        code=code_digest("detect_recording"),
    message:
        "Listening to {wildcards.name}"
    script:
        "../../scripts/detect_recording.py"


# Show all recordings on one page.
rule detect:
    input:
        model=str(HEARD_BY),
        records=per_recording("results/detections/{name}.json", config["recordings"]),
        figures=per_recording("results/detections/{name}.svg", config["recordings"]),
    output:
        table="results/detections.csv",
        page="results/detections.html",
    log:
        "results/logs/detect.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=15,
    params:
        detectors=DETECTORS,
        code=code_digest("detect"),
    message:
        "Showing what is heard in the recordings"
    script:
        "../../scripts/detect.py"
