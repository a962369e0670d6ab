"""Convolve images of many channels with stride 1: im2col lays out the lines of windows, each of them once.

A window is KH lines of KW pixels. All lines that begin in one column stand one under the other, through all images, so
a window is KH lines that follow one another: windows overlap in memory, and need not be copied. Those that begin in
every KH-th row do not overlap. They are a matrix as they lie, and KH such matrices hold all windows. So a KH-th as
much is copied as in ``by_window``, whose functions these are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..parallel import blas_takes_small
from .by_window import SMALL, arrange, restore
from .windows import Grid, put_in, windows

__all__ = ["arrange", "correlate", "correlate_and_weigh", "pays", "restore"]

Array = np.ndarray[Any, Any]

_PRICE = 8  # filters: multiplying windows with so many takes as long as what copying lines saves
_SIZES = 128, 64, 32  # windows that are worth a product of their own


def pays(weight: tuple[int, ...], size: tuple[int, ...], grid: Grid) -> bool:
    """Tell whether these functions are made for such windows on images (H, W), and few are computed in vain."""
    if grid.stride != (1, 1) or grid.dilation != (1, 1) or grid.kernel[0] == 1:
        return False
    in_vain = _pitch(size, grid) - grid.output[0]
    return in_vain * weight[0] <= _PRICE * grid.output[0]


def correlate(images: Array, filters: Array, bias: Array | None, grid: Grid, out: Array) -> None:
    """Write into ``out`` (N, K, OH, OW) the product of every window with every filter."""
    _multiply(im2col(images, grid, out.shape[1]), filters, _pitch(images.shape[2:], grid), out)
    if bias is not None:
        out += bias[:, None, None]


def correlate_and_weigh(images: Array, filters: Array, grid: Grid, out: Array, pixels: Array) -> Array:
    """Do what ``correlate`` and ``weigh(pixels, images, ...)`` do, with one im2col for both."""
    matrices, k, pitch = im2col(images, grid, out.shape[1]), out.shape[1], _pitch(images.shape[2:], grid)
    _multiply(matrices, filters, pitch, out)
    columns = np.zeros((*matrices.shape[:3], k), out.dtype)  # 0 for the windows that are none
    for place, rows in _by_row(columns, pixels, pitch):
        place[...] = rows
    if matrices.shape[2] < 2 * k:  # adding up small products would take longer than they save
        matrices = _whole(matrices)
    products = columns.reshape(*matrices.shape[:3], k).swapaxes(2, 3) @ matrices
    return np.asarray(products.sum((0, 1)))[None]


def _multiply(matrices: Array, filters: Array, pitch: int, out: Array) -> None:
    product = np.empty((*matrices.shape[:3], out.shape[1]), out.dtype)
    np.matmul(matrices, filters[0], out=product)
    for found, rows in _by_row(product, out, pitch):
        rows[...] = found


def im2col(images: Array, grid: Grid, filters: int) -> Array:
    """Give all windows of images (N, C, H, W), and some that are none: (KH, blocks, windows, KH*KW*C).

    The first matrix has the windows that begin in the rows 0, KH, 2 KH ... of the frames.
    """
    n, c = images.shape[:2]
    (k_h, k_w), width, pitch = grid.kernel, grid.output[1], _pitch(images.shape[2:], grid)
    frame = np.zeros((n, pitch, grid.frame[1], c), images.dtype)
    put_in(frame.transpose(0, 3, 1, 2), images, grid)
    count = width * n * pitch  # lines
    size = _block(count // k_h, k_h * k_w * c, filters)
    blocks = -(-count // k_h // size)
    lines = np.empty((blocks * size * k_h + k_h - 1, k_w * c), images.dtype)
    lines[count:] = 0
    # (N*pitch, W, C) -> (C, KW, N*pitch, OW) -> (OW, N*pitch, KW, C)
    every = Grid((1, k_w), (n * pitch, width), (1, 1), (0, 0), (1, 1))
    seen = windows(frame.reshape(n * pitch, -1, c).transpose(2, 0, 1), every)[:, 0]
    lines[:count].reshape(width, n * pitch, k_w, c)[...] = seen.transpose(3, 2, 1, 0)
    line, number = lines.strides
    return as_strided(lines, (k_h, blocks, size, k_h * k_w * c), (line, size * k_h * line, k_h * line, number))


def _pitch(size: tuple[int, ...], grid: Grid) -> int:
    """Count the rows from one image to the next: a multiple of KH. What pads one's top pads the last one's bottom."""
    k_h, frame, top = grid.kernel[0], grid.frame[0], grid.padding[0]
    rows = max(frame - top, min(top + size[0], frame))
    return max(1, -(-rows // k_h)) * k_h


def _block(count: int, entries: int, filters: int) -> int:
    """Say how many windows to multiply at a time: see ``by_window``."""
    sizes = [size for size in _SIZES if size * entries * filters <= SMALL and size < count]
    return sizes[0] if sizes and blas_takes_small() else max(1, count)


def _whole(matrices: Array) -> Array:
    """Take all blocks of a matrix as one."""
    k_h, blocks, size, entries = matrices.shape
    first, _, window, number = matrices.strides
    return as_strided(matrices, (k_h, 1, blocks * size, entries), (first, 0, window, number))


def _by_row(values: Array, images: Array, pitch: int) -> Iterator[tuple[Array, Array]]:
    """Pair the windows' values (KH, blocks, windows, K) with their places in images (N, K, OH, OW)."""
    n, k, _, width = images.shape
    k_h = len(values)
    for first, matrix in enumerate(values):
        rows = images[:, :, first::k_h]
        by_column = matrix.reshape(-1, k)[: width * n * pitch // k_h].reshape(width, n, pitch // k_h, k)
        yield by_column[:, :, : rows.shape[2]].transpose(1, 3, 2, 0), rows
