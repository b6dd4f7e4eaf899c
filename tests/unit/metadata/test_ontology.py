import json
from pathlib import Path

import pytest

from soundsift.errors import InputError
from soundsift.metadata.ontology import Ontology, read_ontology

CHILDREN = {
    "music": ["genre", "instrument"],
    "genre": ["rock"],
    "instrument": ["guitar"],
    "rock": ["guitar"],
    "dog": [],
    "guitar": [],
}


def node(class_id: str, children: list[str], **more: object) -> dict[str, object]:
    return {"id": class_id, "name": class_id.title(), "child_ids": children, **more}


@pytest.fixture
def ontology(tmp_path: Path) -> Ontology:
    nodes = [node(i, c, restrictions=["abstract"] if i == "music" else []) for i, c in CHILDREN.items()]
    (tmp_path / "ontology.json").write_text(json.dumps(nodes), encoding="utf-8-sig")
    return read_ontology(tmp_path / "ontology.json")


def test_names_children_and_restrictions_are_read_by_class(ontology: Ontology) -> None:
    assert ontology.children == CHILDREN
    assert ontology.names["dog"] == "Dog"
    assert ontology.restrictions["music"] == ["abstract"]


def test_descendants_are_the_class_and_the_classes_below_it(ontology: Ontology) -> None:
    assert ontology.descendants(["music"]) == {"music", "genre", "instrument", "rock", "guitar"}
    assert ontology.descendants(["rock", "dog"]) == {"rock", "guitar", "dog"}
    assert ontology.descendants([]) == set()


def test_a_class_with_several_parents_is_a_descendant_of_all_of_them(ontology: Ontology) -> None:
    assert ontology.ancestors(["guitar"]) == {"guitar", "rock", "genre", "instrument", "music"}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "is not an ontology"),
        ("<!doctype html>", "is not an ontology"),
        ('{"id": "a", "child_ids": []}', "is not an ontology"),
        ('[{"id": "a", "name": "A"}]', "found: 'child_ids'"),
        ('[{"id": "a", "name": "A", "child_ids": null}]', "is not an ontology"),
        ('[{"id": 1, "name": "A", "child_ids": []}]', "not text"),
        ('[{"id": ["a"], "name": "A", "child_ids": []}]', "is not an ontology"),
        ("3", "is not an ontology"),
        ("{}", "found: a dict"),
        (json.dumps([node("a", [], restrictions="abstract")]), "restrictions that are not a list"),
        (json.dumps([node("a", [], restrictions=[1])]), "not text"),
        ('[{"id": "a", "name": "\\ud800", "child_ids": []}]', "is not an ontology"),
        ("[" * 100_000, "is not an ontology"),
        (json.dumps([node("a", ["b"])]), "A (a) has the child b, which is not in the file"),
        (json.dumps([node("a", []), node("b", []), node("a", [])]), "contains the class a (A) twice"),
        (json.dumps([node("a", ["b"]), node("b", ["c"]), node("c", ["a"])]), "is its own descendant ("),
        (json.dumps([node("a", ["a"])]), "is its own descendant (A > A)"),
    ],
)
def test_a_file_that_is_not_an_ontology_is_refused_in_one_line(content: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "ontology.json").write_text(content)
    with pytest.raises(InputError) as refused:
        read_ontology(tmp_path / "ontology.json")
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_or_binary_ontology_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_ontology(tmp_path / "none.json")
    (tmp_path / "ontology.json").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="is not an ontology"):
        read_ontology(tmp_path / "ontology.json")
