"""Compiled pooling: one pass over an image, and no temporary arrays.

An image is one row of pixels here, and a window the places of its entries in it, counted from its first entry.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..parallel import in_parts
from .compiling import compiled, fits

__all__ = ["largest", "put_largest", "spread_means", "window_means"]

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]
Grid = Any  # where the windows lie: ops.windows says it

_ENTRIES = 256  # of a window: more do not fit into the byte that says which was the largest
_CHEAP = 4  # an entry takes a quarter of the time that parallel.GRAIN counts with
_QUARTERS = ((2, 2), (2, 2), (1, 1))  # kernel, stride and dilation of the most frequent windows


def largest(frames: Array, grid: Grid, first: Array) -> Any:
    """Give the largest entry of every window, and its number in the window."""
    if not _takes(frames) or prod(grid.kernel) > _ENTRIES:
        return NotImplemented
    shape = (*frames.shape[:-2], *grid.output)
    out, which = np.empty(shape, frames.dtype), np.empty(shape, np.uint8)
    numbers, chosen, frame = _stacked(out), _stacked(which), _stacked(frames)
    first = first.astype(np.uint8)
    if (grid.kernel, grid.stride, grid.dilation) == _QUARTERS:
        in_parts(lambda i: _largest_of_four(frame[i], first, numbers[i], chosen[i]), len(frame), frame.size // _CHEAP)
        return out, which
    rows, width = frame.reshape(len(frame), -1), frame.shape[-1]
    steps, down, across = _entries(grid, width), grid.stride[0] * width, grid.stride[1]
    in_parts(
        lambda i: _largest(rows[i], steps, down, across, first, numbers[i], chosen[i]),
        len(frame),
        out.size * steps.size // _CHEAP,
    )
    return out, which


def put_largest(g: Array, which: Array, size: Pair, grid: Grid) -> Any:
    """Add every number to the entry of its window that was the largest."""
    if not _takes(g) or which.dtype != np.uint8 or not which.flags.c_contiguous:
        return NotImplemented
    out = np.empty((*g.shape[:-2], *size), g.dtype)
    numbers, chosen, rows = _stacked(g), _stacked(which), out.reshape(prod(out.shape[:-2]), prod(size))
    steps = _entries(grid, size[1]) - grid.padding[0] * size[1] - grid.padding[1]
    down, across = grid.stride[0] * size[1], grid.stride[1]
    in_parts(lambda i: _put_largest(numbers[i], chosen[i], steps, down, across, rows[i]), len(rows), out.size // _CHEAP)
    return out


def window_means(frames: Array, grid: Grid, divisor: Any) -> Any:
    """Add up every window and divide."""
    if not _takes(frames):
        return NotImplemented
    out = np.empty((*frames.shape[:-2], *grid.output), frames.dtype)
    frame, means, shares = _stacked(frames), _stacked(out), _shares(grid, divisor, frames.dtype)
    rows, width = frame.reshape(len(frame), -1), frame.shape[-1]
    steps, down, across = _entries(grid, width), grid.stride[0] * width, grid.stride[1]
    in_parts(
        lambda i: _window_means(rows[i], steps, down, across, shares, means[i]),
        len(frame),
        out.size * steps.size // _CHEAP,
    )
    return out


def spread_means(input: Array, grid: Grid, divisor: Any) -> Any:
    """Divide, and add each number to all entries of its window."""
    if not _takes(input):
        return NotImplemented
    frames = np.empty((*input.shape[:-2], *grid.frame), input.dtype)
    numbers, rows = _stacked(input), frames.reshape(prod(input.shape[:-2]), prod(grid.frame))
    steps, down, across = _entries(grid, grid.frame[1]), grid.stride[0] * grid.frame[1], grid.stride[1]
    shares = _shares(grid, divisor, input.dtype)
    in_parts(
        lambda i: _spread_means(numbers[i], steps, down, across, shares, rows[i]),
        len(rows),
        numbers.size * steps.size // _CHEAP,
    )
    return frames


def _takes(images: Array) -> bool:
    return images.size > 0 and fits(images)


def _stacked(values: Array) -> Array:
    """Put all images into one row: (..., H, W) -> (M, H, W)."""
    return values.reshape(prod(values.shape[:-2]), *values.shape[-2:])


def _entries(grid: Grid, width: int) -> Array:
    """Give the place of every entry of a window, counted from its first."""
    return np.array([i * grid.dilation[0] * width + j * grid.dilation[1] for i, j in grid.offsets])


def _shares(grid: Grid, divisor: Any, dtype: Any) -> Array:
    """Give what the sum of every window is divided by: (OH, OW)."""
    return np.array(np.broadcast_to(divisor, grid.output), dtype)


# ---- loops: images m, rows of windows r, windows of a row c, entries of a window k. Indices are unsigned, because a
# ---- negative one would mean a place counted from the end, which has to be looked for at every access.

_U = np.uintp


@compiled
def _largest(x: Array, steps: Array, down: int, across: int, first: Array, out: Array, which: Array) -> None:
    for m in range(out.shape[0]):
        for r in range(out.shape[1]):
            for c in range(out.shape[2]):
                corner = r * down + c * across
                best, place = x[m, _U(corner)], first[r, c]
                for k in range(steps.size):
                    value = x[m, _U(corner + steps[k])]
                    larger = (value > best) | (value != value)
                    best = value if larger else best
                    place = k if larger else place
                out[m, r, c], which[m, r, c] = best, place


@compiled
def _largest_of_four(x: Array, first: Array, out: Array, which: Array) -> None:
    for m in range(out.shape[0]):
        for r in range(out.shape[1]):
            upper, lower, largest, number = x[m, 2 * r], x[m, 2 * r + 1], out[m, r], which[m, r]
            for c in range(out.shape[2]):
                left = _U(c) * _U(2)
                right = left + _U(1)
                best, place = _larger(upper[left], first[r, c], upper[right], 1)
                best, place = _larger(best, place, lower[left], 2)
                largest[c], number[c] = _larger(best, place, lower[right], 3)


@compiled
def _larger(best: Any, place: int, value: Any, number: int) -> Any:
    larger = (value > best) | (value != value)
    return value if larger else best, np.uint8(number) if larger else np.uint8(place)


@compiled
def _put_largest(g: Array, which: Array, steps: Array, down: int, across: int, out: Array) -> None:
    for m in range(g.shape[0]):
        out[m, :] = 0
        for r in range(g.shape[1]):
            for c in range(g.shape[2]):
                out[m, _U(r * down + c * across + steps[which[m, r, c]])] += g[m, r, c]


@compiled
def _window_means(x: Array, steps: Array, down: int, across: int, divisors: Array, out: Array) -> None:
    for m in range(out.shape[0]):
        for r in range(out.shape[1]):
            for c in range(out.shape[2]):
                total = x[m, _U(r * down + c * across)]
                for k in range(1, steps.size):
                    total += x[m, _U(r * down + c * across + steps[k])]
                out[m, r, c] = total / divisors[r, c]


@compiled
def _spread_means(g: Array, steps: Array, down: int, across: int, divisors: Array, out: Array) -> None:
    for m in range(g.shape[0]):
        out[m, :] = 0
        for r in range(g.shape[1]):
            for c in range(g.shape[2]):
                share = g[m, r, c] / divisors[r, c]
                for k in range(steps.size):
                    out[m, _U(r * down + c * across + steps[k])] += share
