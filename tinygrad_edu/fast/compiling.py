"""How kernels are compiled, and which arrays they take; it does not know what they compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

__all__ = ["compiled", "fits"]

_REAL = (np.dtype(np.float32), np.dtype(np.float64))

# Sums may be taken in another order, which lets them use the processor's vectors; NaN and infinity stay what they are.
_ROUNDING = {"reassoc", "contract", "arcp", "nsz"}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays when it is first called; it lets go of Python's lock while it runs."""
    made: Callable[..., Any] = numba.njit(nogil=True, cache=True, fastmath=_ROUNDING, error_model="numpy")(function)
    return made


def fits(first: Any, *others: Any) -> bool:
    """Tell whether arrays are what the kernels are compiled for: float32 or float64, all one, in C order, writeable.

    None among them is nothing to object to.
    """
    dtype = first.dtype
    if dtype not in _REAL:
        return False
    for array in (first, *others):
        if array is None:
            continue
        flags = array.flags
        if array.dtype != dtype or not (flags.c_contiguous and flags.writeable):
            return False
    return True
