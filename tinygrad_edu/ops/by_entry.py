"""Convolve images of few channels: im2col lays out one entry of all windows after the other, image by image.

The functions are those of ``by_window``, and so is what they compute. Here an image's product is its output as it has
to lie in memory.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..kernels import accelerated
from .windows import Grid, cut_out, fills, put_in, windows

__all__ = ["arrange", "arrange_back", "correlate", "restore", "spread", "weigh"]

Array = np.ndarray[Any, Any]


def arrange(weight: Array, groups: int) -> Array:
    """Write every filter into one row: (K, C/G, KH, KW) -> (G, K/G, C/G*KH*KW)."""
    return np.ascontiguousarray(weight).reshape(groups, len(weight) // groups, prod(weight.shape[1:]))


arrange_back = arrange


def restore(filters: Array, shape: tuple[int, ...]) -> Array:
    """Undo :func:`arrange`."""
    return filters.reshape(shape)


def correlate(images: Array, filters: Array, bias: Array | None, grid: Grid, out: Array) -> None:
    """Write into ``out`` (N, K, OH, OW) the product of every window with every filter."""
    groups, k, _ = filters.shape
    by_filter = out.reshape(len(images), groups, k, prod(grid.output))
    if bias is None or _is_copy(images, grid):
        np.matmul(filters, im2col(images, grid, groups), out=by_filter)
        if bias is not None:
            out += bias[:, None, None]
    else:  # the bias is a weight for one more entry, which is 1 in every window
        with_bias = np.concatenate((filters, bias.reshape(groups, k, 1)), axis=2)
        np.matmul(with_bias, im2col(images, grid, groups, ones=1), out=by_filter)


def weigh(g: Array, images: Array, grid: Grid, groups: int) -> Array:
    """Give the gradient of the arranged weight."""
    n, k = len(g), g.shape[1] // groups
    columns = im2col(images, grid, groups)
    # Image by image: (N, G, K/G, OH*OW) @ (N, G, OH*OW, C/G*KH*KW)
    products = np.empty((n, groups, k, columns.shape[2]), g.dtype)
    np.matmul(g.reshape(n, groups, k, columns.shape[3]), columns.swapaxes(2, 3), out=products)
    total: Array = products.sum(0)
    return total


def spread(g: Array, filters: Array, grid: Grid, images: Array) -> None:
    """Write into ``images`` their gradient: the product gives that of every window's entries, col2im adds them up."""
    n, (groups, k, entries) = len(g), filters.shape
    given, turned = g.reshape(n, groups, k, prod(grid.output)), filters.swapaxes(1, 2)
    if _is_copy(images, grid):
        np.matmul(turned, given, out=images.reshape(n, groups, entries, prod(grid.output)))
        return
    columns = np.empty((n, groups, entries, prod(grid.output)), g.dtype)
    np.matmul(turned, given, out=columns)
    _col2im_by_entry(columns, images, grid)


def im2col(images: Array, grid: Grid, groups: int, ones: int = 0) -> Array:
    """Copy entry by entry what the windows see, then ones: (N, C, H, W) -> (N, G, C/G*KH*KW + ones, OH*OW)."""
    n, c = images.shape[:2]
    pixels, entries = prod(grid.output), c // groups * prod(grid.kernel)
    if _is_copy(images, grid) and not ones:
        return images.reshape(n, groups, entries, pixels)
    columns = np.empty((n, groups, entries + ones, pixels), images.dtype)
    columns[:, :, entries:] = 1
    _im2col_by_entry(images, grid, columns)
    return columns


@accelerated
def _im2col_by_entry(images: Array, grid: Grid, columns: Array) -> None:
    n, groups = columns.shape[:2]
    channels = images.shape[1] // groups
    if not fills(images, grid):
        frame = _frame(images, grid)
        put_in(frame, images, grid)
        images = frame
    entries = columns[:, :, : channels * prod(grid.kernel)]  # what follows is left as it is
    split = entries.reshape(n, groups, channels, *grid.kernel, *grid.output)
    split[...] = windows(images.reshape(n, groups, channels, *images.shape[2:]), grid)


@accelerated
def _col2im_by_entry(columns: Array, images: Array, grid: Grid) -> None:
    """Add every entry to its place in the images: the transpose of im2col."""
    frame = _frame(images, grid)
    seen, given = windows(frame, grid), columns.reshape(*images.shape[:2], *grid.kernel, *grid.output)
    for i, j in grid.offsets:  # one entry of all windows at a time: these do not overlap
        seen[..., i, j, :, :] += given[..., i, j, :, :]
    cut_out(frame, images, grid)


def _frame(images: Array, grid: Grid) -> Array:
    """Give frames (N, C, H, W) of zeros."""
    frame = np.empty((*images.shape[:2], *grid.frame), images.dtype)
    frame.fill(0)
    return frame


def _is_copy(images: Array, grid: Grid) -> bool:
    """Tell whether every pixel is a window: im2col would copy the images as they are."""
    return grid.kernel == (1, 1) and grid.output == images.shape[2:] and fills(images, grid)
