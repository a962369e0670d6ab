"""Windows that slide over the two last axes of an image: how many fit, and a strided view of them.

It does not know what is done with a window: convolution multiplies it, pooling reduces it.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = [
    "Grid",
    "Ints",
    "Sizes",
    "cut_out",
    "fills",
    "framed",
    "integers",
    "make_grid",
    "output_size",
    "put_in",
    "row_windows",
    "windows",
]

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]
Ints = tuple[int, ...]
Sizes = int | Sequence[int]


class Grid(NamedTuple):
    """Where windows lie on images ``(..., H, W)``; every field is a pair, for H and for W.

    Along each axis, entry ``k`` of window ``o`` is entry ``o * stride + k * dilation - padding`` of
    the image. What lies outside the image is padding. The image inside all the padding that the
    windows see is called the frame.

    Attributes
    ----------
    kernel : (KH, KW)
        Size of a window.
    output : (OH, OW)
        Number of windows.
    stride, padding, dilation : pair of int
        From window to window; before the image; from entry to entry of a window.

    Examples
    --------
    >>> Grid(kernel=(3, 3), output=(4, 4), stride=(2, 2), padding=(1, 1), dilation=(1, 1)).frame
    (9, 9)
    """

    kernel: Pair
    output: Pair
    stride: Pair
    padding: Pair
    dilation: Pair

    @property
    def frame(self) -> Pair:
        """Size of the frame that the windows cover together."""
        h, w = ((o - 1) * s + (k - 1) * d + 1 for k, o, s, _, d in zip(*self))
        return h, w

    @property
    def offsets(self) -> list[Pair]:
        """The entries of a window, row by row."""
        return [(i, j) for i in range(self.kernel[0]) for j in range(self.kernel[1])]


def windows(frame: Array, grid: Grid) -> Array:
    """View a frame ``(..., H, W)`` as its windows ``(..., KH, KW, OH, OW)``; nothing is copied.

    Windows that overlap share memory. For one entry ``i, j`` of the kernel,
    ``windows(frame, grid)[..., i, j, :, :]`` is that entry of every window: an ordinary slice with
    steps, that may be written to.
    """
    *lead, along_h, along_w = frame.strides
    (s_h, s_w), (d_h, d_w) = grid.stride, grid.dilation
    steps = (along_h * d_h, along_w * d_w, along_h * s_h, along_w * s_w)
    return as_strided(frame, (*frame.shape[:-2], *grid.kernel, *grid.output), (*lead, *steps))


def row_windows(frame: Array, grid: Grid) -> Array:
    """View a frame ``(..., H, W)`` as ``(..., KH, KW, OH, W)``: a window starts at every pixel of its row.

    Every ``stride``-th of the first is one of :func:`windows`; the last go on in the next row, and are none. They need
    ``W`` more entries after the last frame in memory.
    """
    *lead, along_h, along_w = frame.strides
    (s_h, _), (d_h, d_w) = grid.stride, grid.dilation
    shape = *frame.shape[:-2], *grid.kernel, grid.output[0], grid.frame[1]
    return as_strided(frame, shape, (*lead, along_h * d_h, along_w * d_w, along_h * s_h, along_w))


def fills(image: Array, grid: Grid) -> bool:
    """Tell whether the image is all that the windows see: none reaches outside it."""
    h, w = grid.frame
    return grid.padding == (0, 0) and h <= image.shape[-2] and w <= image.shape[-1]


def framed(image: Array, grid: Grid, value: float = 0) -> Array:
    """Return the frame: the image itself if no window leaves it, else a copy within ``value``."""
    if fills(image, grid):
        return image
    frame = np.full((*image.shape[:-2], *grid.frame), value, image.dtype)
    put_in(frame, image, grid)
    return frame


def put_in(frame: Array, image: Array, grid: Grid) -> None:
    """Copy into the frame what the windows see of the image."""
    (down, across), (rows, columns) = _positions(grid, image.shape[-2:])
    frame[..., down, across] = image[..., rows, columns]


def cut_out(frame: Array, image: Array, grid: Grid) -> None:
    """Copy back into the image what lies in the frame; 0 for what no window sees."""
    (down, across), (rows, columns) = _positions(grid, image.shape[-2:])
    if (rows.stop, columns.stop) != image.shape[-2:]:
        image[...] = 0
    image[..., rows, columns] = frame[..., down, across]


def _positions(grid: Grid, size: Sequence[int]) -> tuple[list[slice], list[slice]]:
    """Say where in the frame the image lies, and which part of it: no window may see its end."""
    seen = [max(min(n, f - p), 0) for n, f, p in zip(size, grid.frame, grid.padding)]
    return [slice(p, p + n) for p, n in zip(grid.padding, seen)], [slice(0, n) for n in seen]


def output_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Count the windows along one axis; below 1 when the kernel is larger than the padded image.

    Parameters
    ----------
    size : int
        Size of the image.
    kernel, stride, dilation : int
        Size of the window; step from window to window; step from entry to entry of a window.
    padding : int
        In total: before the image plus after it.

    Notes
    -----
    ``floor((size + padding - dilation * (kernel - 1) - 1) / stride) + 1``: the first window takes
    ``dilation * (kernel - 1) + 1`` entries, and every further one needs ``stride`` more.

    References
    ----------
    Vincent Dumoulin and Francesco Visin, "A guide to convolution arithmetic for deep learning",
    2016, relationship 15.

    Examples
    --------
    >>> output_size(28, kernel=5, stride=1, padding=0, dilation=1)
    24
    >>> output_size(7, kernel=3, stride=2, padding=2, dilation=1)
    4
    """
    return (size + padding - dilation * (kernel - 1) - 1) // stride + 1


def make_grid(kernel: Ints, output: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Grid:
    """Make the grid of images from that of images or sequences: these are images of height 1."""
    axes = list(zip(kernel, output, stride, padding, dilation))
    return Grid(*zip(*[(1, 1, 1, 0, 1)] * (2 - len(axes)), *axes))


def integers(value: Sizes, n: int, name: str, who: str) -> tuple[int, ...]:
    """Read ``n`` integers that are given one by one, or once for all.

    Raises
    ------
    TypeError
        If they are no integers.
    RuntimeError
        If there are neither 1 nor ``n``.
    """
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    try:
        read = tuple(map(operator.index, given))
    except TypeError:
        raise TypeError(
            f"{who}(): argument '{name}' must be tuple of ints, got {value!r}; pass an int or {n} of them."
        ) from None
    if len(read) not in (1, n):
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {n} values, but {who} got {name}={list(read)}."
        )
    return read * n if len(read) == 1 else read
