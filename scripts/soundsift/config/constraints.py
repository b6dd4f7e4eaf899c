"""Constraints that ``annotated_types`` lacks.

pydantic calls their methods when it builds a validator. This module does not import pydantic, because steps use the
parameter classes without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Name:
    """A text of small letters, digits and ``_`` that begins with a letter: it becomes part of file and column names."""

    pattern: str = "^[a-z][a-z0-9_]*$"

    def __get_pydantic_core_schema__(self, source: type, handler: Callable[[type], Any]) -> Any:
        return handler(source) | {"pattern": self.pattern}


@dataclass(frozen=True)
class Unique:
    """A list without repeated entries."""

    def __get_pydantic_core_schema__(self, source: type, handler: Callable[[type], Any]) -> Any:
        return {
            "type": "function-after",
            "function": {"type": "no-info", "function": self._check},
            "schema": handler(source),
        }

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Callable[[Any], Any]) -> Any:
        return handler(core_schema) | {"uniqueItems": True}

    @staticmethod
    def _check(entries: list[Any]) -> list[Any]:
        if len(set(entries)) < len(entries):
            raise ValueError("must not repeat an entry")
        return entries
