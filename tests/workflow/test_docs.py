"""The commands and examples of the README and of docs/, run."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from tests.pages import ON_A_CLUSTER, ROOT, SNAKEMAKE, block, blocks, commands
from tests.workflow.project import Project, assert_plans, servers, silence

pytestmark = pytest.mark.workflow

# What no test can run, and why; the beginnings of such lines.
BY_HAND = {
    ". .venv/bin/activate": "is about the user's own shell",
    "run=$(": "wants the log of a run on a cluster; tests/slurm ends such jobs as the page does",
    "scancel ": "likewise",
    "while squeue ": "likewise",
    "rclone ": "wants a bucket",
    "python -m soundsift.numba_cache": "compiles for a minute; tests/unit/test_numba_cache.py calls it with a smaller part",
    ".venv/bin/python -m pip install --upgrade ": "asks a package registry",
    "ffmpeg -i https://radio.example/": "listens to a radio station; tests/unit/test_cli.py feeds a live stream",
}
SOUNDSIFT = [line for line in commands() if line.startswith("soundsift ")]
ELSEWHERE = ("make ", ".venv/bin/pytest ")  # tests/scripts/test_docs.py looks whether targets and files are there
# What runs no job and so wants no number of cores.
WITHOUT_JOBS = ("--unlock", "--lint", "--dry-run", "-n")


def test_every_command_is_run_by_a_test_or_named_with_a_reason() -> None:
    others = [
        line
        for line in commands()
        if line.removeprefix(".venv/bin/") not in [*SNAKEMAKE, *SOUNDSIFT] and not line.startswith(ELSEWHERE)
    ]
    assert not [line for line in others if not line.startswith((*BY_HAND, "late=", "absent="))]
    assert not [start for start in BY_HAND if not [line for line in others if line.startswith(start)]]


@pytest.mark.parametrize("command", [line for line in SNAKEMAKE if line not in ON_A_CLUSTER])
def test_every_snakemake_command_of_the_pages_plans(command: str, working: Path) -> None:
    assert "--cores " in command or set(command.split()) & set(WITHOUT_JOBS), "a user would be asked for --cores"
    assert_plans(command, working)


def test_the_engine_detector_of_the_page_is_trained_beside_the_others(
    finished: Project, media: Path, tmp_path: Path
) -> None:
    project = finished.copy(tmp_path / "clone")
    # the eval list has one engine, two are needed
    lists = {name: tmp_path / f"{name}.csv" for name in ("train", "eval")}
    for name, path in lists.items():
        path.write_text((media / f"{name}_segments.csv").read_text().replace("/m/096m7z", "/m/02mk9"))
    project.change("metadata", segments={name: str(path) for name, path in lists.items()})
    project.change("training", model="statistics", members=1)
    one = block("own-classes.md", "engine.yaml")
    (project.folder / one.file).write_text(one.text)
    run = project.run("results/detectors/engine/model.keras", "--configfile", one.file)
    assert run.status == 0, run.text
    assert run.jobs == {"select_clips": 1, "merge_features": 1, "merge_augmented": 1, "train_detector": 1}
    with zipfile.ZipFile(project.folder / "results/detectors/engine/model.keras") as model:
        assert '"engine"' in model.read("soundsift.json").decode()
    rows = "".join(path.read_text() for path in lists.values())
    engines = {row.split(",")[0] for row in rows.splitlines() if "/m/02mk9" in row}
    assert len(engines) >= 3
    table = pq.read_table(project.folder / "results/features.parquet", columns=["video_id", "is_engine"]).to_pylist()
    assert {row["video_id"] for row in table if row["is_engine"]} == engines


def test_the_python_of_the_page_answers(finished: Project, tmp_path: Path) -> None:
    (tmp_path / "results" / "detectors").mkdir(parents=True)
    shutil.copy(finished.folder / "results" / "detectors" / "combined.keras", tmp_path / "results" / "detectors")
    shutil.copy(next((finished.folder / "results" / "clips").glob("*/*.mp3")), tmp_path / "recording.mp3")
    (code,) = [one.text for one in blocks("python", "detect.md")]
    command = [sys.executable, "-c", code]
    this_tree = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(command, cwd=tmp_path, env=this_tree, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert all(name in ("music", "speech") and 0 <= float(start) < float(end) <= 10 for name, start, end, _ in rows)
    assert len((tmp_path / "segments.csv").read_text().splitlines()) == 1 + len(rows)


def test_the_cells_of_the_notebook_page_run_in_their_order(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "clone")
    shutil.copy(next((finished.folder / "results" / "clips").glob("*/*.mp3")), project.folder / "recording.mp3")
    code = "import matplotlib\nmatplotlib.use('Agg')\n" + "\n".join(one.text for one in blocks("python", "notebook.md"))
    this_tree = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=project.folder, env=this_tree, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "is_music" in done.stdout and "start_seconds" in done.stdout
    assert (project.folder / "probability.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", SOUNDSIFT)
def test_every_soundsift_command_of_the_pages_runs(command: str, finished: Project, tmp_path: Path) -> None:
    (tmp_path / "results" / "detectors").mkdir(parents=True)
    shutil.copy(finished.folder / "results" / "detectors" / "combined.keras", tmp_path / "results" / "detectors")
    (tmp_path / "my_recordings").mkdir()
    silence(tmp_path / "my_recordings" / "a.wav", 12)
    this_tree = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    arguments = [sys.executable, "-m", "soundsift.cli", *shlex.split(command)[1:]]
    done = subprocess.run(arguments, cwd=tmp_path, env=this_tree, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    if " info " in command:
        assert "music\n" in done.stdout and "classes: Music\n" in done.stdout
        assert len(re.findall(r"accuracy: 0\.\d+ \(|accuracy: 1\.000 \(", done.stdout)) >= 2
    elif "--output found" in command:
        assert (tmp_path / "found" / "a.csv").is_file() and (tmp_path / "found" / "a.txt").is_file()
    else:
        assert done.stdout.splitlines()[1].split()[2] == "nothing"


def test_the_list_of_one_s_own_files_of_the_page_becomes_clips(tmp_path: Path) -> None:
    Project.make(tmp_path / "soundsift", {})
    folder = tmp_path / "rooms"
    (folder / "recordings").mkdir(parents=True)
    for name in ("config.yaml", "rooms.csv"):
        (folder / name).write_text(block("own-classes.md", name).text)
    for name in ("kitchen_01", "garden_07", "street_02"):
        silence(folder / "recordings" / f"{name}.wav", 45)
    tables_of(
        folder / "resources" / "audioset", ["Speech", "Water", "Bird", "Wind", "Car", "Male speech, man speaking"]
    )
    (command,) = [line for line in commands() if line.startswith("snakemake --snakefile ")]
    command = command.replace("snakemake ", f'"{servers()}/python" -m snakemake results/coverage.parquet ', 1)
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = pq.read_table(folder / "results" / "coverage.parquet").to_pylist()
    assert [(row["clip_id"], row["is_water"], row["outcome"]) for row in found] == [
        ("kitchen_01_0", True, "silent"),
        ("kitchen_01_30000", True, "silent"),
        ("garden_07_12500", False, "silent"),
        ("street_02_0", False, "silent"),
    ]
    assert [name for name in found[0] if name.startswith("is_")] == ["is_water"]


EVENTS = """file,start_seconds,end_seconds,labels,speaker
Küche 01.wav,0,3,dog,a
Küche 01.wav,0,1.5,"rain;it's ""loud"", 😀",a
Küche 01.wav,2.0005,3,dog;rain,a
b/garden.wav,0,2,rain,b
b/garden.wav,0.3333333333333333,2,dog,b
"""


@pytest.mark.parametrize("shards", ["huggingface/data/*.parquet", "webdataset/*.tar"])
def test_an_export_is_read_again_as_its_page_says(shards: str, tmp_path: Path) -> None:
    folder = Project.make(tmp_path / "soundsift", {}).folder
    first, again = tmp_path / "first", tmp_path / "again"
    for number, name in enumerate(
        ("train/Küche 01.wav", "train/b/garden.wav", "eval/Küche 01.wav", "eval/b/garden.wav")
    ):
        (first / name).parent.mkdir(parents=True, exist_ok=True)
        noise(first / name, 4, number)
    for name in ("train", "eval"):
        (first / name / "list.csv").write_text(EVENTS)
    config = yaml.safe_load(block("export.md", "config.yaml").text)
    of_first = {
        **config, "metadata": {"classes": "own", "group": "speaker", "segments": {n: f"{n}/list.csv" for n in ("train", "eval")}},
        "download": {},
    }  # fmt: skip
    # speakers of the eval list are others
    (first / "eval" / "list.csv").write_text(EVENTS.replace(",a\n", ",c\n").replace(",b\n", ",d\n"))
    clips_of(Project(first), of_first, folder, "export")
    again.mkdir()
    shutil.move(first / "results" / "export", again / "export")
    config["metadata"]["group"] = "group"
    config["download"]["url"] = f"file://export/{shards}"
    clips_of(Project(again), config, folder)
    ours, theirs = (pq.read_table(project / "results/metadata/clips.parquet") for project in (again, first))
    assert theirs.num_rows == 10 and len(set(theirs["clip_id"].to_pylist())) == 10
    assert ours.drop_columns("batch").equals(theirs.drop_columns("batch"))
    sounds = [
        {path.name: path.read_bytes() for path in project.glob("results/clips/*/*.flac")} for project in (again, first)
    ]
    assert len(sounds[0]) == 10 and sounds[0] == sounds[1]


def clips_of(project: Project, config: dict, workflow: Path, *targets: str) -> None:
    """Run soundsift in the folder of a list as far as the clips."""
    project.configure(config)
    run = project.run("--snakefile", f"{workflow}/Snakefile", "results/coverage.parquet", *targets)
    assert run.status == 0, run.text


def noise(path: Path, n_seconds: int, seed: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(seed).integers(-9000, 9000, 16000 * n_seconds, np.int16).tobytes())


def tables_of(folder: Path, names: list[str]) -> None:
    """AudioSet's tables as far as they know these classes, at the place to which they would be fetched."""
    folder.mkdir(parents=True)
    ids = {name: f"/x/{number}" for number, name in enumerate(names)}
    nodes = [{"id": class_id, "name": name, "child_ids": []} for name, class_id in ids.items()]
    (folder / "ontology.json").write_text(json.dumps(nodes))
    rows = [f'{number},{class_id},"{name}"' for number, (name, class_id) in enumerate(ids.items())]
    (folder / "class_labels_indices.csv").write_text("\n".join(["index,mid,display_name", *rows, ""]))
    rated = [f"{class_id},10,1" for class_id in ids.values()]
    (folder / "qa_true_counts.csv").write_text("\n".join(["label_id,num_rated,num_true", *rated, ""]))
