"""Convolve images of many channels: im2col lays out one window after the other, the channels of a pixel side by side.

Read ``correlate`` and ``_im2col_by_window`` first. Every function works on a few images at a time; ``convolving`` cuts
the batch.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..kernels import accelerated
from ..parallel import blas_takes_small
from .windows import Grid, cut_out, fills, put_in, windows

__all__ = ["SMALL", "arrange", "arrange_back", "correlate", "correlate_and_weigh", "restore", "spread", "weigh"]

Array = np.ndarray[Any, Any]

SMALL = 1_000_000  # multiplications, see _block
_LEAST, _MOST = 32, 128  # pixels that are worth a product of their own; more in one product gain nothing


def arrange(weight: Array, groups: int) -> Array:
    """Write every filter into one column: (K, C/G, KH, KW) -> (G, KH*KW*C/G, K/G)."""
    k, c, *kernel = weight.shape
    split = weight.reshape(groups, k // groups, c, *kernel).transpose(0, 3, 4, 2, 1)
    return np.ascontiguousarray(split).reshape(groups, prod(kernel) * c, k // groups)


def arrange_back(weight: Array, groups: int) -> Array:
    """Give the filters' entries one after the other, for :func:`spread`: -> (KH*KW, G, K/G, C/G)."""
    k, c, *kernel = weight.shape
    split = weight.reshape(groups, k // groups, c, *kernel).transpose(3, 4, 0, 1, 2)
    return np.ascontiguousarray(split).reshape(prod(kernel), groups, k // groups, c)


def restore(filters: Array, shape: tuple[int, ...]) -> Array:
    """Give what :func:`weigh` found the weight's shape: (G, K/G, KH*KW*C/G) -> (K, C/G, KH, KW)."""
    k, c, *kernel = shape
    return np.ascontiguousarray(filters.reshape(k, *kernel, c).transpose(0, 3, 1, 2))


def correlate(images: Array, filters: Array, bias: Array | None, grid: Grid, out: Array) -> None:
    """Write into ``out`` (N, K, OH, OW) the product of every window with every filter."""
    _correlate_windows(images, filters, np.zeros(out.shape[1], out.dtype) if bias is None else bias, grid, out)


def weigh(g: Array, images: Array, grid: Grid, groups: int) -> Array:
    """Give the gradient of the filters: (G, K/G, KH*KW*C/G)."""
    total: Array = _weigh_windows(g, images, grid, groups)
    return total


def correlate_and_weigh(images: Array, filters: Array, grid: Grid, out: Array, pixels: Array) -> Array:
    """Do what ``correlate`` and ``weigh(pixels, images, ...)`` do, with one im2col for both."""
    total: Array = _correlate_and_weigh(images, filters, grid, out, pixels)
    return total


def spread(g: Array, filters: Array, grid: Grid, images: Array) -> None:
    """Write into ``images`` their gradient: the product gives that of every window's entries, col2im adds them up."""
    _spread_windows(g, filters, grid, images)


@accelerated
def _correlate_windows(images: Array, filters: Array, bias: Array, grid: Grid, out: Array) -> None:
    _correlate_rows(im2col(images, grid, len(filters)), filters, bias, grid, out)


@accelerated
def _weigh_windows(g: Array, images: Array, grid: Grid, groups: int) -> Array:
    return _weigh_rows(g, im2col(images, grid, groups), grid)


@accelerated
def _correlate_and_weigh(images: Array, filters: Array, grid: Grid, out: Array, pixels: Array) -> Array:
    rows = im2col(images, grid, len(filters))
    _correlate_rows(rows, filters, np.zeros(out.shape[1], out.dtype), grid, out)
    return _weigh_rows(pixels, rows, grid)


def _correlate_rows(rows: Array, filters: Array, bias: Array, grid: Grid, out: Array) -> None:
    """Multiply windows (G, N*OH*OW, KH*KW*C/G) with filters."""
    groups, entries, k = filters.shape
    product = np.empty((groups, rows.shape[1], k), out.dtype)
    size = _block(prod(grid.output), entries, k)
    if size:
        blocks = rows.reshape(groups, rows.shape[1] // size, size, entries)
        np.matmul(blocks, filters[:, None], out=product.reshape(*blocks.shape[:3], k))
    else:
        np.matmul(rows, filters, out=product)
    _channels_first(product, bias, out)


def _weigh_rows(g: Array, rows: Array, grid: Grid) -> Array:
    """Multiply windows (G, N*OH*OW, KH*KW*C/G) with their outputs' gradients (N, K, OH, OW)."""
    n, groups, pixels = len(g), len(rows), prod(grid.output)
    k = g.shape[1] // groups
    size = _block(pixels, rows.shape[2], k)
    if size < 2 * k:  # adding the products up would take longer than that saves
        return _columns(g, groups) @ rows
    split = g.reshape(n, groups, k, pixels // size, size).transpose(1, 0, 3, 2, 4)  # (G, N, blocks, K/G, pixels)
    products = np.empty((*split.shape[:4], rows.shape[2]), g.dtype)
    np.matmul(split, rows.reshape(*split.shape[:3], size, rows.shape[2]), out=products)
    total: Array = products.sum((1, 2))
    return total


@accelerated
def _spread_windows(g: Array, filters: Array, grid: Grid, images: Array) -> None:
    offsets, groups, k, c = filters.shape
    n, pixels = len(g), prod(grid.output)
    rows = np.empty((offsets, groups, n * pixels, c), g.dtype)
    if pixels >= _LEAST:  # image by image: (G, N, OH*OW, K/G) @ (KH*KW, G, 1, K/G, C/G)
        columns = g.reshape(n, groups, k, pixels).transpose(1, 0, 3, 2)
        np.matmul(columns, filters[:, :, None], out=rows.reshape(offsets, groups, n, pixels, c))
    else:
        np.matmul(_columns(g, groups).swapaxes(1, 2), filters, out=rows)
    _col2im_by_window(rows, images, grid)


def _block(pixels: int, entries: int, filters: int) -> int:
    """Say how many of an image's pixels to multiply at a time, or 0: all.

    OpenBLAS copies the matrices of a product into an order of its own, which for few filters takes as long as
    multiplying. On some processors it does not if the product has at most a million multiplications.
    """
    sizes = (pixels // parts for parts in range(1, pixels // _LEAST + 1) if pixels % parts == 0)
    size = next((size for size in sizes if size <= _MOST and size * entries * filters <= SMALL), 0)
    return size if size and blas_takes_small() else 0


def im2col(images: Array, grid: Grid, groups: int) -> Array:
    """Copy every window into one row: (N, C, H, W) -> (G, N*OH*OW, KH*KW*C/G)."""
    n, c = len(images), images.shape[1] // groups
    rows = np.empty((groups, n, *grid.output, *grid.kernel, c), images.dtype)
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
    """Turn (G, N*OH*OW, K/G) into (N, K, OH, OW), and add the bias."""
    groups, _, k = product.shape
    by_pixel = product.reshape(groups, len(out), *out.shape[2:], k)
    _grouped(out, groups)[...] = by_pixel.transpose(0, 4, 1, 2, 3)
    if bias.any():  # when all lies in order: adding on the way takes longer
        out += bias[:, None, None]


def _frame(images: Array, grid: Grid, groups: int) -> Array:
    """Make room for frames (G, C/G, N, H, W) whose channels are neighbours in memory."""
    n, c = len(images), images.shape[1] // groups
    return np.empty((groups, n, *grid.frame, c), images.dtype).transpose(0, 4, 1, 2, 3)


def _grouped(images: Array, groups: int) -> Array:
    """View (N, C, H, W) as (G, C/G, N, H, W)."""
    n, c, *size = images.shape
    return images.reshape(n, groups, c // groups, *size).transpose(1, 2, 0, 3, 4)


def _columns(g: Array, groups: int) -> Array:
    """Bring the pixels of every output channel together: (N, K, OH, OW) -> (G, K/G, N*OH*OW)."""
    by_channel = _grouped(g, groups)
    columns = np.empty(by_channel.shape, g.dtype)
    columns[...] = by_channel
    return columns.reshape(*columns.shape[:2], prod(columns.shape[2:]))
