"""The index of a set of shards: which shards are read again, and what is wrong with the others."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import soundsift
from soundsift.errors import InputError
from soundsift.media.shards import indexing, places
from soundsift.media.shards.index import ShardIndex
from soundsift.media.shards.indexing import index_shards
from soundsift.metadata.batches import Clip
from tests.hub.packs import clips_of, media_of, write_parquet, write_tar

CLIPS = clips_of(12)
MEDIA = media_of(CLIPS)
KEYS = list(MEDIA)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the shards that are opened."""
    names: list[str] = []
    open_shard = places.Folder.open

    def note(place: places.Folder, shard: places.Shard) -> Any:
        names.append(shard.name)
        return open_shard(place, shard)

    monkeypatch.setattr(places.Folder, "open", note)
    yield names


def some(*numbers: int) -> dict[str, bytes]:
    return {KEYS[i]: MEDIA[KEYS[i]] for i in numbers}


def made(folder: Path, pattern: str = "*/*.parquet") -> ShardIndex:
    index_shards(f"file://{folder}/{pattern}", folder / "made" / "parts", folder / "index.parquet", 2)
    return ShardIndex(folder / "index.parquet")


def found(index: ShardIndex) -> dict[str, str]:
    return {clip_id: place.shard.name for clip_id, place in index.find(CLIPS).items()}


def test_only_new_and_changed_shards_are_read(
    tmp_path: Path, opened: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    for name, numbers in (("a/0", (0, 1)), ("a/1", (2, 3)), ("b/0", (4,))):
        write_parquet(tmp_path / f"{name}.parquet", some(*numbers))
    assert len(found(made(tmp_path))) == 5
    assert sorted(opened) == ["a/0.parquet", "a/1.parquet", "b/0.parquet"]
    opened.clear()
    write_parquet(tmp_path / "b/1.parquet", some(5))
    write_parquet(tmp_path / "a/1.parquet", some(2, 6, 7))
    assert sorted(found(made(tmp_path))) == sorted(CLIPS[i].clip_id for i in (0, 1, 2, 4, 5, 6, 7))
    assert sorted(opened) == ["a/1.parquet", "b/1.parquet"]
    opened.clear()
    assert not caplog.records
    (tmp_path / "a/1.parquet").unlink()
    write_parquet(tmp_path / "c/0.parquet", some(7))
    for _ in range(2):
        caplog.clear()
        there = found(made(tmp_path))
        assert opened in (["c/0.parquet"], [])
        opened.clear()
        line = "1 shards that were indexed are gone, for example a/1.parquet: mount their disk and run again, or delete"
        assert line in caplog.text
        # what is lost is still known, and comes after what is there
        assert (len(there), there[CLIPS[6].clip_id], there[CLIPS[7].clip_id]) == (7, "a/1.parquet", "c/0.parquet")
    shutil.rmtree(tmp_path / "made" / "parts")
    caplog.clear()
    assert len(found(made(tmp_path))) == 5
    assert "gone" not in caplog.text


def test_of_equal_ids_the_first_counts_and_it_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_parquet(tmp_path / "a/1.parquet", some(0, 1))
    write_parquet(tmp_path / "a/0.parquet", some(1, 2, 0))
    assert set(found(made(tmp_path)).values()) == {"a/0.parquet"}
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line == (
        "2 ids are in the shards more than once, for example -video00000 again in a/1.parquet: the first one counts"
    )


def test_two_sounds_of_one_key_say_which_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a").mkdir()
    with tarfile.open(tmp_path / "a/0.tar", "w") as tar:
        for ending in ("wav", "flac"):
            tar.addfile(tarfile.TarInfo(f"{KEYS[0]}.{ending}"))
    assert len(found(made(tmp_path, "*/*.tar"))) == 1
    assert f"{KEYS[0]} twice in a/0.tar: what comes first there counts, whatever the ending of its name" in caplog.text


def test_names_of_all_forms_are_matched(tmp_path: Path) -> None:
    one, two, three, four, *_ = CLIPS
    write_tar(
        tmp_path / "t/0.tar",
        {f"Y{one.video_id}": b"1", two.video_id: b"2", three.clip_id: b"3", f"Y{four.clip_id}": b"4"},
    )
    index = made(tmp_path, "*/*.tar")
    places = index.find(CLIPS)
    assert {clip_id: place.of_video for clip_id, place in places.items()} == {
        one.clip_id: True, two.clip_id: True, three.clip_id: False, four.clip_id: False
    }  # fmt: skip
    # a clip of another time is not in a row that names the time
    assert not index.find([Clip(f"{three.video_id}_0", three.video_id, 0.0, 10.0)])
    # an id of another length that begins with Y is not taken for the form of PANNs
    assert not index.find([Clip("short_0", "short", 0.0, 10.0)])
    write_tar(tmp_path / "t/1.tar", {"Yshort": b"5"})
    assert not made(tmp_path, "*/*.tar").find([Clip("short_0", "short", 0.0, 10.0)])


def test_bad_shards_are_named_and_the_others_are_indexed(tmp_path: Path, opened: list[str]) -> None:
    write_parquet(tmp_path / "a/0.parquet", some(0))
    (tmp_path / "a/1.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"a/1.parquet cannot be read as Parquet .* The other shards are indexed"):
        made(tmp_path)
    opened.clear()
    write_parquet(tmp_path / "a/1.parquet", some(1))
    assert len(found(made(tmp_path))) == 2
    assert opened == ["a/1.parquet"]


INDEX_DAMAGED = """
import sys
from pathlib import Path
from soundsift.errors import InputError
from soundsift.media.shards.parquet import ids_of
shard = Path(sys.argv[1])
data = shard.read_bytes()
footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
n_refused = 0
for at in range(footer, len(data)):
    for bits in (1, 16):
        shard.write_bytes(data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :])
        with open(shard, "rb") as file:
            try:
                list(ids_of(file, shard.name, 1 << 20))
            except InputError as error:
                assert str(error).startswith("0.parquet ") and str(error).isprintable(), error
                n_refused += 1
print(n_refused)
"""


def test_no_damage_of_a_footer_ends_the_process(tmp_path: Path) -> None:
    # PyArrow checks the histograms of levels only when the metadata of a single column are asked for, and then aborts
    table = pa.table({"video_id": KEYS[:2], "audio": [{"bytes": MEDIA[key][:9]} for key in KEYS[:2]]})
    pq.write_table(table, tmp_path / "0.parquet", store_schema=False, write_statistics=True)
    command = [sys.executable, "-c", INDEX_DAMAGED, str(tmp_path / "0.parquet")]
    environment = os.environ | {"PYTHONPATH": str(Path(soundsift.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


def test_a_shard_that_changes_while_it_is_read_is_not_indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parquet(tmp_path / "a/0.parquet", some(0))
    read = indexing.parquet.ids_of

    def grow(*arguments: Any) -> Any:
        yield from read(*arguments)
        os.utime(tmp_path / "a/0.parquet", (1, 1))

    monkeypatch.setattr(indexing.parquet, "ids_of", grow)
    with pytest.raises(InputError, match=r"a/0.parquet changed while it was read: run again"):
        made(tmp_path)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FileNotFoundError(2, "No such file"), "a/1.parquet was deleted while it was read: run the same command again"),
        (PermissionError(13, "Permission denied"), r"a/1.parquet cannot be read \(Permission denied\): correct its"),
        (OSError(5, "Input/output error"), r"a/1.parquet cannot be read \(Input/output error\)"),
    ],
)
def test_a_shard_that_cannot_be_opened_is_one_line(
    error: OSError, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        write_parquet(tmp_path / f"a/{number}.parquet", some(number))
    open_shard = places.Folder.open

    def fail(place: places.Folder, shard: places.Shard) -> Any:
        if shard.name == "a/1.parquet":
            raise error
        return open_shard(place, shard)

    monkeypatch.setattr(places.Folder, "open", fail)
    with pytest.raises(InputError, match=line):
        made(tmp_path)
    assert len(list((tmp_path / "made/parts").glob("*.parquet"))) == 2


def test_a_pattern_that_matches_nothing_is_refused_but_an_index_is_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file matches .*/\*/\*.parquet: mount the disk"):
        made(tmp_path)
    write_parquet(tmp_path / "a/0.parquet", some(0, 1))
    url, parts = f"file://{tmp_path}/*/*.parquet", str(tmp_path / "made" / "parts")
    before = places.state_now(url, parts), found(made(tmp_path))
    (tmp_path / "a/0.parquet").unlink()
    assert (places.state_now(url, parts), found(made(tmp_path))) == before


@pytest.mark.parametrize("n_gone", [1, 2])
def test_ids_of_an_earlier_version_are_used_until_their_shard_is_there_again(
    n_gone: int, tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(2):
        write_parquet(tmp_path / f"a/{number}.parquet", some(number))
    url, parts = f"file://{tmp_path}/*/*.parquet", str(tmp_path / "made" / "parts")
    before = found(made(tmp_path))
    monkeypatch.setattr(indexing, "FORMAT", "later")
    for number in range(n_gone):
        (tmp_path / f"a/{number}.parquet").rename(tmp_path / f"{number}.off")
    opened.clear()
    planned = places.state_now(url, parts)
    assert found(made(tmp_path)) == before and len(opened) == 2 - n_gone
    assert f"{n_gone} shards that were indexed are gone, for example a/0.parquet: mount their disk" in caplog.text
    assert places.state_now(url, parts) == planned, "nothing to be done"
    for number in range(n_gone):
        (tmp_path / f"{number}.off").rename(tmp_path / f"a/{number}.parquet")
    assert (again := places.state_now(url, parts)) != planned
    opened.clear()
    assert found(made(tmp_path)) == before and len(opened) == n_gone
    assert places.state_now(url, parts) == again


def test_ids_of_a_version_without_marks_are_used_while_their_shard_is_gone(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a/0.parquet", some(0))
    before = found(made(tmp_path))
    (part,) = (tmp_path / "made" / "parts").glob("*.parquet")
    pq.write_table(pq.read_table(part).drop_columns("mark"), part, write_page_checksum=True)
    (tmp_path / "a/0.parquet").unlink()
    assert found(made(tmp_path)) == before


def test_a_deleted_folder_makes_the_index_again_if_shards_of_it_are_gone(tmp_path: Path) -> None:
    for number in range(2):
        write_parquet(tmp_path / f"a/{number}.parquet", some(number))
    url, parts = f"file://{tmp_path}/*/*.parquet", str(tmp_path / "made" / "parts")
    made(tmp_path)
    (tmp_path / "a/1.parquet").unlink()
    before = places.state_now(url, parts)
    assert len(found(made(tmp_path))) == 2 and places.state_now(url, parts) == before
    shutil.rmtree(parts)
    assert (again := places.state_now(url, parts)) != before
    assert len(found(made(tmp_path))) == 1 and places.state_now(url, parts) == again


KILLED = """
import os, signal, sys
from pathlib import Path
from soundsift.media.shards import indexing

n_left = int(sys.argv[1])
replace = os.replace

def killed(*paths):
    global n_left
    n_left -= 1
    if n_left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*paths)

os.replace = killed
indexing.index_shards(sys.argv[2], Path("made/parts"), Path("index.parquet"), 1)
"""


# before a new shard's ids, the list of shards, or the index get their names
@pytest.mark.parametrize("n_files", [0, 1, 2])
def test_a_kill_while_an_index_with_lost_shards_is_written_loses_nothing(n_files: int, tmp_path: Path) -> None:
    for number in range(2):
        write_parquet(tmp_path / f"a/{number}.parquet", some(number))
    before = found(made(tmp_path))
    (tmp_path / "a/0.parquet").unlink()
    write_parquet(tmp_path / "a/2.parquet", some(2))
    scripts = Path(soundsift.__file__).parents[1]
    command = [sys.executable, "-c", KILLED, str(n_files), f"file://{tmp_path}/*/*.parquet"]
    job = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(scripts)})
    assert job.returncode == -signal.SIGKILL and found(ShardIndex(tmp_path / "index.parquet")) == before
    (tmp_path / "index.parquet").unlink()  # as Snakemake does
    assert found(made(tmp_path)) == before | {CLIPS[2].clip_id: "a/2.parquet"}


def test_links_to_nothing_and_folders_are_left_out_with_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # as the cache of the Hub has it, of which a part was deleted
    write_parquet(tmp_path / "blobs/abc", some(0))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/0.parquet").symlink_to("../blobs/abc")
    assert len(found(made(tmp_path))) == 1 and not caplog.records
    (tmp_path / "data/1.parquet").symlink_to("../blobs/def")
    (tmp_path / "data/2.parquet").mkdir()
    assert len(found(made(tmp_path))) == 1
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line.startswith(
        "2 of the shards are links whose file is gone, or folders, for example data/1.parquet, and are"
    )
    (tmp_path / "data/0.parquet").unlink()
    (tmp_path / "made/parts/set.json").unlink()
    with pytest.raises(InputError, match="no file matches"):
        made(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"shards": [[1]], "state": "", "revision": ""}'])
def test_damaged_state_counts_as_none(content: str, tmp_path: Path) -> None:
    write_parquet(tmp_path / "a/0.parquet", some(0, 1))
    made(tmp_path)
    (tmp_path / "made/parts/set.json").write_text(content)
    assert len(found(made(tmp_path))) == 2
    (tmp_path / "made/parts/set.json").write_text(content)
    (tmp_path / "a/0.parquet").unlink()
    url = f"file://{tmp_path}/*/*.parquet"
    assert places.state_now(url, str(tmp_path / "made/parts")) == ""


def damages(whole: bytes) -> Iterator[bytes]:
    """A file that is empty, text, cut or another table, or has eight wrong bytes anywhere."""
    other = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": [1]}), other)
    yield from (b"", b"text", whole[: len(whole) // 2], other.getvalue().to_pybytes())
    for at in range(4, len(whole) - 8, len(whole) // 30):
        yield whole[:at] + b"\xff" * 8 + whole[at + 8 :]


def test_damaged_ids_of_a_shard_are_made_again(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a/0.parquet", dict.fromkeys([f"{n:011}" for n in range(3000)], b"1") | some(0))
    write_parquet(tmp_path / "a/1.parquet", some(1))
    index = made(tmp_path)
    expected, everything = found(index), pq.read_table(tmp_path / "index.parquet")
    for part in (tmp_path / "made/parts").glob("*.parquet"):
        whole = part.read_bytes()
        for damaged in damages(whole):
            part.write_bytes(damaged)
            assert found(made(tmp_path)) == expected
            assert pq.read_table(tmp_path / "index.parquet").equals(everything)


def test_a_damaged_index_is_one_line(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a/0.parquet", dict.fromkeys([f"{n:011}" for n in range(3000)], b"1") | some(0))
    expected = found(made(tmp_path))
    path = tmp_path / "index.parquet"
    refused = []
    for damaged in damages(path.read_bytes()):
        path.write_bytes(damaged)
        refused.append(False)
        try:
            assert found(ShardIndex(path)) == expected
        except InputError as error:
            assert str(error).endswith("is no index of shards, or damaged: delete it and run again")
            refused[-1] = True
    assert sum(refused) > 0.6 * len(refused)


@pytest.mark.parametrize("media", [{}, {"caf\udce9": b"1"}])
@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_tars_without_clips_are_indexed(media: dict[str, bytes], kind: int, tmp_path: Path) -> None:
    write_tar(tmp_path / "a/0.tar", media, kind)
    assert found(made(tmp_path, "*/*.tar")) == {}
    write_tar(tmp_path / "a/1.tar", some(0))
    assert len(found(made(tmp_path, "*/*.tar"))) == 1


def test_rows_without_an_id_are_left_out(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a/0.parquet", {KEYS[0]: b"1", None: b"2"})  # type: ignore[dict-item]
    assert list(found(made(tmp_path))) == [CLIPS[0].clip_id]
