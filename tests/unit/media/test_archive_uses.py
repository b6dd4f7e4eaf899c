"""Two runs that share an archive, one of which frees media."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import soundsift
from download_clips import download_clips
from free_media import free_media
from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.config.sources import index_path, is_sharded
from soundsift.errors import InputError
from soundsift.media import archive_uses
from soundsift.media.archive import Archive
from soundsift.media.archive_check import check
from soundsift.media.archive_uses import Uses
from soundsift.media.archive_writer import ArchiveWriter
from soundsift.media.columns import DOWNLOAD_COLUMNS
from soundsift.media.shards.indexing import index_shards
from soundsift.metadata.batches import Clip
from soundsift.metadata.columns import BATCH_COLUMNS
from soundsift.tables import read_csv, schema_of, write_csv
from tests.hub.packs import clips_of, media_of, write_parquet

CLIPS = clips_of(5)
MEDIA = media_of(CLIPS[:4])
DOWNLOADS = Path("downloads/train-00000.csv")


@pytest.fixture
def source(tmp_path: Path) -> SourceParams:
    write_parquet(tmp_path / "p/0.parquet", MEDIA)
    return SourceParams(f"file://{tmp_path}/p/*.parquet", trimmed=True)


def download(folder: Path, source: SourceParams, clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> None:
    """Download a batch in a run of its own, on the archive that all share."""
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    if is_sharded(source.url):
        index = Path(index_path(source.url))
        index_shards(source.url, index.with_suffix(""), index, 2)
    rows = [{column.name: getattr(clip, column.name) for column in BATCH_COLUMNS} for clip in clips]
    write_csv(pa.Table.from_pylist(rows, schema_of(BATCH_COLUMNS)), Path("train-00000.csv"))
    download_clips(Path("train-00000.csv"), folder.parent / "archive", [source], RequestPolicy(), 1.0, DOWNLOADS)


def free(folder: Path, source: SourceParams, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(folder)
    free_media(DOWNLOADS, folder.parent / "archive", [source.url], Path("freed.txt"))
    return Path("freed.txt").read_text()


def test_media_that_another_run_uses_are_not_freed(
    tmp_path: Path, source: SourceParams, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    download(tmp_path / "a", source, CLIPS[:3], monkeypatch)
    download(tmp_path / "b", source, CLIPS[2:5], monkeypatch)
    sizes = [len(sound) for sound in MEDIA.values()]
    assert free(tmp_path / "a", source, monkeypatch) == f"2 media, {sum(sizes[:2])} bytes; 1 media kept\n"
    (other,) = (path for path in (tmp_path / "archive/in_use").iterdir())
    notes = other.name.replace("train-00000", "*")
    assert (
        f"1 clips stay in the archive for another run: if it was given up, delete its notes {other.parent}/{notes}\n"
        in (caplog.text)
    )
    assert check(Archive(tmp_path / "archive")) == (5, [])
    # the last run that uses a clip frees it, and one that takes it up again is noted again
    assert free(tmp_path / "b", source, monkeypatch) == f"2 media, {sum(sizes[2:4])} bytes; 0 media kept\n"
    assert list((tmp_path / "archive/in_use").iterdir()) == []
    download(tmp_path / "b", source, CLIPS[2:5], monkeypatch)
    assert free(tmp_path / "a", source, monkeypatch).endswith("1 media kept\n")
    assert list((tmp_path / "archive").rglob("*.flac")) != []


def test_a_run_without_shards_keeps_the_media_that_it_uses(
    tmp_path: Path, source: SourceParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").mkdir()
    download(tmp_path / "a", source, CLIPS[:4], monkeypatch)
    download(
        tmp_path / "b", SourceParams(f"file://{tmp_path}/f/{{video_id}}.flac", trimmed=True), CLIPS[:2], monkeypatch
    )
    assert free(tmp_path / "a", source, monkeypatch).endswith("; 2 media kept\n")
    rows = [row for row in read_csv(tmp_path / "b" / DOWNLOADS, DOWNLOAD_COLUMNS).to_pylist() if row["media"]]
    assert len(rows) == 2 and all((tmp_path / "archive" / row["media"]).exists() for row in rows)


def test_another_size_of_batches_makes_a_run_no_other_run(
    tmp_path: Path, source: SourceParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(*batches: list[Clip]) -> None:
        """As the jobs of a run that divides its list so."""
        shutil.rmtree("results/batches", ignore_errors=True)
        Path("results/batches").mkdir(parents=True)
        for number in range(len(batches)):
            Path(f"results/batches/train-{number:05}.csv").write_text("")
        for number, clips in enumerate(batches):
            Uses(tmp_path / "archive", f"train-{number:05}").begin(clip.clip_id for clip in clips)

    download(tmp_path / "a", source, CLIPS[:4], monkeypatch)
    begin(CLIPS[:1], CLIPS[1:2], CLIPS[2:3], CLIPS[3:4])
    begin(CLIPS[:4])
    assert [path.name[-15:] for path in (tmp_path / "archive/in_use").iterdir()] == ["train-00000.txt"]
    # the second batch still has its note of the former division
    begin(CLIPS[:1], CLIPS[1:4])
    shutil.rmtree("results/batches")
    Path("results/batches").mkdir()
    for number in range(2):
        Path(f"results/batches/train-{number:05}.csv").write_text("")
    assert free(tmp_path / "a", source, monkeypatch).endswith("; 0 media kept\n")
    # another run's notes count, whatever its batches are
    download(tmp_path / "b", source, CLIPS[:4], monkeypatch)
    download(tmp_path / "a", source, CLIPS[:4], monkeypatch)
    Path("results/batches/train-00001.csv").unlink()
    assert free(tmp_path / "a", source, monkeypatch).endswith("; 4 media kept\n")
    assert [path.name[-15:] for path in (tmp_path / "archive/in_use").iterdir()] == ["train-00000.txt"]


def test_notes_are_looked_at_again_only_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_scans = 0
    scan = os.scandir

    def counted(folder: Path) -> Any:
        nonlocal n_scans
        n_scans += 1
        return scan(folder)

    monkeypatch.setattr(archive_uses.os, "scandir", counted)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "a")
    own = Uses(tmp_path, "train-00000")
    monkeypatch.chdir(tmp_path / "b")
    other = Uses(tmp_path, "train-00000")
    assert own.of_others({"x", "y"}) == set()
    other.begin(["x", "z"])
    # as if the last change were three seconds ago
    os.utime(own.folder, ns=(0, time.time_ns() - 3 * 10**9))
    assert [own.of_others({"x", "y"}) for _ in range(9)] == [{"x"}] * 9 and n_scans == 1
    other.begin(["y"])
    assert own.of_others({"x", "y"}) == {"y"}
    # two changes within a step of the file system's clock
    now = os.stat(own.folder).st_mtime_ns
    other.begin(["x"])
    os.utime(own.folder, ns=(0, now))
    assert own.of_others({"x", "y"}) == {"x"}
    other.end()
    assert own.of_others({"x", "y"}) == set()


def test_a_run_that_begins_to_use_clips_while_they_are_freed_keeps_them(
    tmp_path: Path, source: SourceParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    download(tmp_path / "a", source, CLIPS[:3], monkeypatch)
    free_one = ArchiveWriter.free

    def free_and_begin(archive: ArchiveWriter, clip_id: str, ttmp_path: Any) -> int | None:
        freed = free_one(archive, clip_id, ttmp_path)
        if not (tmp_path / "b").exists():
            download(tmp_path / "b", source, CLIPS[:3], monkeypatch)
            monkeypatch.chdir(tmp_path / "a")
        return freed

    monkeypatch.setattr(ArchiveWriter, "free", free_and_begin)
    assert free(tmp_path / "a", source, monkeypatch).endswith("2 media kept\n")
    assert len(list((tmp_path / "archive").rglob("*.flac"))) == 3


def test_two_machines_with_one_path_are_two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Uses(tmp_path / "archive", "train-00000").begin(["x"])
    assert Uses(tmp_path / "archive", "train-00000").of_others({"x"}) == set(), "a later job of the run"
    # another folder at the same path, as on another machine
    folder.rename(tmp_path / "first")
    folder.mkdir()
    monkeypatch.chdir(folder)
    other = Uses(tmp_path / "archive", "train-00000")
    assert other.of_others({"x"}) == {"x"}
    other.begin(["x"])
    other.end()
    assert len(list((tmp_path / "archive/in_use").iterdir())) == 1


@pytest.mark.parametrize("form", ["file", "link to itself"])
@pytest.mark.parametrize("what", ["begin", "end", "of_others"])
def test_notes_that_cannot_be_written_or_read_are_one_line(what: str, form: str, tmp_path: Path) -> None:
    if form == "file":
        (tmp_path / "in_use").write_text("a file where the folder should be")
    else:
        (tmp_path / "in_use").symlink_to("in_use")
    uses = Uses(tmp_path, "train-00000")
    with pytest.raises(InputError, match=f"^the archive's notes {tmp_path}/in_use cannot be read or written .*kept$"):
        uses.end() if what == "end" else getattr(uses, what)({"x"})


def test_a_note_of_another_run_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "in_use").mkdir()
    (tmp_path / "in_use/0123456789ab-train-00000.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read or written .0123456789ab-train-00000.txt is no text.: free"):
        Uses(tmp_path, "train-00000").of_others({"x"})


KILLED_JOB = """
import os, signal, sys
from pathlib import Path
import free_media
from soundsift.media import archive_uses, archive_writer

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

where, archive, url = sys.argv[1:]
n_freed = 0
free = archive_writer.ArchiveWriter.free

def free_two(*args):
    global n_freed
    n_freed += 1
    if n_freed == 2 and where == "media":
        archive_writer.ArchiveWriter.write = killed
    if n_freed == 2 and where == "record":
        archive_writer.os.replace = killed
    return free(*args)

archive_writer.ArchiveWriter.free = free_two
if where == "note":
    archive_uses.Uses.of_others = killed
if where == "end":
    free_media.write_text = killed
free_media.free_media(Path("downloads/train-00000.csv"), Path(archive), [url], Path("freed.txt"))
"""


@pytest.mark.parametrize(("where", "n_left"), [("note", 4), ("media", 2), ("record", 2), ("end", 0)])
def test_a_job_that_is_killed_while_it_frees_media_loses_nothing(
    where: str, n_left: int, tmp_path: Path, source: SourceParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    download(tmp_path / "a", source, CLIPS[:4], monkeypatch)
    archive = tmp_path / "archive"
    scripts = Path(soundsift.__file__).parents[1]
    command = [sys.executable, "-c", KILLED_JOB, where, str(archive), source.url]
    job = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(scripts)})
    assert job.returncode == -signal.SIGKILL
    assert len(list(archive.rglob("*.flac"))) == n_left and not Path("freed.txt").exists()
    # the next run finishes, and the freed media are read again
    assert free(tmp_path / "a", source, monkeypatch).endswith("; 0 media kept\n")
    assert list(archive.rglob("*.flac")) == list((archive / "tmp").iterdir()) == []
    assert check(Archive(archive)) == (4, [])
    download(tmp_path / "a", source, CLIPS[:4], monkeypatch)
    assert {path.read_bytes() for path in archive.rglob("*.flac")} == set(MEDIA.values())
