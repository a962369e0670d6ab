"""Threads: run parts of one computation side by side; it does not know what is computed.

NumPy lets go of Python's lock while it copies, adds or multiplies large arrays, so two Python threads keep two cores
busy. The BLAS is held to one thread meanwhile. Its own threads, once woken, wait for more work by spinning (OpenBLAS: a
tenth of a second): good for the next product, bad for everything else, from which it takes a core away. So programs
that mostly multiply leave products to the BLAS's threads, and programs that mostly split other work do not wake them.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

__all__ = [
    "GRAIN",
    "WAKES",
    "get_num_threads",
    "in_parts",
    "look_for_blas",
    "one_blas_thread",
    "rather_own_threads",
    "set_num_threads",
]

GRAIN = 1 << 15
"""Elements that are worth a thread of their own: handing work over costs about as long as two passes over them."""

WAKES = 4096
"""Elements from which on a BLAS may use threads of its own, for sums and products with vectors."""

_MOST = 32  # votes: how long what happened is remembered

_AVX512 = ("SkylakeX", "Cooperlake", "SapphireRapids")  # OpenBLAS's names

_here = threading.local()  # .busy: this thread works on a part already
_lock = threading.RLock()


class _State:
    """What exists once a process: made when it is first needed, so that importing costs nothing."""

    threads: int | None = None
    pool: ThreadPoolExecutor | None = None
    blas: list[Any] | None = None
    holders = 0  # computations that hold the BLAS to one thread now
    votes = 0  # above 0: more was split lately than multiplied


def get_num_threads() -> int:
    """Return how many threads one operation may use.

    At first that is the number of threads of the BLAS (which reads ``OPENBLAS_NUM_THREADS``,
    ``OMP_NUM_THREADS`` and ``MKL_NUM_THREADS``), but no more than the cores this process may run on.

    Returns
    -------
    int
    """
    if _State.threads is None:
        with _lock:
            _State.threads = min([_cores(), *(lib.num_threads for lib in _blas())])
    return _State.threads


def set_num_threads(n: int) -> None:
    """Let one operation use ``n`` threads: the BLAS's, and those that convolutions and long passes are split over.

    Parameters
    ----------
    n : int
        At least 1. More than there are cores is slower.

    Raises
    ------
    RuntimeError
        If ``n`` is no integer or less than 1.
    """
    if type(n) is not int:
        raise RuntimeError(f"set_num_threads expects an int, but got {type(n).__name__}; pass the number of threads.")
    if n < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {n}; 1 means no side threads.")
    with _lock:
        _State.threads = n
        _State.blas = None  # a BLAS that was loaded since is found too
        for library in _blas():
            library.set_num_threads(n)
        _drop_pool()


def in_parts(work: Callable[[slice], Any], n: int, elements: int) -> list[Any]:
    """Call ``work(part)`` for slices that cover ``range(n)``, each on a thread of its own.

    Parameters
    ----------
    work : callable
        Takes a slice. Calls run at the same time, so each may only write where no other does.
    n : int
        How many items there are to divide, usually the length of the first axis.
    elements : int
        How many numbers pass through all calls together: with fewer than :data:`GRAIN` for each part,
        there are fewer parts.

    Returns
    -------
    list
        What the calls returned, in the order of the parts. Which parts there are depends on the number of
        threads, so a sum over them may differ in its last digit from one machine to another.

    Raises
    ------
    Exception
        The first that a call raised, after all have ended.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(6.0)
    >>> in_parts(lambda part: x[part].sum(), 6, x.size)
    [np.float64(15.0)]
    """
    count = min(n, elements // GRAIN)
    if count > 1:
        count = 1 if getattr(_here, "busy", False) else min(count, get_num_threads())
    if count <= 1:
        if elements < WAKES or _State.votes <= 0:
            return [work(slice(0, n))]
        with one_blas_thread:
            return [work(slice(0, n))]
    _State.votes = min(_State.votes + 2, _MOST)
    parts = [slice(n * i // count, n * (i + 1) // count) for i in range(count)]
    with one_blas_thread:
        others = [_submit(work, part) for part in parts[1:]]
        try:
            results = [_work(work, parts[0])]
        finally:
            for other in others:  # even after an error: nobody may write to the arrays any more
                other.exception()
        return results + [other.result() for other in others]


def rather_own_threads() -> bool:
    """Tell whether a large product should wake no thread of the BLAS: more was split lately than multiplied."""
    _State.votes = max(_State.votes - 1, -_MOST)
    return _State.votes > 0


def _submit(work: Callable[[slice], Any], part: slice) -> Future[Any]:
    # NumPy's errstate lives in the context.
    return _pool().submit(contextvars.copy_context().run, _work, work, part)


def _work(work: Callable[[slice], Any], part: slice) -> Any:
    _here.busy = True
    try:
        return work(part)
    finally:
        _here.busy = False


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _pool() -> ThreadPoolExecutor:
    if _State.pool is None:
        with _lock:
            if _State.pool is None:
                _State.pool = ThreadPoolExecutor(max(1, get_num_threads() - 1), "tinygrad_edu")
    return _State.pool


def _drop_pool() -> None:
    if _State.pool is not None:
        _State.pool.shutdown(wait=False)
        _State.pool = None


def look_for_blas() -> None:
    """Count in a BLAS that was loaded since: it is held to one thread like the others."""
    with _lock:
        _State.blas = None


def blas_takes_small() -> bool:
    """Tell whether the BLAS multiplies small matrices where they lie: OpenBLAS does, on processors with AVX-512.

    Otherwise it copies all matrices into an order of its own, which takes long when there are many small ones.
    """
    return all(getattr(library, "architecture", None) in _AVX512 for library in _blas())


def _blas() -> list[Any]:
    """Give the libraries that multiply matrices in this process."""
    if _State.blas is None:
        from threadpoolctl import ThreadpoolController

        found = ThreadpoolController().lib_controllers
        _State.blas = [library for library in found if library.user_api == "blas"]
    return _State.blas


class _OneBlasThread:
    """Hold the BLAS to one thread; the last of several holders at a time gives it back its own. About 2 us."""

    def __enter__(self) -> None:
        with _lock:
            _State.holders += 1
            if _State.holders == 1:
                get_num_threads()  # asks the BLAS how many it had at first
                for library in _blas():
                    library.set_num_threads(1)

    def __exit__(self, *exc: object) -> None:
        with _lock:
            _State.holders -= 1
            if _State.holders == 0:
                threads = get_num_threads()
                for library in _blas():
                    library.set_num_threads(threads)


one_blas_thread = _OneBlasThread()
"""``with one_blas_thread: x @ y`` wakes no thread of the BLAS. It may be nested, and entered by several threads."""


def _forget_threads() -> None:
    """Start anew in a forked process: it has none of its parent's threads."""
    global _lock
    _lock = threading.RLock()
    _State.pool, _State.holders = None, 0
    _here.busy = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
