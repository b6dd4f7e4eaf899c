"""Several sources, and the forms of their addresses."""

from pathlib import Path
from typing import Any

import pytest

from soundsift.config.download import sources_of
from soundsift.config.settings import check_files, is_only_youtube, one_file_a_video, remarks, settle
from soundsift.config.sources import YOUTUBE, index_path, is_sharded
from soundsift.errors import ConfigError

HUB = "hf://datasets/agkphysics/AudioSet@abc/data/*/*.parquet"


def with_download(**download: Any) -> dict[str, Any]:
    return settle({"metadata": {"segments": {"train": "t.csv"}}, "download": download})


def test_url_and_trimmed_are_the_short_form_of_one_source() -> None:
    short = with_download(url="file:///a/{video_id}.wav", trimmed=True, max_megabytes=5)
    long = with_download(sources=[{"url": "file:///a/{video_id}.wav", "trimmed": True}], max_megabytes=5)
    assert sources_of(short["download"]) == sources_of(long["download"])
    (source,) = sources_of(long["download"])
    assert (source["trimmed"], source["max_megabytes"]) == (True, 5)


def test_sources_keep_their_order_and_youtube_is_a_word() -> None:
    found = with_download(sources=[{"url": HUB, "trimmed": "true"}, {"url": "youtube"}])
    sources = sources_of(found["download"])
    assert [(source["url"], source["trimmed"]) for source in sources] == [(HUB, True), (YOUTUBE, False)]
    assert not is_only_youtube(found)
    assert is_only_youtube(with_download(url="youtube")) and is_only_youtube(with_download())


def test_youtube_before_other_sources_is_remarked() -> None:
    given = [{"url": "youtube"}, {"url": HUB}]
    assert "youtube is not the last" in remarks(with_download(sources=given))[0]
    assert remarks(with_download(sources=given[::-1])) == [] == remarks(with_download())


@pytest.mark.parametrize(
    ("download", "line"),
    [
        (
            {"sources": [{"url": "hff://x/{video_id}"}]},
            r"download.sources.0.url 'hff.* has no known scheme: write youtube",
        ),
        ({"url": "/data/*.parquet"}, "has no known scheme: .*; for a path on disk, write file:///data/.*parquet$"),
        ({"url": "file:/data/*.tar"}, "has no known scheme: .*; for a path on disk, write file:///data/.*tar$"),
        ({"url": "media/{video_id}.wav"}, "for a path on disk, write file://media/{video_id}.wav$"),
        ({"url": "ftp://x/{video_id}"}, "hf://$"),
        ({"sources": [{"url": "hf://models/a/b/*.parquet"}]}, "write hf://datasets/OWNER/NAME/FOLDER/"),
        ({"sources": [{"url": "hf://datasets/a/b/{video_id}.flac"}]}, "write hf://datasets/OWNER/NAME/FOLDER/"),
        ({"url": "file:///a/*.tar.gz"}, "download.url .* names compressed tar files"),
        ({"sources": [{"url": "youtube"}, {"url": "file:///a/*.wav"}]}, "sources.1.url .* is the same for every clip"),
        ({"sources": [{"trimmed": True}]}, "download.sources.0 needs url"),
        ({"sources": [{"url": "youtube", "trimed": True}]}, "did you mean trimmed"),
        ({"sources": [{"url": ""}]}, "download.sources.0.url must not be empty"),
        ({"sources": "youtube"}, "download.sources must be a list or empty, got 'youtube'"),
        ({"sources": [{"url": "youtube"}], "trimmed": True}, "download.trimmed and download.sources are both set"),
        ({"sources": [{"url": "youtube"}], "url": "youtube"}, "download.url and download.sources are both set"),
    ],
)
def test_a_mistake_in_a_source_is_one_line(download: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line) as failed:
        with_download(**download)
    assert "\n" not in str(failed.value)


def test_the_demo_has_no_other_sources() -> None:
    with pytest.raises(ConfigError, match=r"download.sources is set but metadata.segments is not"):
        settle({"download": {"sources": [{"url": "youtube"}]}})


def test_a_trimmed_template_with_the_video_alone_is_noticed_in_any_source() -> None:
    entries = [{"url": HUB, "trimmed": True}, {"url": "file:///a/{video_id}.wav", "trimmed": True}]
    assert one_file_a_video(with_download(sources=entries))
    assert not one_file_a_video(with_download(sources=entries[:1]))


@pytest.mark.parametrize(
    ("url", "expected"),
    [(HUB, True), ("file:///a/b.tar", True), ("file:///a/{video_id}.tar", False), ("https://x/{video_id}", False)],
)
def test_shards_are_known_by_their_address(url: str, expected: bool) -> None:
    assert is_sharded(url) == expected


def test_shards_that_are_not_there_are_refused_unless_they_were_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("t.csv", "class_labels_indices.csv", "ontology.json", "qa_true_counts.csv"):
        (tmp_path / name).touch()
    tables = {
        "class_labels": "class_labels_indices.csv",
        "ontology": "ontology.json",
        "label_quality": "qa_true_counts.csv",
    }
    for url, line in (
        (f"file://{tmp_path}/none/*.parquet", f"there is no folder {tmp_path}/none: mount the disk"),
        (f"file://{tmp_path}/*.parquet", "no file matches: mount the disk or correct the pattern$"),
        (f"file://{tmp_path}/my [audio]/*.parquet", r"in a pattern, \[ begins a set .* write \[\[\] for \[ in a name$"),
    ):
        config = settle(
            {"metadata": {"segments": {"train": "t.csv"}, **tables}, "download": {"sources": [{"url": url}]}}
        )
        with pytest.raises(ConfigError, match=line):
            check_files(config)
        index = Path(index_path(url))
        index.parent.mkdir(parents=True, exist_ok=True)
        index.touch()
        check_files(config)
        (remark,) = remarks(config)
        assert remark.startswith(f"download.sources.0.url is '{url}', but no file matches any more: clips that the")
    (tmp_path / "my [audio]").mkdir()
    (tmp_path / "my [audio]/0.parquet").touch()
    config["download"]["sources"][0]["url"] = f"file://{tmp_path}/my [[]audio]/*.parquet"
    check_files(config)
    assert remarks(config) == []


def test_an_empty_list_of_sources_is_refused() -> None:
    with pytest.raises(ConfigError, match="download.sources is an empty list: name a source in it, or leave"):
        with_download(sources=[])


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("file:///data/*.PARQUET", r"shards are named as file:///FOLDER/\*.parquet"),
        ("file:///data/shards", r"shards are named as file:///FOLDER/\*.parquet"),
        (
            "https://huggingface.co/datasets/o/n/resolve/main/00.parquet",
            "on the Hub as hf://datasets/OWNER/NAME/FOLDER/",
        ),
        ("hf://datasets/o/n/{a,b}/*.parquet", "has braces, which are no pattern: write several sources"),
        ("file:///data/{a,b}/*.parquet", r"has braces, .*: write several sources, or use \*, \? and \[\]$"),
        ("file:///data/{00..09}.tar", r"has braces, .*: write several sources, or use \*, \? and \[\]$"),
        ("file:///data/{a,b}/{video_id}.wav", "has braces, which are no pattern: write several sources$"),
    ],
)
def test_what_looks_like_shards_is_told_how_they_are_named(url: str, line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        with_download(sources=[{"url": url}])
