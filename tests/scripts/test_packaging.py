"""The project as pip installs it: its packages, its wheel, and the examples in its docstrings."""

import doctest
import importlib
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.scripts.test_guard import RULE_FILES, SCRIPTS, third_party

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "scripts" / "soundsift"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
# Packages whose module has another name.
MODULES = {"scikit-learn": "sklearn", "pyyaml": "yaml", "tensorflow-cpu": "tensorflow"}
# Packages that no code of ours imports, and why they are installed.
NOT_IMPORTED = {
    "tensorflow": "the backend of Keras, on all platforms",
    "snakemake_logger_plugin_rich": "make run asks Snakemake for it by name",
    "audioop_lts": "pydub imports its module audioop",
    "pandas": "results are read with Table.to_pandas()",
}
# Modules that code of ours imports and that come with a package named in pyproject.toml.
COME_WITH = {
    "markupsafe": "jinja2",
    "httpx2": "huggingface_hub",
    "pydantic_core": "pydantic",
    "numba": "librosa",
    "llvmlite": "librosa",
}


def modules_of(requirements: list[str]) -> set[str]:
    """Names of the modules that requirements install."""
    names = [re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements]
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


DETECTION = modules_of(PROJECT["dependencies"])
WORKFLOW = modules_of(PROJECT["optional-dependencies"]["workflow"])


def test_a_plain_installation_can_detect() -> None:
    needed = third_party(PACKAGE / "cli.py")
    assert "av" in needed
    assert {COME_WITH.get(name, name) for name in needed} <= DETECTION


def test_a_plain_installation_has_only_what_detection_imports() -> None:
    needed = third_party(PACKAGE / "cli.py")
    assert needed | NOT_IMPORTED.keys() >= DETECTION


def test_an_installation_for_the_workflow_has_what_the_workflow_imports_and_nothing_else() -> None:
    files = [*SCRIPTS, *PACKAGE.rglob("*.py")]
    used = third_party(*files)
    for path in [ROOT / "Snakefile", *RULE_FILES]:
        used |= set(re.findall(r"^(?:from|import) (\w+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
    used -= set(sys.stdlib_module_names) | {"soundsift"}
    assert {COME_WITH.get(name, name) for name in used} <= DETECTION | WORKFLOW
    assert (DETECTION | WORKFLOW) - used <= NOT_IMPORTED.keys()


def test_the_wheel_holds_every_module_and_template_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = [*PACKAGE.rglob("*.py"), *(path for path in PACKAGE.rglob("templates/**/*") if path.is_file())]
    assert held == {path.relative_to(ROOT / "scripts").as_posix() for path in files}


def test_the_import_path_is_changed_in_one_place() -> None:
    folders = ("scripts", "workflow", "benchmarks", "docs")
    files = [path for name in folders for path in (ROOT / name).rglob("*") if path.suffix in (".py", ".smk")]
    changing = [path.name for path in files if re.search(r"sys\.path\.|noqa: E402", path.read_text(encoding="utf-8"))]
    assert changing == ["common.smk"]


WITH_EXAMPLES = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_the_examples_in_docstrings_give_what_they_show(path: Path) -> None:
    module = importlib.import_module(".".join(path.relative_to(ROOT / "scripts").with_suffix("").parts))
    found = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0


# ---- set-up


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make on the project's Makefile in a folder that holds only the files that set-up depends on."""
    for path in [ROOT / "pyproject.toml", *LOCKS]:
        (folder / path.name).touch()
    command = ["make", "--file", str(ROOT / "Makefile"), "--directory", str(folder), *arguments]
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "UV", "MAKEFLAGS")}
    return subprocess.run(command, env=clean | environment, capture_output=True, text=True)


def program(path: Path, text: str) -> Path:
    """Write a shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_set_up_uses_the_first_supported_python(tmp_path: Path) -> None:
    for name in ("python3", "python3.13", "python3.12"):
        program(tmp_path / name, "exit 1")
    program(tmp_path / "python3.11", f'exec {sys.executable} "$@"')
    done = make(tmp_path, "--dry-run", ".venv/packages", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert '|| "python3.11" -m venv ' in done.stdout


@pytest.mark.parametrize("choice", ["PYTHON=", "CORES="])
def test_an_empty_choice_is_none(choice: str, tmp_path: Path) -> None:
    done = make(tmp_path, "--dry-run", "run", choice)
    assert re.search(r'\|\| "python3[.\d]*" -m venv', done.stdout), done.stdout
    assert re.search(r"--cores \d+ ", done.stdout), done.stdout


def test_a_python_in_a_folder_with_a_space_is_asked(tmp_path: Path) -> None:
    (tmp_path / "my python").mkdir()
    newer = program(tmp_path / "my python" / "newer", "echo Python 3.14.0; exit 1")
    assert "found Python 3.14.0: make run" in make(tmp_path, ".venv/packages", f"PYTHON={newer}").stderr


# How pip and uv begin a program, if the path of its interpreter is short, or is long or has a space.
FIRST_LINES = [
    "#!{}\n", '#!/bin/sh\n\'\'\'exec\' "{}" "$0" "$@"\n', "#!/bin/sh\n'''exec' '{}' \"$0\" \"$@\"\n",
    '#!/bin/sh\n\'\'\'exec\' {} "$0" "$@"\n',
]  # fmt: skip


@pytest.mark.parametrize("lines", FIRST_LINES)
def test_an_environment_whose_python_is_gone_is_named(tmp_path: Path, lines: str) -> None:
    space = " " if '"{}"' in lines or "'{}'" in lines else "-"
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    installed = tmp_path / ".venv" / "bin" / "snakemake"
    gone = tmp_path / f"old{space}place" / ".venv" / "bin" / "python3.11"
    installed.write_text(lines.format(gone))
    done = make(tmp_path, "--dry-run", "run")
    assert f"{gone}, which is gone, or this folder was moved: delete .venv" in done.stderr
    assert make(tmp_path, "clean").returncode == 0
    gone.parent.mkdir(parents=True)
    gone.symlink_to(sys.executable)
    assert make(tmp_path, "--dry-run", "run").returncode == 0


def test_an_environment_may_be_a_link(tmp_path: Path) -> None:
    python = program(
        tmp_path / "python", f'[ "$2" = venv ] && set -- -m venv --without-pip "$3"\nexec {sys.executable} "$@"'
    )
    choices = (".venv/packages", f"PYTHON={python}", f"UV={program(tmp_path / 'uv', '')}")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / ".venv").symlink_to("../scratch/venv")
    done = make(tmp_path / "here", *choices)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "scratch" / "venv" / "packages").exists()
    os.utime(tmp_path / "scratch" / "venv" / "packages", (1, 1))  # the lock is newer
    assert make(tmp_path / "here", *choices).returncode == 0


@pytest.mark.parametrize("target", [".venv", "file", "file/folder", ".", "..", None])
def test_what_cannot_become_an_environment_is_named_in_one_line(target: str | None, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    if target is None:
        (tmp_path / ".venv").touch()
    else:
        (tmp_path / ".venv").symlink_to(target)
    done = make(tmp_path, ".venv/packages")
    assert done.returncode != 0 and "Setting up" not in done.stdout
    (line,) = done.stderr.splitlines()
    assert "soundsift: .venv is neither a folder nor a link to one of its own: delete it" in line


def test_an_environment_whose_python_does_not_work_is_named(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to("gone")
    done = make(tmp_path, ".venv/packages", f"PYTHON={program(tmp_path / 'python', '')}")
    assert "soundsift: .venv has no Python that works: delete it and run make again" in done.stderr.splitlines()


@pytest.mark.parametrize("uv", ["nonesuch", "false", "uv --offline"])
def test_a_uv_that_does_not_work_is_named_in_one_line(uv: str, tmp_path: Path) -> None:
    done = make(tmp_path, ".venv/packages", f"UV={uv}")
    (line,) = done.stderr.splitlines()
    assert done.returncode != 0 and f"soundsift: UV={uv} does not work" in line


def test_a_python_that_is_not_used_is_named_and_does_not_change_an_environment(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    program(tmp_path / ".venv" / "bin" / "python", f'exec {sys.executable} "$@"')
    for name in ("packages", "ready"):
        (tmp_path / ".venv" / name).touch()
    other = program(tmp_path / "other", "echo 3 10")
    found = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (other, "nonesuch"):
        line = f"soundsift: PYTHON={python} is not used, because .venv has Python {found}"
        assert make(tmp_path, "--dry-run", "run", f"PYTHON={python}").stderr.startswith(line)
        assert make(tmp_path, "--dry-run", "run", PYTHON=str(python)).stderr.startswith(line)
    assert make(tmp_path, "--dry-run", "run", f"PYTHON={sys.executable}").stderr == ""
    assert make(tmp_path, "--dry-run", "run").stderr == ""


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    line = "soundsift needs Python 3.11, 3.12 or 3.13, not found: nonesuch: make run PYTHON=python3.13"
    assert make(tmp_path, ".venv/packages", "PYTHON=nonesuch").stderr.splitlines()[0] == line


def test_uv_is_used_if_it_works(tmp_path: Path) -> None:
    folder = tmp_path / "my tools"
    folder.mkdir()
    for text, expected in (("", f'\n"{folder}/uv" pip install '), ("exit 127", "-m pip install ")):
        program(folder / "uv", text)
        done = make(tmp_path, "--dry-run", ".venv/packages", PATH=f"{folder}:{os.environ['PATH']}")
        assert expected in done.stdout


def test_set_up_refuses_a_python_without_tensorflow_in_one_line(tmp_path: Path) -> None:
    newer = program(tmp_path / "newer", '[ "$1" = --version ] && echo Python 3.14.0; exit 1')
    done = make(tmp_path, ".venv/packages", f"PYTHON={newer}")
    assert done.stderr.splitlines()[0] == (
        "soundsift needs Python 3.11, 3.12 or 3.13, found Python 3.14.0: make run PYTHON=python3.13"
    )
    assert "Setting up" not in done.stdout


def test_the_supported_pythons_are_the_same_everywhere() -> None:
    supported = re.findall(r"^SUPPORTED := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    lowest, beyond = re.findall(r"\((\d+), (\d+)\)", supported[0])
    assert PROJECT["requires-python"] == f">={'.'.join(lowest)},<{'.'.join(beyond)}"
    names = [f"3.{minor}" for minor in range(int(lowest[1]), int(beyond[1]))]
    for page in ("README.md", "CONTRIBUTING.md", "docs/troubleshooting.md", "Makefile"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert re.search(rf"Python {', '.join(names[:-1])} (and|or) {names[-1]}\b", text), page


@pytest.mark.parametrize("ending", ["killed", "0", "3"])
def test_slurm_is_stopped_however_its_tests_end(tmp_path: Path, ending: str) -> None:
    for folder in (".venv/bin", "tests/slurm"):
        (tmp_path / folder).mkdir(parents=True)
    program(tmp_path / ".venv" / "bin" / "pytest", "touch begun; sleep 300" if ending == "killed" else f"exit {ending}")
    program(tmp_path / "tests" / "slurm" / "loopback.sh", 'echo "$1" >> calls')
    make(tmp_path, "--touch", ".venv/ready", ".venv/dev", ".venv/slurm")
    command = ["make", "--file", str(ROOT / "Makefile"), "--directory", str(tmp_path), "slurm-test"]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        if ending == "killed":
            while not (tmp_path / "begun").exists():
                time.sleep(0.05)
            os.killpg(run.pid, signal.SIGTERM)
    assert (tmp_path / "calls").read_text() == "start\nstop\n"
    assert (run.returncode == 0) == (ending == "0")


def test_the_demo_needs_no_tools_for_tests(tmp_path: Path) -> None:
    assert "requirements.dev.lock" not in make(tmp_path, "--dry-run", "run").stdout
    for target in ("test", "lint", "browser-test", "slurm-test"):
        assert "requirements.dev.lock" in make(tmp_path, "--dry-run", target).stdout, target


@pytest.mark.parametrize(("choice", "installer"), [("UV=./uv", '"./uv" pip install'), ("UV=", "-m pip install")])
def test_every_installation_checks_hashes(tmp_path: Path, choice: str, installer: str) -> None:
    program(tmp_path / "uv", "")
    done = make(tmp_path, "--dry-run", ".venv/site", "test", "slurm-test", choice)
    lines = [line for line in done.stdout.splitlines() if ".lock" in line]
    assert len(lines) == len(LOCKS)
    assert [line for line in lines if installer not in line or "--require-hashes" not in line] == []


def test_the_locks_name_one_version_of_a_package() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", lock.read_text(encoding="utf-8"), re.MULTILINE):
            versions.setdefault(name, set()).add(version)
    assert len(versions) > 150
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
