"""Fixtures for several tests: signals with known features, a local video site, and projects before and after a run."""

import compileall
import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

import numpy as np
import numpy.typing as npt
import pytest

from soundsift.code_digest import SCRIPTS
from tests.pages import blocks
from tests.site.site import Site
from tests.workflow import warm
from tests.workflow.project import N_EVAL, N_TRAIN, ROOT, Project, config_for, make_media, silence

# Makes a folder once for all processes that run tests, and returns it: the name, and a function that fills the folder.
Once = Callable[[str, Callable[[Path], None]], Path]
RATE_HZ = 22050


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture
def tone() -> npt.NDArray[np.float32]:
    """Three seconds of a 440 Hz tone at half of full scale, sampled at 22,050 Hz."""
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    return (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A local video site that serves ``tmp_path/site`` and injects faults on request."""
    folder = tmp_path / "site"
    folder.mkdir()
    with Site(folder) as running:
        yield running


@pytest.fixture
def copy_of_scripts(tmp_path: Path) -> Path:
    """A copy of the folder ``scripts`` that a test may edit."""
    return Path(shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture
def audioset() -> Path:
    """The folder of AudioSet's published lists, from the environment variable SOUNDSIFT_AUDIOSET."""
    return Path(os.environ["SOUNDSIFT_AUDIOSET"])


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def made(name: str, make: Callable[[Path], None]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with open(shared / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def media(once: Once) -> Path:
    """Small lists of short clips and their media, made like those of the demo."""
    return once("media", lambda folder: make_media(folder, N_TRAIN, N_EVAL))


@pytest.fixture(scope="session")
def finished(media: Path, once: Once) -> Project:
    """A project after one complete run. Tests must not change it."""

    def make(folder: Path) -> None:
        run = Project.make(folder, config_for(media)).run()
        assert run.status == 0, run.text

    return Project(once("finished", make))


@pytest.fixture(scope="session")
def working(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory for the commands in docs/: the shipped configuration, the files of the pages, lists, media."""
    folder = Project.make(tmp_path_factory.mktemp("docs") / "soundsift", {}).folder
    for name in ("config.yaml", "config.audioset.yaml", "config.audioset-hf.yaml"):
        shutil.copy2(ROOT / name, folder / name)
    for one in (*blocks("yaml"), *blocks("csv")):
        if one.file and one.file != "config.yaml":
            (folder / one.file).parent.mkdir(exist_ok=True)
            (folder / one.file).write_text(one.text)
    for name in ("my_train.csv", "my_eval.csv"):
        (folder / name).write_text("video_id,start_seconds,end_seconds,labels\na,0,10,Dog\n")
    for name in ("my_media", "my_recordings"):
        (folder / name).mkdir()
    silence(folder / "my_recordings" / "a.wav", 1)
    for name in ("downloads", "outcomes"):
        (folder / "results" / name).mkdir(parents=True)
        (folder / "results" / name / "train-00000.csv").write_text(
            '"clip_id","outcome"\n"a_0","timeout"\n"b_0","not_found"\n'
        )
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Name the folder of the processes that run snakemake and scripts for all processes that run tests.

    The bytecode of the scripts is made once, for all copies of them. It is used only for files of the same content.

    Processes that a shell starts in the background ignore interrupts, and so do their children: tests that interrupt a
    job would fail.
    """
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ["SOUNDSIFT_TEST_SERVERS"] = tempfile.mkdtemp()
        compileall.compile_dir(SCRIPTS, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End these processes."""
    if not hasattr(config, "workerinput"):
        folder = Path(os.environ["SOUNDSIFT_TEST_SERVERS"])
        warm.stop(folder)
        shutil.rmtree(folder)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each process its share of the tests that run the workflow, so that all end at about the same time.

    ``--dist worksteal`` gives each process successive tests. The first process begins with the tests of the workflow,
    which make the project that many of them share; the others meanwhile run half of their other tests.
    """
    n_processes = getattr(config, "workerinput", {}).get("workercount", 1)
    of_workflow, others = (
        [item for item in items if (item.get_closest_marker("workflow") is not None) == wanted]
        for wanted in (True, False)
    )
    # they wait more than they calculate: at the end, processors would be idle
    others.sort(key=lambda item: "youtube" not in item.path.parts)
    n_parts = 2 * n_processes - 1
    parts = [others[_first(others, i, n_parts) : _first(others, i + 1, n_parts)] for i in range(n_parts)]
    items[:] = of_workflow[::n_processes] + parts.pop()
    for number in range(1, n_processes):
        items += parts.pop(0) + of_workflow[number::n_processes] + parts.pop(0)


def _first(items: list[pytest.Item], number: int, n_parts: int) -> int:
    """The first test of a part. No file is divided, because its fixtures would be made twice."""
    at = number * len(items) // n_parts
    while 0 < at < len(items) and items[at].path == items[at - 1].path:
        at += 1
    return at
