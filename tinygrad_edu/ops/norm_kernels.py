"""What normalisation does along channels and rows, with few passes over memory.

Functions of arrays: (N, C, L) for batches of channels, (R, D) for rows. Large ones go through pieces that stay in
the cache, on several threads; ``fast.norms`` has the same functions compiled. The ops stand in ``native_norms``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..kernels import accelerated
from ..parallel import in_parts
from .blocks import BLOCK

__all__ = [
    "batch_norm_backward",
    "batch_norm_forward",
    "channel_moments",
    "channel_pulls",
    "channel_sum",
    "layer_norm_backward",
    "layer_norm_forward",
    "scale_and_shift",
    "scale_both",
]

Array = np.ndarray[Any, Any]

_FAR = 16.0
"""From this square of mean / deviation on, the mean is subtracted before squares are added: they would cancel."""


_LONG = 16384
"""Rows that are longer NumPy adds in pairs, for exactness. Shorter ones are left to ``einsum``: a matrix product with
ones is no slower by itself, but it wakes the threads of the BLAS, which costs a training step more than the sum."""

_PIECE = 4 * BLOCK
"""Elements in a piece: shorter calls of NumPy would cost more than what the cache saves."""

_SHARE = 16
"""Elements that count as one for ``in_parts``. Between calls of NumPy threads wait for each other, so they pay late,
and for channels not at all."""


def _pieces(like: Array, part: slice | None = None) -> list[slice]:
    """Cut the first axis, or a part of it, so that a piece of every array stays in the cache."""
    step = max(1, _PIECE // max(1, math.prod(like.shape[1:])))
    start, stop = (0, len(like)) if part is None else (part.start, part.stop)
    return [slice(i, min(i + step, stop)) for i in range(start, stop, step)]


# ---- channels, (N, C, L)


def _along(x: Array, values: Array) -> Array:
    """Repeat (C,) to (C, L) if that stays in the cache: NumPy multiplies with it twice as fast as with (C, 1)."""
    _, c, size = x.shape
    if size == 1 or c * size > BLOCK:
        return values[:, None]
    return np.repeat(values, size).reshape(c, size)


def channel_sum(x: Array) -> Array:
    """Sum over all axes but the channels, (N, C, L) -> (C,)."""
    if x.shape[2] > _LONG:
        return np.asarray(np.add.reduce(np.add.reduce(x, axis=2), axis=0))
    return np.asarray(np.einsum("ncl->c", x))


def _channel_dot(x: Array, y: Array) -> Array:
    """Sum ``x * y`` over all axes but the channels: (N, C, L) -> (C,)."""
    if x.shape[2] < 64:  # a call of BLAS for each row would cost more
        return np.asarray(np.einsum("ncl,ncl->c", x, y))
    return np.asarray(np.add.reduce(np.vecdot(x, y), axis=0))


def _channel_sums(x: Array, g: Array) -> tuple[Array, Array]:
    """Sum ``g`` and ``g x`` per channel."""
    return channel_sum(g), _channel_dot(x, g)


def _sums_about(center: Array, x: Array, g: Array | None = None) -> tuple[Array, Array]:
    """Sum ``g`` and ``g (x - center)`` per channel; ``x - center`` stands in for a ``g`` that is None."""
    total, pull = np.zeros((2, x.shape[1]), x.dtype)
    shift = _along(x, center)
    for cut in _pieces(x):
        block = x[cut] - shift
        found = _channel_sums(block, block if g is None else g[cut])
        total += found[0]
        pull += found[1]
    return total, pull


@accelerated
def channel_moments(x: Array) -> tuple[Array, Array]:
    """Compute the mean and the biased variance of every channel of (N, C, L)."""
    count = x.shape[0] * x.shape[2]
    center = channel_sum(x) / count
    variance = _channel_dot(x, x) / count - center * center
    if not (center * center <= _FAR * variance).all():  # too much was cancelled: subtract first
        variance = _sums_about(center, x)[1] / count
    return center, variance


@accelerated
def scale_and_shift(x: Array, scale: Array, shift: Array | None) -> Array:
    """Multiply every channel of (N, C, L) by its scale and add its shift."""
    out = np.empty(x.shape, np.result_type(x, scale))
    factor, level = _along(x, scale), None if shift is None else _along(x, shift)
    for cut in _pieces(x):
        block = np.multiply(x[cut], factor, out=out[cut])
        if level is not None:
            block += level
    return out


@accelerated
def channel_pulls(g: Array, x: Array, center: Array, rstd: Array) -> tuple[Array, Array]:
    """Sum ``g`` and ``g (x - center) rstd`` over every channel: how far it pulls the mean and the deviation."""
    if (np.square(center * rstd) <= _FAR).all():
        total = channel_sum(g)
        pull = _channel_dot(x, g) - center * total
    else:
        total, pull = _sums_about(center, x, g)
    return total, pull * rstd


@accelerated
def scale_both(g: Array, x: Array, scale: Array, slope: Array, level: Array) -> Array:
    """Compute ``g scale + x slope + level`` in every channel of (N, C, L)."""
    out = np.empty(x.shape, g.dtype)
    scale, slope, level = (_along(x, values) for values in (scale, slope, level))
    for cut in _pieces(x):
        block = np.multiply(x[cut], slope, out=out[cut])
        block += level
        block += g[cut] * scale
    return out


# ---- batch normalisation


@accelerated
def batch_norm_forward(x: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, ...]:
    """Normalise every channel of (N, C, L), then scale and shift it.

    Returns
    -------
    tuple of ndarray
        The result, and of every channel the mean, the biased variance, and ``1 / sqrt(variance + eps)``.
    """
    center, variance = channel_moments(x)
    rstd = 1 / np.sqrt(variance + eps)
    scale = rstd if weight is None else rstd * weight
    return scale_and_shift(x, scale, (0 if bias is None else bias) - center * scale), center, variance, rstd


@accelerated
def batch_norm_backward(
    g: Array, x: Array, weight: Array | None, center: Array, rstd: Array
) -> tuple[Array, Array, Array]:
    """Give the gradients of x, weight and bias; the first is ``scale (g - mean(g) - xhat mean(g xhat))``."""
    total, pull = channel_pulls(g, x, center, rstd)
    scale = rstd if weight is None else rstd * weight
    count = -x.shape[0] * x.shape[2]
    slope = scale * rstd * pull / count
    return scale_both(g, x, scale, slope, scale * total / count - center * slope), pull, total


# ---- rows, (R, D): layer normalisation


@accelerated
def layer_norm_forward(x: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """Normalise every row of (R, D), then scale and shift each element by the (D,) of its column.

    Returns
    -------
    tuple of ndarray
        The result, and for every row the mean and ``1 / sqrt(variance + eps)``, (R, 1).
    """
    size = x.shape[1]
    out, ones = np.empty(x.shape, x.dtype), np.ones(size, x.dtype)
    center, rstd = np.empty((2, len(x), 1), x.dtype)

    def work(part: slice) -> None:
        for cut in _pieces(x, part):
            center[cut, 0] = x[cut] @ ones / size
            block = np.subtract(x[cut], center[cut], out=out[cut])
            rstd[cut, 0] = 1 / np.sqrt(np.vecdot(block, block) / size + eps)
            block *= rstd[cut]
            if weight is not None:
                block *= weight
            if bias is not None:
                block += bias

    in_parts(work, len(x), x.size // _SHARE)
    return out, center, rstd


@accelerated
def layer_norm_backward(
    g: Array, x: Array, weight: Array | None, center: Array, rstd: Array
) -> tuple[Array, Array, Array]:
    """Differentiate :func:`layer_norm_forward`: the gradients of x, weight and bias.

    Of ``g`` scaled by the weight, its mean and its part along the normalised row leave the gradient of x.
    """
    size = x.shape[1]
    out, scale = np.empty(x.shape, g.dtype), np.ones(size, g.dtype) if weight is None else weight
    near = (np.square(center * rstd) <= _FAR).all()  # then x does for x - center, up to a multiple of g or 1

    def work(part: slice) -> Array:
        totals = np.zeros((2, size), g.dtype)
        for cut in _pieces(x, part):
            grad, rows, factor, mean = g[cut], x[cut], rstd[cut], center[cut]
            if not near:
                rows, mean = rows - mean, np.zeros_like(mean)
            product = grad * rows
            level = (grad @ scale)[:, None]
            slope = factor * factor * ((product @ scale)[:, None] - mean * level) / -size
            totals[0] += factor[:, 0] @ product - (factor * mean)[:, 0] @ grad
            totals[1] += np.ones(len(grad), g.dtype) @ grad
            # factor (g weight - mean(g weight) - xhat mean(g weight xhat))
            block = np.multiply(rows, factor * slope, out=out[cut])
            block -= factor * (level / size + mean * slope)
            scaled = grad if weight is None else np.multiply(grad, weight, out=product)
            block += np.multiply(scaled, factor, out=product)
        return totals

    totals = np.add.reduce(in_parts(work, len(x), x.size // _SHARE))
    return out, totals[0], totals[1]
