"""Several sources in order of preference: which one gives a clip, and the outcome of a clip that none has."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soundsift.config.download import SourceParams
from soundsift.errors import DownloadError, MediaError
from soundsift.media.archive import Archive, Record
from soundsift.media.archive_check import check
from soundsift.media.source_choice import most_hopeful
from soundsift.media.sources import registry
from soundsift.media.sources.base import FetchError, Media, Source
from soundsift.metadata.batches import Clip
from tests.site.downloads import clip, fetch

CLIPS = [clip(number) for number in range(4)]
HAS: dict[str, dict[str, Any]] = {}
CALLS: Counter[tuple[str, str]] = Counter()


class Remote(Source):
    """Media in memory; the host of the address names the set. A clip may have an error instead."""

    is_remote = True

    def address(self, clip: Clip) -> str:
        return f"{self.params.url}{clip.clip_id}"

    def is_current(self, clip: Clip, record: Record, media: Path) -> bool:
        return media.read_bytes() == HAS[self.params.url].get(clip.clip_id, media.read_bytes())

    def fetch(self, clip: Clip, scratch: Path) -> Media:
        CALLS[self.params.url, clip.clip_id] += 1
        content = HAS[self.params.url].get(clip.clip_id, MediaError("not_found", "none"))
        if isinstance(content, Exception):
            raise content
        (scratch / "media.wav").write_bytes(content)
        return Media(scratch / "media.wav", clip.start_seconds, clip.end_seconds, 4.0)


class Local(Remote):
    """The same, where requests cost nothing."""

    is_remote = False


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(registry.KINDS, "far", Remote)
    monkeypatch.setitem(registry.KINDS, "near", Local)
    yield
    HAS.clear()
    CALLS.clear()


def run(root: Path, **sources: dict[Clip, Any]) -> dict[str, dict[str, Any]]:
    """Download all clips from sources such as far_1={clip: content}, in this order."""
    urls = [name.replace("_", "://") for name in sources]
    HAS.update(
        {url: {one.clip_id: given for one, given in of.items()} for url, of in zip(urls, sources.values(), strict=True)}
    )
    return fetch(
        CLIPS, [SourceParams(url) for url in urls], root, tries=2, concurrency=1, block_after=3, on_transient=MODE
    )


MODE = "fail"


def said(rows: dict[str, dict[str, Any]]) -> list[str]:
    return [row["outcome"] for row in rows.values()]


@pytest.mark.parametrize("kind", ["near", "far"])
def test_each_clip_comes_from_the_first_source_that_has_it(kind: str, tmp_path: Path) -> None:
    a, b, c, _ = CLIPS
    for _ in range(2):
        rows = run(tmp_path, **{f"{kind}_1": {a: b"1"}, f"{kind}_2": {a: b"2", b: b"2"}, "far_3": {b: b"3", c: b"3"}})
        assert said(rows) == ["ok", "ok", "ok", "not_found"]
    assert [(tmp_path / row["media"]).read_bytes() for row in rows.values() if row["media"]] == [b"1", b"2", b"3"]
    records = [Archive(tmp_path).read(one.clip_id) for one in CLIPS[:3]]
    assert [record.source for record in records if record] == [f"{kind}://1", f"{kind}://2", "far://3"]
    assert check(Archive(tmp_path)) == (4, [])
    # a source is not asked for what another gave; a remote one only once for what it does not have
    assert CALLS["far://3", a.clip_id] == CALLS[f"{kind}://2", a.clip_id] == 0
    assert CALLS["far://3", CLIPS[3].clip_id] == 1


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (MediaError("not_found", "x"), MediaError("private", "x"), "private"),
        (MediaError("private", "x"), MediaError("not_found", "x"), "private"),
        (MediaError("not_found", "x"), MediaError("not_found", "x"), "not_found"),
        (MediaError("removed", "x"), FetchError("unrecognised", "x", 0.0), "unrecognised"),
        (FetchError("network", "x", 0.0), MediaError("private", "x"), "network"),
        (MediaError("private", "x"), FetchError("network", "x", 0.0), "network"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["near", "far"])
def test_the_most_hopeful_outcome_counts_when_no_source_has_a_clip(
    first: Exception, second: Exception, expected: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "MODE", "record")
    for _ in range(2):
        rows = run(tmp_path, **{f"{kind}_1": {CLIPS[0]: first}, "far_2": {CLIPS[0]: second}})
        assert said(rows)[0] == expected


@pytest.mark.parametrize(("first", "second"), [("near", "near"), ("near", "far"), ("far", "far")])
def test_a_clip_that_no_source_has_says_why_for_each_of_them(first: str, second: str, tmp_path: Path) -> None:
    no_file, gone = ({CLIPS[0]: MediaError("not_found", reason)} for reason in ("no file a.wav", "404"))
    for _ in range(2):
        rows = run(tmp_path, **{f"{first}_1": no_file, f"{second}_2": gone})
        assert rows[CLIPS[0].clip_id]["reason"] == "no file a.wav; 404"
    # a source that is no longer asked says nothing
    assert run(tmp_path, **{f"{second}_2": gone, "near_3": {}})[CLIPS[0].clip_id]["reason"] == "404; none"


def test_a_clip_waits_for_a_source_that_fails_for_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = CLIPS[0]
    sources = {"near_1": {one: FetchError("server_error", "503", 0.0)}, "far_2": {one: b"2"}}
    with pytest.raises(DownloadError, match="1 server_error"):
        run(tmp_path, **sources)
    assert CALLS["far://2", one.clip_id] == 0
    monkeypatch.setitem(globals(), "MODE", "record")
    assert said(run(tmp_path, **sources))[0] == "ok"


def test_a_clip_that_a_blocked_source_was_not_asked_for_is_not_written_off(tmp_path: Path) -> None:
    refusals = {one: FetchError("forbidden", "403", 0.0) for one in CLIPS}
    with pytest.raises(DownloadError, match="the source refuses us"):
        run(tmp_path, near_1={}, far_2=refusals)
    for one in CLIPS:
        record = Archive(tmp_path).read(one.clip_id)
        assert record is None or record.outcome == "forbidden"


def test_media_stay_when_their_source_is_removed_or_another_is_put_first(tmp_path: Path) -> None:
    a = CLIPS[0]
    first = run(tmp_path, near_1={a: b"1"}, far_2={})[a.clip_id]
    assert run(tmp_path, far_0={a: b"0"}, near_1={a: b"1"}, far_2={})[a.clip_id] == first
    assert run(tmp_path, far_0={a: b"0"}, far_2={})[a.clip_id] == first


def test_media_that_changed_at_their_own_source_are_fetched_again(tmp_path: Path) -> None:
    a = CLIPS[0]
    run(tmp_path, near_1={}, near_2={a: b"2"})
    row = run(tmp_path, near_1={}, near_2={a: b"changed"})[a.clip_id]
    assert (tmp_path / row["media"]).read_bytes() == b"changed"


def test_answers_of_several_remote_sources_are_kept_in_one_record(tmp_path: Path) -> None:
    a = CLIPS[0]
    for _ in range(3):
        run(tmp_path, far_1={a: MediaError("private", "x")}, far_2={a: MediaError("copyright", "y")})
    assert (CALLS["far://1", a.clip_id], CALLS["far://2", a.clip_id]) == (1, 1)
    record = Archive(tmp_path).read(a.clip_id)
    assert record is not None
    assert {record.url, *record.failed} == {f"far://{n}{a.clip_id}" for n in (1, 2)}
    assert run(tmp_path, far_1={a: b"back"}, far_3={a: b"3"})[a.clip_id]["outcome"] == "ok"


def test_the_first_of_equally_hopeful_answers_counts() -> None:
    answers = [Record("a_0", "a", word, url=word) for word in ("removed", "private", "not_found")]
    best = most_hopeful(answers)
    assert (best.outcome, sorted(best.failed)) == ("removed", ["not_found", "private"])
