"""Run a formula on pieces that fit into the processor's cache; it does not know which formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

__all__ = ["BLOCK", "blockwise", "cuts"]

# 256 KB of float32: the temporaries of a formula stay in the second-level cache (1 to 2 MB).
BLOCK = 65536


def cuts(array: np.ndarray[Any, Any]) -> list[slice]:
    """Cut the first axis into pieces of at most :data:`BLOCK` elements, or of one row.

    For formulas that need whole rows: a loop over these pieces keeps its temporaries in the cache.

    Examples
    --------
    >>> cuts(np.zeros((5, 30_000)))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, BLOCK // max(1, math.prod(array.shape[1:])))
    return [slice(start, start + step) for start in range(0, len(array), step)]


def blockwise(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Run an elementwise formula of several passes block by block when its arrays are large.

    NumPy makes one pass over memory for every operator, and a large temporary leaves the cache
    before the next pass reads it. On a million float32 elements this halves the time of erf.

    Parameters
    ----------
    formula : callable
        ``formula(*args)``: its first argument and every other array among them have one shape, and
        so has the result. Anything that is no array is handed on as it is; Tensors are not cut, so
        a derivative that is recorded runs the plain formula.

    Returns
    -------
    callable
        The same function of the same arguments.

    Examples
    --------
    >>> import numpy as np
    >>> square_plus_one = blockwise(lambda x: x * x + 1)
    >>> square_plus_one(np.full(100_000, 2.0)).max()
    np.float64(5.0)
    """

    @wraps(formula)
    def run(*args: Any) -> Any:
        first = args[0]
        if not isinstance(first, np.ndarray) or first.size <= BLOCK:
            return formula(*args)
        flat = [a.reshape(-1) if isinstance(a, np.ndarray) else a for a in args]
        out = None
        for start in range(0, first.size, BLOCK):
            cut = slice(start, start + BLOCK)
            block = formula(*[a[cut] if isinstance(a, np.ndarray) else a for a in flat])
            if out is None:
                out = np.empty(first.size, block.dtype)
            out[cut] = block
        assert out is not None
        return out.reshape(first.shape)

    return run
