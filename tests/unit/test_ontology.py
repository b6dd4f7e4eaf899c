import json
from pathlib import Path

import pytest

from soundsift.errors import InputError
from soundsift.ontology import read_ontology, with_descendants

CHILDREN = {
    "music": ["genre", "instrument"],
    "genre": ["rock"],
    "instrument": ["guitar"],
    "rock": ["guitar"],
    "dog": [],
}


def test_children_are_read_by_class(tmp_path: Path) -> None:
    nodes = [{"id": i, "name": i.title(), "child_ids": c, "restrictions": []} for i, c in CHILDREN.items()]
    for encoding in ("utf-8", "utf-8-sig"):
        (tmp_path / "ontology.json").write_text(json.dumps(nodes), encoding=encoding)
        assert read_ontology(tmp_path / "ontology.json") == CHILDREN


def test_a_class_comes_with_everything_below_it_and_nothing_beside_it() -> None:
    assert with_descendants(["music"], CHILDREN) == {"music", "genre", "instrument", "rock", "guitar"}
    assert with_descendants(["rock", "dog"], CHILDREN) == {"rock", "guitar", "dog"}


def test_a_class_that_the_ontology_does_not_have_is_only_itself() -> None:
    assert with_descendants(["guitar"], CHILDREN) == {"guitar"}
    assert with_descendants([], CHILDREN) == set()


def test_a_ring_of_classes_has_an_end() -> None:
    assert with_descendants(["a"], {"a": ["b"], "b": ["c"], "c": ["a"]}) == {"a", "b", "c"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<!doctype html>",
        "{}x",
        '{"id": "a", "child_ids": []}',
        '[{"id": "a"}]',
        '[{"id": "a", "child_ids": null}]',
        "3",
    ],
)
def test_a_file_that_is_no_ontology_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "ontology.json").write_text(content)
    with pytest.raises(InputError, match="is no ontology") as refused:
        read_ontology(tmp_path / "ontology.json")
    assert "\n" not in str(refused.value)


def test_a_missing_or_binary_ontology_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_ontology(tmp_path / "none.json")
    (tmp_path / "ontology.json").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="is no ontology"):
        read_ontology(tmp_path / "ontology.json")
