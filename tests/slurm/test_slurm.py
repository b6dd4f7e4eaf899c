"""The workflow on a real Slurm, started by ``loopback.sh``: ``make slurm-test``."""

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.pages import ON_A_CLUSTER
from tests.workflow.project import ROOT, TABLES, Project, Run, assert_plans, config_for, make_media, segment


def slurm_answers() -> bool:
    if find_spec("snakemake_executor_plugin_slurm") is None or shutil.which("sinfo") is None:
        return False
    return subprocess.run(["sinfo"], capture_output=True).returncode == 0


pytestmark = [
    pytest.mark.workflow,
    pytest.mark.skipif(not slurm_answers(), reason="no Slurm answers here: make slurm-test starts one"),
]
PROFILE = ("--workflow-profile", "workflow/profiles/slurm", "--slurm-init-seconds-before-status-checks", "2")
N_TRAIN, N_EVAL = 20, 8


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("input")
    make_media(folder, N_TRAIN, N_EVAL)
    return folder


def config(media: Path) -> dict:
    # few batches: starting a cluster job takes longer than what it does here
    small = config_for(media)
    training = small["training"] | {"model": "statistics"}
    return small | {"batch_size": 16, "detectors": {"music": ["Music"]}, "training": training}


@pytest.fixture(scope="module")
def here(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What a run without a cluster makes."""
    project = Project.make(tmp_path_factory.mktemp("here") / "clone", config(media))
    assert project.run(*TABLES).status == 0
    return project


@pytest.fixture(scope="module")
def first(media: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Run]:
    """A project on the cluster whose batches get too little memory at first, after its first run."""
    project = Project.make(tmp_path_factory.mktemp("there") / "clone", config(media))
    # extraction takes 480 MB with its Snakemake; jobs of a group have what those of them ask for that run together
    for name in ("media", "features"):
        rules = project.folder / "workflow" / "rules" / f"{name}.smk"
        rules.write_text(re.sub(r"growing\(1[05]00\)", "growing(180)", rules.read_text()))
    return project, project.run(*PROFILE)


def test_the_cluster_makes_what_one_machine_makes(first: tuple[Project, Run], here: Project) -> None:
    project, run = first
    assert run.status == 0, run.text
    assert project.tables() == here.tables()
    assert (project.folder / "results" / "report.html").is_file()
    assert "Nothing to be done" in project.run(*PROFILE).text


@pytest.mark.parametrize("command", ON_A_CLUSTER)
def test_every_command_of_the_pages_for_a_cluster_plans(command: str, working: Path) -> None:
    assert_plans(command, working)


def test_a_job_killed_for_want_of_memory_runs_again_with_more(first: tuple[Project, Run]) -> None:
    _, run = first
    assert "exceeded memory limit" in run.text
    assert "Trying to restart job" in run.text
    assert run.status == 0


def test_rows_appended_on_a_cluster_run_only_what_is_new(first: tuple[Project, Run], media: Path) -> None:
    project, _ = first
    shutil.copytree(ROOT / "workflow" / "rules", project.folder / "workflow" / "rules", dirs_exist_ok=True)
    rows = (media / "train_segments.csv").read_text().splitlines()
    more = [f"{row.split(',')[0]}{segment(1)} {row.split(', ', 3)[3]}" for row in rows[3:17]]
    longer = project.folder / "longer.csv"
    longer.write_text("\n".join([*rows, *more, ""]))
    project.change("metadata", segments={"train": str(longer), "eval": str(media / "eval_segments.csv")})
    run = project.run(*PROFILE, *TABLES)
    assert run.status == 0, run.text
    # 20 rows fill one batch of sixteen and begin another: twelve go to that one, two to a new one
    per_batch = ("download_clips", "convert_clips", "extract_features", "summarize_features")
    assert run.jobs == {"select_clips": 1, **dict.fromkeys(per_batch, 2), "merge_features": 1}


def test_after_the_controller_was_killed_the_run_goes_on_as_documented(
    media: Path, here: Project, tmp_path: Path
) -> None:
    project = Project.make(tmp_path / "clone", config(media))
    # while a job of the cluster runs
    project.kill_when("results/logs/convert_clips/train-00000.log", *PROFILE, *TABLES)
    assert project.cancel_cluster_jobs() > 0
    assert project.run("--unlock").status == 0
    run = project.run(*PROFILE, *TABLES)
    assert run.status == 0, run.text
    assert project.tables() == here.tables()
