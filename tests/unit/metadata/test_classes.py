from pathlib import Path

import numpy as np
import pytest

from soundsift.errors import ConfigError, InputError
from soundsift.metadata.classes import Classes, detector_members, read_classes
from soundsift.metadata.ontology import NO_ONTOLOGY, Ontology

CHILDREN = {"s": ["c", "y"], "c": [], "y": [], "m": ["r"], "r": [], "a": []}
ONTOLOGY = Ontology(
    Path("ontology.json"),
    {
        "s": "Speech",
        "c": "Child speech, kid speaking",
        "y": "Speech synthesizer",
        "m": "Music",
        "r": "Rock",
        "a": "Sounds",
    },
    CHILDREN,
    {"a": ["abstract", "blacklist"]},
)
CLASS_TABLE = 'index,mid,display_name\n0,s,"Speech"\n1,c,"Child speech, kid speaking"\n2,m,Music\n3,r,Rock\n'
QUALITY = "label_id,num_rated,num_true\ns,10,8\nc,10,7\nm,0,0\n"


def read(
    tmp_path: Path, labels: str = CLASS_TABLE, quality: str = QUALITY, bar: float = 0.8, keep: bool = True
) -> Classes:
    (tmp_path / "classes.csv").write_text(labels)
    (tmp_path / "quality.csv").write_text(quality)
    return read_classes(tmp_path / "classes.csv", ONTOLOGY, tmp_path / "quality.csv", bar, keep)


def test_accuracy_is_the_share_of_right_labels_and_unrated_classes_follow_the_setting(tmp_path: Path) -> None:
    for keep in (True, False):
        found = read(tmp_path, keep=keep)
        assert found.accurate.tolist()[:4] == [True, False, keep, keep]
    assert found.accuracy[:2].tolist() == [0.8, 0.7]
    assert np.isnan(found.accuracy[2])


def test_classes_of_the_ontology_alone_follow_those_of_the_table(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.ids == ["s", "c", "m", "r", "y", "a"]
    assert found.restrictions[-1] == "abstract, blacklist"


def test_the_strong_labels_table_without_a_header_reads_too(tmp_path: Path) -> None:
    found = read(tmp_path, "s\tSpeech\nc\tChild speech, kid speaking\n")
    assert found.names[:2] == ["Speech", "Child speech, kid speaking"]


def test_labels_are_found_by_id_and_by_name_even_if_names_contain_commas(tmp_path: Path) -> None:
    found = read(tmp_path)
    for text in ("s,c,r", "Speech,Child speech, kid speaking,Rock", " speech , CHILD SPEECH,kid speaking,r "):
        assert found.codes_of(text) == [0, 1, 3]
    with pytest.raises(KeyError, match="Child speech"):
        found.codes_of("Speech,Child speech,Rock")


@pytest.mark.parametrize(("labels", "line"), [
    ("index,mid\n0,s\n", "line 1: metadata.class_labels needs the columns mid, display_name"),
    ("index,mid,display_name\n", "contains no class"),
    (CLASS_TABLE + "4,s,Again\n", "line 6: each id and each display name may occur only once; found 's, Again'"),
    (CLASS_TABLE + "4,x,ROCK\n", "line 6: each id and each display name may occur only once; found 'x, ROCK'"),
    (CLASS_TABLE + "4,x,\n", "line 6: a class must have an id and a display name; found 'x,'"),
    (CLASS_TABLE + "4,x\n", "line 6: 3 fields were expected"),
    ("", "line 1: metadata.class_labels needs the columns"),
])  # fmt: skip
def test_a_bad_class_table_is_refused_in_one_line(labels: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, labels)
    assert line in str(refused.value)


@pytest.mark.parametrize(("quality", "line"), [
    ("label_id,num_rated,num_true\ns,10,11\n", "line 2: num_true must not be greater than num_rated; found '11 of 10'"),
    ("label_id,num_rated,num_true\ns,10,-1\n", "line 2: num_rated and num_true must be whole numbers"),
    ("label_id,num_rated,num_true\ns,10,many\n", "line 2: num_rated and num_true must be whole numbers"),
    (QUALITY + "s,10,10\n", "line 5: each label_id may occur only once; found 's'"),
    ("label_id,num_rated,num_true\na,10,10\n", "have no class in common"),
    ("label_id,num_rated\ns,10\n", "line 1: metadata.label_quality needs the columns"),
    ("label_id,num_rated,num_true\nx,10,10\n", "line 2: a label_id must be a class of the class table or the ontology; found 'x'"),
])  # fmt: skip
def test_a_bad_accuracy_table_is_refused_in_one_line(quality: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, quality=quality)
    assert line in str(refused.value)


def test_an_ontology_of_other_classes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ONTOLOGY", Ontology(Path("o.json"), {"x": "X"}, {"x": []}, {}))
    with pytest.raises(InputError, match=r"^o.json and .*classes.csv have no class in common: set metadata.ontology"):
        read(tmp_path, quality="label_id,num_rated,num_true\ns,10,8\n")


def test_a_field_with_ten_thousand_labels_is_read(tmp_path: Path) -> None:
    assert len(read(tmp_path).codes_of(",".join(["Music", "Child speech, kid speaking"] * 5000))) == 10_000


def members(tmp_path: Path, **wanted: list[str]) -> dict[str, list[str]]:
    found = read(tmp_path)
    of = detector_members({"it": wanted}, found, ONTOLOGY)["it"]
    masks = {"counting": of.counting, "excepted": of.excepted, "above": of.above_excepted}
    return {name: [found.ids[i] for i in np.flatnonzero(mask)] for name, mask in masks.items()}


def test_a_detector_has_the_listed_classes_and_their_descendants(tmp_path: Path) -> None:
    for name in ("Speech", "s", "speech"):
        assert members(tmp_path, classes=[name])["counting"] == ["s", "c", "y"]


def test_an_excepted_class_does_not_count_and_its_ancestors_are_marked(tmp_path: Path) -> None:
    found = members(tmp_path, **{"classes": ["Speech", "Music"], "except": ["Speech synthesizer"]})
    assert found == {"counting": ["s", "c", "m", "r"], "excepted": ["y"], "above": ["s"]}


def test_a_detector_of_an_unknown_class_is_refused_with_the_nearest_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="detectors.it names 'Musik'.* set it in config.yaml to Music$"):
        members(tmp_path, classes=["Musik"])
    with pytest.raises(ConfigError, match="detectors.it.except names 'Rok'"):
        members(tmp_path, **{"classes": ["Music"], "except": ["Rok"]})


def test_a_detector_of_a_label_that_the_lists_lack_is_refused_with_theirs() -> None:
    """The demo's detectors stand in config.yaml, which an overlay for own labels inherits."""
    classes = Classes.of_own_labels(["bird", "frog"])
    line = (
        r"detectors.music names 'Music', which is no label of the lists \(bird, frog\): .* with detectors.music: null$"
    )
    with pytest.raises(ConfigError, match=line):
        detector_members({"music": {"classes": ["Music"]}}, classes, NO_ONTOLOGY)


def test_a_detector_that_excepts_all_its_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="excludes every class"):
        members(tmp_path, **{"classes": ["Rock"], "except": ["Music"]})


def test_a_label_in_another_case_must_name_one_class() -> None:
    def members(label: str, names: list[str]) -> list[bool]:
        found = detector_members({"d": {"classes": [label]}}, Classes.of_own_labels(names), NO_ONTOLOGY)
        return found["d"].counting.tolist()

    assert members("DOG", ["Dog", "rain"]) == [True, False]
    assert members("dog", ["Dog", "dog"]) == [False, True]
    with pytest.raises(ConfigError, match="detectors.d names 'DOG', but the lists have Dog and dog: set it to"):
        members("DOG", ["Dog", "dog"])
