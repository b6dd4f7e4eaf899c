"""Outputs of earlier runs, kept while the steps that replace them run.

Snakemake deletes the outputs of a job before the job starts, and again if it fails. This module therefore keeps a hard
link to every output that a run is going to replace, with Snakemake's record of how it was made. After a failed run it
puts back each output that is missing. File, time stamp and record are those from before the run. The next run therefore
plans the failed step again, for the same reason, or plans nothing if the cause of the rerun was a mistake that has been
corrected.

Outputs of single batches are not kept, because the old clips and frames would take disk space until the run ends. The
exception are folders that lack files and are therefore made again: the other files in them are kept.

Snakemake's flag ``update()`` also puts outputs back, but then records the failed job as done, so the next run does not
repeat it and an outdated table stays unnoticed (Snakemake 9.27).
"""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from soundsift.files import write_text

# Beside most outputs, because hard links do not cross file systems.
FOLDER = Path("results", ".previous")


class PreviousOutputs:
    """The outputs that a run replaces, as they were before.

    Parameters
    ----------
    workflow
        Snakemake's workflow object.
    """

    def __init__(self, workflow: Any) -> None:
        self._workflow = workflow
        self._outputs: list[Any] = []

    def keep(self) -> None:
        """Keep the outputs that this run is going to replace.

        A version kept by a run that was killed is still there. It is used for an output that is missing or unfinished
        now.
        """
        dag, persistence = self._workflow.dag, self._workflow.persistence
        unfinished: list[Any] = []
        for job in dag.needrun_jobs():
            if "batch" not in job.wildcards_dict or not dag.forcefiles.isdisjoint(job.output):
                self._outputs += job.output
                unfinished += self._workflow.async_run(persistence.incomplete(job))
        for output in self._outputs:
            if Path(output).exists() and not (output in unfinished and _kept(output).exists()):
                self._keep(output)

    def put_back(self) -> list[str]:
        """Put back the kept version of each output that is missing, and return the paths."""
        found = []
        for output in self._outputs:
            kept = _kept(output)
            if kept.exists() and not os.path.lexists(output):
                Path(output).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(kept, output)
                self._set_record(output, json.loads(_record(kept).read_text(encoding="utf-8")))
                found.append(str(output))
        self.discard()
        return sorted(found)

    def discard(self) -> None:
        """Delete the kept versions."""
        for kept in map(_kept, self._outputs):
            for path in (kept, _record(kept), _part(kept)):
                _delete(path)
        # another run may keep other outputs there
        with suppress(OSError):
            FOLDER.rmdir()

    def _keep(self, output: Any) -> None:
        kept = _kept(output)
        _delete(kept)
        record = self._workflow.persistence.metadata(output)
        write_text(json.dumps(dict(record.items()) if record else None), _record(kept))
        part = _part(kept)
        _delete(part)
        if Path(output).is_dir():
            shutil.copytree(output, part, copy_function=_link)
        else:
            _link(output, part)
        part.rename(kept)

    def _set_record(self, output: Any, record: dict[str, Any] | None) -> None:
        """Set Snakemake's record of an output; None if there was none, as after deleting ``.snakemake``."""
        from snakemake.persistence import MetadataRecord

        self._workflow.persistence.cleanup_metadata(output)
        if record:
            self._workflow.persistence._write_record(str(output), MetadataRecord.model_validate(record))


def _kept(output: str) -> Path:
    return FOLDER / hashlib.sha256(os.fsencode(output)).hexdigest()


def _record(kept: Path) -> Path:
    return kept.with_suffix(".json")


def _part(kept: Path) -> Path:
    return kept.with_suffix(".part")


def _link(source: str | Path, target: str | Path) -> None:
    if Path(source).is_symlink():
        os.symlink(Path(source).resolve(), target)
        return
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
