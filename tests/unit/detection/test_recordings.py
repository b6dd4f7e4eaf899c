import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from soundsift.detection.paths import decode_path
from soundsift.detection.recordings import path_of_recording, per_recording, recordings_in, state_of_recording
from soundsift.errors import ConfigError


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
    wildcards = SimpleNamespace(name=fit)
    assert decode_path(path_of_recording(str(tmp_path))(wildcards)) == path


def test_names_that_are_made_fit_stay_apart(tmp_path: Path) -> None:
    for name in ("a{b}.mp3", "a}b{.mp3", "a<b>.mp3"):
        (tmp_path / name).touch()
    names = recordings_in(str(tmp_path))
    assert len(names) == 3
    assert not [name for name in names if set(name) & set("{}<>")]


def test_an_older_file_in_its_place_is_another(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_text("one")
    state, wildcards = state_of_recording(str(tmp_path)), SimpleNamespace(name="a")
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
    ask = per_recording("x/{name}.json", str(tmp_path / "later"))
    with pytest.raises(SystemExit, match="soundsift: recordings is .* no folder is there"):
        ask(None)
    (tmp_path / "now").mkdir()
    for name in ("a.mp3", "b c.wav"):
        (tmp_path / "now" / name).touch()
    assert per_recording("x/{name}.json", str(tmp_path / "now"))(None) == ["x/a.json", "x/b c.json"]
