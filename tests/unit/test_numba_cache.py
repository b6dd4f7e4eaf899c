"""The processes that compile are replaced by small ones, except in the last tests."""

import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from soundsift import numba_cache
from soundsift.numba_cache import SUBFOLDERS, compile_librosa_once

# Stands for the process that compiles: it notes its call, takes a moment, and dies if there is a bad file.
COMPILE = """
import os, signal, time
from pathlib import Path
with open("{calls}", "a") as file:
    print(os.environ.get("NUMBA_CACHE_DIR", "in librosa"), file=file)
time.sleep(0.2)
if list(Path("{folder}").rglob("bad.nbc")):
    os.kill(os.getpid(), signal.SIGSEGV)
"""


class Place:
    """An invented installation of librosa, a home and a folder for temporary files, all below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.librosa, self.home, self.tmp, self.calls = (folder / n for n in ("librosa", "home", "tmp", "calls"))
        for name in SUBFOLDERS:
            (self.librosa / name).mkdir(parents=True)
        (self.librosa / "util" / "utils.py").touch()
        self.tmp.mkdir()

    @property
    def used(self) -> list[str]:
        """The cache folder of each process that compiled."""
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def forbid(self, *folders: Path) -> None:
        """Put files in the places of folders: then even root cannot write there."""
        for folder in folders:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.touch()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place = Place(tmp_path)
    monkeypatch.setattr(numba_cache, "CALLS", COMPILE.format(calls=str(place.calls), folder=str(tmp_path)))
    monkeypatch.setattr(numba_cache, "_librosa", lambda: place.librosa)
    monkeypatch.delitem(sys.modules, "librosa.util.utils", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(place.tmp))
    monkeypatch.setenv("HOME", str(place.home))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # so that its value is restored
    yield place
    monkeypatch.undo()
    import numba

    numba.config.reload_config()


def used_by_numba() -> str:
    import numba

    return str(numba.config.CACHE_DIR)


def test_of_several_first_processes_one_compiles_and_the_others_wait(place: Place) -> None:
    with ThreadPoolExecutor(8) as pool:
        for waited in [pool.submit(compile_librosa_once) for _ in range(8)]:
            waited.result()
    assert place.used == ["in librosa"]
    compile_librosa_once()
    assert len(place.used) == 1


def test_a_process_that_has_loaded_the_functions_looks_no_further(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "librosa.util.utils", numba_cache)
    compile_librosa_once()
    assert place.used == []


def test_the_folder_that_numba_is_given_comes_first(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(place.folder / "given"))
    compile_librosa_once()
    assert place.used == [used_by_numba()] == [str(place.folder / "given")]


def test_without_a_writable_environment_the_cache_is_in_the_home(place: Place) -> None:
    place.forbid(place.librosa / "util" / "__pycache__")  # numba decides for each folder of sources
    compile_librosa_once()
    assert place.used == [used_by_numba()] == [str(place.home / ".cache" / "numba")]


def test_a_given_folder_that_cannot_be_written_is_passed_over(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.forbid(place.folder / "given")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(place.folder / "given"))
    compile_librosa_once()
    assert place.used == ["in librosa"]
    assert used_by_numba() == ""


@pytest.mark.parametrize("home", ["a file", "no absolute path"])
def test_without_a_home_all_jobs_share_a_folder_of_this_user_for_temporary_files(
    place: Place, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    place.forbid(place.librosa / "util" / "__pycache__", place.home)
    if home == "no absolute path":
        monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    compile_librosa_once()
    compile_librosa_once()
    (shared,) = place.used
    assert Path(shared).parent.parent == place.tmp
    assert Path(shared).parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("fault", ["a link", "open to all"])
def test_a_temporary_folder_that_others_could_write_is_not_used(
    place: Place, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    place.forbid(place.librosa / "util" / "__pycache__", place.home)
    expected = place.tmp / f"soundsift-{os.getuid()}"
    (place.folder / "theirs").mkdir()
    if fault == "a link":
        expected.symlink_to(place.folder / "theirs")
    else:
        expected.mkdir()
        expected.chmod(0o777)
    compile_librosa_once()
    assert place.used == []  # librosa's import compiles for this process alone
    assert Path(used_by_numba()).parent == place.tmp
    assert Path(used_by_numba()) != expected


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_place_without_locks_is_passed_over(place: Place, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    real = fcntl.flock

    def flock(file: int, how: int) -> None:
        if str(place.librosa) in os.readlink(f"/proc/self/fd/{file.fileno()}"):  # type: ignore[attr-defined]
            raise OSError(error, os.strerror(error))
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    compile_librosa_once()
    assert place.used == [str(place.home / ".cache" / "numba")]


@contextmanager
def held(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_after_a_long_wait_a_process_compiles_for_itself_and_says_so(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(numba_cache, "WAIT_SECONDS", 0.3)
    lock = place.librosa / "__pycache__" / "soundsift-numba.lock"
    with held(lock):
        compile_librosa_once()
    assert place.used == []
    assert Path(used_by_numba()).parent == place.tmp
    (line,) = caplog.messages
    assert line == f"{lock} was locked for 0 s: this process compiles librosa's functions for itself"


def test_a_worker_process_deletes_its_own_folder_at_its_end(place: Place) -> None:
    code = """
import multiprocessing, sys
from soundsift import numba_cache
numba_cache._caches = lambda: iter(())
if __name__ == "__main__":
    worker = multiprocessing.get_context("fork").Process(target=numba_cache.compile_librosa_once)
    worker.start(); worker.join()
    numba_cache.compile_librosa_once()
    print(sum(1 for _ in numba_cache.Path(sys.argv[1]).iterdir()))
"""
    command = [sys.executable, "-c", code, str(place.tmp)]
    done = subprocess.run(command, env={**os.environ, "TMPDIR": str(place.tmp)}, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert list(place.tmp.iterdir()) == []


def test_a_broken_cache_is_deleted_and_compiled_again(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given = place.folder / "given"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(given))
    compile_librosa_once()
    for stamp in given.glob("*.compiled"):
        stamp.unlink()
    (folder,) = given.glob("util_*")
    (folder / "bad.nbc").touch()
    (given / "util_other").mkdir()
    (given / "util_other" / "good.nbc").touch()  # of another package with a folder of that name
    compile_librosa_once()
    compile_librosa_once()
    assert len(place.used) == 3
    assert list(given.rglob("*.nbc")) == [given / "util_other" / "good.nbc"]
    assert caplog.messages == [f"the compiled functions of librosa in {given} were broken and have been compiled again"]


@pytest.mark.parametrize("lost", ["*.nbi", "*.nbc", "*"])
def test_functions_that_were_deleted_are_compiled_by_one_process_although_a_stamp_is_there(
    place: Place, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    util = place.librosa / "util" / "__pycache__"
    write = (
        f"\nfor ending in ('nbi', '1.nbc'):\n    (Path({str(util)!r}) / f'utils.localmax-1.py311.{{ending}}').touch()"
    )
    monkeypatch.setattr(numba_cache, "CALLS", numba_cache.CALLS + write)
    compile_librosa_once()
    compile_librosa_once()
    assert len(place.used) == 1
    for file in util.glob(lost):
        file.unlink()
    if lost == "*":
        util.rmdir()
    with ThreadPoolExecutor(4) as pool:
        for waited in [pool.submit(compile_librosa_once) for _ in range(4)]:
            waited.result()
    assert len(place.used) == 2


def test_stamps_of_earlier_versions_and_damaged_ones_are_not_believed(place: Place) -> None:
    compile_librosa_once()
    (stamp,) = place.librosa.rglob("*.compiled")
    for n, text in enumerate(("", '["util'), 2):
        stamp.write_text(text)
        compile_librosa_once()
        assert len(place.used) == n


def test_a_renewed_cache_is_complete_for_no_other_processor(place: Place) -> None:
    numba_cache.main()
    (stamp,) = place.librosa.rglob("*.compiled")
    other = stamp.with_name("soundsift-other.compiled")
    other.write_text(stamp.read_text())
    (place.librosa / "util" / "__pycache__" / "bad.nbc").touch()
    numba_cache.main()
    assert stamp.exists() and not other.exists()


@pytest.mark.parametrize("content", [b"", b"half"])
def test_a_compiled_file_of_another_size_is_no_complete_cache(
    content: bytes, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = place.librosa / "util" / "__pycache__" / "utils.nbi"
    written = (
        f"from pathlib import Path; f = Path({str(file)!r}); f.parent.mkdir(exist_ok=True); f.write_bytes(b'whole one')"
    )
    monkeypatch.setattr(numba_cache, "CALLS", numba_cache.CALLS + written)
    compile_librosa_once()
    compile_librosa_once()
    assert len(place.used) == 1
    file.write_bytes(content)
    compile_librosa_once()
    assert len(place.used) == 2


def test_librosa_that_fails_even_with_a_new_cache_leaves_no_stamp(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(numba_cache, "CALLS", "raise ImportError('no BLAS')")
    compile_librosa_once()
    assert caplog.messages == ["librosa does not work in this environment: ImportError: no BLAS"]
    assert not list(place.folder.rglob("*.compiled"))


def test_another_processor_or_version_compiles_for_itself(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    import llvmlite.binding
    import numba

    compile_librosa_once()
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_name", lambda: "another")
    compile_librosa_once()
    monkeypatch.setattr(numba, "__version__", "0.99")
    compile_librosa_once()
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    compile_librosa_once()
    assert len(place.used) == 4


def test_set_up_prints_nothing_if_all_is_well_and_checks_a_stamped_cache(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    numba_cache.main()
    numba_cache.main()
    assert len(place.used) == 2
    assert capfd.readouterr() == ("", "")


def test_set_up_says_in_one_line_that_it_renewed_a_broken_cache(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = place.librosa / "util" / "__pycache__"
    folder.mkdir()
    (folder / "bad.nbc").touch()
    numba_cache.main()
    line = f"the compiled functions of librosa in {place.librosa / '__pycache__'} were broken and have been"
    assert capfd.readouterr() == (f"soundsift: {line} compiled again\n", "")


def test_set_up_ends_with_one_line_if_librosa_does_not_work(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    numba_cache.main()
    killed = f"import os; os.kill(os.getpid(), {signal.SIGSEGV})"
    monkeypatch.setattr(numba_cache, "CALLS", killed)
    with pytest.raises(SystemExit) as end:
        numba_cache.main()
    line = "librosa does not work in this environment: its functions end with signal 11"
    assert end.value.code == f"soundsift: {line}"


def test_set_up_compiles_where_locks_are_not_given(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", flock)
    numba_cache.main()
    compile_librosa_once()
    assert place.used == ["in librosa"]
    assert used_by_numba() == ""


def test_the_folders_are_those_that_numba_writes() -> None:
    from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator

    librosa = numba_cache._librosa()
    caching = [path for path in librosa.rglob("*.py") if "cache=True" in path.read_text(encoding="utf-8")]
    folders = {path.parent for path in caching}
    assert folders == {librosa / name for name in SUBFOLDERS}
    named = {UserProvidedCacheLocator.get_suitable_cache_subpath(str(path)) for path in caching}
    assert {path.name for path in numba_cache._Cache(librosa, Path("given")).folders} == named
    in_tree = {
        InTreeCacheLocator(test_the_folders_are_those_that_numba_writes, str(p)).get_cache_path() for p in caching
    }
    assert {str(path) for path in numba_cache._Cache(librosa, None).folders} == in_tree


# Print the functions of guvectorize that are called: each has two files that must come from the same process.
CALLED = """
from numba.np.ufunc.gufunc import GUFunc
from soundsift import numba_cache
called, real = set(), GUFunc.__call__
def call(self, *args, **kwargs):
    called.add(self.__name__)
    return real(self, *args, **kwargs)
GUFunc.__call__ = call
exec(numba_cache.CALLS)
print(*called)
"""


def test_every_function_of_which_numba_writes_two_files_is_called() -> None:
    done = subprocess.run([sys.executable, "-c", CALLED], capture_output=True, text=True, check=True)
    text = "".join(path.read_text(encoding="utf-8") for path in numba_cache._librosa().rglob("*.py"))
    pairs = re.findall(r"^@(?:numba\.)?guvectorize\(.*?^def (\w+)", text, flags=re.MULTILINE | re.DOTALL)
    assert len(pairs) > 5
    assert set(done.stdout.split()) == set(pairs)


def test_a_process_that_compiles_keeps_the_lock_when_its_parent_is_killed(place: Place) -> None:
    program = f"""
from pathlib import Path
from soundsift import numba_cache
numba_cache.CALLS = "import sys; sys.stdout.close(); open({str(place.calls)!r}, 'w').close(); sys.stdin.read()"
cache = numba_cache._Cache(Path({str(place.librosa)!r}), Path({str(place.tmp)!r}))
with cache.locked() as lock:
    cache.compile(lock)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as parent:
        while not place.calls.exists():
            assert parent.poll() is None
            time.sleep(0.01)
        parent.kill()
        parent.wait()
        with open(place.tmp / "soundsift-numba.lock", "a") as lock:
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            assert parent.stdin
            parent.stdin.close()  # the process that compiles ends
            fcntl.flock(lock, fcntl.LOCK_EX)
