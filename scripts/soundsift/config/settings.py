"""The configuration: checked against its schema, completed with its defaults, its empty places settled.

Read by the Snakefile at every start, so nothing heavy is imported here.
"""

import copy
import difflib
import math
import re
import string
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from soundsift.errors import ConfigError

SCHEMA = Path(__file__).resolve().parents[3] / "workflow" / "schemas" / "config.schema.yaml"

DEMO = "resources/demo"
AUDIOSET = "resources/audioset"
# Where AudioSet publishes its lists and tables, by file name.
AUDIOSET_URLS = {
    **{
        name: f"http://storage.googleapis.com/us_audioset/youtube_corpus/v1/{folder}/{name}"
        for folder, name in (
            ("csv", "balanced_train_segments.csv"),
            ("csv", "unbalanced_train_segments.csv"),
            ("csv", "eval_segments.csv"),
            ("csv", "class_labels_indices.csv"),
            ("qa", "qa_true_counts.csv"),
        )
    },
    **{
        name: f"http://storage.googleapis.com/us_audioset/youtube_corpus/strong/{name}"
        for name in ("audioset_train_strong.tsv", "audioset_eval_strong.tsv", "mid_to_display_name.tsv")
    },
    "ontology.json": "https://raw.githubusercontent.com/audioset/ontology/master/ontology.json",
}
TABLES = {
    "class_labels": "class_labels_indices.csv",
    "ontology": "ontology.json",
    "label_quality": "qa_true_counts.csv",
}
YOUTUBE = "https://www.youtube.com/watch?v={video_id}"
URL_FIELDS = ("video_id", "clip_id", "start_seconds", "end_seconds", "start_ms", "end_ms")
# What of yt-dlp's options decides where files go and what is fetched at all.
OUR_OPTIONS = {"outtmpl", "paths", "logger", "download_ranges", "match_filter", "simulate", "skip_download"}
MP3_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def read_schema() -> dict[str, Any]:
    """Read the schema of the configuration."""
    schema: dict[str, Any] = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return schema


def settle(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check a configuration and fill every place it leaves empty.

    ``metadata.segments`` empty means the built-in demo with its own tables and media; other empty tables mean
    AudioSet's own, fetched; ``download.url`` empty means YouTube.

    Raises
    ------
    ConfigError
        With the one thing to mend, by its key.
    """
    schema = read_schema()
    config: dict[str, Any] = _with_defaults(schema, copy.deepcopy(dict(given)))
    if isinstance(config["detectors"], dict):
        config["detectors"] = {name: given for name, given in config["detectors"].items() if given is not None}
    validator = jsonschema.Draft202012Validator(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(config))
    if error is not None:
        raise ConfigError(_say(error))
    for section, values in config.items():
        for key, value in values.items() if isinstance(values, dict) else ():
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigError(f"{section}.{key} must be a finite number, got {value}: set it in config.yaml")
    for name, detector in config["detectors"].items():
        if isinstance(detector, list):
            config["detectors"][name] = {"classes": detector}
    metadata, download = config["metadata"], config["download"]
    demo = metadata["segments"] is None
    if demo:
        own = [f"metadata.{key}" for key in TABLES if metadata[key] is not None] + ["download.url"] * (
            download["url"] is not None
        )
        if own:
            raise ConfigError(
                f"{own[0]} is set but metadata.segments is not: name your lists, or leave both empty for the demo"
            )
        metadata["segments"] = {name: f"{DEMO}/{name}_segments.csv" for name in ("train", "eval")}
        download["url"] = f"file://{DEMO}/media/{{video_id}}.*"
    for key, name in TABLES.items():
        metadata[key] = metadata[key] or f"{DEMO if demo else AUDIOSET}/{name}"
    download["url"] = re.sub("^file://~", f"file://{Path.home()}", download["url"] or YOUTUBE)
    download["archive"] = str(Path(download["archive"]).expanduser())
    _check_together(config)
    return config


def is_demo(config: Mapping[str, Any]) -> bool:
    """Whether a settled configuration is the built-in demo."""
    return str(config["download"]["url"]).startswith(f"file://{DEMO}/")


def one_file_a_video(config: Mapping[str, Any]) -> bool:
    """Whether trimmed media are named by their video alone, so that no video can have two of them."""
    download = config["download"]
    return bool(download["trimmed"]) and not re.search(r"\{(clip_id|start_|end_)", download["url"])


def check_files(config: Mapping[str, Any]) -> None:
    """Refuse a settled configuration whose lists, tables or cookies are not there and will not be made.

    Raises
    ------
    ConfigError
        With the first such file and the key that names it.
    """
    made = DEMO if is_demo(config) else AUDIOSET
    named = {f"segments.{name}": path for name, path in config["metadata"]["segments"].items()}
    for key, path in (named | {key: config["metadata"][key] for key in TABLES}).items():
        comes = path.startswith(f"{made}/") if made == DEMO else path in {f"{made}/{name}" for name in AUDIOSET_URLS}
        if not comes and not Path(path).is_file():
            found = "a folder" if Path(path).is_dir() else "nothing"
            raise ConfigError(
                f"metadata.{key} is {path!r}, but {found} is there (relative paths count from {Path.cwd()}): "
                "set it to an existing file"
            )
    url = config["download"]["url"]
    folder = Path(url.removeprefix("file://").partition("{")[0].rpartition("/")[0])
    if url.startswith("file://") and not is_demo(config) and not folder.is_dir():
        raise ConfigError(f"download.url is {url!r}, but there is no folder {folder}: mount it or mend the template")
    cookies = config["download"]["cookies"]
    if cookies is not None and not Path(cookies).is_file():
        raise ConfigError(f"download.cookies is {cookies!r}, but no file is there: export it anew, or leave it empty")


def _check_together(config: dict[str, Any]) -> None:
    """What the schema cannot say: one value against another."""
    if list(config["metadata"]["segments"]) == ["eval"]:
        raise ConfigError("metadata.segments has only an eval list: name at least one list to train on")
    url = config["download"]["url"]
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(url) if name is not None]
    except ValueError as error:
        raise ConfigError(f"download.url {url!r} is no template ({error}): write fields as {{video_id}}") from error
    for name in fields:
        if name not in URL_FIELDS:
            raise ConfigError(f"download.url has the unknown field {{{name}}}: use {', '.join(URL_FIELDS)}")
    if not {"video_id", "clip_id"} & set(fields):
        raise ConfigError(f"download.url {url!r} is the same for every clip: put {{video_id}} or {{clip_id}} in it")
    if not re.match(r"(https?|file)://", url):
        raise ConfigError(f"download.url {url!r} has no known scheme: begin it with https://, http:// or file://")
    for name in OUR_OPTIONS & set(config["download"]["yt_dlp"]):
        raise ConfigError(f"download.yt_dlp.{name} is the workflow's own: take it out")
    clips, features = config["clips"], config["features"]
    if clips["format"] == "mp3" and clips["sample_rate_hz"] not in MP3_RATES_HZ:
        raise ConfigError(
            f"clips.sample_rate_hz {clips['sample_rate_hz']} is not known to mp3: "
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
            "training.features original wants mean among features.statistics and features.n_mfcc of at least 19: "
            "set both in config.yaml"
        )


def _with_defaults(schema: Mapping[str, Any], given: Any) -> Any:
    """Fill what is missing from the schema's defaults, section by section; an empty section counts as missing."""
    if not isinstance(given, dict):
        return given
    for key, rule in schema.get("properties", {}).items():
        if given.get(key) is None and "default" in rule:
            given[key] = copy.deepcopy(rule["default"])
        if "properties" in rule:
            given[key] = _with_defaults(rule, given[key])
        elif isinstance(given[key], str) and not {"integer", "number", "boolean"}.isdisjoint(_types(rule)):
            # Snakemake hands over what stands inside --config 'section={key: value}' as text
            with suppress(yaml.YAMLError):
                given[key] = yaml.safe_load(given[key])
        elif type(given[key]) is int and "string" in _types(rule):
            # and what looks like a number as one: a folder may be called 2024
            given[key] = str(given[key])
        if isinstance(given[key], float) and given[key].is_integer() and "integer" in _types(rule):
            given[key] = int(given[key])
    return given


def _types(rule: Mapping[str, Any]) -> list[str]:
    types = rule.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _say(error: jsonschema.ValidationError) -> str:
    """One line for a person: the key, what was found, what to do."""
    key = ".".join(str(part) for part in error.absolute_path)
    rule: Any = error.validator_value
    found: Any = error.instance
    schema: Any = error.schema
    if error.validator == "additionalProperties":
        known = list(schema["properties"])
        unknown = next(name for name in found if name not in known)
        near = difflib.get_close_matches(unknown, known, n=1)
        advice = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {'.'.join(filter(None, (key, str(unknown))))} in the configuration: {advice}"
    listed = [str(value) for value in (rule if isinstance(rule, list) else [rule])]
    says = {
        "minimum": f"must be at least {rule}",
        "maximum": f"must be at most {rule}",
        "exclusiveMinimum": f"must be more than {rule}",
        "exclusiveMaximum": f"must be less than {rule}",
        "type": f"must be {' or '.join('empty' if name == 'null' else name for name in listed)}",
        "enum": f"must be one of {', '.join(listed)}",
        "pattern": "must be a name of small letters, digits and _",
        "minItems": "must not be empty",
        "minLength": "must not be empty",
        "minProperties": "must not be empty",
        "uniqueItems": "must not repeat an entry",
        "required": f"needs {', '.join(listed)}",
    }
    return f"{key} {says.get(str(error.validator), 'is not valid')}, got {found!r}: set it in config.yaml"
