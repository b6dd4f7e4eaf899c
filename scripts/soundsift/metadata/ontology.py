"""AudioSet's ontology: which classes stand below which."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from soundsift.errors import InputError


@dataclass(frozen=True)
class Ontology:
    """The classes by id: their names, what stands below each, and how AudioSet restricts their use.

    A class may stand below several others. ``abstract`` classes only group others, ``blacklist`` ones were not offered
    to those who labelled; both count like any other class if a list uses them.
    """

    path: Path
    names: dict[str, str]
    children: dict[str, list[str]]
    restrictions: dict[str, list[str]]

    def descendants(self, class_ids: Iterable[str]) -> set[str]:
        """All given classes and everything below them."""
        return _reach(class_ids, self.children)

    def ancestors(self, class_ids: Iterable[str]) -> set[str]:
        """All given classes and everything above them."""
        parents: dict[str, list[str]] = {}
        for parent, children in self.children.items():
            for child in children:
                parents.setdefault(child, []).append(parent)
        return _reach(class_ids, parents)


def _reach(class_ids: Iterable[str], following: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(class_ids)
    while waiting:
        class_id = waiting.pop()
        if class_id not in found:
            found.add(class_id)
            waiting += following.get(class_id, ())
    return found


def read_ontology(path: Path) -> Ontology:
    """Read ``ontology.json``: a JSON list of nodes with ``id``, ``name``, ``child_ids`` and perhaps ``restrictions``.

    Raises
    ------
    InputError
        If the file is no such list, a class stands in it twice, has a child that is not in it, or stands below itself.
    """
    advice = "set metadata.ontology to AudioSet's ontology.json"
    try:
        nodes = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(nodes, list):
            raise TypeError(f"a {type(nodes).__name__}")
        names = {node["id"]: node["name"] for node in nodes}
        children = {node["id"]: list(node["child_ids"]) for node in nodes}
        restrictions = {node["id"]: list(node.get("restrictions", ())) for node in nodes}
        lists = [text for found in (*children.values(), *restrictions.values()) for text in found]
        texts = [*names, *names.values(), *lists]
        if not all(isinstance(text, str) and text for text in texts):
            raise TypeError("an id, name or restriction that is no text")
        if not all(isinstance(node.get("restrictions", []), list) for node in nodes):
            raise TypeError("restrictions that are no list")
        "".join(texts).encode()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {advice}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path} is no ontology (a JSON list of nodes with id, name and child_ids was expected, "
            f"found: {' '.join(str(error).split())}): {advice}"
        ) from error
    if len(names) != len(nodes):
        twice = next(node["id"] for i, node in enumerate(nodes) if node["id"] in {n["id"] for n in nodes[:i]})
        raise InputError(f"{path} has the class {twice} ({names[twice]}) twice: {advice}")
    for class_id, found in children.items():
        absent = [child for child in found if child not in names]
        if absent:
            raise InputError(
                f"{path}: {names[class_id]} ({class_id}) has the child {absent[0]}, which is not in the file: {advice}"
            )
    try:
        TopologicalSorter(children).prepare()
    except CycleError as error:
        ring = " > ".join(names[class_id] for class_id in reversed(error.args[1]))
        raise InputError(f"{path}: a class stands below itself ({ring}): {advice}") from error
    return Ontology(path, names, children, restrictions)
