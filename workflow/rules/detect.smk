# In:  the files of the folder that `recordings` names, results/detectors/combined.keras
# Out: results/detections/{name}.{csv,txt,svg,json}, results/detections.csv, results/detections.html
#      and the data of each timeline, results/parts/detections/{name}.npz
# By:  detect_recordings, draw_recordings, detect; not part of `all`: snakemake detect --config recordings=FOLDER
#
# A job analyses a group of recordings. It declares only the list of them, because Snakemake would delete declared files
# of recordings that have not changed. If one of these files is lost, the job of its group is planned again.
from soundsift.detection.state import figures_of, results_of

# An existing model is used as it is, even if this run's configuration would train another one. No rule has its absolute
# path as output, so Snakemake does not train it again.
COMBINED = Path("results/detectors/combined.keras")
MODEL = COMBINED.resolve() if COMBINED.is_file() else COMBINED

DETECTED = "results/parts/detections/groups/{group}.json"
DRAWN = "results/parts/detections/figures/{group}.json"


# Detect the classes in the recordings of a group that have changed.
rule detect_recordings:
    input:
        model=str(MODEL),
    output:
        done=DETECTED,
    log:
        "results/logs/detect_recordings/{group}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=120,
    params:
        recordings=recordings_of_group(config["recordings"]),
        states=states_of_group(config["recordings"]),
        code=code_digest("detect_recordings"),
    message:
        "Detecting classes in recordings, group {wildcards.group}"
    script:
        "../../scripts/detect_recordings.py"


# Draw the timelines of the recordings of a group.
rule draw_recordings:
    input:
        detected=DETECTED,
    output:
        done=DRAWN,
    log:
        "results/logs/draw_recordings/{group}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=60,
    params:
        code=code_digest("draw_recordings"),
    message:
        "Drawing timelines, group {wildcards.group}"
    script:
        "../../scripts/draw_recordings.py"


# Show all recordings on one page.
rule detect:
    input:
        model=str(MODEL),
        detected=per_group(workflow, DETECTED, config["recordings"], results_of),
        drawn=per_group(workflow, DRAWN, config["recordings"], figures_of),
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
