import getpass
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from soundsift.errors import ConfigError
from soundsift.homes import temporary_home, use_writable_homes, with_home

VARIABLES = ("XDG_CACHE_HOME", "MPLCONFIGDIR", "KERAS_HOME", "LOGNAME")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and an empty folder for temporary files beside it."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in (*VARIABLES, "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, "")  # so that its value is restored
        monkeypatch.delenv(variable)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "home"


def given() -> dict[str, str]:
    return {variable: os.environ[variable] for variable in VARIABLES if variable in os.environ}


def test_an_empty_home_is_used_and_nothing_is_made_in_it(home: Path) -> None:
    use_writable_homes()
    assert given() == {}
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("fault", ["a file", "unknown", "read-only"])
def test_without_a_writable_home_libraries_get_folders_that_only_this_user_can_write(
    home: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    if fault == "a file":  # even root cannot write there
        home.rmdir()
        home.touch()
    elif fault == "unknown":
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    else:
        monkeypatch.setattr(os, "access", lambda folder, how: not str(folder).startswith(str(home)))
    use_writable_homes()
    use_writable_homes()
    there = home.parent / "tmp" / f"soundsift-{os.getuid()}"
    assert given() == {name: str(there / name.lower()) for name in VARIABLES[:3]}
    assert there.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in there.iterdir()) == ["keras_home", "mplconfigdir", "xdg_cache_home"]


def test_only_the_folder_that_cannot_be_written_is_replaced(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".cache").symlink_to(home / "scratch that was deleted")
    use_writable_homes()
    assert given().keys() == {"XDG_CACHE_HOME"}


def test_a_folder_that_the_user_has_set_is_kept_unless_it_cannot_be_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("MPLCONFIGDIR", str(home / "mine"))
    monkeypatch.setenv("KERAS_HOME", str(home / "file"))
    use_writable_homes()
    assert given()["MPLCONFIGDIR"] == str(home / "mine")
    assert Path(given()["KERAS_HOME"]).name == "keras_home"


@pytest.mark.parametrize("fault", ["a link", "open to all", "another user's"])
def test_a_folder_of_that_name_that_others_could_write_is_not_used(
    home: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    if fault == "another user's":
        owner = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    expected = home.parent / "tmp" / f"soundsift-{os.getuid()}"
    if fault == "a link":
        expected.symlink_to(home)
    else:
        expected.mkdir()
        expected.chmod(0o777 if fault == "open to all" else 0o700)
    assert temporary_home() is None
    home.rename(home.parent / "gone")
    home.touch()
    use_writable_homes()
    (folder,) = {Path(folder).parent for folder in given().values()}
    assert folder.parent == expected.parent
    assert folder != expected


def test_a_folder_for_one_run_is_named_in_one_line_and_deleted_at_the_end(home: Path) -> None:
    tmp = home.parent / "tmp"
    shared = tmp / f"soundsift-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    home.rmdir()
    home.touch()
    code = "import os; from soundsift.homes import use_writable_homes as use; use(); use(); print(os.environ['KERAS_HOME'])"
    environment = os.environ | {"TMPDIR": str(tmp)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    folder = Path(done.stdout.strip()).parent
    assert folder.parent == tmp
    assert list(tmp.iterdir()) == [shared]
    (line,) = done.stderr.splitlines()
    assert f"and {shared} is not only yours: caches are in {folder} until this run ends" in line


def test_a_user_without_a_name_gets_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found")

    with monkeypatch.context() as without:
        without.setattr(getpass, "getuser", unknown)
        use_writable_homes()
    assert getpass.getuser() == str(os.getuid())


@pytest.mark.tensorflow
def test_libraries_use_the_folders(home: Path) -> None:
    home.rmdir()
    home.touch()
    use_writable_homes()
    code = "import matplotlib, keras.src.backend.config as keras; from yt_dlp import YoutubeDL\n"
    code += "print(matplotlib.get_configdir(), matplotlib.get_cachedir(), keras.keras_home(), YoutubeDL().cache._get_root_dir())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    folders = [given()[name] for name in ("MPLCONFIGDIR", "MPLCONFIGDIR", "KERAS_HOME", "XDG_CACHE_HOME")]
    assert done.stdout.split() == [*folders[:3], f"{folders[3]}/yt-dlp"]
    assert "temporary cache directory" not in done.stderr


def test_a_home_that_is_not_known_is_one_line(home: Path) -> None:
    assert with_home("~/media", "recordings") == f"{home}/media"
    assert with_home("media", "recordings") == "media"
    with pytest.raises(ConfigError) as error:
        with_home("~nobody-of-this-name/media", "recordings")
    line = "recordings is ~nobody-of-this-name/media, but that home directory is not known: set it to a path without ~"
    assert str(error.value) == line
