"""How the axes of an input may lie along the axes of an output: broadcasting, and reductions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import prod

import numpy as np

from .evidence import Array, Comparison, Shape

__all__ = [
    "broadcast_axes",
    "embeddings",
    "laid_along",
    "landing",
    "lies_on",
    "loose_axes",
    "reduced_axes",
    "spread_axes",
    "subsets",
]

_MOST_AXES = 6


def embeddings(shape: Shape, into: Shape) -> list[tuple[int, ...]]:
    """List the ways in which an array lies along a bigger one: for each of its axes that is not 1 long, the axis there.

    NumPy's way, aligned at the right, comes first; then others, as that of a bias (C,) in (N, C, H, W).
    """
    sizes = [size for size in shape if size != 1]
    if len(into) > _MOST_AXES:
        return []
    ways = [way for way in combinations(range(len(into)), len(sizes)) if [into[a] for a in way] == sizes]
    usual = tuple(len(into) - len(shape) + i for i, size in enumerate(shape) if size != 1)
    return sorted(ways, key=lambda way: way != usual)


def laid_along(values: Array, into: Shape) -> Iterator[Array]:
    """Give the array repeated to a bigger shape, in every way that it can lie along it."""
    for way in embeddings(values.shape, into):
        yield values.reshape(-1)[landing(values.shape, into, way)].reshape(into)


def landing(shape: Shape, into: Shape, way: tuple[int, ...]) -> Array:
    """For every entry of the bigger shape, tell which entry of the smaller one lies on it, laid along it that way."""
    spread = [into[a] if a in way else 1 for a in range(len(into))]
    numbers = np.arange(prod(shape)).reshape(spread)
    return np.broadcast_to(numbers, into).reshape(-1)


def subsets(axes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """List the choices of at least one of the axes, all of them first."""
    return [chosen for count in range(len(axes), 0, -1) for chosen in combinations(axes, count)]


def reduced_axes(shape: Shape, into: Shape | None) -> list[tuple[int, ...]]:
    """List over which axes a reduction may have gone, with or without ``keepdim``."""
    if into is None or len(shape) > _MOST_AXES:
        return []
    found = []
    for axes in subsets(tuple(range(len(shape)))):
        kept = tuple(1 if a in axes else size for a, size in enumerate(shape))
        dropped = tuple(size for a, size in enumerate(shape) if a not in axes)
        if into in (kept, dropped):
            found.append(axes)
    return found


def spread_axes(j: Comparison) -> tuple[int, ...]:
    """List the axes of the output along which one entry of the input reaches several places."""
    found = []
    for axis, places in enumerate(j.output_places):
        reached = np.where(j.nonzero, places[:, None], -1).max(axis=0, initial=-1)
        first = np.where(j.nonzero, places[:, None], np.iinfo(np.intp).max).min(axis=0, initial=np.iinfo(np.intp).max)
        if (reached > first).any():
            found.append(axis)
    return tuple(found)


def broadcast_axes(j: Comparison) -> list[tuple[int, ...]]:
    """List the axes of the output along which the input was broadcast, the likeliest way first.

    The shapes allow it, and entries of the input do reach several places along each of these axes.
    """
    spread = set(spread_axes(j))
    return [axes for axes in loose_axes(j) if spread >= set(axes)]


def loose_axes(j: Comparison) -> list[tuple[int, ...]]:
    """List the axes of the output along which the shapes alone allow the input to have been broadcast.

    At last those that a matrix product broadcasts, the batch: there the other axes need not be the same.
    """
    out = j.output_shape or ()
    ways = [tuple(a for a, n in enumerate(out) if n > 1 and a not in way) for way in embeddings(j.shape, out)]
    padded = (1,) * (len(out) - len(j.shape)) + j.shape
    batch = tuple(a for a, n in enumerate(out) if n > 1 and padded[a] == 1) if len(padded) == len(out) else ()
    return [axes for axes in (*ways, batch) if axes]


def lies_on(j: Comparison, columns: Array) -> bool:
    """Tell whether every entry of the output depends on its own entry of the input only."""
    elsewhere = j.nonzero.copy()
    elsewhere[np.arange(len(columns)), columns] = False
    return not elsewhere.any()
