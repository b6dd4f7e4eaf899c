"""The parameter classes as a JSON schema, as a page and as a commented ``config.yaml``.

Each function takes the class to describe and uses no other source.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Annotated, Any, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic import TypeAdapter

from soundsift.config.schema import Config, alternatives, type_words

RANGE_WORDS = {
    Ge: ("at least", "ge"),
    Gt: ("more than", "gt"),
    Le: ("at most", "le"),
    Lt: ("less than", "lt"),
}
# where comments of config.yaml begin and end, in characters
COMMENT_COLUMN, LINE_WIDTH = 32, 120


@dataclass(frozen=True)
class Key:
    """One key of a section, or a key at the top level that is not a section."""

    name: str
    annotation: Any
    default: Any
    description: str

    @property
    def summary(self) -> str:
        """First sentence of the description, without its full stop: the comment in ``config.yaml``."""
        return re.split(r"(?<=\.)\s", self.description, maxsplit=1)[0].removesuffix(".")

    @property
    def kind(self) -> str:
        """Type and range in words."""
        limits = ", ".join(
            f"{words} {getattr(constraint, attribute)}"
            for constraint in _constraints(self.annotation)
            for kind, (words, attribute) in RANGE_WORDS.items()
            if isinstance(constraint, kind)
        )
        words = type_words(self.annotation).removeprefix("a ")
        if not limits:
            return words
        return f"{words.removesuffix(' or empty')}, {limits}" + ("; or empty" if words.endswith(" or empty") else "")


@dataclass(frozen=True)
class Section:
    """A key at the top level: a section with its keys, or a single key."""

    name: str
    description: str
    keys: list[Key]
    is_single: bool


def sections(kind: type = Config) -> list[Section]:
    """List the keys of a configuration class in the order of its file."""
    found = []
    for field in fields(kind):
        if isinstance(field.type, type) and is_dataclass(field.type):
            keys = [_key(part, field.type) for part in fields(field.type)]
            found.append(Section(field.name, _one_line(field.type.__doc__ or ""), keys, False))
        else:
            key = _key(field, kind)
            found.append(Section(field.name, key.description, [key], True))
    return found


def json_schema(kind: type = Config) -> str:
    """Write the JSON schema of a configuration class, in YAML, for editors that check ``config.yaml``."""
    schema: dict[str, Any] = TypeAdapter(kind).json_schema()
    definitions = schema.pop("$defs")
    properties: dict[str, Any] = {}
    for section in sections(kind):
        rule = schema["properties"][section.name]
        if section.is_single:
            properties[section.name] = _described(rule, section.keys[0])
        else:
            rules = definitions.pop(rule["$ref"].rpartition("/")[2])["properties"]
            properties[section.name] = {
                "type": "object",
                "description": section.description,
                "additionalProperties": False,
                "properties": {key.name: _described(rules[key.name], key) for key in section.keys},
            }
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of soundsift",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "$defs": _tidied(definitions),
    }
    text: str = yaml.dump(whole, Dumper=_Plain, sort_keys=False, width=LINE_WIDTH, allow_unicode=True)
    return f"# Written by make docs from scripts/soundsift/config/.\n{text}"


def page(kind: type = Config) -> str:
    """Write a table of keys for each section, in Markdown."""
    lines = []
    for section in sections(kind):
        lines += [f"## {section.name}", "", *([] if section.is_single else [section.description, ""])]
        lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        for key in section.keys:
            name = key.name if section.is_single else f"{section.name}.{key.name}"
            lines.append(f"| `{name}` | {key.kind} | {_value(key.default) or 'empty'} | {key.description} |")
        lines.append("")
    return "\n".join(lines)


def config_yaml(kind: type = Config) -> str:
    """Write every key with its default and, as a comment, the first sentence of its description."""
    lines = []
    for section in sections(kind):
        summary = Key("", None, None, section.description).summary
        (key, *_) = section.keys
        if section.is_single and not (isinstance(key.default, dict) and key.default):
            lines += [*_commented(f"{section.name}: {_value(key.default)}", summary), ""]
            continue
        lines += _commented(f"{section.name}:", summary)
        if section.is_single:
            lines += [f"  {name}: {_value(value)}" for name, value in key.default.items()]
        else:
            for key in section.keys:
                lines += _commented(f"  {key.name}: {_value(key.default)}", key.summary)
        lines.append("")
    return "\n".join(lines)


def _key(field: Field[Any], owner: type) -> Key:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return Key(field.name, field.type, default, dict(_descriptions(owner)).get(field.name, ""))


def _descriptions(kind: type) -> Iterator[tuple[str, str]]:
    """Read the string below each field of a dataclass and of the classes above it."""
    for owner in kind.__mro__:
        if not is_dataclass(owner):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(tree, ast.ClassDef)
        for named, text in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(named, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                assert isinstance(named.target, ast.Name)
                yield named.target.id, _one_line(str(text.value.value))


def _constraints(annotation: Any) -> Iterator[Any]:
    """Yield the constraints of a type and of the types of a union, without those of a list's entries."""
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
    for alternative in alternatives(annotation):
        if alternative is not annotation:
            yield from _constraints(alternative)


def _described(rule: dict[str, Any], key: Key) -> dict[str, Any]:
    """Add default and description to a key's rule. A key whose default is an empty text may also be empty (null)."""
    rule = _tidied({name: value for name, value in rule.items() if name != "default"})
    if key.default == "":
        rule = {"anyOf": [rule, {"type": "null"}]}
    return rule | {"default": key.default, "description": key.description}


def _tidied(rule: Any) -> Any:
    """Remove titles, which repeat the keys. Where a rule has a pattern for keys, forbid keys that do not match it."""
    if not isinstance(rule, dict):
        return [_tidied(one) for one in rule] if isinstance(rule, list) else rule
    tidied = {name: _tidied(value) for name, value in rule.items() if name != "title"}
    return tidied | {"additionalProperties": False} if "patternProperties" in rule else tidied


def _value(value: Any) -> str:
    """Format a value as YAML on one line. None and an empty text give an empty text."""
    if value is None or value == "":
        return ""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("...\n").strip()


def _commented(line: str, comment: str) -> list[str]:
    """Set a comment beside a line, or above it where the line is too long."""
    line = line.rstrip()
    indent = len(line) - len(line.lstrip())
    above = len(line) > COMMENT_COLUMN - 2
    start = indent if above else COMMENT_COLUMN
    texts = [f"# {text}" for text in textwrap.wrap(comment, LINE_WIDTH - start - 2)]
    if above:
        return [*(" " * indent + text for text in texts), line]
    first, *others = texts
    return [f"{line:<{start}}{first}", *(" " * start + text for text in others)]


def _one_line(text: str) -> str:
    return " ".join(text.split())


class _Plain(yaml.SafeDumper):
    """A dumper without anchors, which writes equal lists out each time."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
