"""What normalisation does along channels and rows, compiled: the functions of ``ops.norm_kernels``.

One loop for each pass over memory. Sums are of the array's dtype along the last axis, and of float64 over the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..parallel import in_parts
from .compiling import compiled, fits

__all__ = [
    "batch_norm_backward",
    "batch_norm_forward",
    "channel_moments",
    "channel_pulls",
    "layer_norm_backward",
    "layer_norm_forward",
    "scale_and_shift",
    "scale_both",
]

Array = np.ndarray[Any, Any]


def _on_threads(work: Callable[[slice], Any], n: int, x: Array) -> list[Any]:
    """Split ``range(n)`` over threads if each has long enough to do that starting it pays."""
    return in_parts(work, n, x.size // 16)


def _has_rows(first: Array, *others: Array | None) -> bool:
    """Tell whether the arrays fit, and the last axis of (N, C, L) is one to loop over."""
    return first.shape[2] > 1 and fits(first, *others)


def _or(values: Array | None, n: int, instead: float, dtype: Any) -> Array:
    """Give the values, or a constant in their place: a kernel is compiled for arrays only, once for each dtype."""
    return np.full(n, instead, dtype) if values is None else values


# ---- one channel of (N, C, L)


@compiled
def _moments(x, c):  # type: ignore[no-untyped-def]
    n, _, size = x.shape
    zero = x.dtype.type(0)
    total = square = 0.0
    for i in range(n):
        row, part = x[i, c], zero
        for k in range(size):
            part += row[k]
        total += part
    mean = x.dtype.type(total / (n * size))
    for i in range(n):
        row, part = x[i, c], zero
        for k in range(size):
            part += (row[k] - mean) * (row[k] - mean)
        square += part
    return mean, x.dtype.type(square / (n * size))


@compiled
def _scale_and_shift(x, out, c, scale, shift):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        row, target = x[i, c], out[i, c]
        for k in range(len(row)):
            target[k] = row[k] * scale + shift


@compiled
def _pulls(g, x, c, mean, factor):  # type: ignore[no-untyped-def]
    zero = x.dtype.type(0)
    total = pull = 0.0
    for i in range(len(x)):
        grad, row = g[i, c], x[i, c]
        some, part = zero, zero
        for k in range(len(row)):
            some += grad[k]
            part += grad[k] * (row[k] - mean)
        total += some
        pull += part
    return x.dtype.type(total), x.dtype.type(pull * factor)


@compiled
def _scale_both(g, x, out, c, scale, slope, level):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        grad, row, target = g[i, c], x[i, c], out[i, c]
        for k in range(len(row)):
            target[k] = grad[k] * scale + row[k] * slope + level


# ---- channels, a part of them on each thread


def channel_moments(x: Array) -> Any:
    """Do the work of the reference in ``ops.norm_kernels``."""
    if not _has_rows(x):
        return NotImplemented
    center, variance = np.empty((2, x.shape[1]), x.dtype)
    _on_threads(lambda p: _all_moments(x, center, variance, p.start, p.stop), x.shape[1], x)
    return center, variance


@compiled
def _all_moments(x, center, variance, start, stop):  # type: ignore[no-untyped-def]
    for c in range(start, stop):
        center[c], variance[c] = _moments(x, c)


def scale_and_shift(x: Array, scale: Array, shift: Array | None) -> Any:
    """Do the work of the reference in ``ops.norm_kernels``."""
    if not _has_rows(x, scale, shift):
        return NotImplemented
    out, shift = np.empty(x.shape, x.dtype), _or(shift, x.shape[1], 0, x.dtype)
    _on_threads(lambda p: _scale_and_shift_all(x, out, scale, shift, p.start, p.stop), x.shape[1], x)
    return out


@compiled
def _scale_and_shift_all(x, out, scale, shift, start, stop):  # type: ignore[no-untyped-def]
    for c in range(start, stop):
        _scale_and_shift(x, out, c, scale[c], shift[c])


def channel_pulls(g: Array, x: Array, center: Array, rstd: Array) -> Any:
    """Do the work of the reference in ``ops.norm_kernels``."""
    if not _has_rows(g, x, center, rstd):
        return NotImplemented
    total, pull = np.empty((2, x.shape[1]), x.dtype)
    _on_threads(lambda p: _all_pulls(g, x, center, rstd, total, pull, p.start, p.stop), x.shape[1], x)
    return total, pull


@compiled
def _all_pulls(g, x, center, rstd, total, pull, start, stop):  # type: ignore[no-untyped-def]
    for c in range(start, stop):
        total[c], pull[c] = _pulls(g, x, c, center[c], rstd[c])


def scale_both(g: Array, x: Array, scale: Array, slope: Array, level: Array) -> Any:
    """Do the work of the reference in ``ops.norm_kernels``."""
    if not _has_rows(g, x, scale, slope, level):
        return NotImplemented
    out = np.empty(x.shape, x.dtype)
    _on_threads(lambda p: _scale_both_all(g, x, out, scale, slope, level, p.start, p.stop), x.shape[1], x)
    return out


@compiled
def _scale_both_all(g, x, out, scale, slope, level, start, stop):  # type: ignore[no-untyped-def]
    for c in range(start, stop):
        _scale_both(g, x, out, c, scale[c], slope[c], level[c])


# ---- batch normalisation: a channel is read again while it is in the cache


def batch_norm_forward(x: Array, weight: Array | None, bias: Array | None, eps: float) -> Any:
    """Do the work of the reference in ``ops.norm_kernels``."""
    if not _has_rows(x, weight, bias):
        return NotImplemented
    c, dtype = x.shape[1], x.dtype
    out, (center, variance, rstd) = np.empty(x.shape, dtype), np.empty((3, c), dtype)
    weight, bias = _or(weight, c, 1, dtype), _or(bias, c, 0, dtype)
    _on_threads(lambda p: _batch_norm(x, weight, bias, eps, out, center, variance, rstd, p.start, p.stop), c, x)
    return out, center, variance, rstd


@compiled
def _batch_norm(x, weight, bias, eps, out, center, variance, rstd, start, stop):  # type: ignore[no-untyped-def]
    for c in range(start, stop):
        center[c], variance[c] = _moments(x, c)
        rstd[c] = 1 / np.sqrt(variance[c] + eps)
        scale = rstd[c] * weight[c]
        _scale_and_shift(x, out, c, scale, bias[c] - center[c] * scale)


def batch_norm_backward(g: Array, x: Array, weight: Array | None, center: Array, rstd: Array) -> Any:
    """Do the work of the reference in ``ops.norm_kernels``."""
    if not _has_rows(g, x, weight, center, rstd):
        return NotImplemented
    c, dtype = x.shape[1], x.dtype
    out, (pull, total) = np.empty(x.shape, dtype), np.empty((2, c), dtype)
    weight = _or(weight, c, 1, dtype)
    _on_threads(lambda p: _batch_norm_grad(g, x, weight, center, rstd, out, pull, total, p.start, p.stop), c, x)
    return out, pull, total


@compiled
def _batch_norm_grad(g, x, weight, center, rstd, out, pull, total, start, stop):  # type: ignore[no-untyped-def]
    count = x.dtype.type(-x.shape[0] * x.shape[2])
    for c in range(start, stop):
        total[c], pull[c] = _pulls(g, x, c, center[c], rstd[c])
        scale = rstd[c] * weight[c]
        slope = scale * rstd[c] * pull[c] / count
        _scale_both(g, x, out, c, scale, slope, scale * total[c] / count - center[c] * slope)


# ---- rows, (R, D), a part of them on each thread


def layer_norm_forward(x: Array, weight: Array | None, bias: Array | None, eps: float) -> Any:
    """Do the work of the reference in ``ops.norm_kernels``."""
    if not fits(x, weight, bias):
        return NotImplemented
    (rows, size), dtype = x.shape, x.dtype
    out, (center, rstd) = np.empty(x.shape, dtype), np.empty((2, rows, 1), dtype)
    weight, bias = _or(weight, size, 1, dtype), _or(bias, size, 0, dtype)
    _on_threads(lambda p: _layer_norm(x[p], weight, bias, eps, out[p], center[p], rstd[p]), rows, x)
    return out, center, rstd


@compiled
def _layer_norm(x, weight, bias, eps, out, center, rstd):  # type: ignore[no-untyped-def]
    size = x.shape[1]
    zero = x.dtype.type(0)
    for i in range(len(x)):
        row, target = x[i], out[i]
        total, square = zero, zero
        for k in range(size):
            total += row[k]
        mean = total / x.dtype.type(size)
        for k in range(size):
            square += (row[k] - mean) * (row[k] - mean)
        factor = x.dtype.type(1 / np.sqrt(square / size + eps))
        center[i, 0], rstd[i, 0] = mean, factor
        for k in range(size):
            target[k] = (row[k] - mean) * factor * weight[k] + bias[k]


def layer_norm_backward(g: Array, x: Array, weight: Array | None, center: Array, rstd: Array) -> Any:
    """Do the work of the reference in ``ops.norm_kernels``."""
    if not fits(g, x, weight, center, rstd):
        return NotImplemented
    rows, size = x.shape
    out, weight = np.empty(x.shape, x.dtype), _or(weight, size, 1, x.dtype)

    def work(part: slice) -> Array:
        totals = np.zeros((2, size), x.dtype)
        _layer_norm_backward(g[part], x[part], weight, center[part], rstd[part], out[part], totals[0], totals[1])
        return totals

    totals = np.add.reduce(_on_threads(work, rows, x))
    return out, totals[0], totals[1]


@compiled
def _layer_norm_backward(g, x, weight, center, rstd, out, pull, total):  # type: ignore[no-untyped-def]
    size = x.shape[1]
    zero = x.dtype.type(0)
    for i in range(len(x)):
        grad, row, target = g[i], x[i], out[i]
        mean, factor = center[i, 0], rstd[i, 0]
        level, along = zero, zero
        for k in range(size):
            xhat = (row[k] - mean) * factor
            total[k] += grad[k]
            pull[k] += grad[k] * xhat
            level += grad[k] * weight[k]
            along += grad[k] * weight[k] * xhat
        level /= x.dtype.type(size)
        along /= x.dtype.type(size)
        for k in range(size):
            xhat = (row[k] - mean) * factor
            target[k] = (grad[k] * weight[k] - level - xhat * along) * factor
