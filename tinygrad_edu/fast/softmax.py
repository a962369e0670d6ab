"""Compiled softmax, its logarithm, and their derivatives, for rows of float32 that lie one after the other.

A row is read while it is in the cache: its exponentials, their sum and the quotient are one pass over memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..parallel import in_parts
from .compiling import compiled, fits
from .elementwise import exp_single

__all__ = ["exponentials", "log_probabilities", "log_softmax_kernel", "probabilities", "softmax_kernel"]

Array = np.ndarray[Any, Any]

_CHEAP = 4  # a row's pass takes a quarter of the time that parallel.GRAIN counts with


def probabilities(x: Array, axis: int) -> Any:
    """Give the softmax along the last axis."""
    return _alike(_probabilities, axis, x)


def log_probabilities(x: Array, axis: int) -> Any:
    """Give the logarithm of the softmax along the last axis."""
    return _alike(_log_probabilities, axis, x)


def exponentials(x: Array, axis: int) -> Any:
    """Give the exponentials, their sums along the last axis, and the largest scores, which were subtracted."""
    if not _takes(axis, x):
        return NotImplemented
    out, totals = np.empty(x.shape, x.dtype), np.empty((*x.shape[:-1], 1), x.dtype)
    top = np.empty_like(totals)
    _by_rows(_exponentials, x, out, totals, top)
    return out, totals, top


def softmax_kernel(g: Array, out: Array, axis: int) -> Any:
    """Give ``out * (g - sum(g * out))``."""
    return _alike(_softmax_slope, axis, g, out)


def log_softmax_kernel(g: Array, out: Array, axis: int) -> Any:
    """Give ``g - exp(out) * sum(g)``."""
    return _alike(_log_softmax_slope, axis, g, out)


def _alike(loop: Any, axis: int, *arrays: Array) -> Any:
    """Run a loop over rows that makes one array, like the others."""
    if not _takes(axis, *arrays):
        return NotImplemented
    result = np.empty(arrays[0].shape, arrays[0].dtype)
    _by_rows(loop, *arrays, result)
    return result


def _takes(axis: int, x: Array, *others: Array) -> bool:
    return axis == x.ndim - 1 and x.dtype == np.float32 and x.size > 0 and fits(x, *others)


def _by_rows(loop: Any, *arrays: Array) -> None:
    """Run a loop over arrays of rows: (..., n) -> (rows, n)."""
    rows = [array.reshape(-1, array.shape[-1]) for array in arrays]
    in_parts(lambda part: loop(*[array[part] for array in rows]), len(rows[0]), arrays[0].size // _CHEAP)


_LANES = 16  # numbers that the processor compares at a time
_LEAST, _MOST = np.float32(1e-4), np.float32(1e30)  # see ops.softmax


@compiled
def _largest(x: Array, lanes: Array) -> Any:
    """Give the largest number of a row: that of every lane, then the largest of these.

    A single running maximum would be one comparison after another. A NaN may be passed over: it makes the sum of the
    exponentials, and so the whole row, NaN.
    """
    whole = x.size - x.size % _LANES
    lanes[:] = x[0]
    for start in range(0, whole, _LANES):
        block = x[start : start + _LANES]
        for lane in range(_LANES):
            lanes[lane] = block[lane] if block[lane] > lanes[lane] else lanes[lane]
    top = lanes[0]
    for lane in range(1, _LANES):
        top = lanes[lane] if lanes[lane] > top else top
    for j in range(whole, x.size):
        top = x[j] if x[j] > top else top
    return top


@compiled
def _exponentials_of_row(x: Array, top: Any, out: Array) -> Any:
    total = np.float32(0)
    for j in range(x.size):
        out[j] = exp_single(x[j] - top)
        total += out[j]
    return total


@compiled
def _exponentials(x: Array, out: Array, totals: Array, top: Array) -> None:
    lanes = np.empty(_LANES, np.float32)
    for r in range(x.shape[0]):
        top[r, 0] = _largest(x[r], lanes)
        totals[r, 0] = _exponentials_of_row(x[r], top[r, 0], out[r])


@compiled
def _probabilities(x: Array, out: Array) -> None:
    lanes = np.empty(_LANES, np.float32)
    for r in range(x.shape[0]):
        row = out[r]
        total = _exponentials_of_row(x[r], np.float32(0), row)
        if not _LEAST <= total <= _MOST:
            total = _exponentials_of_row(x[r], _largest(x[r], lanes), row)
        for j in range(row.size):
            row[j] /= total


@compiled
def _log_probabilities(x: Array, out: Array) -> None:
    lanes = np.empty(_LANES, np.float32)
    for r in range(x.shape[0]):
        scores, row = x[r], out[r]
        top = _largest(scores, lanes)
        log = np.log(_exponentials_of_row(scores, top, row))
        for j in range(row.size):
            row[j] = scores[j] - top
        for j in range(row.size):  # not in one expression, where the two numbers might be added up first
            row[j] -= log


@compiled
def _softmax_slope(g: Array, y: Array, out: Array) -> None:
    for r in range(g.shape[0]):
        g_row, y_row, row = g[r], y[r], out[r]
        along = np.float32(0)
        for j in range(row.size):
            along += g_row[j] * y_row[j]
        for j in range(row.size):
            row[j] = y_row[j] * (g_row[j] - along)


@compiled
def _log_softmax_slope(g: Array, y: Array, out: Array) -> None:
    for r in range(g.shape[0]):
        g_row, y_row, row = g[r], y[r], out[r]
        total = np.float32(0)
        for j in range(row.size):
            total += g_row[j]
        for j in range(row.size):
            row[j] = g_row[j] - exp_single(y_row[j]) * total
