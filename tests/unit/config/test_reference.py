from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
import yaml
from annotated_types import Ge, Le

from soundsift.config import reference
from soundsift.config.reference import COMMENT_COLUMN, LINE_WIDTH, Section, sections
from soundsift.config.schema import STRICT
from soundsift.config.settings import settle


@dataclass(frozen=True)
class Brewing:
    """How tea is brewed."""

    minutes: Annotated[int, Ge(1), Le(9)] | None = 3
    """Minutes in water. Longer makes it bitter."""


@dataclass(frozen=True)
class Tea(Brewing):
    """All about tea."""

    kind: Literal["green", "black"] = "green"
    """Leaves."""
    sugar: str = ""
    """Empty for none."""


@dataclass(frozen=True)
class Invented:
    tea: Tea = field(default_factory=Tea)
    cups: Annotated[int, Ge(1)] = 2
    """Cups per pot."""

    __pydantic_config__ = STRICT


def test_a_key_of_a_class_appears_in_the_schema() -> None:
    schema = yaml.safe_load(reference.json_schema(Invented))
    tea = schema["properties"]["tea"]
    assert tea["description"] == "All about tea."
    assert tea["additionalProperties"] is False
    assert tea["properties"]["minutes"] == {
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "null"}],
        "default": 3,
        "description": "Minutes in water. Longer makes it bitter.",
    }
    assert tea["properties"]["sugar"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert schema["properties"]["cups"] == {
        "type": "integer", "minimum": 1, "default": 2, "description": "Cups per pot.",
    }  # fmt: skip


def test_a_key_of_a_class_appears_on_the_page() -> None:
    page = reference.page(Invented).splitlines()
    assert (
        "| `tea.minutes` | whole number, at least 1, at most 9; or empty | 3 | Minutes in water. Longer makes it bitter. |"
    ) in page
    assert "| `tea.kind` | one of green, black | green | Leaves. |" in page
    assert "| `cups` | whole number, at least 1 | 2 | Cups per pot. |" in page


def test_a_key_of_a_class_appears_in_the_file() -> None:
    assert reference.config_yaml(Invented).splitlines() == [
        f"{text:<{COMMENT_COLUMN}}# {comment}" if comment else text
        for text, comment in (
            ("tea:", "All about tea"),
            ("  minutes: 3", "Minutes in water"),
            ("  kind: green", "Leaves"),
            ("  sugar:", "Empty for none"),
            ("", ""),
            ("cups: 2", "Cups per pot"),
        )
    ]


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.name)
def test_every_key_is_described_in_a_sentence_that_fits_beside_it(section: Section) -> None:
    texts = {section.name: section.description} | {key.name: key.description for key in section.keys}
    for name, text in texts.items():
        first, _, _ = text.partition(". ")
        assert text.endswith("."), f"{name}: {text!r} does not end with a full stop"
        assert COMMENT_COLUMN + len(f"# {first.removesuffix('.')}") <= LINE_WIDTH, f"{name}: {first!r} is too long"


def test_a_key_is_described_in_the_class_that_declares_it_or_in_one_above_it() -> None:
    (tea, _) = sections(Invented)
    assert {key.name: key.description for key in tea.keys} == {
        "minutes": "Minutes in water. Longer makes it bitter.", "kind": "Leaves.", "sugar": "Empty for none.",
    }  # fmt: skip


def test_the_written_file_has_every_key_of_the_settled_configuration() -> None:
    written, settled = yaml.safe_load(reference.config_yaml()), settle({})
    assert list(written) == list(settled)
    assert all(list(written[one.name]) == list(settled[one.name]) for one in sections() if not one.is_single)


def test_a_comment_stands_above_a_line_that_reaches_its_column() -> None:
    lines = reference.config_yaml().splitlines()
    (number,) = [n for n, line in enumerate(lines) if line.startswith("  statistics:")]
    assert lines[number - 1].startswith("  # Statistics over time")
    assert "#" not in lines[number]
