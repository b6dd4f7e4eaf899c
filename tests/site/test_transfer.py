import hashlib
import json
import re
import socket
import time
from pathlib import Path

import pytest

from soundsift.errors import InputError
from soundsift.files import sha256_of
from soundsift.metadata import audioset
from tests.site.site import Site

CONTENT = bytes(range(256)) * 16_384


@pytest.fixture
def url(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(audioset, "PAUSE_SECONDS", 0.001)
    (tmp_path / "site" / "list.csv").write_bytes(CONTENT)
    return site.url.format(video_id="list").replace(".m4a", ".csv")


def fetch(url: str, folder: Path, tries: int = 6, sha256: str | None = None) -> dict[str, object]:
    audioset.fetch(url, folder / "new" / "list.csv", folder / "new" / "list.json", sha256, (), tries)
    return json.loads((folder / "new" / "list.json").read_text())


def test_a_file_comes_whole_with_its_address_size_and_checksum(url: str, tmp_path: Path) -> None:
    record = fetch(url, tmp_path)
    path = tmp_path / "new" / "list.csv"
    assert path.read_bytes() == CONTENT
    assert record == record | {"url": url, "bytes": len(CONTENT), "sha256": sha256_of(path)}
    assert sorted(p.name for p in path.parent.iterdir()) == ["list.csv", "list.json"]


def test_a_broken_transfer_goes_on_where_it_broke(url: str, site: Site, tmp_path: Path) -> None:
    site.faults = {"list": ["cut", 503, "cut"]}
    fetch(url, tmp_path)
    assert (tmp_path / "new" / "list.csv").read_bytes() == CONTENT
    assert site.sent["list"] == len(CONTENT), "every byte was asked for once"


def test_what_came_before_a_kill_is_used_by_the_next_run(url: str, site: Site, tmp_path: Path) -> None:
    site.faults = {"list": "cut"}
    with pytest.raises(InputError, match="the connection was cut"):
        fetch(url, tmp_path, tries=1)
    assert not (tmp_path / "new" / "list.csv").exists()
    site.faults = {}
    fetch(url, tmp_path)
    assert (tmp_path / "new" / "list.csv").read_bytes() == CONTENT
    assert site.sent["list"] == len(CONTENT)


def test_a_file_that_changed_in_between_is_fetched_anew(url: str, site: Site, tmp_path: Path) -> None:
    site.faults = {"list": "cut"}
    with pytest.raises(InputError):
        fetch(url, tmp_path, tries=1)
    site.faults = {}
    (tmp_path / "site" / "list.csv").write_bytes(CONTENT[::-1])
    fetch(url, tmp_path)
    assert (tmp_path / "new" / "list.csv").read_bytes() == CONTENT[::-1]


def test_a_file_that_was_whole_before_it_could_be_moved_is_fetched_anew(url: str, site: Site, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".list.csv.part").write_bytes(CONTENT)
    (tmp_path / "new" / ".list.csv.etag").write_text(site.tag_of(tmp_path / "site" / "list.csv"))
    fetch(url, tmp_path)
    assert (tmp_path / "new" / "list.csv").read_bytes() == CONTENT


def test_a_redirect_is_followed_without_reading_its_body(url: str, site: Site, tmp_path: Path) -> None:
    site.faults["list"] = ["long redirect"]
    fetch(url, tmp_path)
    assert (tmp_path / "new" / "list.csv").read_bytes() == CONTENT
    # all of it are 32 MB
    assert site.sent["list"] < 16_000_000


def test_a_server_without_ranges_gives_the_whole_file_again(url: str, site: Site, tmp_path: Path) -> None:
    site.faults = {"list": ["cut", "no_range"]}
    fetch(url, tmp_path)
    assert (tmp_path / "new" / "list.csv").read_bytes() == CONTENT


def test_a_refusal_is_one_line_at_once_and_a_failing_server_is_asked_again(
    url: str, site: Site, tmp_path: Path
) -> None:
    for status, n_asked in ((404, 1), (403, 1), (503, 6), (429, 6)):
        site.requests.clear()
        site.faults = {"list": status}
        with pytest.raises(
            InputError, match=rf"\(the server answers {status} .*put what is missing of list.csv into"
        ) as refused:
            fetch(url, tmp_path)
        assert "\n" not in str(refused.value)
        assert site.requests["list"] == n_asked
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("what", ["unknown name", "no server", "no proxy", "silent", "no encryption"])
def test_servers_that_cannot_be_reached_give_soon_the_same_line_for_every_file(
    what: str, url: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audioset, "CONNECT_SECONDS", 0.3)
    wanted = [tmp_path / "new" / name for name in ("a.csv", "b.csv", "there.csv")]
    (tmp_path / "new").mkdir()
    for path in wanted[1:]:
        path.touch()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent, socket.socket() as first:
        first.connect(silent.getsockname())  # the queue is full now: further connections get no answer
        reason, address = {
            "unknown name": ("no connection to the server", "https://nowhere.invalid/a.csv"),
            "no server": ("no connection to the server", "http://127.0.0.1:1/a.csv"),
            "no proxy": ("the proxy of this machine cannot be reached or refuses", "https://example.org/a.csv"),
            "silent": ("no connection to the server", f"http://127.0.0.1:{silent.getsockname()[1]}/a.csv"),
            "no encryption": ("no secure connection to the server, perhaps because", url.replace("http:", "https:")),
        }[what]
        if what == "no proxy":
            monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
        began = time.monotonic()
        lines = set()
        for path in wanted[:2]:
            path.unlink(missing_ok=True)  # as Snakemake does before a job
            caplog.clear()
            with pytest.raises(InputError, match=re.escape(f"downloaded ({reason}")) as error:
                audioset.fetch(address, path, path.with_suffix(".json"), wanted=wanted)
            lines.add(str(error.value))
            assert len(caplog.messages) == audioset.UNREACHED_TRIES
    assert time.monotonic() - began < 20
    assert len(lines) == 1
    assert f"put what is missing of a.csv, b.csv, there.csv into {tmp_path / 'new'}/ yourself" in lines.pop()


def test_a_network_that_comes_and_goes_gets_all_its_tries(url: str, site: Site, tmp_path: Path) -> None:
    site.faults = {"list": ["hang up", "hang up", 503, "hang up", "cut"]}
    fetch(url, tmp_path)
    assert (tmp_path / "new" / "list.csv").read_bytes() == CONTENT


def test_a_file_with_another_checksum_is_not_put_in_place(url: str, site: Site, tmp_path: Path) -> None:
    fetch(url, tmp_path / "right", sha256=hashlib.sha256(CONTENT).hexdigest())
    assert (tmp_path / "right" / "new" / "list.csv").read_bytes() == CONTENT
    (site.folder / "list.csv").write_bytes(CONTENT[1:])
    for _ in range(2):
        with pytest.raises(InputError) as error:
            fetch(url, tmp_path, sha256=hashlib.sha256(CONTENT).hexdigest())
        for data in (CONTENT, CONTENT[1:]):
            assert hashlib.sha256(data).hexdigest() in str(error.value)
        assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(("fault", "reason"), [("page", "the answer is a web page"), ("empty", "the answer is empty")])
def test_what_is_no_file_is_not_kept(fault: str, reason: str, url: str, site: Site, tmp_path: Path) -> None:
    site.faults = {"list": fault}
    with pytest.raises(InputError, match=reason):
        fetch(url, tmp_path)
    assert list((tmp_path / "new").iterdir()) == []
