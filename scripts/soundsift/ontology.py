"""AudioSet's ontology: which classes stand below which."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from soundsift.errors import InputError


def read_ontology(path: Path) -> dict[str, list[str]]:
    """Read ``ontology.json`` as {class id: ids of its children}; a child may have several parents.

    Raises
    ------
    InputError
        If the file is not a JSON list of nodes with ``id`` and ``child_ids``.
    """
    try:
        nodes = json.loads(path.read_text(encoding="utf-8-sig"))
        return {str(node["id"]): [str(child) for child in node["child_ids"]] for node in nodes}
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): set metadata.ontology to an ontology.json"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{path} is no ontology (a JSON list of nodes with id and child_ids was expected, found: {error}): "
            "set metadata.ontology to AudioSet's ontology.json"
        ) from error


def with_descendants(class_ids: Sequence[str], children: Mapping[str, Sequence[str]]) -> set[str]:
    """All given classes and everything below them in the ontology."""
    found: set[str] = set()
    waiting = list(class_ids)
    while waiting:
        class_id = waiting.pop()
        if class_id not in found:
            found.add(class_id)
            waiting += children.get(class_id, ())
    return found
