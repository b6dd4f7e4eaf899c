import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from soundsift.code_digest import SCRIPTS, code_digest

LINE = "return 1 + len(name)"
MODULE = f'''"""A module."""


def size(name: str) -> int:
    """Say how long a name is."""
    {LINE}
'''
Copy = Callable[[str, str, str], Path]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """Give a folder of scripts with one text in a file of it replaced; each in a place of its own."""

    def make(file: str, old: str, new: str) -> Path:
        scripts = tmp_path / f"copy{len(list(tmp_path.iterdir()))}" / "scripts"
        shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        text = (scripts / file).read_text(encoding="utf-8")
        assert old in text
        (scripts / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return scripts

    return make


def small(folder: Path, module: str = MODULE, script: str = "from soundsift import sizes\n") -> str:
    """Digest of a script that imports one invented module."""
    (folder / "soundsift").mkdir(parents=True)
    (folder / "step.py").write_text(script)
    (folder / "soundsift" / "sizes.py").write_text(module)
    (folder / "soundsift" / "joblog.py").write_text("LEVEL = 1\n")
    return code_digest("step", scripts=folder)


def test_a_digest_is_sixteen_hex_digits_and_the_same_wherever_the_scripts_stand(copy: Copy) -> None:
    moved = copy("soundsift/features/frames.py", "", "")
    for script in ("extract_features", "download_clips"):
        assert code_digest(script, scripts=moved) == code_digest(script)
        assert len(code_digest(script)) == 16
        int(code_digest(script), 16)


def test_changed_code_counts_for_the_steps_that_use_it_and_no_other(copy: Copy) -> None:
    changed = copy("soundsift/features/frames.py", "tuning=0.0", "tuning=0.1")
    for script in ("extract_features", "augment_clips"):
        assert code_digest(script, scripts=changed) != code_digest(script)
    for script in ("download_clips", "convert_clips", "select_clips", "make_demo", "merge_features"):
        assert code_digest(script, scripts=changed) == code_digest(script)


def test_code_reached_through_another_module_counts(copy: Copy) -> None:
    # download_clips imports download, which imports columns
    changed = copy("soundsift/media/columns.py", "SILENCE_DBFS = -60.0", "SILENCE_DBFS = -50.0")
    assert code_digest("download_clips", scripts=changed) != code_digest("download_clips")


def test_a_comment_or_a_better_docstring_counts_for_nothing(copy: Copy) -> None:
    commented = copy(
        "soundsift/features/frames.py", "    import librosa\n", "    # slow\n    import librosa  # at last\n\n"
    )
    worded = copy(
        "soundsift/features/frames.py", "Compute all frame features of a clip.", "Work out what a clip holds."
    )
    headed = copy("soundsift/features/frames.py", '"""Frame features of a clip', '"""Features of each frame of a clip')
    for scripts in (commented, worded, headed):
        assert code_digest("extract_features", scripts=scripts) == code_digest("extract_features")


@pytest.mark.parametrize(
    "module",
    [
        MODULE.replace(LINE, f"return (1\n        + len(name))  # {LINE}"),
        MODULE.replace("Say how long a name is.", "Say how long a name is.\n\n    With one more."),
        MODULE.replace("A module.", "Another."),
        f"# a comment\n{MODULE}\n\n",
    ],
)
def test_layout_comments_and_docstrings_count_for_nothing(module: str, tmp_path: Path) -> None:
    assert small(tmp_path / "other", module) == small(tmp_path / "one")


@pytest.mark.parametrize("gone", ['"""A module."""\n', '    """Say how long a name is."""\n'])
def test_a_docstring_where_there_was_none_counts_for_nothing(gone: str, tmp_path: Path) -> None:
    assert small(tmp_path / "without", MODULE.replace(gone, "")) == small(tmp_path / "with")


@pytest.mark.parametrize(
    "module",
    [
        MODULE.replace("1 +", "2 +"),
        MODULE.replace("size(", "length("),
        MODULE + "\n\nLIMIT = 'a'\n",
        MODULE.replace(LINE, f'label = """text"""\n    {LINE}'),
    ],
)
def test_code_and_values_count(module: str, tmp_path: Path) -> None:
    assert small(tmp_path / "other", module) != small(tmp_path / "one")


@pytest.mark.parametrize(
    "script",
    [
        "from soundsift.sizes import size\n",
        "def step():\n    from soundsift.sizes import size\n",
        "from soundsift.joblog import LEVEL\nfrom soundsift import sizes as lengths\n",
    ],
)
def test_a_module_counts_however_it_is_imported_and_reporting_never_does(script: str, tmp_path: Path) -> None:
    assert small(tmp_path / "other", script=script) == small(tmp_path / "one")
