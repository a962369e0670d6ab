"""The largest entry, or the mean, of every window, and the ops that their derivatives are made of.

It takes a grid that is checked; what a user may write is read in ``pooling``.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw
from ..kernels import accelerated
from ..op import op
from ..parallel import in_parts
from .windows import Grid, cut_out, framed, windows

__all__ = [
    "index_of_max",
    "max_over_windows",
    "mean_over_windows",
    "put_pixels",
    "spread_over_windows",
    "take_pixels",
]

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]

# Images, and windows that lie side by side, overlap, are padded, dilated, leave a rest, are none.
_GRIDS: list[tuple[tuple[int, ...], Grid]] = [
    ((2, 1, 4, 2), Grid((2, 2), (2, 1), (2, 2), (0, 0), (1, 1))),
    ((1, 2, 3, 4), Grid((2, 3), (2, 2), (1, 1), (0, 0), (1, 1))),
    ((2, 3, 3), Grid((2, 2), (2, 3), (2, 1), (1, 0), (1, 1))),
    ((1, 1, 5, 3), Grid((2, 1), (2, 2), (2, 2), (0, 0), (2, 1))),
    ((1, 1, 3, 3), Grid((2, 2), (2, 2), (2, 2), (0, 0), (1, 1))),
    ((0, 1, 2, 2), Grid((2, 2), (1, 1), (2, 2), (0, 0), (1, 1))),
]
_GAPLESS = [(shape, grid) for shape, grid in _GRIDS if grid.dilation == (1, 1)]


@op(
    # The input is named, as PyTorch keeps it, so that a write to it before the backward pass is noticed.
    vjps=(lambda g, _out, which, input, grid: put_pixels(g, _pixels(which, grid, input.shape[-1]), input.shape[-2:]),),
    joint=lambda _needed, g, _out, which, input, grid: (_put_largest(g, which, input.shape[-2:], grid),),
    cases=Cases(
        *[Case((Draw(shape, kind="distinct"),), {"grid": grid}) for shape, grid in _GRIDS],
        torch=False,
    ),
    residual=True,
    register=True,
)
def max_over_windows(input: Array, grid: Grid) -> tuple[Array, Array]:
    """Return the largest entry of every window; which entry that is, is what the derivative needs.

    Parameters
    ----------
    input : Tensor (..., H, W)
        Any real dtype. Padding is less than every number.
    grid : Grid
        Where the windows lie.

    Returns
    -------
    Tensor (..., OH, OW)
        NaN where a window holds one.

    Notes
    -----
    The gradient goes to the first of several largest entries, row by row; of NaNs to the last. So
    does PyTorch's. For a window of up to 256 entries one byte says which, where PyTorch keeps an
    integer of 64 bits.
    """
    frames = framed(input, grid, _least(input.dtype))
    pair: tuple[Array, Array] = _largest(frames, grid, _first_inside(grid))
    return pair


@accelerated
def _largest(frames: Array, grid: Grid, first: Array) -> tuple[Array, Array]:
    """Give the largest entry of every window, and its number in the window: row by row, from 0.

    ``first`` (OH, OW) is the number of the first entry of every window that lies in the image.
    """
    images = _images(frames)
    shape = (len(images), *grid.output)
    out, which = np.empty(shape, frames.dtype), np.empty(shape, _counter(grid))

    def work(part: slice) -> None:
        which[part] = first
        _find_largest(windows(images[part], grid), grid, out[part], which[part])

    in_parts(work, len(images), images.size)
    shape = (*frames.shape[:-2], *grid.output)
    return out.reshape(shape), which.reshape(shape)


def _find_largest(seen: Array, grid: Grid, out: Array, which: Array) -> None:
    (i, j), *others = grid.offsets
    counter = which.dtype.type
    out[...] = seen[..., i, j, :, :]
    # The number of the entry that is largest so far: it only grows, so a maximum can update it.
    for number, (i, j) in enumerate(others, start=1):
        entry = seen[..., i, j, :, :]
        np.maximum(which, (entry > out) * counter(number), out=which)
        np.maximum(out, entry, out=out)
    if np.isnan(out).any():
        for number, (i, j) in enumerate(grid.offsets):
            np.maximum(which, np.isnan(seen[..., i, j, :, :]) * counter(number), out=which)


@accelerated
def _put_largest(g: Array, which: Array, size: Pair, grid: Grid) -> Array:
    """Add every number to the entry of its window that was the largest; the others get 0."""
    images: Array = put_pixels.forward(g, _pixels(which, grid, size[1]), size)
    return images


@op(vjps=(None,), cases=max_over_windows.cases, register=True)
def index_of_max(input: Array, grid: Grid) -> Array:
    """Return where in its image the largest entry of every window lies: ``row * W + column``."""
    return _pixels(max_over_windows.forward(input, grid)[1], grid, input.shape[-1])


def _images(values: Array) -> Array:
    """Put all images into one row: (..., H, W) -> (M, H, W)."""
    return values.reshape(prod(values.shape[:-2]), *values.shape[-2:])


def _counter(grid: Grid) -> Any:
    """Give the smallest dtype that can number the entries of a window."""
    return np.min_scalar_type(prod(grid.kernel) - 1)


def _least(dtype: Any) -> Any:
    """Return the least number of a dtype, which padding is filled with."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _first_inside(grid: Grid) -> Array:
    """Return the number of the first entry of every window that the image holds: (OH, OW)."""
    height, width = (-(np.minimum(np.arange(o) * s - p, 0) // d) for _, o, s, p, d in zip(*grid))
    first: Array = height[:, None] * grid.kernel[1] + width
    return first


def _pixels(which: Array, grid: Grid, width: int) -> Array:
    """Say where in an image the chosen entry of every window lies."""
    (s_h, s_w), (p_h, p_w), (d_h, d_w) = grid.stride, grid.padding, grid.dilation
    steps = np.array([i * d_h * width + j * d_w for i, j in grid.offsets])
    rows, columns = np.arange(grid.output[0]) * s_h - p_h, np.arange(grid.output[1]) * s_w - p_w
    pixels = np.take(steps, which)
    pixels += rows[:, None] * width + columns
    return pixels


@op(
    vjps=(lambda g, _out, input_shape, indices: put_pixels(g, indices, input_shape[-2:]), None),
    cases=Cases(Case((Draw((2, 2, 3)), np.array([[[5, 0]], [[2, 2]]]))), torch=False),
    register=True,
)
def take_pixels(input: Array, indices: Array) -> Array:
    """Take pixels ``row * W + column`` out of every image.

    Parameters
    ----------
    input : Tensor (..., H, W)
        Images.
    indices : Tensor (..., OH, OW)
        int64.

    Returns
    -------
    Tensor (..., OH, OW)
    """
    return input.reshape(-1)[_places(indices, input.shape[-2:])].reshape(indices.shape)


@op(
    vjps=(lambda g, _out, _input, indices, _size: take_pixels(g, indices), None),
    cases=Cases(Case((Draw((2, 1, 2)), np.array([[[5, 0]], [[2, 2]]])), {"size": (2, 3)}), torch=False),
    register=True,
)
def put_pixels(input: Array, indices: Array, size: Pair) -> Array:
    """Add entries to the pixels ``row * W + column`` of images of zeros.

    Parameters
    ----------
    input : Tensor (..., OH, OW)
        What is added.
    indices : Tensor (..., OH, OW)
        int64.
    size : (H, W)
        Of the images.

    Returns
    -------
    Tensor (..., H, W)
    """
    lead = input.shape[:-2]
    images: Array = np.zeros(prod(lead) * prod(size), input.dtype)
    np.add.at(images, _places(indices, size), input.reshape(-1))
    return images.reshape(*lead, *size)


def _places(indices: Array, size: Pair) -> Array:
    """Count pixels through all images, instead of in each one."""
    images = prod(indices.shape[:-2])
    places: Array = indices.reshape(images, prod(indices.shape[-2:]))
    places = places + np.arange(images)[:, None] * prod(size)
    return places.reshape(-1)


@op(
    vjps=(lambda g, _out, input, grid, divisor: spread_over_windows(g, input.shape[-2:], grid, divisor),),
    cases=Cases(
        *[Case((Draw(shape),), {"grid": grid, "divisor": 4}) for shape, grid in _GAPLESS],
        Case((Draw((3, 3)),), {"grid": _GAPLESS[1][1], "divisor": np.array([[1.0, 2], [3, 6]])}),
        torch=False,
    ),
    register=True,
)
@np.errstate(all="ignore")
def mean_over_windows(input: Array, grid: Grid, divisor: Any) -> Array:
    """Add up every window and divide.

    Parameters
    ----------
    input : Tensor (..., H, W)
        Images.
    grid : Grid
        Where the windows lie.
    divisor : int or array (OH, OW)
        What the sums are divided by.

    Returns
    -------
    Tensor (..., OH, OW)
        Of the input's dtype; integers are rounded towards zero.

    Notes
    -----
    A window is a rectangle, so its rows are added up first and its columns then: KH + KW additions
    instead of KH * KW.
    """
    means: Array = _window_means(framed(input, grid), grid, divisor)
    return means


@accelerated
def _window_means(frames: Array, grid: Grid, divisor: Any) -> Array:
    images = _images(frames)
    means = np.empty((len(images), *grid.output), frames.dtype)

    def work(part: slice) -> None:
        total = _sum(images[part], *_by_axis(grid))
        if frames.dtype.kind == "f":
            np.divide(total, divisor, out=means[part], casting="same_kind")
        else:
            means[part] = np.trunc(total / divisor)

    in_parts(work, len(images), images.size)
    return means.reshape(*frames.shape[:-2], *grid.output)


@op(
    vjps=(lambda g, _out, _input, _size, grid, divisor: mean_over_windows(g, grid, divisor),),
    cases=Cases(
        *[
            Case(
                (Draw((*shape[:-2], *grid.output)),),
                {"size": shape[-2:], "grid": grid, "divisor": 4},
            )
            for shape, grid in _GAPLESS
        ],
        torch=False,
    ),
    register=True,
)
def spread_over_windows(input: Array, size: Pair, grid: Grid, divisor: Any) -> Array:
    """Divide, and add each number to all entries of its window.

    Parameters
    ----------
    input : Tensor (..., OH, OW)
        One number for every window.
    size : (H, W)
        Of the images.
    grid, divisor
        As in :func:`mean_over_windows`.

    Returns
    -------
    Tensor (..., H, W)
    """
    frames: Array = _spread_means(input, grid, divisor)
    if frames.shape[-2:] == size and grid.padding == (0, 0):
        return frames
    images = np.empty((*input.shape[:-2], *size), input.dtype)
    cut_out(frames, images, grid)
    return images


@accelerated
def _spread_means(input: Array, grid: Grid, divisor: Any) -> Array:
    numbers = _images(input)
    frames = np.empty((len(numbers), *grid.frame), input.dtype)
    rows, columns = _by_axis(grid)

    def work(part: slice) -> None:
        shares = (numbers[part] / divisor).astype(input.dtype, copy=False)
        frames[part] = _spread(shares, columns, rows)

    in_parts(work, len(frames), frames.size)
    return frames.reshape(*input.shape[:-2], *grid.frame)


def _by_axis(grid: Grid) -> tuple[Grid, Grid]:
    """Split a grid into one of columns of a window and one of rows of the columns' sums."""
    (k_h, k_w), (o_h, o_w), (s_h, s_w), _, (d_h, d_w) = grid
    along_h = Grid((k_h, 1), (o_h, grid.frame[1]), (s_h, 1), (0, 0), (d_h, 1))
    return along_h, Grid((1, k_w), (o_h, o_w), (1, s_w), (0, 0), (1, d_w))


def _sum(frame: Array, *grids: Grid) -> Array:
    """Add up the entries of every window, for one grid after the other."""
    for grid in grids:
        seen = windows(frame, grid)
        frame = seen[..., 0, 0, :, :].copy()
        for i, j in grid.offsets[1:]:
            frame += seen[..., i, j, :, :]
    return frame


def _spread(numbers: Array, *grids: Grid) -> Array:
    """Add each number to all entries of its window, for one grid after the other."""
    for grid in grids:
        frame = np.zeros((*numbers.shape[:-2], *grid.frame), numbers.dtype)
        seen = windows(frame, grid)
        for i, j in grid.offsets:
            seen[..., i, j, :, :] += numbers
        numbers = frame
    return numbers
