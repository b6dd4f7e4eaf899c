"""librosa's compiled functions: compile them once, before several processes use librosa at the same time.

The first import of librosa compiles many functions, which takes most of a minute, and numba keeps them in a cache. If
two processes compile the same function at once, the two files of a function may come from different processes, and
every later call of it ends in a segmentation fault (numba 10128). Therefore the first process compiles everything
while the others wait. Later processes find a stamp in the cache. It names the compiled files, because a cache may lose
some of them.

As a command, for set-up, this module also checks the cache and compiles again if it is broken::

    python -m soundsift.numba_cache
"""

import errno
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from soundsift.files import write_text
from soundsift.homes import temporary_home

# Subfolders of librosa that hold functions which numba caches.
SUBFOLDERS = ("", "core", "feature", "util")
# Longest wait for another process that compiles. Compiling takes 50 s on an idle core.
WAIT_SECONDS = 900.0
# Calls every function that is compiled at import.
CALLS = """
import librosa
import numpy as np
noise = np.random.default_rng(0).standard_normal(22050)
for y in (noise.astype(np.float32), noise):
    librosa.feature.chroma_stft(y=y)
    librosa.feature.zero_crossing_rate(y=y)
    librosa.onset.onset_detect(y=y)
    librosa.beat.beat_track(y=y)
    librosa.util.localmin(y)
"""

log = logging.getLogger("soundsift")


@dataclass(frozen=True)
class _Cache:
    """A place where numba may keep librosa's compiled functions.

    Attributes
    ----------
    librosa
        The folder of the package librosa.
    given
        The folder that numba is given; None if numba writes to the folders ``__pycache__`` of librosa.
    """

    librosa: Path
    given: Path | None

    @property
    def folder(self) -> Path:
        """Folder of the stamps and of the lock."""
        return self.given or self.librosa / "__pycache__"

    @property
    def folders(self) -> list[Path]:
        """Folders of the compiled functions, named as numba names them."""
        sources = [self.librosa / name for name in SUBFOLDERS]
        if self.given is None:
            return [source / "__pycache__" for source in sources]
        return [self.given / f"{source.name}_{hashlib.sha1(bytes(source)).hexdigest()}" for source in sources]

    @property
    def lock(self) -> Path:
        return self.folder / "soundsift-numba.lock"

    @property
    def stamp(self) -> Path:
        """File that names all compiled files, once everything is compiled for these versions and this processor."""
        import llvmlite
        import llvmlite.binding
        import numba

        features = ""
        with suppress(RuntimeError):  # some processors have no description
            features = llvmlite.binding.get_host_cpu_features().flatten()
        # a copied environment is another one; versions of numba before 0.60 compare the time of the source
        source = self.librosa / "util" / "utils.py"
        key = (
            str(source), source.stat().st_mtime_ns, numba.__version__, llvmlite.__version__, sys.version,
            llvmlite.binding.get_host_cpu_name(), features,
            *(os.environ.get(f"NUMBA_{name}") for name in ("CPU_NAME", "CPU_FEATURES", "ENABLE_AVX")),
        )  # fmt: skip
        return self.folder / f"soundsift-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.compiled"

    def _compiled(self) -> list[Path]:
        """Return the files of compiled functions: indices and code."""
        return [file for folder in self.folders for file in folder.glob("*.nb[ic]")]

    def set_stamp(self) -> None:
        """Note the compiled files."""
        write_text(json.dumps(self._sizes()), self.stamp)

    def _sizes(self) -> dict[str, int]:
        """Names and sizes of the compiled files."""
        base = self.given or self.librosa
        return {str(file.relative_to(base)): file.stat().st_size for file in sorted(self._compiled())}

    def is_complete(self) -> bool:
        """Return whether there is a stamp, and every file that it names in its size."""
        try:
            noted = json.loads(self.stamp.read_text(encoding="utf-8"))
            return bool(noted.items() <= self._sizes().items())
        except (OSError, ValueError, AttributeError):  # stamps of earlier versions are empty
            return False

    def is_writable(self) -> bool:
        """Try to write a file into each folder, as numba does when it looks for a place."""
        try:
            for folder in (self.folder, *self.folders):
                folder.mkdir(parents=True, exist_ok=True)
                tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            return False
        return True

    def use(self) -> None:
        """Let numba use this cache, in this process and in those that it starts."""
        import numba

        os.environ.pop("NUMBA_CACHE_DIR", None)
        if self.given is not None:
            os.environ["NUMBA_CACHE_DIR"] = str(self.given)
        numba.config.reload_config()  # numba may have been imported before

    def delete(self) -> None:
        """Delete the compiled functions, and the stamps of all versions and processors."""
        for file in (*self.folder.glob("soundsift-*.compiled"), *self._compiled()):
            file.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Hold the lock of this cache, and yield its file descriptor.

        Raises
        ------
        OSError
            The file system gives no locks, the lock belongs to another user, or (TimeoutError) it was not released.
        """
        import fcntl

        with open(self.lock, "a") as file:
            give_up = time.monotonic() + WAIT_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as error:
                    if error.errno not in (errno.EAGAIN, errno.EACCES):
                        raise
                    if time.monotonic() > give_up:
                        raise TimeoutError from None
                    time.sleep(0.1)
            yield file.fileno()

    def compile(self, *locks: int) -> str:
        """Compile what is missing, in a new process, and write the stamp. If that fails, begin with an empty cache.

        Parameters
        ----------
        locks
            File descriptors of locks. The new process holds them too: it may outlive this one.

        Returns
        -------
        What is to be told: an empty string if all is well.
        """
        logging.info("compiling librosa's functions once: about a minute")
        self.stamp.unlink(missing_ok=True)
        if not _call_fails(*locks):
            self.set_stamp()
            return ""
        self.delete()
        if reason := _call_fails(*locks):
            return f"librosa does not work in this environment: {reason}"
        self.set_stamp()
        return f"the compiled functions of librosa in {self.folder} were broken and have been compiled again"


def compile_librosa_once() -> None:
    """Make sure that librosa's functions are compiled, or that no other process compiles them in the same place.

    To be called before librosa is imported. It takes a few milliseconds if everything is compiled.
    """
    if "librosa.util.utils" in sys.modules or os.name != "posix":
        return  # this process has the functions already, or there are no locks (Windows)
    for cache in _caches():
        if not cache.is_writable():
            continue
        cache.use()
        if cache.is_complete():
            return
        try:
            with cache.locked() as lock:
                message = "" if cache.is_complete() else cache.compile(lock)
        except TimeoutError:
            waited = f"{WAIT_SECONDS:.0f} s"
            log.warning(f"{cache.lock} was locked for {waited}: this process compiles librosa's functions for itself")
            break
        except OSError:
            continue
        if message:
            log.warning(message)
        return
    folder = Path(tempfile.mkdtemp(prefix="soundsift-numba-"))
    # unlike atexit, this also runs at the end of a worker process
    Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=0)
    _Cache(_librosa(), folder).use()


def _librosa() -> Path:
    import librosa

    return Path(librosa.__file__).parent


def _caches() -> Iterator[_Cache]:
    """Possible places, in the order of preference."""
    librosa = _librosa()
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        yield _Cache(librosa, Path(given).absolute())
    yield _Cache(librosa, None)
    # where numba itself goes next, on Linux
    users = Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache"))
    if users.is_absolute():
        yield _Cache(librosa, users / "numba")
    if shared := temporary_home():
        yield _Cache(librosa, shared / "numba")


def _call_fails(*locks: int) -> str:
    """Call librosa's functions in a new process; return the reason if it fails, else an empty string."""
    command = [sys.executable, "-c", CALLS]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", pass_fds=locks)
    if done.returncode == 0:
        return ""
    if done.returncode < 0:
        return f"its functions end with signal {-done.returncode}"
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]


def main() -> None:
    """Compile in the first writable place and check it. Print nothing if all is well."""
    cache = next((cache for cache in _caches() if cache.is_writable()), None)
    if cache is None:
        sys.exit("soundsift: no folder is writable: set TMPDIR to one that is")
    cache.use()
    try:
        with cache.locked() as lock:
            message = cache.compile(lock)
    except OSError:
        message = cache.compile()  # without a lock: set-up is one process
    if not cache.is_complete():
        sys.exit(f"soundsift: {message}")
    if message:
        print(f"soundsift: {message}")


if __name__ == "__main__":
    main()
