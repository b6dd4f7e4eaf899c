"""The state of a recording when it was analysed. A job leaves out the recordings whose state has not changed.

The record of each result holds the state. Snakemake deletes the declared outputs of a job before the job starts, so the
results of single recordings are not declared; :mod:`soundsift.planning` plans the job if one of them is missing.
"""

from pathlib import Path

from soundsift.errors import InputError
from soundsift.files import read_json

# In the folder of the workflow's results.
RESULTS, TIMELINES = Path("results/detections"), Path("results/parts/detections")


def file_state(path: Path) -> list[int]:
    """Return size in bytes and modification time in nanoseconds; zeros if the file is gone."""
    try:
        found = path.stat()
    except OSError:
        return [0, 0]
    return [found.st_size, found.st_mtime_ns]


def state_of(recording: Path, made_with: str) -> str:
    """Describe a recording and the model and code with which it is analysed."""
    return " ".join(map(str, (*file_state(recording), made_with)))


def is_current(name: str, recording: Path, made_with: str) -> bool:
    """Return whether all results of a recording exist and were made from its present state.

    Parameters
    ----------
    name
        Of the results.
    """
    record, *others = results_of(name)
    try:
        found = read_json(record)
    except (InputError, OSError):
        return False
    return found.get("state") == state_of(recording, made_with) and all(path.is_file() for path in others)


def results_of(name: str) -> list[Path]:
    """Return the files that the analysis of a recording writes: record, segments, label track, timeline data."""
    record, segments, labels = (RESULTS / f"{name}.{ending}" for ending in ("json", "csv", "txt"))
    return [record, segments, labels, TIMELINES / f"{name}.npz"]


def figures_of(name: str) -> list[Path]:
    """Return the figures that are drawn of a recording."""
    return [RESULTS / f"{name}.svg"]
