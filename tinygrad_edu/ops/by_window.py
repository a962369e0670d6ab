"""Convolve images of many channels: im2col lays out one window after the other, the channels of a pixel side by side.

Read ``correlate`` and ``_im2col_by_window`` first. Every function works on a few images at a time; ``convolving`` cuts
the batch.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..kernels import accelerated
from .windows import Grid, cut_out, fills, put_in, windows
from .workspace import room

__all__ = ["arrange", "correlate", "restore", "spread", "weigh"]

Array = np.ndarray[Any, Any]


def arrange(weight: Array, groups: int) -> Array:
    """Write every filter into one row: (K, C/G, KH, KW) -> (G, K/G, KH*KW*C/G)."""
    k, c, *kernel = weight.shape
    split = weight.reshape(groups, k // groups, c, *kernel).transpose(0, 1, 3, 4, 2)
    return np.ascontiguousarray(split).reshape(groups, k // groups, prod(kernel) * c)


def restore(filters: Array, shape: tuple[int, ...]) -> Array:
    """Undo :func:`arrange`."""
    k, c, *kernel = shape
    return np.ascontiguousarray(filters.reshape(k, *kernel, c).transpose(0, 3, 1, 2))


def correlate(images: Array, filters: Array, bias: Array | None, grid: Grid, out: Array) -> None:
    """Write into ``out`` (N, K, OH, OW) the product of every window with every filter."""
    groups, k, _ = filters.shape
    rows = im2col(images, grid, groups)  # (G, N*OH*OW, KH*KW*C/G)
    product = room("product", (groups, rows.shape[1], k), out.dtype)
    np.matmul(rows, filters.swapaxes(1, 2), out=product)
    _channels_first(product, np.zeros(groups * k, out.dtype) if bias is None else bias, out)


def weigh(g: Array, images: Array, grid: Grid, groups: int) -> Array:
    """Give the gradient of the arranged weight."""
    return _columns(g, groups) @ im2col(images, grid, groups)


def spread(g: Array, filters: Array, grid: Grid, images: Array) -> None:
    """Write into ``images`` their gradient: the product gives that of every window's entries, col2im adds them up."""
    groups, k, _ = filters.shape
    columns = _columns(g, groups).swapaxes(1, 2)  # (G, N*OH*OW, K/G)
    split = filters.reshape(groups, k, prod(grid.kernel), -1).transpose(2, 0, 1, 3)  # (KH*KW, G, K/G, C/G)
    rows = room("rows", (len(split), *columns.shape[:2], split.shape[3]), g.dtype)
    # BLAS is slow when the inner size is 1.
    (np.multiply if k == 1 else np.matmul)(columns, np.ascontiguousarray(split), out=rows)
    _col2im_by_window(rows, images, grid)


def im2col(images: Array, grid: Grid, groups: int) -> Array:
    """Copy every window into one row: (N, C, H, W) -> (G, N*OH*OW, KH*KW*C/G)."""
    n, c = len(images), images.shape[1] // groups
    rows = room("rows", (groups, n, *grid.output, *grid.kernel, c), images.dtype)
    _im2col_by_window(images, grid, rows)
    return rows.reshape(groups, n * prod(grid.output), prod(grid.kernel) * c)


@accelerated
def _im2col_by_window(images: Array, grid: Grid, rows: Array) -> None:
    frame = _frame(images, grid, len(rows))
    if not fills(images, grid):
        frame.fill(0)
    put_in(frame, _grouped(images, len(rows)), grid)
    rows[...] = windows(frame, grid).transpose(0, 2, 5, 6, 3, 4, 1)


@accelerated
def _col2im_by_window(rows: Array, images: Array, grid: Grid) -> None:
    """Add the entries (KH*KW, G, N*OH*OW, C/G) of all windows to their places in the images."""
    groups, c = rows.shape[1], rows.shape[3]
    frame = _frame(images, grid, groups)
    frame.fill(0)
    seen = windows(frame, grid)
    for (i, j), entry in zip(grid.offsets, rows):  # one entry of all windows at a time: these do not overlap
        seen[..., i, j, :, :] += entry.reshape(groups, len(images), *grid.output, c).transpose(0, 4, 1, 2, 3)
    cut_out(frame, _grouped(images, groups), grid)


@accelerated
def _channels_first(product: Array, bias: Array, out: Array) -> None:
    """Turn (G, N*OH*OW, K/G) into (N, K, OH, OW), and add the bias on the way."""
    groups, _, k = product.shape
    by_pixel = product.reshape(groups, len(out), *out.shape[2:], k).transpose(0, 4, 1, 2, 3)
    np.add(by_pixel, bias.reshape(groups, k, 1, 1, 1), out=_grouped(out, groups))


def _frame(images: Array, grid: Grid, groups: int) -> Array:
    """Make room for frames (G, C/G, N, H, W) whose channels are neighbours in memory."""
    n, c = len(images), images.shape[1] // groups
    return room("frame", (groups, n, *grid.frame, c), images.dtype).transpose(0, 4, 1, 2, 3)


def _grouped(images: Array, groups: int) -> Array:
    """View (N, C, H, W) as (G, C/G, N, H, W)."""
    n, c, *size = images.shape
    return images.reshape(n, groups, c // groups, *size).transpose(1, 2, 0, 3, 4)


def _columns(g: Array, groups: int) -> Array:
    """Bring the pixels of every output channel together: (N, K, OH, OW) -> (G, K/G, N*OH*OW)."""
    by_channel = _grouped(g, groups)
    columns = room("product", by_channel.shape, g.dtype)
    columns[...] = by_channel
    return columns.reshape(*columns.shape[:2], prod(columns.shape[2:]))
