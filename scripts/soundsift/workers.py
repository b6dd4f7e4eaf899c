"""Parallel processing of the clips of one job."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Short items sent to a process at a time. With more, some processes would finish long before the others.
CHUNK_SIZE = 4


def in_order(
    work: Callable[[Item], Result], items: Sequence[Item], n_processes: int, chunk_size: int = CHUNK_SIZE
) -> Iterator[Result]:
    """Apply a function to every item in several processes; give the results in the order of the items.

    Parameters
    ----------
    work
        A function defined at the top level of a module, or a partial of one, so that it can be pickled.
    n_processes
        With 1, the function is called in this process.
    chunk_size
        Items sent to a process at a time.
    """
    if n_processes == 1:
        yield from map(work, items)
        return
    with ProcessPoolExecutor(min(n_processes, max(1, len(items)))) as pool:
        yield from pool.map(work, items, chunksize=chunk_size)
