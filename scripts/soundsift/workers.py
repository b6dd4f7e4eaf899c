"""The processes that share the clips of one job."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Clips handed over at once: few enough that no process ends long before the others.
N_AT_ONCE = 4


def in_order(work: Callable[[Item], Result], items: Sequence[Item], n_processes: int) -> Iterator[Result]:
    """Do the same to every item, results in order; one process works right here.

    Parameters
    ----------
    work
        A function at the top of a module, or a partial of one: processes are handed its name.
    """
    if n_processes == 1:
        yield from map(work, items)
        return
    with ProcessPoolExecutor(min(n_processes, max(1, len(items)))) as pool:
        yield from pool.map(work, items, chunksize=N_AT_ONCE)
