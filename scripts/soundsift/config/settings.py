"""The settled configuration: validated, every key filled, values checked against each other and against the disk.

The Snakefile imports this module at every start. pydantic takes no extra time: Snakemake has already imported it.
"""

import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soundsift.config.audioset import AUDIOSET, TABLES, audioset_files
from soundsift.config.download import SCHEMES
from soundsift.config.metadata import OUR_COLUMNS
from soundsift.config.schema import validate
from soundsift.config.ytdlp_options import REFUSED, refusal
from soundsift.errors import ConfigError
from soundsift.homes import with_home

DEMO = "resources/demo"
YOUTUBE = "https://www.youtube.com/watch?v={video_id}"
URL_FIELDS = ("video_id", "clip_id", "file", "start_seconds", "end_seconds", "start_ms", "end_ms")
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
        own += ["download.url"] if download["url"] else []
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
    download["url"] = download["url"] or YOUTUBE
    if download["url"].startswith("file://~"):
        download["url"] = f"file://{with_home(download['url'].removeprefix('file://'), 'download.url')}"
    download["archive"] = str(Path(with_home(download["archive"], "download.archive")))
    _check_together(config)
    return config


def is_demo(config: Mapping[str, Any]) -> bool:
    """Whether a settled configuration is the built-in demo."""
    return str(config["download"]["url"]).startswith(f"file://{DEMO}/")


def one_file_a_video(config: Mapping[str, Any]) -> bool:
    """Whether media are trimmed and their address has only the video id. A video can then have only one clip."""
    download = config["download"]
    return bool(download["trimmed"]) and not re.search(r"\{(clip_id|file|start_|end_)", download["url"])


def check_files(config: Mapping[str, Any]) -> None:
    """Check that the files and folders that a settled configuration names exist.

    The files of the demo and AudioSet's own lists and tables need not exist: the workflow makes or downloads them.

    Raises
    ------
    ConfigError
        For the first file or folder that is missing, with the key that names it.
    """
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
    url = config["download"]["url"]
    folder = Path(url.removeprefix("file://").partition("{")[0].rpartition("/")[0])
    if url.startswith("file://") and not is_demo(config) and not folder.is_dir():
        raise ConfigError(
            f"download.url is {url!r}, but there is no folder {folder}: mount the disk or correct the template"
        )
    cookies = config["download"]["cookies"]
    if cookies is not None and not Path(cookies).is_file():
        raise ConfigError(f"download.cookies is {cookies!r}, but no file is there: export it again, or leave it empty")


def _check_together(config: dict[str, Any]) -> None:
    """Check the rules that involve several keys or the text of a value."""
    if list(config["metadata"]["segments"]) == ["eval"]:
        raise ConfigError("metadata.segments has only an eval list: name at least one list to train on")
    for name in config["metadata"]["columns"] or {}:
        if name not in OUR_COLUMNS:
            raise ConfigError(f"metadata.columns has the unknown name {name}: use {', '.join(OUR_COLUMNS)}")
    if config["metadata"]["fold"] is not None and "eval" in config["metadata"]["segments"]:
        raise ConfigError("metadata.fold is set, but metadata.segments has an eval list: leave one of them out")
    if config["clips"]["hop_seconds"] is not None and config["clips"]["length_seconds"] is None:
        raise ConfigError("clips.hop_seconds is set but clips.length_seconds is not: set the length of the clips too")
    _check_url(config["download"]["url"])
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
    if config["training"]["features"] == "original" and (
        "mean" not in features["statistics"] or features["n_mfcc"] < 19
    ):
        raise ConfigError(
            "training.features original needs mean among features.statistics and features.n_mfcc of at least 19: "
            "set both in config.yaml"
        )


def _check_url(url: str) -> None:
    """Check a template of addresses: its scheme, its fields, and that it differs from clip to clip."""
    try:
        fields = [found[1:] for found in string.Formatter().parse(url) if found[1] is not None]
    except ValueError as error:
        raise ConfigError(f"download.url {url!r} is not a template ({error}): write fields as {{video_id}}") from error
    for name, form, conversion in fields:
        if name not in URL_FIELDS:
            raise ConfigError(f"download.url has the unknown field {{{name}}}: use {', '.join(URL_FIELDS)}")
        if conversion or not _is_form_of(form, name):
            field = f"{{{name}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}}}"
            raise ConfigError(
                f"download.url has {field}, whose format is not possible: times take the format of a number, as "
                "{start_seconds:06.0f} or {start_ms:08d}; ids take none"
            )
    if not {"video_id", "clip_id", "file"} & {name for name, _, _ in fields}:
        raise ConfigError(f"download.url {url!r} is the same for every clip: write {{video_id}} or {{clip_id}} into it")
    if url.partition("://")[0] not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise ConfigError(f"download.url {url!r} has no known scheme: start it with one of {known}")


def _is_form_of(form: str | None, name: str) -> bool:
    """Whether a format specification such as ``06.0f`` fits a field of a template of addresses."""
    if not form:
        return True
    if not name.startswith(("start_", "end_")) or "{" in form:
        return False
    try:
        format(1 if name.endswith("_ms") else 1.0, form)
    except ValueError:
        return False
    return True
