"""Convolve every channel with one filter of its own (depthwise): copying windows is most of the work here.

The functions are those of ``by_window``. im2col copies in runs of all rows, three times as fast as in runs of OW, and
gets more windows than there are.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..kernels import accelerated
from .by_entry import arrange, arrange_back, restore
from .windows import Grid, cut_out, put_in, row_windows, windows

__all__ = ["arrange", "arrange_back", "correlate", "restore", "spread", "weigh"]

Array = np.ndarray[Any, Any]


def correlate(images: Array, filters: Array, bias: Array | None, grid: Grid, out: Array) -> None:
    """Write into ``out`` (N, C, OH, OW) the product of every window with its channel's filter (C, 1, KH*KW)."""
    _correlate_channels(images, filters, np.zeros(len(filters), out.dtype) if bias is None else bias, grid, out)


def weigh(g: Array, images: Array, grid: Grid, groups: int) -> Array:
    """Give the gradient of the arranged weight."""
    total: Array = _weigh_channels(images, g, grid).reshape(groups, 1, prod(grid.kernel))
    return total


def spread(g: Array, filters: Array, grid: Grid, images: Array) -> None:
    """Write into ``images`` their gradient."""
    _spread_channels(g, filters, grid, images)


@accelerated
def _correlate_channels(images: Array, filters: Array, bias: Array, grid: Grid, out: Array) -> None:
    columns = _im2col(images, grid)  # (N, C, KH*KW, OH*W)
    n, c, _, length = columns.shape
    product = np.matmul(filters, columns, out=np.empty((n, c, 1, length), out.dtype))
    np.add(_cut(product, grid), bias[:, None, None], out=out)


@accelerated
def _weigh_channels(images: Array, g: Array, grid: Grid) -> Array:
    n, c = images.shape[:2]
    wide = np.empty((n, c, 1, grid.output[0] * grid.frame[1]), g.dtype)
    wide.fill(0)
    _cut(wide, grid)[...] = g
    columns = _im2col(images, grid).swapaxes(2, 3)
    total: Array = np.matmul(wide, columns).sum(0)
    if not np.isfinite(total).all():  # did a window that is none hold an infinity?
        entries = windows(_framed(images, grid), grid)
        total = np.einsum("ncijhw,nchw->cij", entries, g)
    return total


@accelerated
def _spread_channels(g: Array, filters: Array, grid: Grid, images: Array) -> None:
    n, c = images.shape[:2]
    frame = np.empty((n, c, *grid.frame), images.dtype)
    frame.fill(0)
    seen = windows(frame, grid)
    for (i, j), weight in zip(grid.offsets, filters[:, 0].T):
        # One entry of all windows at a time: these do not overlap.
        seen[:, :, i, j] += np.multiply(g, weight[:, None, None], out=np.empty(g.shape, g.dtype))
    cut_out(frame, images, grid)


def _im2col(images: Array, grid: Grid) -> Array:
    """Copy entry by entry what the windows at all pixels of a row see: (N, C, H, W) -> (N, C, KH*KW, OH*W)."""
    seen = row_windows(_framed(images, grid), grid)
    columns = np.empty(seen.shape, images.dtype)
    columns[...] = seen
    return columns.reshape(*images.shape[:2], prod(grid.kernel), grid.output[0] * grid.frame[1])


def _framed(images: Array, grid: Grid) -> Array:
    """Copy images into their frames, and have some zeros after the last: windows that are none reach there."""
    n, c = images.shape[:2]
    h, w = grid.frame
    memory = np.empty((n * c * h * w + w,), images.dtype)
    memory.fill(0)
    frame = memory[: n * c * h * w].reshape(n, c, h, w)
    put_in(frame, images, grid)
    return frame


def _cut(wide: Array, grid: Grid) -> Array:
    """View what belongs to windows: (N, C, 1, OH*W) -> (N, C, OH, OW)."""
    rows = wide.reshape(*wide.shape[:2], grid.output[0], grid.frame[1])
    (_, width), (_, step) = grid.output, grid.stride
    return rows[..., : (width - 1) * step + 1 : step]
