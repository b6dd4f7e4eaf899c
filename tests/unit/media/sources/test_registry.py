"""The interface of sources: a new kind, defined here, works with download() by one line in the registry."""

from collections import Counter
from pathlib import Path

import pytest

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.config.settings import settle
from soundsift.config.sources import SCHEMES
from soundsift.errors import ConfigError, DownloadError, MediaError
from soundsift.media.archive import Archive, Record
from soundsift.media.archive_check import check
from soundsift.media.sources import registry
from soundsift.media.sources.base import FetchError, Media, Source
from soundsift.media.sources.files import FileSource
from soundsift.media.sources.registry import KINDS, open_source
from soundsift.media.sources.ytdlp import YtDlpSource
from soundsift.metadata.batches import Clip
from tests.site.downloads import clip, fetch


class MemorySource(Source):
    """Media in memory: {clip_id: content, or the errors of the next requests}."""

    is_remote = True
    media: dict[str, bytes | list[Exception]]
    calls: Counter[str]

    def address(self, clip: Clip) -> str:
        return f"memory:{clip.clip_id}"

    def is_current(self, clip: Clip, record: Record, media: Path) -> bool:
        return media.read_bytes() == self.media[clip.clip_id]

    def fetch(self, clip: Clip, scratch: Path) -> Media:
        self.calls[clip.clip_id] += 1
        content = self.media.get(clip.clip_id)
        if isinstance(content, list):
            raise content.pop()
        if content is None:
            raise MediaError("not_found", "not in memory")
        (scratch / "media.wav").write_bytes(content)
        return Media(scratch / "media.wav", clip.start_seconds, clip.end_seconds, 4.0)

    def prepare(self) -> None:
        self.calls["prepare"] += 1

    def close(self) -> None:
        self.calls["close"] += 1


class LocalMemorySource(MemorySource):
    """The same, where requests cost nothing."""

    is_remote = False


@pytest.fixture(params=[MemorySource, LocalMemorySource])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[MemorySource]:
    """A registered kind of source without any media."""
    monkeypatch.setitem(registry.KINDS, "memory", request.param)
    monkeypatch.setattr(request.param, "media", {}, raising=False)
    monkeypatch.setattr(request.param, "calls", Counter(), raising=False)
    found: type[MemorySource] = request.param
    return found


def test_a_source_of_another_kind_fills_the_archive(kind: type[MemorySource], tmp_path: Path) -> None:
    clips = [clip(1), clip(2)]
    kind.media[clips[0].clip_id] = b"sound"
    for _ in range(2):
        rows = fetch(clips, "memory://", tmp_path)
        assert [row["outcome"] for row in rows.values()] == ["ok", "not_found"]
    assert (tmp_path / rows[clips[0].clip_id]["media"]).read_bytes() == b"sound"
    record = Archive(tmp_path).read(clips[0].clip_id)
    assert record is not None
    assert (record.url, record.held_seconds) == (f"memory:{clips[0].clip_id}", 4.0)
    assert check(Archive(tmp_path)) == (2, [])
    # a remote source is not asked again for a clip that it does not have
    assert [kind.calls[one.clip_id] for one in clips] == [1, 1 if kind.is_remote else 2]
    assert kind.calls["close"] == 2


def test_media_that_changed_at_the_source_are_fetched_again(kind: type[MemorySource], tmp_path: Path) -> None:
    one = clip(1)
    kind.media[one.clip_id] = b"sound"
    first = fetch([one], "memory://", tmp_path)[one.clip_id]
    kind.media[one.clip_id] = b"other"
    assert fetch([one], "memory://", tmp_path)[one.clip_id]["sha256"] != first["sha256"]
    assert kind.calls[one.clip_id] == 2


def test_media_with_too_little_of_the_stretch_are_not_kept(kind: type[MemorySource], tmp_path: Path) -> None:
    one = clip(1)
    kind.media[one.clip_id] = b"sound"
    row = fetch([one], "memory://", tmp_path, min_seconds=4.5)[one.clip_id]
    assert (row["outcome"], row["reason"], row["media"]) == ("too_short", "4.00 s of the labelled stretch exist", "")


@pytest.mark.parametrize("error", [FetchError("network", "hung up", 0.0), ConnectionResetError(104, "reset by peer")])
def test_a_transient_failure_is_tried_again(error: Exception, kind: type[MemorySource], tmp_path: Path) -> None:
    one = clip(1)
    kind.media[one.clip_id] = [error, error]
    row = fetch([one], "memory://", tmp_path, tries=2)[one.clip_id]
    assert (row["outcome"], row["reason"]) == (
        "network",
        "hung up" if isinstance(error, FetchError) else "reset by peer",
    )
    assert kind.calls[one.clip_id] == 2


def test_an_error_of_the_disk_ends_the_job_and_the_source_is_closed(kind: type[MemorySource], tmp_path: Path) -> None:
    one = clip(1)
    kind.media[one.clip_id] = [OSError(28, "No space left on device")]
    with pytest.raises(DownloadError, match="No space left on device"):
        fetch([one], "memory://", tmp_path)
    assert kind.calls["close"] == 1


def test_only_a_remote_source_is_prepared_and_can_refuse(kind: type[MemorySource], tmp_path: Path) -> None:
    clips = [clip(number) for number in range(6)]
    kind.media |= {one.clip_id: [FetchError("rate_limited", "slower", 0.0) for _ in range(3)] for one in clips}
    if kind.is_remote:
        with pytest.raises(DownloadError, match="the source refuses us"):
            fetch(clips, "memory://", tmp_path, block_after=3, concurrency=1, tries=1)
    else:
        rows = fetch(clips, "memory://", tmp_path, block_after=3, concurrency=1, tries=1)
        assert {row["outcome"] for row in rows.values()} == {"rate_limited"}
    assert sum(kind.calls[one.clip_id] for one in clips) == (3 if kind.is_remote else 6)
    assert kind.calls["prepare"] == (3 if kind.is_remote else 0)


@pytest.mark.parametrize(
    ("url", "expected"),
    [("file:///media/{video_id}.*", FileSource), ("http://x/{video_id}", YtDlpSource),
     ("https://www.youtube.com/watch?v={video_id}", YtDlpSource)],
)  # fmt: skip
def test_the_scheme_of_the_address_selects_the_source(url: str, expected: type[Source]) -> None:
    assert type(open_source(SourceParams(url), RequestPolicy())) is expected


def test_the_configuration_knows_the_schemes_that_have_a_source() -> None:
    assert set(SCHEMES) == set(KINDS)


@pytest.mark.parametrize("url", ["media/{video_id}.wav", "ftp://x/{video_id}"])
def test_an_address_of_no_known_scheme_is_the_configurations_mistake(url: str) -> None:
    with pytest.raises(
        ConfigError,
        match=r"has no known scheme: write youtube or start it with one of https://, http://, file://, hf://",
    ):
        settle({"metadata": {"segments": {"train": "t.csv"}}, "download": {"url": url}})
