import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from soundsift import previous
from soundsift.previous import FOLDER, PreviousOutputs

TABLE, MODEL, FOLDER_OUTPUT, OF_BATCH = "results/table.csv", "results/d/m.keras", "results/batches", "results/x/1.csv"
LIST = "resources/list.csv"


class Persistence:
    """Snakemake's records, by output."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {TABLE: {"rule": "merge", "params": ["before"]}}
        self.unfinished: set[str] = set()

    async def incomplete(self, job: SimpleNamespace) -> list[str]:
        return [output for output in job.output if output in self.unfinished]

    def metadata(self, output: str) -> dict[str, Any] | None:
        return self.records.get(output)

    def cleanup_metadata(self, output: str) -> None:
        self.records.pop(output, None)

    def _write_record(self, output: str, record: Any) -> None:
        self.records[output] = {"rule": record.rule, "params": record.params}


@pytest.fixture
def workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A finished run of which all jobs are planned again."""
    monkeypatch.chdir(tmp_path)
    for name in (TABLE, MODEL, f"{FOLDER_OUTPUT}/a.csv", f"{FOLDER_OUTPUT}/.snakemake_timestamp", OF_BATCH, LIST):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(f"old {name}")
    jobs = [
        SimpleNamespace(wildcards_dict={}, output=[TABLE, FOLDER_OUTPUT, LIST]),
        SimpleNamespace(wildcards_dict={"detector": "music"}, output=[MODEL]),
        SimpleNamespace(wildcards_dict={"batch": "train-00001"}, output=[OF_BATCH]),
    ]
    dag = SimpleNamespace(needrun_jobs=lambda: jobs, forcefiles=set())
    return SimpleNamespace(dag=dag, persistence=Persistence(), async_run=asyncio.run)


def start(workflow: SimpleNamespace) -> PreviousOutputs:
    """Keep the outputs, and delete them, as Snakemake does when their jobs start."""
    outputs = PreviousOutputs(workflow)
    outputs.keep()
    for name in (TABLE, MODEL, OF_BATCH, LIST):
        Path(name).unlink(missing_ok=True)
    shutil.rmtree(FOLDER_OUTPUT, ignore_errors=True)
    return outputs


def test_a_failed_step_leaves_files_times_and_records_as_they_were(workflow: SimpleNamespace) -> None:
    before = {name: Path(name).stat().st_mtime_ns for name in (TABLE, MODEL, f"{FOLDER_OUTPUT}/.snakemake_timestamp")}
    outputs = start(workflow)
    # Snakemake records the failed job too
    workflow.persistence.records = {TABLE: {"rule": "merge", "params": ["now"]}, MODEL: {"rule": "train", "params": []}}
    assert outputs.put_back() == [LIST, FOLDER_OUTPUT, MODEL, TABLE]
    assert {name: Path(name).stat().st_mtime_ns for name in before} == before
    assert Path(TABLE).read_text() == f"old {TABLE}"
    assert workflow.persistence.records == {TABLE: {"rule": "merge", "params": ["before"]}}
    assert not FOLDER.exists()


def test_a_new_output_is_never_replaced_by_the_previous_one(workflow: SimpleNamespace) -> None:
    outputs = start(workflow)
    Path(TABLE).write_text("new")
    workflow.persistence.records[TABLE]["params"] = ["now"]
    assert TABLE not in outputs.put_back()
    assert Path(TABLE).read_text() == "new"
    assert workflow.persistence.records[TABLE]["params"] == ["now"]


def test_outputs_of_single_batches_are_not_kept(workflow: SimpleNamespace) -> None:
    start(workflow)
    assert len(list(FOLDER.glob("*.json"))) == len([TABLE, MODEL, FOLDER_OUTPUT, LIST])


def test_outputs_of_a_batch_that_is_made_again_because_files_are_lost_are_kept(workflow: SimpleNamespace) -> None:
    workflow.dag.forcefiles.add(OF_BATCH)
    assert OF_BATCH in start(workflow).put_back()


def test_after_a_successful_run_nothing_is_kept(workflow: SimpleNamespace) -> None:
    outputs = start(workflow)
    outputs.discard()
    assert not FOLDER.exists()
    assert not Path(TABLE).exists()


def test_the_version_kept_by_a_killed_run_is_put_back_by_the_next_that_fails(workflow: SimpleNamespace) -> None:
    start(workflow)
    workflow.persistence.records[TABLE]["params"] = ["of the killed run"]
    assert TABLE in start(workflow).put_back()
    assert Path(TABLE).read_text() == f"old {TABLE}"
    assert workflow.persistence.records[TABLE]["params"] == ["before"]


def test_a_later_version_replaces_the_one_kept_by_a_killed_run(workflow: SimpleNamespace) -> None:
    start(workflow)
    Path(TABLE).write_text("newer")
    assert TABLE in start(workflow).put_back()
    assert Path(TABLE).read_text() == "newer"


def test_an_unfinished_version_of_a_killed_run_does_not_replace_the_one_kept(workflow: SimpleNamespace) -> None:
    start(workflow)
    Path(TABLE).write_text("hal")
    workflow.persistence.unfinished = {TABLE}
    assert TABLE in start(workflow).put_back()
    assert Path(TABLE).read_text() == f"old {TABLE}"


@pytest.mark.parametrize("target", ["../elsewhere/table.csv", "../elsewhere"])
def test_a_link_to_another_place_is_put_back_and_keeps_its_content(target: str, workflow: SimpleNamespace) -> None:
    name = TABLE if target.endswith("csv") else FOLDER_OUTPUT
    Path("elsewhere").mkdir()
    shutil.rmtree(name) if Path(name).is_dir() else Path(name).unlink()
    Path("elsewhere", "table.csv").write_text("far")
    Path(name).symlink_to(target)
    outputs = PreviousOutputs(workflow)
    outputs.keep()
    Path(name).unlink()
    assert name in outputs.put_back()
    assert (Path(name) if target.endswith("csv") else Path(name, "table.csv")).read_text() == "far"
    assert Path("elsewhere", "table.csv").read_text() == "far"
    assert not FOLDER.exists()


def test_without_hard_links_the_outputs_are_copied(workflow: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError("no hard links")

    monkeypatch.setattr(previous.os, "link", refuse)
    changed = Path(TABLE).stat().st_mtime_ns
    assert TABLE in start(workflow).put_back()
    assert Path(TABLE).stat().st_mtime_ns == changed
