# In:  the files of the folder that `recordings` names, results/detectors/combined.keras
# Out: results/detections/{name}.{csv,txt,svg,json}, results/detections.csv, results/detections.html
#      and the data of each timeline, results/parts/detections/{name}.npz
# By:  detect_recording, draw_recording, detect; not part of `all`: snakemake detect --config recordings=FOLDER

# An existing model is used as it is, even if this run's configuration would train another one. No rule has its absolute
# path as output, so Snakemake does not train it again.
COMBINED = Path("results/detectors/combined.keras")
MODEL = COMBINED.resolve() if COMBINED.is_file() else COMBINED


# Detect the classes in one recording.
rule detect_recording:
    input:
        model=str(MODEL),
    output:
        segments="results/detections/{name}.csv",
        labels="results/detections/{name}.txt",
        record="results/detections/{name}.json",
        timeline="results/parts/detections/{name}.npz",
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
        "Detecting classes in {wildcards.name}"
    script:
        "../../scripts/detect_recording.py"


# Draw the timeline of one recording.
rule draw_recording:
    input:
        record="results/detections/{name}.json",
        segments="results/detections/{name}.csv",
        timeline="results/parts/detections/{name}.npz",
    output:
        figure="results/detections/{name}.svg",
    log:
        "results/logs/draw_recording/{name}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=15,
    params:
        code=code_digest("draw_recording"),
    message:
        "Drawing the timeline of {wildcards.name}"
    script:
        "../../scripts/draw_recording.py"


# Show all recordings on one page.
rule detect:
    input:
        model=str(MODEL),
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
        "Writing the page of all recordings"
    script:
        "../../scripts/detect.py"
