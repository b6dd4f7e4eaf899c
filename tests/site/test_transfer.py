import json
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


def fetch(url: str, folder: Path, tries: int = 5) -> dict[str, object]:
    audioset.fetch(url, folder / "new" / "list.csv", folder / "new" / "list.json", tries)
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
    with pytest.raises(InputError, match=r"run again to resume after the 2,097,152 bytes already received"):
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


def test_a_server_without_ranges_gives_the_whole_file_again(url: str, site: Site, tmp_path: Path) -> None:
    site.faults = {"list": ["cut", "no_range"]}
    fetch(url, tmp_path)
    assert (tmp_path / "new" / "list.csv").read_bytes() == CONTENT


def test_a_refusal_is_one_line_at_once_and_a_failing_server_is_asked_again(
    url: str, site: Site, tmp_path: Path
) -> None:
    for status, n_asked in ((404, 1), (403, 1), (503, 5), (429, 5)):
        site.requests.clear()
        site.faults = {"list": status}
        with pytest.raises(InputError, match=rf"cannot be fetched \({status} .*put the file at") as refused:
            fetch(url, tmp_path)
        assert "\n" not in str(refused.value)
        assert site.requests["list"] == n_asked
    assert list((tmp_path / "new").iterdir()) == []


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audioset, "PAUSE_SECONDS", 0.001)
    with pytest.raises(InputError, match="cannot be fetched"):
        fetch("http://127.0.0.1:1/list.csv", tmp_path, tries=2)


@pytest.mark.parametrize(("fault", "reason"), [("page", "the answer is a web page"), ("empty", "the answer is empty")])
def test_what_is_no_file_is_not_kept(fault: str, reason: str, url: str, site: Site, tmp_path: Path) -> None:
    site.faults = {"list": fault}
    with pytest.raises(InputError, match=reason):
        fetch(url, tmp_path)
    assert list((tmp_path / "new").iterdir()) == []
