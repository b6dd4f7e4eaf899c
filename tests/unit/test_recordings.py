from pathlib import Path

import pytest

from soundsift.errors import ConfigError
from soundsift.recordings import per_recording, recordings_in


def test_a_recording_is_named_by_its_file_without_ending_unless_that_names_two(tmp_path: Path) -> None:
    names = [
        "a.mp3",
        "a.wav",
        "b c.flac",
        "Übung 1.m4a",
        "x{y}.ogg",
        "d.tar.gz",
        ".hidden.wav",
        "a.mp3.opus",
        "no ending",
    ]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    found = recordings_in(str(tmp_path))
    assert {name: Path(path).name for name, path in found.items()} == {
        "a.mp3": "a.mp3", "a.wav": "a.wav", "b c": "b c.flac", "Übung 1": "Übung 1.m4a", "x{y}": "x{y}.ogg",
        "d.tar": "d.tar.gz", "a.mp3.opus": "a.mp3.opus", "no ending": "no ending",
    }  # fmt: skip


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    assert recordings_in(None) == {}
    with pytest.raises(ConfigError, match="no file is in it"):
        recordings_in(str(tmp_path))
    with pytest.raises(ConfigError, match="no folder is there"):
        recordings_in(str(tmp_path / "none"))


def test_files_are_asked_for_by_recording_and_only_if_there_are_any() -> None:
    assert per_recording("x/{name}.json", ["a", "b{c}"])(None) == ["x/a.json", "x/b{c}.json"]
    with pytest.raises(ConfigError, match="--config recordings=FOLDER"):
        per_recording("x/{name}.json", [])(None)
