"""The settled configuration: validated, every key filled, values checked against each other and against the disk.

The Snakefile imports this module at every start. pydantic takes no extra time: Snakemake has already imported it.
"""

import os
import re
from collections.abc import Mapping
from glob import glob
from pathlib import Path
from typing import Any

from soundsift.config.audioset import AUDIOSET, TABLES, audioset_files
from soundsift.config.download import sources_of
from soundsift.config.metadata import OUR_COLUMNS
from soundsift.config.schema import validate
from soundsift.config.sources import (
    YOUTUBE,
    check_url,
    fields_of,
    folder_of,
    has_other_place,
    index_path,
    is_sharded,
    split_pattern,
)
from soundsift.config.ytdlp_options import REFUSED, refusal
from soundsift.errors import ConfigError
from soundsift.homes import with_home

DEMO = "resources/demo"
# soundsift.detection.listen applies a detector to windows of this length, of which at least one frame must be whole.
WINDOW_SECONDS = 2
MP3_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def settle(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check a configuration and fill every key that is missing or empty.

    An empty ``metadata.segments`` stands for the built-in demo with its own tables and media. With other lists, empty
    tables stand for AudioSet's own, which are downloaded, and an empty ``download.url`` for YouTube.

    Raises
    ------
    ConfigError
        For the first key that has to be corrected.
    """
    config = validate(given)
    for name, classes in config["detectors"].items():
        if isinstance(classes, list):
            config["detectors"][name] = {"classes": classes}
    metadata, download = config["metadata"], config["download"]
    demo = metadata["segments"] is None
    if demo:
        own = [f"metadata.{key}" for key in TABLES if metadata[key] is not None]
        own += [f"download.{key}" for key in ("url", "sources") if download[key]]
        if own:
            raise ConfigError(
                f"{own[0]} is set but metadata.segments is not: name your lists, or leave both empty for the demo"
            )
        metadata["segments"] = {name: f"{DEMO}/{name}_segments.csv" for name in ("train", "eval")}
        download["url"] = f"file://{DEMO}/media/{{video_id}}.*"
    for key, name in TABLES.items():
        if metadata["classes"] == "table":
            metadata[key] = metadata[key] or f"{DEMO if demo else AUDIOSET}/{name}"
        elif metadata[key] is not None:
            raise ConfigError(f"metadata.{key} is set, but metadata.classes is own: leave one of them out")
    if download["sources"]:
        for key in ("url", "trimmed"):
            if download[key]:
                raise ConfigError(f"download.{key} and download.sources are both set: move it into the list of sources")
        for i, entry in enumerate(download["sources"]):
            entry["url"] = _settled_url(entry["url"], f"download.sources.{i}.url")
    elif download["sources"] is not None:
        raise ConfigError("download.sources is an empty list: name a source in it, or leave the key empty for YouTube")
    else:
        download["url"] = _settled_url(download["url"], "download.url")
    download["archive"] = str(Path(with_home(download["archive"], "download.archive")))
    _check_together(config)
    return config


def _settled_url(url: str, key: str) -> str:
    """Write an address out: YouTube's template, and the path of the home directory."""
    if url in ("", "youtube"):
        return YOUTUBE
    if url.startswith("file://~"):
        return f"file://{with_home(url.removeprefix('file://'), key)}"
    return url


def _urls(config: Mapping[str, Any]) -> dict[str, str]:
    """{key of the configuration: address} of each source."""
    download = config["download"]
    if not download["sources"]:
        return {"download.url": download["url"]}
    return {f"download.sources.{i}.url": entry["url"] for i, entry in enumerate(download["sources"])}


def is_demo(config: Mapping[str, Any]) -> bool:
    """Whether a settled configuration is the built-in demo."""
    return str(config["download"]["url"]).startswith(f"file://{DEMO}/")


def one_file_a_video(config: Mapping[str, Any]) -> bool:
    """Whether media are trimmed and their address has only the video id. A video can then have only one clip.

    What shards are named by is seen only when they are read.
    """
    return any(
        source["trimmed"]
        and not is_sharded(source["url"])
        and not re.search(r"\{(clip_id|file|start_|end_)", source["url"])
        for source in sources_of(config["download"])
    )


def is_only_youtube(config: Mapping[str, Any]) -> bool:
    """Whether all media come from YouTube."""
    return set(_urls(config).values()) == {YOUTUBE}


def remarks(config: Mapping[str, Any]) -> list[str]:
    """Return what is allowed but probably not meant, a line for each."""
    urls = _urls(config)
    lines = [
        f"{key} is {url!r}, but {lost}: clips that the archive does not have cannot be read from it"
        for key, url in urls.items()
        if not is_demo(config) and (lost := _what_is_lost(url))
    ]
    if YOUTUBE in list(urls.values())[:-1]:
        lines.append("youtube is not the last of download.sources: those after it give only what YouTube does not have")
    return lines


def _what_is_lost(url: str) -> str:
    """Say that shards on disk that were indexed, or the folder of a template, are not there; empty if they are."""
    if not url.startswith("file://"):
        return ""
    if is_sharded(url):
        is_lost = Path(index_path(url)).exists() and not glob(url.removeprefix("file://"), recursive=True)
        return "no file matches any more" if is_lost else ""
    folder = Path(folder_of(url))
    return "" if os.path.isdir(folder) else f"there is no folder {folder}"


def check_files(config: Mapping[str, Any]) -> None:
    """Check that the files and folders that a settled configuration names exist, and that ``results`` can be a folder.

    The files of the demo and AudioSet's own lists and tables need not exist: the workflow makes or downloads them.

    Raises
    ------
    ConfigError
        For the first file or folder that is missing, with the key that names it.
    """
    if os.path.lexists("results") and not os.path.isdir("results"):
        raise ConfigError("results is a file or a link to nothing, but all outputs are written below it: move it away")
    fetched = audioset_files(config)
    named = {f"segments.{name}": path for name, path in config["metadata"]["segments"].items()}
    tables = {key: config["metadata"][key] for key in TABLES if config["metadata"][key] is not None}
    for key, path in (named | tables).items():
        will_be_made = path.startswith(f"{DEMO}/") if is_demo(config) else path in fetched
        if not will_be_made and not Path(path).is_file():
            found = "a folder" if Path(path).is_dir() else "nothing"
            raise ConfigError(
                f"metadata.{key} is {path!r}, but {found} is there (relative paths count from {Path.cwd()}): "
                "set it to an existing file"
            )
    for key, url in _urls(config).items():
        if url.startswith("file://") and not is_demo(config) and not _can_do_without(url, config):
            _check_folder(key, url)
    cookies = config["download"]["cookies"]
    if cookies is not None and not Path(cookies).is_file():
        raise ConfigError(f"download.cookies is {cookies!r}, but no file is there: export it again, or leave it empty")


def _can_do_without(url: str, config: Mapping[str, Any]) -> bool:
    """Whether a run may go on if a folder of media is not there: the archive or other sources may have its clips.

    If lists name files, their durations may have to be read.
    """
    download = config["download"]
    has_others = download["on_transient"] == "record" and has_other_place(url, _urls(config).values())
    is_file_of_list = any(name == "file" for name, _, _ in fields_of(url, "download.url"))
    return not is_sharded(url) and not is_file_of_list and (has_others or Path(download["archive"]).is_dir())


def _check_folder(key: str, url: str) -> None:
    """Check that the media on disk are there. Shards that were indexed may be gone: their clips are in the archive."""
    path = url.removeprefix("file://")
    if is_sharded(url):
        folder = Path(split_pattern(path)[0])
        if not Path(index_path(url)).exists() and not glob(path, recursive=True):
            found = "no file matches" if folder.is_dir() else f"there is no folder {folder}"
            what = "correct the pattern"
            if "[" in path:
                found = f"{found} (in a pattern, [ begins a set of characters)"
                what += ", and write [[] for [ in a name"
            raise ConfigError(f"{key} is {url!r}, but {found}: mount the disk or {what}")
        return
    folder = Path(folder_of(url))
    if not os.path.isdir(folder):
        raise ConfigError(f"{key} is {url!r}, but there is no folder {folder}: mount the disk or correct the template")


def _check_together(config: dict[str, Any]) -> None:
    """Check the rules that involve several keys or the text of a value."""
    if list(config["metadata"]["segments"]) == ["eval"]:
        raise ConfigError("metadata.segments has only an eval list: name at least one list to train on")
    for name in config["metadata"]["columns"] or {}:
        if name not in OUR_COLUMNS:
            raise ConfigError(f"metadata.columns has the unknown name {name}: use {', '.join(OUR_COLUMNS)}")
    try:
        b"".decode(config["metadata"]["encoding"] or "utf-8")
    except LookupError as error:
        raise ConfigError(
            f"metadata.encoding is {config['metadata']['encoding']!r}, which is no encoding of text: use a name such "
            "as windows-1251, mac-roman, iso-8859-2, shift-jis or gbk"
        ) from error
    if config["metadata"]["fold"] is not None and "eval" in config["metadata"]["segments"]:
        raise ConfigError("metadata.fold is set, but metadata.segments has an eval list: leave one of them out")
    if config["clips"]["hop_seconds"] is not None and config["clips"]["length_seconds"] is None:
        raise ConfigError("clips.hop_seconds is set but clips.length_seconds is not: set the length of the clips too")
    for key, url in _urls(config).items():
        check_url(url, key)
    for name in sorted(REFUSED.intersection(config["download"]["yt_dlp"])):
        raise ConfigError(refusal(name))
    clips, features = config["clips"], config["features"]
    if clips["format"] == "mp3" and clips["sample_rate_hz"] not in MP3_RATES_HZ:
        raise ConfigError(
            f"clips.sample_rate_hz {clips['sample_rate_hz']} is not possible in mp3: "
            f"use one of {', '.join(map(str, MP3_RATES_HZ))}, or clips.format flac"
        )
    if features["n_mfcc"] > features["n_mels"]:
        raise ConfigError(
            f"features.n_mfcc must be at most n_mels ({features['n_mels']}), got {features['n_mfcc']}: lower it"
        )
    n_needed, n_there = features["n_fft"] // 2 + features["hop_length"], WINDOW_SECONDS * clips["sample_rate_hz"]
    if n_needed > n_there:
        raise ConfigError(
            f"features.n_fft / 2 + features.hop_length must be at most {n_there}, the samples of the "
            f"{WINDOW_SECONDS} s that a detector is applied to, got {n_needed}: lower one of them"
        )
    if config["training"]["features"] == "original" and (
        "mean" not in features["statistics"] or features["n_mfcc"] < 19
    ):
        raise ConfigError(
            "training.features original needs mean among features.statistics and features.n_mfcc of at least 19: "
            "set both in config.yaml"
        )
