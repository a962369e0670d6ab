"""Cutting arrays into pieces that fit the processor's cache; does not know what is computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["BLOCK", "blocks"]

Array = np.ndarray[Any, Any]

BLOCK = 32768  # elements: 128 KiB in float32


def blocks(grad: Array, *arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Walk through arrays of one shape piece by piece.

    An update is a dozen elementwise passes over the same arrays. Done on one piece after the other,
    all passes but the first find their operands in the cache.

    Parameters
    ----------
    grad : ndarray
        Is only read.
    *arrays : ndarray
        May be written to.

    Yields
    ------
    tuple of ndarray
        The same piece of every array, in the order given, and two buffers of its shape and dtype
        with undefined contents.
    """
    first = arrays[0]
    if first.size <= BLOCK or not all(a.flags.c_contiguous for a in arrays):
        yield grad, *arrays, np.empty_like(first), np.empty_like(first)
        return
    flat = [a.reshape(-1) for a in (grad, *arrays)]
    buffers = np.empty((2, BLOCK), first.dtype)
    for start in range(0, first.size, BLOCK):
        pieces = [a[start : start + BLOCK] for a in flat]
        n = len(pieces[0])
        yield *pieces, buffers[0, :n], buffers[1, :n]
