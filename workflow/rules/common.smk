# The settled configuration, and names and functions that several stages use. It has no rules. Every cluster job reads
# this file again, so nothing slow may be imported here.
import sys
import time
from pathlib import Path

# The package beside this Snakefile is used, here and in every job, even if another version of it is installed.
sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from soundsift.config.pick import pick
from soundsift.config.settings import DEMO, check_files, is_demo, remarks, settle
from soundsift.errors import one_line_on_error
from soundsift.detection.recordings import recordings_of_group, states_of_group
from soundsift.report.ending import MADE_LAST, report_errors, shareable, write_report
from soundsift.code_digest import code_digest, use_in_jobs
from soundsift.planning import Selection, check_start, per_group, run_again_without
from soundsift.previous import PreviousOutputs
from soundsift.homes import use_writable_homes

use_in_jobs()
use_writable_homes()

# Without a config.yaml in the working directory every key has its default: the built-in demo.
if Path("config.yaml").is_file():

    configfile: "config.yaml"


with one_line_on_error():
    config = settle(config)
    check_files(config)

for line in remarks(config) if workflow.is_main_process else []:
    print(f"soundsift: {line}", file=sys.stderr)

STARTED = time.time()
PREVIOUS = PreviousOutputs(workflow)
SELECTION = Selection(
    workflow, {what: config["keep"][what] for what in ("clips", "frames")}
)
# it shows clips and their frames
WITH_GALLERY = config["keep"]["clips"] and config["keep"]["frames"]
METADATA = config["metadata"]
DETECTORS = sorted(config["detectors"])
DEMO_FOLDER = DEMO if is_demo(config) else None
# Input of the download jobs: only the demo's media are made by the workflow.
DEMO_MEDIA = [f"{DEMO}/media"] if DEMO_FOLDER else []


wildcard_constraints:
    batch=r"[a-z][a-z0-9_]*-\d{5,9}",
    detector="|".join(DETECTORS),


def kept(what, path):
    """A folder that is kept, or deleted once every job that needs it has finished."""
    return directory(path) if config["keep"][what] else temp(directory(path))


def growing(mem_mb):
    """Memory of a job. Each retry gets ``mem_mb`` more, because the job may have been killed for lack of memory."""
    return lambda wildcards, attempt: mem_mb * attempt


def batch_csv(wildcards):
    """The table of the clips of one batch, known after the checkpoint."""
    batches = SELECTION.outputs(checkpoints.select_clips).batches
    return f"{batches}/{wildcards.batch}.csv"


def per_batch(pattern, with_eval=True):
    """One file per batch, in the order of the clip table."""
    return lambda wildcards: [
        pattern.format(batch=name)
        for name in SELECTION.batches(checkpoints.select_clips)
        if with_eval or not name.startswith("eval-")
    ]
