import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from soundsift.detection.paths import decode_path
from soundsift.detection.recordings import groups_of, recordings_in, recordings_of_group, states_of_group
from soundsift.detection.state import is_current, results_of, state_of
from soundsift.errors import ConfigError
from soundsift.files import write_json


def test_a_recording_is_named_by_its_file_without_ending_unless_that_names_two(tmp_path: Path) -> None:
    names = [
        "a.mp3",
        "a.wav",
        "b c.flac",
        "Übung 1.m4a",
        "x [y].ogg",
        "d.tar.gz",
        ".hidden.wav",
        "a.mp3.opus",
        "no ending",
    ]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    found = recordings_in(str(tmp_path))
    assert {name: path.name for name, path in found.items()} == {
        "a.mp3": "a.mp3", "a.wav": "a.wav", "b c": "b c.flac", "Übung 1": "Übung 1.m4a", "x [y]": "x [y].ogg",
        "d.tar": "d.tar.gz", "a.mp3.opus": "a.mp3.opus", "no ending": "no ending",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["a{b}.mp3", "a\nb.mp3", "K\udce4se.mp3", "L" * 60 + ".mp3", "ab" * 20 + ".mp3", "漢字仮名" * 20 + ".mp3"]
)
def test_a_name_that_cannot_be_used_gets_one_that_can(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    ((fit, path),) = recordings_in(str(tmp_path)).items()
    assert path.name == name
    assert fit.isascii() and fit.isprintable() and len(fit) < 60
    assert not set("{}") & set(fit)
    wildcards = SimpleNamespace(group="0000-of-0001")
    ((named, encoded),) = recordings_of_group(str(tmp_path))(wildcards)
    assert (named, decode_path(encoded)) == (fit, path)


def test_names_that_are_made_fit_stay_apart(tmp_path: Path) -> None:
    for name in ("a{b}.mp3", "a}b{.mp3", "a<b>.mp3"):
        (tmp_path / name).touch()
    names = recordings_in(str(tmp_path))
    assert len(names) == 3
    assert not [name for name in names if set(name) & set("{}<>")]


def test_an_older_file_in_its_place_is_another(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_text("one")
    state, wildcards = states_of_group(str(tmp_path)), SimpleNamespace(group="0000-of-0001")
    first = state(wildcards)
    assert state(wildcards) == first
    os.utime(tmp_path / "a.mp3", (1, 1))
    assert state(wildcards) != first


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    for folder, line in (
        (None, "--config recordings=FOLDER"),
        (str(tmp_path), "no file is in it"),
        (str(tmp_path / "none"), "no folder is there"),
    ):
        with pytest.raises(ConfigError, match=line):
            recordings_in(folder)


def test_nothing_is_looked_for_until_it_is_asked_for(tmp_path: Path) -> None:
    ask = recordings_of_group(str(tmp_path / "later"))
    with pytest.raises(SystemExit, match="soundsift: recordings is .* no folder is there"):
        ask(SimpleNamespace(group="0000-of-0001"))


def fill(folder: Path, n: int, seconds: float) -> None:
    """Write n files that have the size of WAV files of a number of seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n):
        with open(folder / f"{number}.wav", "wb") as file:
            file.truncate(round(seconds * 176_000))


def test_groups_hold_all_recordings_and_about_an_hour_each(tmp_path: Path) -> None:
    fill(tmp_path / "short", 40, 16)
    assert [len(names) for names in groups_of(str(tmp_path / "short")).values()] == [40]
    fill(tmp_path / "long", 64, 600)
    groups = groups_of(str(tmp_path / "long"))
    assert 12 <= len(groups) <= 16
    assert sorted(name for names in groups.values() for name in names) == sorted(str(number) for number in range(64))
    fill(tmp_path / "one", 1, 36_000)
    assert list(groups_of(str(tmp_path / "one"))) == ["0000-of-0001"]


def test_a_new_recording_changes_no_group_but_its_own(tmp_path: Path) -> None:
    fill(tmp_path / "before", 50, 600)
    fill(tmp_path / "after", 51, 600)
    before, after = (
        {group: sorted(names) for group, names in groups_of(str(tmp_path / name)).items()}
        for name in ("before", "after")
    )
    changed = [group for group in after if after[group] != before.get(group)]
    assert len(changed) == 1
    assert "50" in after[changed[0]]


def test_a_result_is_current_until_recording_model_or_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.wav").write_text("one")
    assert not is_current("a", tmp_path / "a.wav", "model code")

    def write() -> None:
        for path in results_of("a"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        write_json({"state": state_of(tmp_path / "a.wav", "model code")}, results_of("a")[0])

    write()
    assert is_current("a", tmp_path / "a.wav", "model code")
    assert not is_current("a", tmp_path / "a.wav", "model other")
    for path in results_of("a"):
        path.unlink()
        assert not is_current("a", tmp_path / "a.wav", "model code")
        write()
    results_of("a")[0].write_text("")
    assert not is_current("a", tmp_path / "a.wav", "model code"), "a damaged record"
    write()
    os.utime(tmp_path / "a.wav", (1, 1))
    assert not is_current("a", tmp_path / "a.wav", "model code")
