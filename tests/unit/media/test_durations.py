import os
from pathlib import Path

import pytest

from soundsift.errors import MediaError
from soundsift.media import durations
from soundsift.media.durations import Durations, duration_of
from tests.unit.media.kinds import KINDS, write_kind


@pytest.mark.parametrize(
    "name", ["WAV, 16 bits", "WAV, MS ADPCM", "FLAC", "MP3, no Xing header", "AC-3", "Ogg, Opus", "M4A", "WebM, Opus"]
)
def test_the_duration_is_that_of_the_sound(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"v.{KINDS[name].ending}"
    write_kind(KINDS[name], path, 5)
    assert duration_of(path) == pytest.approx(5, abs=0.06)


def test_a_duration_is_read_once_and_again_when_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cache = tmp_path / 'a, b"ü.wav', tmp_path / "new" / "durations.csv"
    write_kind(KINDS["WAV, 16 bits"], path, 2)
    with Durations(cache) as known:
        assert known.seconds_of(path) == 2.0
    monkeypatch.setattr(durations, "duration_of", lambda _: 99.0)
    assert Durations(cache).seconds_of(path) == 2.0
    os.utime(path, ns=(0, 0))
    assert Durations(cache).seconds_of(path) == 99.0
    cache.write_text("path,bytes\nx")
    assert Durations(cache).seconds_of(path) == 99.0


def test_what_has_no_duration_is_none_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "page.wav").write_text("<html>")
    with Durations(tmp_path / "durations.csv") as known:
        assert known.seconds_of(tmp_path / "page.wav") is None
        assert known.seconds_of(tmp_path / "none.wav") is None
    assert "page.wav" in caplog.text and "none.wav: no such file" in caplog.text
    assert "2 files without times are missing or cannot be decoded, for example" in caplog.text
    with pytest.raises(MediaError):
        duration_of(tmp_path / "page.wav")


def test_a_name_with_accents_in_another_form_is_found(tmp_path: Path) -> None:
    write_kind(KINDS["WAV, 16 bits"], tmp_path / "Ku\u0308che.wav", 2.0)
    assert Durations(tmp_path / "cache.csv").seconds_of(tmp_path / "K\u00fcche.wav") == pytest.approx(2.0)


def test_a_file_is_found_where_the_template_says(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "media").mkdir()
    write_kind(KINDS["WAV, 16 bits"], tmp_path / "media" / "a.wav", 2.0)
    for place in (f"{tmp_path}/media/{{file}}", f"{tmp_path}/media/{{file}}.*"):
        name = Path("a" if place.endswith("*") else "a.wav")
        with Durations(tmp_path / "cache.csv", [f"{tmp_path}/none/{{file}}", place]) as known:
            assert known.seconds_of(name) == pytest.approx(2.0)
    with Durations(tmp_path / "cache.csv", []) as known:
        assert known.seconds_of(Path("a.wav")) is None
    assert "a.wav (not on disk: give it times in the list)" in caplog.text
