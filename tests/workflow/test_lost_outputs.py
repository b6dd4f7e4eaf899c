"""Whatever is deleted under results/ comes back with the same command, and a failed step takes nothing away."""

import re
import shutil
from pathlib import Path

import pytest

from tests.workflow.project import N_BATCHES, N_TRAIN, TABLES, Project

pytestmark = pytest.mark.workflow


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    return finished.copy(tmp_path / "clone")


def contents(project: Project) -> dict[str, bytes]:
    """Contents of all files under results/ by path, without logs and time stamps."""
    files = (path for path in (project.folder / "results").rglob("*") if path.is_file())
    names = {
        path.relative_to(project.folder / "results"): path for path in files if path.name != ".snakemake_timestamp"
    }
    return {str(name): path.read_bytes() for name, path in names.items() if name.parts[0] != "logs"}


def test_every_output_is_asked_for_so_that_snakemake_notices_when_it_is_gone(project: Project) -> None:
    (project.folder / "results" / "report.html").unlink()
    run = project.run("--dry-run")
    assert run.planned == {"write_provenance": 1}, run.text
    asked = set(re.findall(r"results/[^\s,]+", re.findall(r"^ +input: (.*)$", run.text, flags=re.MULTILINE)[-1]))
    outputs = {f"results/{name}" for name in contents(project)}
    folders = {name for name in asked if (project.folder / name).is_dir()}
    assert len(folders) == 1 + 2 * N_BATCHES
    unasked = {name for name in outputs - asked if str(Path(name).parent) not in folders}
    assert unasked == {"results/config.yaml"}, "written together with the report"


def test_lost_clips_and_frames_are_made_again_with_all_that_depends_on_them(project: Project) -> None:
    results = project.folder / "results"
    next((results / "clips" / "eval-00000").glob("*.mp3")).unlink()
    next((results / "frames" / "train-00000").glob("*.parquet")).unlink()
    shutil.rmtree(results / "frames" / "train-00001")
    planned = project.plan()
    # the clips of the eval batch, the frames of all three
    expected = {"convert_clips": 1, "extract_features": 3, "summarize_features": 3, "merge_features": 1}
    assert planned.items() >= (expected | {"train_detector": 2}).items()
    assert "download_clips" not in planned and "select_clips" not in planned


@pytest.mark.parametrize(
    ("lost", "rule"),
    [
        ("downloads", "download_clips"), ("outcomes", "convert_clips"), ("features", "summarize_features"),
        ("augmented", "augment_clips"),
    ],
)  # fmt: skip
def test_a_lost_table_of_a_batch_is_made_again(project: Project, lost: str, rule: str) -> None:
    next((project.folder / "results" / lost).glob("train-00001.*")).unlink()
    planned = project.plan()
    assert planned[rule] == 1 and planned["train_detector"] == 2, planned


def test_lost_outcomes_do_not_change_what_is_missing(project: Project) -> None:
    results = project.folder / "results"
    missing = (results / "missing.csv").read_text()
    assert "too_short" in missing, "a clip whose media are in the archive"
    shutil.rmtree(results / "outcomes")
    n_train = sum(row.startswith('"_demot') for row in missing.splitlines())
    assert f"train: {N_TRAIN - n_train} of {N_TRAIN} wanted clips are there" in project.run("coverage").text
    assert (results / "missing.csv").read_text() == missing


def test_an_export_that_lacks_a_file_is_made_again(project: Project) -> None:
    exported = project.folder / "results" / "export"
    run = project.run("export")
    assert run.status == 0, run.text
    before = contents(project)
    assert project.plan("export") == {}
    (exported / "huggingface" / "data" / "train-00000.parquet").unlink()
    assert project.plan("export") == {"export": 1}
    # a list that names no file hides nothing
    (project.folder / "results" / "parts" / "export.txt").write_text("")
    assert project.plan("export") == {"export": 1}
    assert project.run("export").jobs == {"export": 1}
    assert contents(project) == before


def test_a_mistake_in_the_configuration_costs_nothing_once_it_is_corrected(finished: Project, project: Project) -> None:
    (project.folder / "results" / "batches" / "train-00001.csv").unlink()
    before = contents(project)
    run = project.run("--config", "detectors={dog: [Bark]}")
    assert run.status != 0
    assert "soundsift: detectors.dog names 'Bark'" in run.text
    assert "soundsift: as before this run, and outdated: results/batches, results/metadata/batches.txt," in run.text
    assert contents(project) == before
    # the lost file of a batch is written again, and nothing else runs
    run = project.run()
    assert run.status == 0, run.text
    assert run.jobs == {"select_clips": 1}, run.text
    assert contents(project) == contents(finished)


def test_a_failed_merge_keeps_the_tables_and_is_planned_again(finished: Project, project: Project) -> None:
    results = project.folder / "results"
    shutil.copy2(results / "outcomes" / "train-00000.csv", results / "outcomes" / "train-00001.csv")
    shutil.copy(results / "features" / "train-00000.parquet", results / "features" / "train-00001.parquet")
    times = {name: (project.folder / name).stat().st_mtime_ns for name in TABLES}
    run = project.run(*TABLES)
    assert run.status != 0
    assert "train-00001.csv lacks 12 of the 12 clips of its batch and has 16 others: delete it and the file" in run.text
    assert project.tables() == finished.tables()
    assert {name: (project.folder / name).stat().st_mtime_ns for name in TABLES} == times
    assert project.plan(*TABLES) == {"merge_features": 1}
