import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from soundsift.config.settings import DEMO
from soundsift.errors import InputError
from soundsift.planning import (
    CLIPS,
    TIME_STAMP,
    Selection,
    check_demo,
    check_places,
    incomplete,
    read_batches,
    run_again_without,
    with_files_of,
)

BOTH = {"clips": True, "frames": True}
NAMES = ("train-00000", "eval-00000")
BATCH = "clip_id\na_0\nb.c_0\nd_0\n"


class Outputs(list[str]):
    """The outputs of select_clips, as Snakemake gives them."""

    def __init__(self, results: Path) -> None:
        self.clips = str(results / "clips.parquet")
        self.names = str(results / "batches.txt")
        self.batches = str(results / "batches")
        super().__init__([self.clips, self.names, self.batches])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two finished batches of three clips, of which the last is gone; the second batch has the time stamps of a copy."""
    (tmp_path / "clips.parquet").write_text("table")
    (tmp_path / "batches.txt").write_text("".join(f"{name} {len(BATCH)}\n" for name in NAMES))
    for name in NAMES:
        for part, text in (
            ("batches", BATCH),
            ("outcomes", '"clip_id","outcome"\n"a_0","ok"\n"b.c_0","silent"\n"d_0","private"\n'),
        ):
            (tmp_path / part).mkdir(exist_ok=True)
            (tmp_path / part / f"{name}.csv").write_text(text)
        for part, ending in (("clips", "mp3"), ("frames", "parquet")):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for clip_id in ("a_0", "b.c_0"):
                (folder / f"{clip_id}.{ending}").write_text("content")
            (folder / TIME_STAMP).touch()
    os.utime(tmp_path / "clips" / "eval-00000" / TIME_STAMP, (1, 1))
    return tmp_path


def found(results: Path, kept: dict[str, bool] = BOTH) -> list[str]:
    return [
        str(Path(path).relative_to(results))
        for path in incomplete(Outputs(results), dict.fromkeys(NAMES, len(BATCH)), kept, results)
    ]


def test_nothing_is_lost_in_a_finished_run(results: Path) -> None:
    assert found(results) == []


@pytest.mark.parametrize("lost", ["batches/train-00000.csv", "batches.txt", "clips.parquet"])
def test_a_lost_file_of_the_selection_makes_it_run_again(lost: str, results: Path) -> None:
    (results / lost).unlink()
    assert found(results) == ["batches"]


@pytest.mark.parametrize("length", [0, 5])
def test_a_file_of_a_batch_that_was_cut_short_counts_as_lost(length: int, results: Path) -> None:
    (results / "batches" / "eval-00000.csv").write_text(BATCH[:length])
    assert found(results) == ["batches"]


@pytest.mark.parametrize("part", ["clips", "frames"])
@pytest.mark.parametrize("batch", NAMES)
def test_a_lost_file_makes_the_job_of_its_folder_run_again_if_it_is_kept(part: str, batch: str, results: Path) -> None:
    next((results / part / batch).glob("b.c_0.*")).unlink()
    assert found(results) == [f"{part}/{batch}"]
    assert found(results, BOTH | {part: False}) == []


@pytest.mark.parametrize("part", ["clips", "frames"])
def test_lost_outcomes_hide_no_lost_file(part: str, results: Path) -> None:
    (results / "outcomes" / "train-00000.csv").unlink()
    assert found(results) == []
    next((results / part / "train-00000").glob("b.c_0.*")).unlink()
    assert found(results) == [f"{part}/train-00000"]


def test_damaged_outcomes_hide_no_lost_file(results: Path) -> None:
    (results / "outcomes" / "train-00000.csv").write_text('"clip_id","outcome"\n"a_0","ok"\n"b.c')
    next((results / "clips" / "train-00000").glob("b.c_0.*")).unlink()
    assert found(results) == ["clips/train-00000"]


@pytest.mark.parametrize("text", ["train-00000\neval-00000\n", "train-00000 foo\n", "train-00000 4\n\x00"])
def test_a_list_of_batches_without_sizes_is_written_again(text: str, results: Path) -> None:
    (results / "batches.txt").write_text(text)
    batches = read_batches(results / "batches.txt")
    assert list(incomplete(Outputs(results), batches, BOTH, results)) == [str(results / "batches")]


def test_an_emptied_folder_is_noticed_and_a_missing_one_is_left_to_snakemake(results: Path) -> None:
    for path in (results / "clips" / "train-00000").iterdir():
        path.unlink()
    for path in (results / "frames" / "train-00000").iterdir():
        path.unlink()
    (results / "frames" / "train-00000").rmdir()
    assert found(results) == ["clips/train-00000"]


def test_a_run_that_has_not_begun_has_lost_nothing(tmp_path: Path) -> None:
    assert found(tmp_path) == []


def test_folders_are_checked_once_the_list_of_batches_is_there_again(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(results.parent)
    results.rename("results")
    outputs = Outputs(Path("results"))
    names = Path(outputs.names).read_text()
    Path(outputs.names).unlink()
    next(Path("results/clips/eval-00000").glob("a_0.*")).unlink()
    forced: set[str] = set()
    dag = SimpleNamespace(forcefiles=forced, jobs=[])
    selection = Selection(SimpleNamespace(is_main_process=True, dag=dag), BOTH)

    class Checkpoint:
        rule = SimpleNamespace(output=outputs)

        def get(self) -> SimpleNamespace:
            if not Path(outputs.names).exists():
                raise LookupError("not finished")
            return SimpleNamespace(output=outputs)

    with pytest.raises(LookupError):
        selection.batches(Checkpoint())
    assert forced == {"results/batches"}
    Path(outputs.names).write_text(names)
    assert selection.batches(Checkpoint()) == list(NAMES)
    assert forced == {"results/batches", "results/clips/eval-00000"}


@pytest.mark.parametrize(
    ("is_main", "there", "forced"),
    [
        (True, ["page"], {"page"}),
        (True, ["page", "report"], set()),
        (True, [], set()),
        (False, ["page"], set()),
    ],
)
def test_a_lost_report_makes_its_last_page_again(
    is_main: bool, there: list[str], forced: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in there:
        Path(name).touch()
    workflow = SimpleNamespace(is_main_process=is_main, dag=SimpleNamespace(forcefiles=set()))
    assert run_again_without(workflow, "page", [Path("report")]) == "page"
    assert workflow.dag.forcefiles == forced


@pytest.mark.parametrize(
    ("there", "text", "forced"),
    [
        (("list", "out/a", "out/b/c"), "a\nb/c\n", set()),
        (("list", "out/a"), "a\nb/c\n", {"out"}),
        (("list", "out/a"), "", {"out"}),
        (("list", "out/a"), "a\n\udcff\n", {"out"}),
        (("out/a",), "", {"out"}),
    ],
)
def test_a_folder_that_lacks_a_listed_file_or_its_list_is_made_again(
    there: tuple[str, ...], text: str, forced: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out" / "b").mkdir(parents=True)
    for name in there:
        Path(name).write_text(text, errors="surrogateescape")
    workflow = SimpleNamespace(is_main_process=True, dag=SimpleNamespace(forcefiles=set()))
    assert with_files_of(workflow, "out", "list", "clips")(None) == "clips"
    assert workflow.dag.forcefiles == forced


def workflow_with(output: str, is_directory: bool = False, log: str = "logs/one.log") -> SimpleNamespace:
    """A workflow with one rule, of which no job is known yet."""

    class Output(str):
        pass

    paths = Output(output), Output(log)
    for path in paths:
        path.is_directory = is_directory and path == output
    rule = SimpleNamespace(output=paths[:1], log=paths[1:])
    return SimpleNamespace(rules=[rule], dag=SimpleNamespace(jobs=[]))


@pytest.mark.parametrize(
    ("output", "is_directory", "damage", "line"),
    [
        ("out/a.txt", False, "out", "out is a file, but a folder is needed there: move it away"),
        ("out/{batch}.txt", False, "out", "out is a file, but a folder is needed there: move it away"),
        ("out/{batch}", True, "out", "out is a file, but a folder is needed there: move it away"),
        ("out/a", True, "out/a", "out/a is a file, but a folder is needed there: move it away"),
        ("out/a.txt", False, "out/a.txt/", "out/a.txt is a folder, but a file is written there: move it away"),
        ("out/a.txt", False, "logs", "logs is a file, but a folder is needed there: move it away"),
        ("out/a.txt", False, "last.html/", "last.html is a folder, but a file is written there: move it away"),
    ],
)
def test_a_place_where_nothing_can_be_written_is_named(
    output: str, is_directory: bool, damage: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    workflow = workflow_with(output, is_directory)
    check_places(workflow, [Path("last.html")])
    path = Path(damage)
    path.parent.mkdir(exist_ok=True)
    if damage.endswith("/"):
        path.mkdir()
    else:
        path.touch()
    with pytest.raises(InputError, match=re.escape(line)):
        check_places(workflow, [Path("last.html")])


def test_the_outputs_of_known_jobs_are_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    Path("out/a").touch()
    workflow = workflow_with("out/{batch}", is_directory=True)
    workflow.dag.jobs = workflow_with("out/a", is_directory=True).rules
    with pytest.raises(InputError, match="^out/a is a file"):
        check_places(workflow, [])


def test_a_folder_that_is_not_writable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != Path("out"))
    with pytest.raises(InputError, match="the folder out is not writable"):
        check_places(workflow_with("out/new/a.txt"), [])


@pytest.fixture
def of_other_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A workflow that has made the clip table of other lists and plans it again; ``records`` are Snakemake's."""
    monkeypatch.chdir(tmp_path)
    Path(CLIPS).parent.mkdir(parents=True)
    Path(CLIPS).touch()
    records: dict[str, Any] = {CLIPS: {"input": ["lists/my.csv", "resources/audioset/ontology.json"]}}
    jobs = [SimpleNamespace(output=[CLIPS])]
    return SimpleNamespace(
        dag=SimpleNamespace(needrun_jobs=lambda: jobs), persistence=SimpleNamespace(metadata=records.get), jobs=jobs,
        records=records,
    )  # fmt: skip


def test_the_demo_replaces_no_results_of_other_lists(of_other_lists: SimpleNamespace) -> None:
    with pytest.raises(InputError, match=r"^results/ holds clips of other lists \(my.csv, ontology.json\), and"):
        check_demo(of_other_lists, DEMO)
    assert Path(CLIPS).exists()


def test_other_lists_replace_the_clips_of_any(of_other_lists: SimpleNamespace) -> None:
    check_demo(of_other_lists, None)


@pytest.mark.parametrize("record", [{"input": [f"{DEMO}/train_segments.csv"]}, {"input": None}, None])
def test_the_demo_replaces_its_own_results_and_those_of_unknown_lists(
    record: dict[str, Any] | None, of_other_lists: SimpleNamespace
) -> None:
    of_other_lists.records[CLIPS] = record
    check_demo(of_other_lists, DEMO)


def test_the_demo_may_run_where_the_clip_table_is_not_made_again_or_is_gone(of_other_lists: SimpleNamespace) -> None:
    Path(CLIPS).unlink()
    check_demo(of_other_lists, DEMO)
    Path(CLIPS).touch()
    of_other_lists.jobs.clear()
    check_demo(of_other_lists, DEMO)
