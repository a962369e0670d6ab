"""Memory that is used again and again, one piece per thread and name; it does not know for what."""

from __future__ import annotations

import threading
from math import prod
from typing import Any

import numpy as np

__all__ = ["LIMIT", "room"]

LIMIT = 8 << 20
"""Bytes: larger pieces are made when they are asked for and given back at once."""

_here = threading.local()


def room(name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray[Any, Any]:
    """Give an array that holds whatever was left in it, until this thread asks for the same name again.

    New memory costs as much as several passes over it, because the system hands it out page by page, filled with
    zeros. So a kernel keeps what it works in: at most :data:`LIMIT` bytes a name and thread.

    Parameters
    ----------
    name : str
        Arrays that are needed at the same time have different names.
    shape : tuple of int
        Its shape; in memory it lies in C order.
    dtype : dtype
        Its dtype.

    Returns
    -------
    ndarray
        Never to be handed to anybody who keeps it.

    Examples
    --------
    >>> first = room("example", (2, 3), np.float32)
    >>> np.shares_memory(first, room("example", (3,), np.float64))
    True
    """
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    if size > LIMIT:
        return np.empty(shape, dtype)
    kept = _here.__dict__
    piece = kept.get(name)
    if piece is None or piece.size < size:
        piece = kept[name] = np.empty(size, np.uint8)
    return np.ndarray(shape, dtype, piece)
