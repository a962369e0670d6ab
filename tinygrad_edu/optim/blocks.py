"""Sharing an update out among threads, and cutting it into pieces that fit the processor's cache.

It does not know what is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..kernels import is_compiled
from ..parallel import in_parts

__all__ = ["BLOCK", "LONG", "Job", "blocks", "share"]

Array = np.ndarray[Any, Any]

BLOCK = 131072
"""Elements of a piece: 512 KiB in float32. Smaller ones find more in the cache, but threads wait for each other."""

LONG = 65536
"""Elements from which a NumPy call is long enough to work beside another one."""

PASSES = 4  # an update costs a thread as much as some plain passes over its elements
CHEAP = 8  # compiled, it costs an eighth of one

Job = tuple[tuple[Array, ...], Any]
"""The arrays of one parameter, its gradient first, all of one shape, and the numbers of its step."""


def share(update: Callable[..., None], jobs: Sequence[Job]) -> None:
    """Call ``update(*arrays, numbers)`` for every job, in parts and on several threads where that pays.

    All parameters are treated as one long vector, without joining them: each thread gets a stretch of it.

    Parameters
    ----------
    update : callable
        An accelerated function that writes to the arrays. They are those of the job, or the same stretch of each.
    jobs : sequence of Job
        No two may write to the same memory.
    """
    sizes = [arrays[0].size for arrays, _ in jobs]
    total = sum(sizes)
    usual = total // max(len(jobs), 1)  # there may be no gradient at all
    compiled = is_compiled(update.__name__, usual)
    if usual >= LONG or (usual and compiled):
        work = total // CHEAP if compiled else total * PASSES
        in_parts(lambda part: _update_stretch(update, jobs, sizes, part), total, work)
    else:
        for arrays, numbers in jobs:
            update(*arrays, numbers)


def _update_stretch(update: Callable[..., None], jobs: Sequence[Job], sizes: list[int], part: slice) -> None:
    """Update what lies between two places of the long vector."""
    start = 0
    for size, (arrays, numbers) in zip(sizes, jobs):
        first, last = max(part.start - start, 0), min(part.stop - start, size)
        start += size
        if first >= last:
            continue
        if last - first == size:
            update(*arrays, numbers)
        elif _can_be_cut(arrays):
            update(*[a.reshape(-1)[first:last] for a in arrays], numbers)
        elif first == 0:  # whole, by the thread that has its beginning
            update(*arrays, numbers)


def blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Walk through arrays of one shape piece by piece.

    An update is a dozen elementwise passes over the same arrays. Done on one piece after the other,
    all passes but the first find their operands in the cache.

    Parameters
    ----------
    *arrays : ndarray
        The first has the dtype of the buffer.

    Yields
    ------
    tuple of ndarray
        The same piece of every array, in the order given, and a buffer of its shape and dtype with
        undefined contents.
    """
    model = arrays[0]
    if model.size <= BLOCK or not _can_be_cut(arrays):
        yield *arrays, np.empty_like(model)
        return
    flat = [a.reshape(-1) for a in arrays]
    buffer = np.empty(BLOCK, model.dtype)
    for start in range(0, model.size, BLOCK):
        pieces = [a[start : start + BLOCK] for a in flat]
        yield *pieces, buffer[: len(pieces[0])]


def _can_be_cut(arrays: Sequence[Array]) -> bool:
    """Tell whether ``reshape(-1)`` gives all arrays without a copy and in one order."""
    return all(a.flags.c_contiguous for a in arrays)
