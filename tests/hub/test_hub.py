"""Shards on the Hugging Face Hub: huggingface_hub as the client of a local imitation with faults."""

import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from free_media import free_media
from index_shards import index_shards as index_step
from soundsift.config.download import SourceParams
from soundsift.config.sources import check_url, index_path, label_of
from soundsift.errors import ConfigError, DownloadError, InputError, SourceError
from soundsift.media.archive import Archive
from soundsift.media.archive_check import check
from soundsift.media.archive_writer import open_for_writing
from soundsift.media.columns import DOWNLOAD_COLUMNS
from soundsift.media.shards import indexing
from soundsift.media.shards.index import ShardIndex
from soundsift.media.shards.indexing import index_shards
from soundsift.media.shards.places import Shard, state_now
from soundsift.media.sources.base import FetchError
from soundsift.tables import schema_of, write_csv
from tests.hub.imitation import DATASET, REVISION, TOKEN, Hub
from tests.hub.packs import clips_of, media_of, write_parquet, write_tar
from tests.site.downloads import fetch

# the library takes the address from the environment when it is imported
SERVER = Hub(Path())
with pytest.MonkeyPatch.context() as patch:
    patch.setenv("HF_ENDPOINT", SERVER.endpoint)
    constants = pytest.importorskip("huggingface_hub.constants")
    from soundsift.media.shards.hub import HubFolder

CLIPS = clips_of(18)
MEDIA = media_of(CLIPS)
KEYS = list(MEDIA)
PARQUET = f"hf://datasets/{DATASET}/data/*/*.parquet"
TAR = f"hf://datasets/{DATASET}/20k/*.tar"


# not of the module: a process that comes back to these tests after others would start a server that was closed
@pytest.fixture(scope="session")
def server() -> Iterator[Hub]:
    with SERVER as running:
        yield running


@pytest.fixture
def hub(server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The imitation with three Parquet shards and a tar shard; huggingface_hub asks it and never waits long."""
    server.reset(tmp_path / "hub")
    keys = list(MEDIA)
    for number in range(3):
        part = {key: MEDIA[key] for key in keys[number * 4 : number * 4 + 4]}
        write_parquet(tmp_path / f"hub/data/bal/{number:02}.parquet", part, row_group=2)
    write_tar(tmp_path / "hub/20k/00.tar", {f"Y{key}": MEDIA[key] for key in keys[12:16]})
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return server


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses in seconds. None of them takes long."""
    found: list[float] = []
    sleep = time.sleep

    def wait(seconds: float) -> None:
        found.append(seconds)
        sleep(min(seconds, 0.01))

    monkeypatch.setattr(time, "sleep", wait)
    return found


def index(url: str) -> SourceParams:
    path = Path(index_path(url))
    index_shards(url, path.with_suffix(""), path, 2)
    return SourceParams(url, trimmed=True)


def run(*urls: str, **policy: Any) -> dict[str, dict[str, Any]]:
    return fetch(CLIPS[::-1], [index(url) for url in urls], Path("archive"), **policy)


def test_clips_are_read_from_the_hub_with_the_revision_in_their_records(hub: Hub) -> None:
    rows = run(PARQUET, TAR)
    sounds = {row["video_id"]: Path("archive", row["media"]).read_bytes() for row in rows.values() if row["media"]}
    assert sounds == {key: MEDIA[key] for key in list(MEDIA)[:16]}
    records = [Archive(Path("archive")).read(one.clip_id) for one in (CLIPS[0], CLIPS[12])]
    assert [record.url for record in records if record] == [
        f"hf://datasets/{DATASET}@{REVISION}/data/bal/00.parquet", f"hf://datasets/{DATASET}@{REVISION}/20k/00.tar"
    ]  # fmt: skip
    assert check(Archive(Path("archive"))) == (18, [])
    hub.asked.clear()
    assert run(PARQUET, TAR) == rows
    assert not [path for path in hub.asked if path.startswith("/cdn")], "the archive serves"


def test_the_sound_is_not_fetched_for_the_index(hub: Hub) -> None:
    large = {key: bytes(10**6) for key in list(MEDIA)[:3]}
    write_parquet(hub.folder / "data/bal/00.parquet", large, compression="none", use_dictionary=False)
    write_tar(hub.folder / "20k/00.tar", large)
    index(PARQUET), index(TAR)
    assert hub.sent["data/bal/00.parquet"] < 300_000
    assert hub.sent["20k/00.tar"] < 100_000


def test_each_row_group_is_fetched_once(hub: Hub) -> None:
    source = index(PARQUET)
    hub.sent.clear()
    fetch(CLIPS[::-1], [source], Path("archive"), concurrency=3)
    for path in (hub.folder / "data/bal").iterdir():
        n_needed, n_footers = path.stat().st_size, 2 * min(path.stat().st_size, 1 << 16)
        assert hub.sent[f"data/bal/{path.name}"] <= n_needed + n_footers


def test_a_pinned_revision_is_read_and_an_unknown_one_refused(hub: Hub) -> None:
    pinned = PARQUET.replace(DATASET, f"{DATASET}@{REVISION}")
    assert run(pinned)[CLIPS[0].clip_id]["outcome"] == "ok"
    with pytest.raises(ConfigError, match=f"the data set {DATASET} has no revision v9: correct download.sources"):
        index(PARQUET.replace(DATASET, f"{DATASET}@v9"))


@pytest.mark.parametrize("name", ["refs/convert/parquet", "refs%2Fconvert%2Fparquet", "~parquet", "refs/pr/1"])
def test_a_revision_may_have_slashes(name: str, hub: Hub) -> None:
    hub.revisions["refs/pr/1" if "pr" in name else "refs/convert/parquet"] = "a" * 40
    url = PARQUET.replace(DATASET, f"{DATASET}@{name}")
    check_url(url, "download.sources.0.url")
    assert run(url)[CLIPS[0].clip_id]["outcome"] == "ok"
    record = Archive(Path("archive")).read(CLIPS[0].clip_id)
    assert record is not None and record.url == f"hf://datasets/{DATASET}@{'a' * 40}/data/bal/00.parquet"
    # names that a user may have tried
    with pytest.raises(ConfigError, match=f"the data set {DATASET} has no revision refs/convert/duckdb: correct"):
        index(PARQUET.replace(DATASET, f"{DATASET}@~duckdb"))


@pytest.mark.parametrize("moment", ["index", "batch", "while it is read"])
def test_a_version_that_is_gone_from_the_hub_is_not_blamed_on_the_configuration(
    moment: str, hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = index(PARQUET)
    line = (
        f"{DATASET} no longer has the version {REVISION} that was indexed: delete resources/shards to read the newest"
    )
    hub.revisions = {"main": "b" * 40}
    with monkeypatch.context() as patch:
        open_file = HubFolder.open

        def opened(folder: HubFolder, shard: Shard) -> Any:
            hub.revisions["old"] = REVISION
            file = open_file(folder, shard)
            hub.revisions.pop("old", None)
            return file

        if moment == "while it is read":
            patch.setattr(HubFolder, "open", opened)
        elif moment == "index":
            Path(index_path(PARQUET)).unlink()
            index(PARQUET)
            assert "run the same command again. Meanwhile the index of an earlier run is used" in caplog.text
        with pytest.raises(SourceError, match=line):
            fetch(CLIPS, [source], Path("archive"), concurrency=1)
    shutil.rmtree("resources")
    assert run(PARQUET)[CLIPS[0].clip_id]["outcome"] == "ok"


@pytest.mark.parametrize("access", ["private", "gated"])
def test_a_data_set_that_is_closed_leaves_its_clips_to_other_sources_if_that_is_wanted(
    access: str, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    source = index(PARQUET)
    write_tar(Path("here/0.tar"), {key: MEDIA[key] for key in list(MEDIA)[:8]})
    tar = index("file://here/*.tar")
    hub.access = access
    hub.asked.clear()
    with pytest.raises(SourceError, match="log in with hf auth login"):
        fetch(CLIPS[:12], [source, tar], Path("archive"), on_transient="fail")
    rows = fetch(CLIPS[:12], [source, tar], Path("archive"))
    assert [row["outcome"] for row in rows.values()] == ["ok"] * 8 + ["forbidden"] * 4
    (line,) = [
        one.getMessage() for one in caplog.records if one.levelname == "WARNING" and "log in" in one.getMessage()
    ]
    assert line.endswith("Meanwhile its clips are taken from other sources")
    assert hub.asked.total() <= 3 * 2 * 2, "not once for each clip"
    hub.access = "open"
    assert {row["outcome"] for row in fetch(CLIPS[:12], [source, tar], Path("archive")).values()} == {"ok"}


@pytest.mark.parametrize(
    ("access", "faults", "outcome"),
    [("private", [], "forbidden"), ("gated", [], "forbidden"), ("open", [(503, 3600)] * 99, "server_error")],
)
def test_a_data_set_that_cannot_be_indexed_leaves_its_clips_to_other_sources_if_that_is_wanted(
    access: str, faults: list[Any], outcome: str, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    write_tar(Path("here/0.tar"), {key: MEDIA[key] for key in list(MEDIA)[:8]})
    path, tar = Path(index_path(PARQUET)), index("file://here/*.tar")
    folder = path.with_suffix("")
    planned = state_now(PARQUET, str(folder))
    hub.access, hub.api_faults = access, faults
    with pytest.raises(SourceError):
        index_shards(PARQUET, folder, path, 2)
    assert not path.exists() and state_now(PARQUET, str(folder)) == planned
    index_shards(PARQUET, folder, path, 2, can_do_without=True)
    (line,) = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert line.endswith(". Meanwhile its clips are taken from other sources") and "\n" not in line
    rows = fetch(CLIPS[:12], [SourceParams(PARQUET, trimmed=True), tar], Path("archive"))
    assert [row["outcome"] for row in rows.values()] == ["ok"] * 8 + [outcome] * 4
    # the next run tries again, and the one after that has no reason to
    assert (failed := state_now(PARQUET, str(folder))) != planned
    hub.access = "open"
    hub.api_faults.clear()
    source = index(PARQUET)
    assert state_now(PARQUET, str(folder)) == failed
    assert (
        "is indexed now: batches that went on without it ask for its clips with --forcerun download_clips"
        in caplog.text
    )
    assert {row["outcome"] for row in fetch(CLIPS[:12], [source, tar], Path("archive")).values()} == {"ok"}
    caplog.clear()
    index(PARQUET)
    assert "is indexed now" not in caplog.text


def outcomes(sources: list[SourceParams], **policy: Any) -> list[str]:
    return [row["outcome"] for row in fetch(CLIPS[:12], sources, Path("archive"), **policy).values()]


@pytest.mark.parametrize("lost", ["never indexed", "lost while the Hub fails"])
def test_shards_that_cannot_be_indexed_leave_the_others_of_use_if_that_is_wanted(
    lost: str, hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tar(Path("here/0.tar"), {key: MEDIA[key] for key in list(MEDIA)[4:6]})
    path, tar = Path(index_path(PARQUET)), index("file://here/*.tar")
    folder, name = path.with_suffix(""), "data/bal/01.parquet"
    with monkeypatch.context() as patch:
        open_file = HubFolder.open

        def fail(place: HubFolder, shard: Shard) -> Any:
            if shard.name == name:
                raise FetchError("server_error", "the Hub answers 500", 0.0)
            return open_file(place, shard)

        if lost == "never indexed":
            patch.setattr(HubFolder, "open", fail)
        else:
            index(PARQUET)
            path.unlink()
            indexing._part(Shard(name, "", 0), folder).unlink()
            hub.api_faults = [500] * 1000
        with pytest.raises(SourceError, match="again when the Hub can be reached"):
            index_shards(PARQUET, folder, path, 2, tries=1)
        for _ in range(2):
            caplog.clear()
            index_shards(PARQUET, folder, path, 2, tries=1, can_do_without=True)
            assert "Meanwhile 2 of 3 shards are used, and its other clips are taken from other sources" in caplog.text
    hub.reset(hub.folder)
    sources = [SourceParams(PARQUET, trimmed=True), tar]
    assert outcomes(sources) == ["ok"] * 6 + ["server_error"] * 2 + ["ok"] * 4
    records = [Archive(Path("archive")).read(one.clip_id) for one in CLIPS[:12]]
    assert [one.source for one in records if one and one.media] == [PARQUET] * 4 + [label_of(tar.url)] * 2 + [
        PARQUET
    ] * 4
    hub.sent.clear()
    index(PARQUET)
    assert list(hub.sent) == [name] and "is indexed now" in caplog.text
    assert outcomes(sources) == ["ok"] * 12


def test_rows_that_a_shard_without_index_may_show_to_be_doubtful_are_not_used(
    hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # two clips of one video, told apart by a numbering alone, in two shards
    shutil.rmtree(hub.folder / "data")
    for number in range(2):
        path = hub.folder / f"data/bal/{number:02}.parquet"
        keys = (KEYS[0], KEYS[2 + number], KEYS[4 + number])
        write_parquet(path, dict(zip(keys, (MEDIA[KEYS[number]], *map(MEDIA.get, keys[1:])), strict=True)))
        numbers = pa.array([f"part {number}", CLIPS[2 + number].clip_id, keys[2]])
        pq.write_table(pq.read_table(path).append_column("clip_id", numbers), path)
    open_file = HubFolder.open

    def fail(place: HubFolder, shard: Shard) -> Any:
        if shard.name.endswith("01.parquet"):
            raise FetchError("server_error", "the Hub answers 500", 0.0)
        return open_file(place, shard)

    path = Path(index_path(PARQUET))
    with monkeypatch.context() as patch:
        patch.setattr(HubFolder, "open", fail)
        index_shards(PARQUET, path.with_suffix(""), path, 2, tries=1, can_do_without=True)
    assert "1 of 2 shards are used" in caplog.text
    # a column that only repeats the video is no numbering
    assert [len(ShardIndex(path).find([one])) for one in CLIPS[:6]] == [0, 0, 1, 0, 1, 0]
    index(PARQUET)
    assert [len(ShardIndex(path).find([one])) for one in CLIPS[:4]] == [0, 0, 1, 1]


@pytest.mark.parametrize("moment", ["before the index", "after the index"])
def test_a_kill_does_not_lose_the_line_that_a_source_is_indexed_now(
    moment: str, hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(index_path(PARQUET))
    hub.access = "private"
    index_shards(PARQUET, path.with_suffix(""), path, 2, tries=1, can_do_without=True)
    hub.access = "open"
    write = indexing.write_index

    def killed(*arguments: Any) -> None:
        if moment == "after the index":
            write(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(indexing, "write_index", killed)
        index(PARQUET)
    said = []
    for _ in range(2):
        caplog.clear()
        index(PARQUET)
        said.append("is indexed now" in caplog.text)
    assert said == [True, False]


@pytest.mark.parametrize("access", ["private", "gated", "open"])
def test_an_earlier_index_is_used_while_the_hub_cannot_be_reached(
    access: str, hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = index(PARQUET)
    path, rows = Path(index_path(PARQUET)), run(PARQUET)
    folder, before = path.with_suffix(""), path.read_bytes()
    planned = state_now(PARQUET, str(folder))
    hub.access, hub.api_faults = access, [503] * 1000 if access == "open" else []
    path.unlink()
    index(PARQUET)
    said = ". Meanwhile the index of an earlier run is used"
    # the files of a gated data set are listed
    assert (said in caplog.text) == (access != "gated") and path.read_bytes() == before
    assert fetch(CLIPS, [source], Path("archive")) == rows
    assert state_now(PARQUET, str(folder)) == planned, "nothing to be done"
    # ids of another version are read again when the Hub can be reached
    monkeypatch.setattr(indexing, "FORMAT", "later")
    index(PARQUET)
    assert said in caplog.text and path.read_bytes() == before
    assert (outdated := state_now(PARQUET, str(folder))) != planned
    hub.reset(hub.folder)
    index(PARQUET)
    assert path.read_bytes() == before and state_now(PARQUET, str(folder)) == outdated
    assert len(hub.sent) == 3, "all shards are read"


def test_two_patterns_of_one_data_set_are_no_other_sources_of_each_other(hub: Hub, tmp_path: Path) -> None:
    sources = [index(PARQUET), index(TAR)]
    hub.access = "private"
    with pytest.raises(SourceError, match="log in with hf auth login"):
        fetch(CLIPS[:12], sources, Path("archive"), on_transient="record")
    shutil.rmtree("resources")
    path = Path(index_path(PARQUET))
    for others in ([TAR], [TAR, "https://a.example/{video_id}.wav"]):
        arguments = (PARQUET, path.with_suffix(""), path, 2, 1, "record", [PARQUET, *others])
        if len(others) == 1:
            with pytest.raises(SourceError, match="log in with hf auth login"):
                index_step(*arguments)
        else:
            index_step(*arguments)


@pytest.mark.parametrize("pattern", [PARQUET.replace(DATASET, f"{DATASET}@v9"), f"hf://datasets/{DATASET}/no/*.tar"])
def test_a_mistake_in_an_address_ends_the_run_whatever_the_other_sources_are(pattern: str, hub: Hub) -> None:
    with pytest.raises((ConfigError, InputError), match="correct download.sources$"):
        index_shards(pattern, Path("parts"), Path("index.parquet"), 2, can_do_without=True)


def test_a_pattern_that_matches_nothing_is_one_line(hub: Hub) -> None:
    with pytest.raises(InputError, match=f"no file of {DATASET} matches none/"):
        index(f"hf://datasets/{DATASET}/none/*.parquet")


@pytest.mark.parametrize("name", ["owner/none", DATASET])
def test_a_data_set_that_is_private_or_not_there_says_how_to_log_in(
    name: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.access = "private"
    line = f"the Hub has no data set {name}, or it is private: .* log in with hf auth login or set HF_TOKEN"
    with pytest.raises(SourceError, match=line) as failed:
        index(PARQUET.replace(DATASET, name))
    assert "\n" not in str(failed.value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert run(PARQUET)[CLIPS[0].clip_id]["outcome"] == "ok"


def test_a_gated_data_set_says_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    source = index(PARQUET)
    hub.access = "gated"
    line = f"the data set {DATASET} is gated: accept its conditions on its page, and log in with hf auth login"
    with pytest.raises(SourceError, match=line):
        fetch(CLIPS, [source], Path("archive"))
    with pytest.raises(SourceError, match=line):
        index(TAR)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert run(PARQUET, TAR)[CLIPS[0].clip_id]["outcome"] == "ok"


@pytest.mark.parametrize("fault", [500, 503, (429, 1), "cut"])
def test_a_fault_that_passes_is_not_noticed(fault: Any, hub: Hub) -> None:
    hub.faults = [fault, fault]
    source = index(PARQUET)
    hub.faults = [fault, fault, None, fault]
    rows = fetch(CLIPS[:12], [source], Path("archive"), concurrency=1, tries=1)
    assert {row["outcome"] for row in rows.values()} == {"ok"}


@pytest.mark.parametrize(
    ("fault", "outcome"), [(500, "server_error"), ((429, 1), "rate_limited"), ("cut", "network")]
)  # fmt: skip
def test_a_fault_that_stays_is_transient_and_what_came_is_kept(fault: Any, outcome: str, hub: Hub) -> None:
    source = index(PARQUET)
    hub.faults = [None] * 4 + [fault] * 1000
    rows = fetch(CLIPS[:12], [source], Path("archive"), concurrency=1, tries=2)
    words = [row["outcome"] for row in rows.values()]
    assert set(words) == {"ok", outcome}
    n_faults = 1000 - len(hub.faults)
    assert n_faults <= 2 * 6 * 6, "not once for each clip"
    hub.faults.clear()
    assert {row["outcome"] for row in fetch(CLIPS[:12], [source], Path("archive")).values()} == {"ok"}


def test_clips_whose_media_were_freed_stay_ok_while_the_hub_fails(hub: Hub) -> None:
    source = index(PARQUET)
    fetch(CLIPS[:4], [source], Path("archive"))
    archive = open_for_writing(Path("archive"))
    there = ShardIndex(Path(index_path(PARQUET))).there(PARQUET)
    assert all(archive.free(one.clip_id, there) for one in CLIPS[:4])
    records = [archive.read(one.clip_id) for one in CLIPS[:4]]
    hub.faults = [500] * 1000
    line = r"4 of 4 .*\(4 server_error\); 4 of them were there, and their media were freed: run the same"
    with pytest.raises(DownloadError, match=line):
        fetch(CLIPS[:4], [source], Path("archive"), tries=1)
    assert [archive.read(one.clip_id) for one in CLIPS[:4]] == records
    hub.reset(hub.folder)
    assert {row["outcome"] for row in fetch(CLIPS[:4], [source], Path("archive")).values()} == {"ok"}


@pytest.mark.parametrize("state", ["gone", "private", "gated", "fails"])
def test_media_are_not_freed_while_the_hub_cannot_be_read(
    state: str, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    source = index(PARQUET)
    rows = fetch(CLIPS[:4], [source], Path("archive"))
    write_csv(pa.Table.from_pylist(list(rows.values()), schema_of(DOWNLOAD_COLUMNS)), Path("batch.csv"))
    if state == "gone":
        hub.revisions = {"main": "b" * 40}
    elif state == "fails":
        hub.faults = [500] * 1000
    else:
        hub.access = state
    hub.asked.clear()
    free_media(Path("batch.csv"), Path("archive"), [PARQUET], Path("freed.txt"))
    assert Path("freed.txt").read_text() == "0 media, 0 bytes; 4 media kept\n"
    first, second = (one.getMessage() for one in caplog.records if one.name == "soundsift")
    assert first.endswith(". Meanwhile its media stay in the archive") and "\n" not in first
    assert second.startswith("the media of 4 clips stay in the archive: their shards are gone, have changed, cannot")
    assert hub.asked.total() <= 2 + 2 * 6, "once, whatever the number of shards; the library repeats it"
    hub.reset(hub.folder)
    free_media(Path("batch.csv"), Path("archive"), [PARQUET], Path("freed.txt"))
    assert Path("freed.txt").read_text().startswith("4 media, ")
    assert hub.sent.total() == 1


LASTING: list[Any] = [500, 503, 504, "cut", (429, 1), (503, 20)]


@pytest.mark.parametrize("fault", LASTING)
@pytest.mark.parametrize("where", ["faults", "api_faults"])
def test_a_fault_that_passes_late_does_not_end_the_index(where: str, fault: Any, hub: Hub) -> None:
    # more often than the library repeats a request
    setattr(hub, where, [None, None, *[fault] * 14])
    assert len(run(PARQUET)) == 18


@pytest.mark.parametrize("fault", LASTING)
@pytest.mark.parametrize("where", ["faults", "api_faults"])
def test_a_fault_that_stays_ends_the_index_with_a_line_and_keeps_what_there_is(
    where: str, fault: Any, hub: Hub
) -> None:
    setattr(hub, where, [None] * 4 * (where == "faults") + [fault] * 1000)
    with pytest.raises(
        SourceError, match="the Hub.*: run the same command again when the Hub can be reached"
    ) as failed:
        index_shards(PARQUET, Path("parts"), Path("index.parquet"), 1)
    assert "\n" not in str(failed.value)
    n_done = len(list(Path("parts").glob("*.parquet")))
    assert n_done == (where == "faults")
    hub.reset(hub.folder)
    index_shards(PARQUET, Path("parts"), Path("index.parquet"), 1)
    assert len(hub.sent) == 3 - n_done


def test_a_hub_whose_name_cannot_be_resolved_is_asked_twice(
    hub: Hub, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import close_session  # not before the address of the imitation is set

    def unknown(*address: Any, **options: Any) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    close_session()  # its connections are known by number
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(SourceError, match="Temporary failure in name resolution: run the same command again when"):
        index(PARQUET)
    assert len(waits) == 1


def test_a_hub_that_cannot_be_reached_is_asked_for_few_of_many_shards(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(PARQUET)
    for number in range(30):
        write_parquet(hub.folder / f"data/more/{number:02}.parquet", {f"{number:011}": b"1"})
    shards = HubFolder(PARQUET).shards()
    asked = []

    def fail(_: HubFolder, shard: Shard) -> None:
        asked.append(shard.name)
        raise FetchError("network", "no such host", 0.0)

    monkeypatch.setattr(HubFolder, "shards", lambda _: shards)
    monkeypatch.setattr(HubFolder, "open", fail)
    with pytest.raises(SourceError, match=r"30 of 33 shards could not be indexed yet \(no such host\): run the same"):
        index(PARQUET)
    assert len(asked) <= 4 * (8 + 2)


@pytest.mark.parametrize(
    "fault",
    [(429, 3600), (503, 3600), (429, {"RateLimit": '"api";r=0;t=3000'}), (429, "Mon, 01 Jan 2120 00:00:00 GMT")],
)
@pytest.mark.parametrize("where", ["faults", "api_faults"])
def test_an_index_does_not_wait_for_hours(where: str, fault: Any, hub: Hub, waits: list[float]) -> None:
    setattr(hub, where, [fault] * 1000)
    with pytest.raises(SourceError, match="the Hub answers (429|503) and asks for .* run the same command again after"):
        index(PARQUET)
    assert max(waits, default=0) < 60


@pytest.mark.parametrize("wait", [False, True])
def test_a_long_pause_that_the_hub_asks_for_holds_for_it_alone(
    wait: bool, hub: Hub, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = index(PARQUET)
    Path("here").mkdir()
    for one in CLIPS:
        (Path("here") / f"{one.video_id}.flac").write_bytes(MEDIA[one.video_id])
    here = SourceParams("file://here/{video_id}.flac", trimmed=True)
    hub.faults = [None, None, *[(429, 3600)] * 1000]
    with pytest.raises(
        DownloadError, match="the source refuses us .* again after .*, or set HF_TOKEN or download.wait"
    ):
        fetch(CLIPS[:12], [source], Path("archive"), concurrency=1, tries=3, on_transient="fail")
    n_asked = hub.asked.total()
    assert max(waits, default=0) < 60
    # no job asks the Hub meanwhile, and other sources are asked
    with pytest.raises(DownloadError, match="the source refuses us"):
        fetch(CLIPS[:12], [source], Path("archive"), on_transient="fail")
    rows = fetch(CLIPS[:12], [here, source], Path("archive"), on_transient="fail")
    assert {row["outcome"] for row in rows.values()} == {"ok"}
    assert hub.asked.total() == n_asked
    if wait:  # an hour passes with each pause
        now = [time.time()]
        monkeypatch.setattr(time, "sleep", lambda seconds: now.append(now[-1] + seconds))
        monkeypatch.setattr(time, "time", lambda: now[-1])
        n_left = len(hub.faults)
        with pytest.raises(DownloadError, match="12 of 12"):
            fetch(
                CLIPS[:12], [source], Path("other"), tries=3, concurrency=1, wait_when_blocked=True, on_transient="fail"
            )
        assert n_left - len(hub.faults) == 3, "not for ever"


def test_a_file_that_is_gone_from_the_hub_is_one_line(hub: Hub) -> None:
    source = index(PARQUET)
    (hub.folder / "data/bal/01.parquet").unlink()
    with pytest.raises(SourceError, match="data/bal/01.parquet of hf:.* is gone: delete resources/shards to read the"):
        fetch(CLIPS[:12], [source], Path("archive"))
    hub.reset(hub.folder)
    shutil.rmtree("resources")
    rows = run(PARQUET)
    assert [rows[one.clip_id]["outcome"] for one in CLIPS[:12]] == ["ok"] * 4 + ["not_found"] * 4 + ["ok"] * 4
