"""Outputs that lack files. Snakemake checks only whether the folder exists.

The jobs of such outputs run again. This is decided while Snakemake plans, so a dry run shows it and changes nothing.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from soundsift.media.outcomes import OUTCOMES

# Snakemake adds this file to an output folder when its job has finished.
TIME_STAMP = ".snakemake_timestamp"


def run_lost_again(workflow: Any, selection: Any, kept: Mapping[str, bool], results: Path = Path("results")) -> None:
    """Plan the jobs whose outputs lack files, as ``--forcerun`` would, wherever the run depends on them.

    Parameters
    ----------
    workflow
        Snakemake's workflow object.
    selection
        The outputs of ``select_clips``.
    kept
        {"clips": are the clips kept?, "frames": ...}. Other folders may be gone.
    """
    if not workflow.is_main_process:
        return
    names = read_names(selection.names)
    if _is_incomplete(list(selection), [f"{selection.batches}/{name}.csv" for name in names]):
        workflow.dag.forcefiles.add(str(selection.batches))
    for what in (what for what, is_kept in kept.items() if is_kept):
        workflow.dag.forcefiles.update(_incomplete_folders(results / what, results / "outcomes", names))


def run_again_without(workflow: Any, output: str, others: Iterable[Path]) -> str:
    """Return ``output``, and plan its job if it exists but one of the files that are written after it does not."""
    if workflow.is_main_process and Path(output).exists() and not all(path.exists() for path in others):
        workflow.dag.forcefiles.add(output)
    return output


def _is_incomplete(outputs: Sequence[str], files: Sequence[str]) -> bool:
    """Tell whether outputs or files of batches are missing or empty, but not all outputs."""
    if not any(Path(path).exists() for path in outputs):
        return False
    return not all(Path(path).exists() for path in outputs) or not all(_has_content(Path(path)) for path in files)


def _incomplete_folders(parent: Path, outcomes: Path, names: Sequence[str]) -> Iterator[str]:
    """Find the folders that lack the file of an available clip.

    Only folders that have changed since their job finished are compared with the outcomes of their batch.
    """
    for folder in (parent / name for name in names):
        if folder.is_dir() and _has_changed(folder):
            there = {path.stem for path in folder.iterdir()}
            if not _available(outcomes / f"{folder.name}.csv") <= there:
                yield str(folder)


def read_names(path: str) -> list[str]:
    """Read the names of the batches that ``select_clips`` wrote; empty if the file is missing."""
    return Path(path).read_text(encoding="utf-8").split() if Path(path).is_file() else []


def _has_changed(folder: Path) -> bool:
    """Tell whether a file was added or removed after Snakemake's time stamp."""
    stamp = folder / TIME_STAMP
    return not stamp.exists() or folder.stat().st_mtime_ns > stamp.stat().st_mtime_ns


def _available(outcomes: Path) -> set[str]:
    """Clips of a batch that have a file; empty if the outcomes are missing, because then Snakemake makes them again."""
    if not outcomes.is_file():
        return set()
    with open(outcomes, encoding="utf-8", newline="") as file:
        return {row["clip_id"] for row in csv.DictReader(file) if OUTCOMES[row["outcome"]].kind == "kept"}


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
