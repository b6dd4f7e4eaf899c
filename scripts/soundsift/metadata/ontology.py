"""AudioSet's ontology: the hierarchy of the sound classes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from soundsift.errors import InputError


@dataclass(frozen=True)
class Ontology:
    """Names, children and restrictions of the classes, by class id.

    A class may have several parents. Classes with the restriction ``abstract`` only group other classes. Classes with
    the restriction ``blacklist`` were not offered to AudioSet's annotators. Both are used like other classes if a list
    names them.
    """

    path: Path
    names: dict[str, str]
    children: dict[str, list[str]]
    restrictions: dict[str, list[str]]

    def descendants(self, class_ids: Iterable[str]) -> set[str]:
        """Find the given classes and all classes below them."""
        return _closure(class_ids, self.children)

    def ancestors(self, class_ids: Iterable[str]) -> set[str]:
        """Find the given classes and all classes above them."""
        parents: dict[str, list[str]] = {}
        for parent, children in self.children.items():
            for child in children:
                parents.setdefault(child, []).append(parent)
        return _closure(class_ids, parents)


# For labels that are no classes of an ontology.
NO_ONTOLOGY = Ontology(Path(), {}, {}, {})


def _closure(class_ids: Iterable[str], following: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(class_ids)
    while waiting:
        class_id = waiting.pop()
        if class_id not in found:
            found.add(class_id)
            waiting += following.get(class_id, ())
    return found


def read_ontology(path: Path) -> Ontology:
    """Read ``ontology.json``: a JSON list of nodes with ``id``, ``name``, ``child_ids`` and optional ``restrictions``.

    Raises
    ------
    InputError
        If the file is not such a list, or a class occurs twice, has a child that is not in the file, or is its own
        descendant.
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
            raise TypeError("an id, name or restriction that is not text")
        if not all(isinstance(node.get("restrictions", []), list) for node in nodes):
            raise TypeError("restrictions that are not a list")
        "".join(texts).encode()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {advice}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path} is not an ontology (a JSON list of nodes with id, name and child_ids was expected, "
            f"found: {' '.join(str(error).split())}): {advice}"
        ) from error
    if len(names) != len(nodes):
        twice = next(node["id"] for i, node in enumerate(nodes) if node["id"] in {n["id"] for n in nodes[:i]})
        raise InputError(f"{path} contains the class {twice} ({names[twice]}) twice: {advice}")
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
        raise InputError(f"{path}: a class is its own descendant ({ring}): {advice}") from error
    return Ontology(path, names, children, restrictions)
