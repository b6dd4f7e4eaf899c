"""The whole configuration as one class, and its validation.

Each key is declared once, in the class of its section, with its type, range, default and description. From this
declaration follow the validation and (:mod:`soundsift.config.reference`) the JSON schema for editors,
``docs/configuration.md`` and the comments of ``config.yaml``.
"""

import difflib
import json
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

import yaml
from annotated_types import Ge, Le
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import is_typeddict

from soundsift.config.clips import ClipsSection
from soundsift.config.detectors import Detectors
from soundsift.config.download import DownloadParams
from soundsift.config.features import FeatureParams, LogMelParams
from soundsift.config.keep import KeepParams
from soundsift.config.metadata import MetadataParams
from soundsift.config.statistics import StatisticsParams
from soundsift.config.training import TrainingParams
from soundsift.errors import ConfigError

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
TYPE_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    list: "a list",
    dict: "a mapping",
    types.NoneType: "empty",
}

LIMIT_WORDS = {
    "greater_than_equal": "at least",
    "less_than_equal": "at most",
    "greater_than": "more than",
    "less_than": "less than",
}


@dataclass(frozen=True)
class FeaturesSection(StatisticsParams, LogMelParams, FeatureParams):
    """Features of a clip, as librosa defines them, and the statistics over its frames."""


@dataclass(frozen=True)
class Config:
    """The configuration of soundsift."""

    metadata: MetadataParams = field(default_factory=MetadataParams)
    batch_size: Annotated[int, Ge(1), Le(100000)] = 100
    """Rows of a list per job; 1024 for all of AudioSet, 1 for one job per clip."""
    download: DownloadParams = field(default_factory=DownloadParams)
    clips: ClipsSection = field(default_factory=ClipsSection)
    features: FeaturesSection = field(default_factory=FeaturesSection)
    keep: KeepParams = field(default_factory=KeepParams)
    detectors: Detectors = field(default_factory=lambda: {"music": ["Music"], "speech": ["Speech"]})
    """Classes of each detector, as a list or as a mapping with the keys classes and except. A class is given by its
    display name or id. Its descendants in the ontology are included, both under classes and under except. {name: null}
    in an overlay removes a detector."""
    recordings: str | None = None
    """Folder of your own recordings: snakemake detect --config recordings=FOLDER. They may have any length and
    format."""
    training: TrainingParams = field(default_factory=TrainingParams)

    __pydantic_config__ = STRICT


def validate(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check a configuration key by key and fill every key that is missing or empty with its default.

    Numbers given as text are read, because Snakemake passes the values inside ``--config 'section={key: value}'`` as
    text. Where a text is expected, a whole number is taken as text: a folder may be called 2024.

    Raises
    ------
    ConfigError
        For the first key that is unknown or has a wrong value.
    """
    config = _read_texts(Config, given)
    if isinstance(config.get("detectors"), dict):
        config["detectors"] = {name: classes for name, classes in config["detectors"].items() if classes is not None}
    try:
        # through JSON, because strict validation does not accept a dictionary for a dataclass
        return asdict(TypeAdapter(Config).validate_json(json.dumps(config, default=str)))
    except ValidationError as error:
        raise ConfigError(_message(error.errors(include_url=False), config)) from error


def bare(annotation: Any) -> Any:
    """Take a type out of ``Annotated`` and ``NotRequired``."""
    while get_origin(annotation) in (Annotated, NotRequired):
        annotation = get_args(annotation)[0]
    return annotation


def alternatives(annotation: Any) -> list[Any]:
    """List the types of a union, ``None`` among them; a list of one for any other type."""
    annotation = bare(annotation)
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return list(get_args(annotation)) if is_union else [annotation]


def keys_of(kind: Any) -> dict[Any, Any]:
    """Map the keys of a parameter class to their types; empty for a type whose keys are free."""
    if is_dataclass(kind):
        return {one.name: one.type for one in fields(kind)}
    return get_type_hints(kind, include_extras=True) if is_typeddict(kind) else {}


def type_words(annotation: Any) -> str:
    """Name a type for users.

    Examples
    --------
    >>> type_words(int | None)
    'a whole number or empty'
    """
    words = []
    for kind in map(bare, alternatives(annotation)):
        if get_origin(kind) is Literal:
            words.append(f"one of {', '.join(map(str, get_args(kind)))}")
        else:
            base = dict if is_dataclass(kind) or is_typeddict(kind) else get_origin(kind) or kind
            words.append(TYPE_WORDS[base])
    return " or ".join(words)


def _read_texts(kind: Any, given: Any) -> Any:
    """Convert the values of a section to the types of their keys where possible, and leave out empty values."""
    if not isinstance(given, Mapping):
        return given
    annotations = keys_of(kind)
    found = {}
    for key, value in given.items():
        if key not in annotations:
            found[key] = value
            continue
        wanted = {bare(one) for one in alternatives(annotations[key])}
        section = next(filter(is_dataclass, wanted), None)
        entry = next((get_args(one)[0] for one in wanted if get_origin(one) is list), None)
        if section is not None:
            value = _read_texts(section, value)
        elif is_dataclass(entry) and isinstance(value, list):
            value = [_read_texts(entry, one) for one in value]
        elif isinstance(value, str) and wanted & {int, float, bool}:
            with suppress(yaml.YAMLError):  # the text stays as it is, and the validation reports it
                value = yaml.safe_load(value)
        elif type(value) is int and str in wanted:
            value = str(value)
        if isinstance(value, float) and value.is_integer() and int in wanted:
            value = int(value)
        if value is not None:
            found[key] = value
    return found


def _message(errors: Sequence[ErrorDetails], config: Mapping[str, Any]) -> str:
    """One line about the first error: the key, what was wrong and found, and what to do."""
    error = min((one for one in errors if _is_of_the_form_given(one, config)), key=lambda one: len(one["loc"]))
    loc, found = _keys(error), error["input"]
    key = ".".join(map(str, loc))
    match error["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            forms = map(bare, alternatives(_annotation_at(loc[:-1])))
            known = [str(name) for form in forms for name in keys_of(form)]
            near = difflib.get_close_matches(str(loc[-1]), known, n=1)
            advice = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
            return f"unknown key {key} in the configuration: {advice}"
        case "missing":
            key, problem = ".".join(map(str, loc[:-1])), f"needs {loc[-1]}"
        case "greater_than_equal" | "less_than_equal" | "greater_than" | "less_than" as kind:
            (limit,) = error["ctx"].values()
            problem = f"must be {LIMIT_WORDS[kind]} {int(limit) if limit == int(limit) else limit}"
        case "finite_number":
            problem = "must be a finite number"
        case "too_short" | "string_too_short":
            problem = "must not be empty"
        case "string_pattern_mismatch":
            problem = "must have names of small letters, digits and _"
        case "value_error":
            problem = str(error["ctx"]["error"])
        case _:
            problem = f"must be {type_words(_annotation_at(loc))}"
    return f"{key} {problem}, got {found!r}: set it in config.yaml"


def _is_of_the_form_given(error: ErrorDetails, config: Mapping[str, Any]) -> bool:
    """Whether an error fits the form of the value that was given.

    A detector may be a list or a mapping. If both fail, pydantic reports the errors of both, and only those of the form
    that was given are useful.
    """
    top, *rest = error["loc"]
    if top != "detectors" or len(rest) < 2 or rest[1] == "[key]":
        return True
    given = config["detectors"][rest[0]]
    return not isinstance(given, list | dict) or isinstance(given, list) == str(rest[1]).startswith("list")


def _keys(error: ErrorDetails) -> list[str | int]:
    """List the keys of the configuration that lead to the place of an error."""
    loc = list(error["loc"])
    if loc[-1] == "[key]":
        return loc[:-2]
    return loc[:2] + loc[3:] if loc[0] == "detectors" else loc


def _annotation_at(loc: Sequence[str | int]) -> Any:
    """Find the type that is declared for a place in the configuration."""
    found: Any = Config
    for part in loc:
        kinds = map(bare, alternatives(found))
        kind = next(one for one in kinds if (get_origin(one) is list) == isinstance(part, int))
        found = keys_of(kind)[part] if keys_of(kind) else get_args(kind)[-1]
    return found
