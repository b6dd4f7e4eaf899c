"""The workflow with media in shards: the same results as from a folder, and what runs again after a change."""

import shutil
from collections import Counter
from pathlib import Path

import pyarrow.csv as pacsv
import pytest

from tests.hub.packs import write_parquet, write_tar
from tests.workflow.project import Project, config_for

pytestmark = pytest.mark.workflow

NAMES = ("*.parquet", "*.tar", "{video_id}.*")
FEATURES = "results/features.parquet"
# of all batches
OUTCOMES = [f"results/outcomes/{batch}.csv" for batch in ("train-00000", "train-00001", "eval-00000")]


@pytest.fixture
def project(media: Path, tmp_path: Path) -> Project:
    """A project whose media are in two Parquet shards, a tar shard and a folder."""
    files = sorted((media / "media").iterdir())
    shards = tmp_path / "shards"
    sounds = {path.name.partition(".")[0]: path.read_bytes() for path in files}
    names = list(sounds)
    for number, part in enumerate((names[:8], names[8:16])):
        write_parquet(shards / f"p/{number}.parquet", {name: sounds[name] for name in part}, row_group=3)
    write_tar(shards / "t/0.tar", {f"Y{name}" if len(name) == 11 else name: sounds[name] for name in names[14:28]})
    (shards / "f").mkdir()
    for path in files[28:]:
        shutil.copy2(path, shards / "f")
    project = Project.make(tmp_path / "project", config_for(media))
    sources = [{"url": f"file://{shards}/{folder}/{name}"} for folder, name in zip("ptf", NAMES, strict=True)]
    project.change("download", url=None, sources=sources)
    return project


def clips(project: Project) -> dict[str, bytes]:
    folder = project.folder / "results/clips"
    return {path.name: path.read_bytes() for path in folder.rglob("*.mp3")}


def test_shards_and_a_folder_give_the_same_clips_as_a_folder_alone(project: Project, finished: Project) -> None:
    run = project.run(FEATURES)
    assert run.status == 0, run.text
    assert run.jobs["index_shards"] == 2
    assert clips(project) == clips(finished)
    ours, theirs = project.tables(), finished.tables()
    assert ours[FEATURES].equals(theirs[FEATURES])
    coverage = ours["results/coverage.parquet"]
    assert coverage["outcome"] == theirs["results/coverage.parquet"]["outcome"]
    by_source = Counter(coverage["source"].to_pylist())
    assert {name.partition(" (")[0] for name in by_source} == {"", *("file:" + name for name in NAMES)}
    text = project.run("coverage").text
    (tar,) = [name for name in by_source if name.startswith("file:*.tar (")]
    assert f"{by_source[tar]} {tar}" in text and "by source: " in text
    assert project.run("check_archive").status == 0

    assert project.plan(FEATURES) == Counter()
    shards = project.folder.parent / "shards"
    shutil.copy2(shards / "p/0.parquet", shards / "p/2.parquet")
    run = project.run(FEATURES)
    assert run.jobs == Counter(index_shards=1, select_clips=1) and "8 ids are in the shards more than once" in run.text
    shutil.rmtree(shards / "p")
    assert project.plan(FEATURES) == Counter()
    shutil.rmtree(project.folder / "results")
    run = project.run(*OUTCOMES)
    assert run.status == 0, run.text
    assert clips(project) == clips(finished), "the archive serves"


@pytest.mark.parametrize("place", ["folder", "shard"])
def test_only_batches_for_which_more_came_are_made_again(place: str, project: Project) -> None:
    assert project.run(*OUTCOMES).status == 0
    rows = {row["video_id"]: row for name in OUTCOMES for row in pacsv.read_csv(project.folder / name).to_pylist()}
    gone = next(video for video, row in rows.items() if row["outcome"] == "not_found")
    shards = project.folder.parent / "shards"
    medium = next((shards / "f").iterdir())
    if place == "shard":
        write_parquet(shards / "p/2.parquet", {gone: medium.read_bytes()})
    else:
        shutil.copy2(medium, medium.with_name(gone + medium.suffix))
    downloads = [name.replace("outcomes", "downloads") for name in OUTCOMES]
    run = project.run(*downloads, "--forcerun", "download_clips")
    assert run.jobs["download_clips"] == len(OUTCOMES) and not run.jobs["convert_clips"], run.text
    assert project.run(*OUTCOMES).jobs == {"convert_clips": 1}


def test_media_from_shards_need_not_be_kept(project: Project, finished: Project) -> None:
    project.change("keep", media=False)
    run = project.run(*OUTCOMES, *(name.replace("outcomes", "freed").replace(".csv", ".txt") for name in OUTCOMES))
    assert run.status == 0, run.text
    assert clips(project) == clips(finished)
    kept = {path.name for path in (project.folder / "archive").glob("*/*") if path.suffix != ".json"}
    rows = [row for name in OUTCOMES for row in pacsv.read_csv(project.folder / name).to_pylist()]
    assert {name.partition(".")[0] for name in kept} <= {
        row["clip_id"] for row in rows if row["source"].startswith("file:{video_id}.*") or row["outcome"] != "ok"
    }
    assert list((project.folder / "results/downloads").glob("*.csv")) == []
    assert project.plan(*OUTCOMES) == Counter()
    # a disk that is not mounted takes nothing from the results for good
    shards = project.folder.parent / "shards"
    (shards / "p").rename(shards / "off")
    run = project.run(*OUTCOMES, "--forcerun", "convert_clips")
    assert run.status != 0
    assert "soundsift: download.sources.0.url is " in run.text and "soundsift: the shard 0.parquet of file:" in run.text
    (shards / "off").rename(shards / "p")
    run = project.run(*OUTCOMES, "--forcerun", "convert_clips")
    assert run.status == 0, run.text
    assert clips(project) == clips(finished)


@pytest.mark.parametrize("moment", ["resources/shards/*/*.parquet", "archive/*/*.json", "results/downloads/*.csv"])
def test_a_kill_while_shards_are_indexed_or_read_loses_nothing(
    moment: str, project: Project, finished: Project
) -> None:
    project.kill_when(moment, *OUTCOMES)
    assert project.run("--unlock").status == 0
    run = project.run(*OUTCOMES, "--rerun-incomplete")
    assert run.status == 0, run.text
    assert project.run("check_archive").status == 0
    assert clips(project) == clips(finished)


def test_batches_are_planned_although_an_index_takes_longer_than_the_selection(project: Project) -> None:
    script = project.folder / "scripts" / "index_shards.py"
    script.write_text(
        script.read_text() + "    import time\n\n    time.sleep(3)  # the index is there, its job goes on\n"
    )
    run = project.run(*OUTCOMES)
    assert run.status == 0, run.text
    assert all((project.folder / name).is_file() for name in OUTCOMES), run.text


def test_a_bad_shard_is_one_line_and_the_run_goes_on_when_it_is_mended(project: Project) -> None:
    shard = project.folder.parent / "shards/p/1.parquet"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:1000])
    run = project.run(*OUTCOMES)
    assert run.status != 0
    (line,) = [line for line in run.text.splitlines() if line.startswith("soundsift: 1.parquet")]
    assert "cannot be read as Parquet" in line and line.endswith("The other shards are indexed")
    shard.write_bytes(whole)
    assert project.run(*OUTCOMES).status == 0
