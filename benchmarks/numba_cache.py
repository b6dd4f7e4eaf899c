"""Count segmentation faults after several processes have imported librosa for the first time.

    python benchmarks/numba_cache.py [--processes 2 4 8] [--rounds 30] [--ways before after] [--whole]

In each round, N processes import librosa with a cache in which functions are missing. Then a new process calls
``chroma_stft``. *Before* is a plain import of librosa; *after* calls ``compile_librosa_once`` first, as the workflow's
jobs do. Each process starts at a random time within the time that one import takes: processes that start at the same
moment name their functions equally, so that mixed files fit by accident.

With ``--whole`` the cache is empty. Otherwise ``_localmax`` is missing, the first function that librosa compiles, which
``chroma_stft`` calls. To save time, the processes are forks of one that has imported numba. All caches are in a
temporary folder.
"""

import argparse
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import librosa  # loads its modules, which use numba, at their first use
import numba
import numpy as np

from soundsift.numba_cache import compile_librosa_once

SEED = 0


def plain_import() -> None:
    """Import librosa's functions as any program does."""
    import librosa.util.utils  # noqa: F401


def safe_import() -> None:
    """Import librosa's functions as the jobs do."""
    compile_librosa_once()
    plain_import()


WAYS = {"before": plain_import, "after": safe_import}


def chroma() -> None:
    """Call the function that ends in a segmentation fault if the cache is broken."""
    noise = np.random.default_rng(SEED).standard_normal(22050).astype(np.float32)
    librosa.feature.chroma_stft(y=noise)


def start(work: Callable[[], None], cache: Path) -> int:
    """Call a function in a new process with a cache folder; return the process's number."""
    if process := os.fork():
        return process
    status = 1
    try:
        os.environ["NUMBA_CACHE_DIR"] = str(cache)
        numba.config.reload_config()
        work()
        status = 0
    finally:
        os._exit(status)


def wait(process: int) -> int:
    """Wait for a process; return its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def remove_localmax(cache: Path) -> None:
    """Remove ``_localmax`` and the stamp from a complete cache."""
    for file in (*cache.glob("*/*_localmax-*"), *cache.glob("soundsift-*")):
        file.unlink()


def one_round(way: str, n_processes: int, spread_seconds: float, cache: Path) -> str:
    """Let processes import, then call; return how the call ended, or ``import`` if an import failed."""
    delays = sorted(random.uniform(0, spread_seconds) for _ in range(n_processes))
    started, processes = time.monotonic(), []
    for delay in delays:
        time.sleep(max(0.0, started + delay - time.monotonic()))
        processes.append(start(WAYS[way], cache))
    if any([wait(process) for process in processes]):  # noqa: C419, every process is waited for
        return "import"
    return {0: "works", -signal.SIGSEGV: "fault"}.get(wait(start(chroma, cache)), "other")


def main() -> None:
    """Print a line per way and number of processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--whole", action="store_true", help="begin each round with an empty cache")
    args = parser.parse_args()
    random.seed(SEED)
    with tempfile.TemporaryDirectory() as temporary:
        first, cache = Path(temporary) / "first", Path(temporary) / "cache"
        first.mkdir()
        if not args.whole:
            wait(start(chroma, first))
            remove_localmax(first)
        print(
            f"{'way':6} {'processes':>9} {'rounds':>6} {'faults':>6} {'other':>5} {'spread (s)':>10} {'s a round':>9}"
        )
        for way in args.ways:
            for n_processes in args.processes:
                shutil.rmtree(cache, ignore_errors=True)
                shutil.copytree(first, cache)
                began = time.monotonic()
                wait(start(plain_import, cache))
                spread = time.monotonic() - began
                ended: Counter[str] = Counter()
                began = time.monotonic()
                for _ in range(args.rounds):
                    shutil.rmtree(cache)
                    shutil.copytree(first, cache)
                    ended[one_round(way, n_processes, spread, cache)] += 1
                seconds = (time.monotonic() - began) / args.rounds
                other = args.rounds - ended["fault"] - ended["works"]
                counts = f"{args.rounds:6} {ended['fault']:6} {other:5}"
                print(f"{way:6} {n_processes:9} {counts} {spread:10.1f} {seconds:9.1f}", flush=True)


if __name__ == "__main__":
    main()
