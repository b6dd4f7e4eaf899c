"""What Snakemake does not notice while it plans.

These are lost files of finished outputs, a selection that changes nothing, places where no output can be written, and a
demo that would replace the results of other lists.

Nothing here writes a file. A dry run therefore shows the whole plan and changes nothing.
"""

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from soundsift.detection.recordings import groups_of
from soundsift.errors import InputError
from soundsift.media.outcomes import OUTCOMES

# Snakemake adds this file to an output folder when its job has finished.
TIME_STAMP = ".snakemake_timestamp"
# The table of wanted clips: its record names the lists that all results are of.
CLIPS = "results/metadata/clips.parquet"


class Selection:
    """The outputs of the checkpoint ``select_clips``, for the steps that read them.

    Parameters
    ----------
    workflow
        Snakemake's workflow object.
    kept
        {"clips": are the clips kept?, "frames": ...}. Other folders may be gone.
    """

    def __init__(self, workflow: Any, kept: Mapping[str, bool]) -> None:
        self._workflow = workflow
        self._kept = kept
        self._checked: dict[str, int] | None = None
        self._has_finished = False

    def outputs(self, checkpoint: Any) -> Any:
        """Give the outputs, once the checkpoint has finished. Until then, Snakemake asks again later."""
        if self._checked is None:
            self._check(checkpoint.rule.output)
        outputs = checkpoint.get().output
        if not self._has_finished:
            self._has_finished = True
            self._check(outputs)
            if self._workflow.is_main_process:
                _forget_reasons(self._workflow.dag)
        return outputs

    def _check(self, outputs: Any) -> None:
        """Plan the jobs of incomplete folders, once for each list of batches."""
        batches = read_batches(Path(outputs.names)) if self._workflow.is_main_process else {}
        if batches != self._checked:
            self._checked = batches
            if self._workflow.is_main_process:
                self._workflow.dag.forcefiles.update(incomplete(outputs, batches, self._kept, Path("results")))

    def batches(self, checkpoint: Any) -> list[str]:
        """Give the names of all batches, in the order of the clip table."""
        return list(read_batches(Path(self.outputs(checkpoint).names)))


def run_again_without(workflow: Any, output: str, others: Iterable[Path]) -> str:
    """Return ``output``; plan its job if it exists but one of the files that are written after it does not."""
    if workflow.is_main_process and Path(output).exists() and not all(path.is_file() for path in others):
        workflow.dag.forcefiles.add(output)
    return output


def with_files_of(workflow: Any, folder: str, files: str, path: str) -> Callable[[Any], str]:
    """Return an input function that gives ``path``; the job of ``folder`` is planned if the folder lacks a file.

    Parameters
    ----------
    files
        List of the paths of all files in the folder, one in each line. It is an output of the same job.
    """

    def gives(_: Any) -> str:
        list_of_files = Path(files)
        # what is no text, as in a damaged list, or an empty name, as of an emptied one, is no file
        names = list_of_files.read_text("utf-8", errors="replace").splitlines() if list_of_files.is_file() else []
        run_again_without(workflow, folder, [Path(folder, name) for name in names or [""]])
        return path

    return gives


def per_group(
    workflow: Any, pattern: str, folder: str | None, results: Callable[[str], Iterable[Path]]
) -> Callable[[Any], list[str]]:
    """Return an input function that gives one file per group of recordings.

    The job of a group is planned if a result of one of its recordings is missing.

    Parameters
    ----------
    pattern
        Path with the wildcard ``{group}``.
    results
        Gives the results of a recording by its name.
    """
    return lambda _: [
        run_again_without(
            workflow, pattern.replace("{group}", group), [path for name in names for path in results(name)]
        )
        for group, names in groups_of(folder).items()
    ]


def check_start(workflow: Any, others: Iterable[Path], demo: str | None) -> None:
    """Check, before the first job, that outputs can be written and may be replaced; raise an InputError if not.

    Parameters
    ----------
    others
        Of :func:`check_places`.
    demo
        Of :func:`check_demo`.
    """
    check_places(workflow, others)
    check_demo(workflow, demo)


def check_places(workflow: Any, others: Iterable[Path]) -> None:
    """Check that each output and log can be written at its place.

    These are the paths of the jobs that are known. For jobs that are not yet known, the folders before the first
    wildcard in the paths of their rules are checked.

    Parameters
    ----------
    workflow
        Snakemake's workflow object.
    others
        Files that are written after the last job.

    Raises
    ------
    InputError
        A file is where a folder must be, or the other way round, or the place is not writable.
    """
    # strings: two million clips have 160,000 such paths
    folders, files = set(), set(map(str, others))
    for steps in (workflow.rules, workflow.dag.jobs):
        for path in (path for step in steps for path in (*step.output, *step.log)):
            fixed, wildcard, _ = str(path).partition("{")
            if wildcard:
                folders.add(os.path.dirname(fixed))
            else:
                (folders if path.is_directory else files).add(fixed)
    for name in sorted(files):
        if os.path.isdir(name):
            raise InputError(f"{name} is a folder, but a file is written there: move it away")
    for folder in sorted(folders | set(map(os.path.dirname, files))):
        there = next(path for path in (Path(folder), *Path(folder).parents) if path.exists())
        if not there.is_dir():
            raise InputError(f"{there} is a file, but a folder is needed there: move it away")
        if not os.access(there, os.W_OK | os.X_OK):
            raise InputError(f"the folder {there} is not writable: change its permissions, or use another folder")


def check_demo(workflow: Any, demo: str | None) -> None:
    """Check that a run without ``--configfile`` does not replace the results of other lists by the demo.

    The opposite is not refused: a first run of the demo is the usual course.

    Parameters
    ----------
    workflow
        Snakemake's workflow object.
    demo
        Folder of the demo's lists; None if the configuration is not the built-in demo.

    Raises
    ------
    InputError
        The clip table is planned, and the one that is there is of other lists.
    """
    planned = [output for job in workflow.dag.needrun_jobs() for output in job.output if output == CLIPS]
    if demo is None or not planned or not Path(CLIPS).exists():
        return
    record = workflow.persistence.metadata(planned[0])
    lists = list(dict(record.items()).get("input") or []) if record else []
    if lists and not any(path.startswith(f"{demo}/") for path in lists):
        names = ", ".join(Path(path).name for path in lists)
        raise InputError(
            f"results/ holds clips of other lists ({names}), and this configuration is the built-in demo, which would "
            "replace them: name your configuration with --configfile, use another folder with --directory, or delete "
            "results/ first"
        )


def incomplete(selection: Any, batches: Mapping[str, int], kept: Mapping[str, bool], results: Path) -> Iterator[str]:
    """Find output folders that lack files. Snakemake checks only whether the folder exists.

    Parameters
    ----------
    selection
        The outputs of ``select_clips``.
    batches
        {name of the batch: size of its file in bytes}.
    kept
        {"clips": are the clips kept?, "frames": ...}. Other folders may be gone.
    """
    paths = [Path(path) for path in selection]
    if any(path.exists() for path in paths):
        files = [(Path(selection.batches) / f"{name}.csv", size) for name, size in batches.items()]
        if not all(path.exists() for path in paths) or not all(_has_size(path, size) for path, size in files):
            yield str(selection.batches)
    for what in (what for what, is_kept in kept.items() if is_kept):
        for name in batches:
            folder = results / what / name
            if _has_changed(folder):
                available = _available(results / "outcomes" / f"{name}.csv")
                if available is None or not available <= _stems(folder):
                    yield str(folder)


def read_batches(path: Path) -> dict[str, int]:
    """Read {name: size of its file in bytes} of the batches of ``select_clips``; empty if the list is missing."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    # a list of an earlier version has no sizes, and a damaged one wrong ones: no file has the size -1
    return {name: int(size) if size.isdecimal() else -1 for name, _, size in (line.partition(" ") for line in lines)}


def _forget_reasons(dag: Any) -> None:
    """Let Snakemake decide again about every waiting job.

    When a checkpoint has finished, Snakemake decides again about the jobs that read its outputs. For all later jobs it
    keeps the reason that an input will be made again, even if that is no longer planned (Snakemake 9.27). The
    detectors would be trained again after every selection that has changed nothing.
    """
    for job in list(dag.jobs):
        if not (dag.finished(job) or dag.is_running(job)):
            dag.reason(job).clear()


def _has_changed(folder: Path) -> bool:
    """Tell whether a file was added or removed after the job of a folder had finished."""
    if not folder.is_dir():
        return False
    stamp = folder / TIME_STAMP
    return not stamp.exists() or folder.stat().st_mtime_ns > stamp.stat().st_mtime_ns


def _stems(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


def _available(outcomes: Path) -> set[str] | None:
    """Clips of a batch that have a file; None if the outcomes are missing or damaged."""
    if not outcomes.is_file():
        return None
    with open(outcomes, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if any(row.get("outcome") not in OUTCOMES for row in rows):
        return None
    return {row["clip_id"] for row in rows if OUTCOMES[row["outcome"]].kind == "kept"}


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
