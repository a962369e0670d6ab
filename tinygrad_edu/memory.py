"""Freed memory: it stays with the process for the next training step. What is stored in it does not matter here."""

from __future__ import annotations

import numpy as np

__all__ = ["keep_freed_memory"]

# The largest block after which the GNU C library still moves its thresholds is 32 MiB, its own header included.
_BLOCK = (32 << 20) - 8192


def keep_freed_memory() -> None:
    """Let the C library keep up to 64 MiB of freed memory, not return it to the system at once.

    A training step frees its activations and allocates as much again. When they went back to the system in between,
    every page (4 KiB) of the next step has to be fetched anew, about a microsecond each: a third of the time of a
    small network's step. The GNU C library learns from use: having freed a large block, it keeps twice as much from
    then on. So a block is allocated and freed; it is never written to, so it costs no memory, and a few microseconds.

    Other C libraries are not affected, nor is a process in which ``MALLOC_MMAP_THRESHOLD_`` or
    ``MALLOC_TRIM_THRESHOLD_`` is set in the environment.

    References
    ----------
    The manual page of ``mallopt(3)``: M_MMAP_THRESHOLD, "dynamic mmap threshold".
    """
    np.empty(_BLOCK, np.uint8)
