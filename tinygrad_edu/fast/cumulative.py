"""Compiled running sums."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..parallel import in_parts
from .compiling import compiled, fits

__all__ = ["running_sums"]

Array = np.ndarray[Any, Any]


def running_sums(input: Array, axis: int, backwards: bool) -> Any:
    """Add up along an axis, keeping every intermediate sum."""
    if not fits(input):
        return NotImplemented
    out = np.empty(input.shape, input.dtype)
    shape = (prod(input.shape[:axis]), input.shape[axis], prod(input.shape[axis + 1 :]))
    x, sums = input.reshape(shape), out.reshape(shape)
    if shape[2] == 1:
        in_parts(lambda i: _along_rows(x[i, :, 0], backwards, sums[i, :, 0]), shape[0], input.size)
    else:
        in_parts(lambda i: _across_rows(x[i], backwards, sums[i]), shape[0], input.size // 4)
    return out


@compiled
def _along_rows(x: Array, backwards: bool, out: Array) -> None:
    n = x.shape[1]
    for a in range(x.shape[0]):
        total = x.dtype.type(0)
        for i in range(n):
            t = n - 1 - i if backwards else i
            total += x[a, t]
            out[a, t] = total


@compiled
def _across_rows(x: Array, backwards: bool, out: Array) -> None:
    n = x.shape[1]
    for a in range(x.shape[0]):
        for i in range(n):
            t = n - 1 - i if backwards else i
            before = t + 1 if backwards else t - 1
            row, sums = x[a, t], out[a, t]
            if i == 0:
                sums[:] = row
            else:
                last = out[a, before]
                for b in range(row.size):
                    sums[b] = last[b] + row[b]
