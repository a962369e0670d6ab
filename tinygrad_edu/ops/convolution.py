"""Convolution by im2col: the forward and its two derivatives, ops that differentiate each other.

Three arrays stand in one relation, and each op makes one of them from the other two:
``convolution`` the output, ``conv2d_input`` the images, ``conv2d_weight`` the filters. Read
``_correlate`` and ``_im2col`` first; ``windows`` knows where the windows lie. Arguments are complete
and checked here; what a user may write is read in ``conv``.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw
from ..op import op
from .reduction import sum
from .windows import Grid, cut_out, framed, put_in, windows

__all__ = ["conv2d_input", "conv2d_weight", "convolution"]

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]

_CHUNK = 4 << 20  # bytes of im2col's matrix that exist at a time: it is used while in the cache
_MANY = 8  # channels that are worth being brought together in memory, see _by_window
_TINY = 1 << 13  # weights whose gradient BLAS computes faster image by image

# Input size, weight size, groups, and the grid of the windows: of this every op gets a case.
_SAMPLES: list[tuple[tuple[int, ...], tuple[int, ...], int, Grid]] = [
    ((2, 2, 4, 3), (2, 2, 2, 2), 1, Grid((2, 2), (3, 2), (1, 1), (0, 0), (1, 1))),
    ((1, 2, 5, 4), (2, 1, 3, 2), 2, Grid((3, 2), (3, 3), (2, 1), (1, 0), (1, 1))),
    ((2, 1, 3, 4), (2, 1, 2, 2), 1, Grid((2, 2), (3, 3), (1, 2), (1, 1), (2, 1))),
    ((1, 3, 2, 2), (2, 3, 1, 1), 1, Grid((1, 1), (2, 2), (1, 1), (0, 0), (1, 1))),
    ((1, 2, 3, 3), (2, 2, 3, 3), 1, Grid((3, 3), (3, 3), (1, 1), (1, 1), (1, 1))),
    ((1, 8, 2, 2), (1, 8, 2, 1), 1, Grid((2, 1), (1, 1), (2, 2), (0, 0), (1, 1))),
    ((0, 2, 3, 3), (1, 2, 2, 2), 1, Grid((2, 2), (2, 2), (1, 1), (0, 0), (1, 1))),
]


def _out(sample: tuple[Any, ...]) -> Draw:
    return Draw((sample[0][0], sample[1][0], *sample[3].output))


def _arguments(params: Any) -> tuple[Any, ...]:
    """Spell the parameters as ``torch.nn.grad`` and ``torch.convolution`` want them."""
    grid = params["grid"]
    return grid.stride, grid.padding, grid.dilation


@op(
    vjps=(
        lambda g, _out, input, weight, _bias, grid, groups: conv2d_input(g, weight, input.shape[2:], grid, groups),
        lambda g, _out, input, _weight, _bias, grid, groups: conv2d_weight(g, input, grid, groups),
        lambda g, _out, _input, _weight, _bias, _grid, _groups: sum(g, (0, 2, 3)),
    ),
    cases=Cases(
        *[
            Case((Draw(x), Draw(w), bias), {"grid": grid, "groups": groups})
            for x, w, groups, grid in _SAMPLES
            for bias in (Draw(w[:1]), None)
        ],
        torch=lambda torch, inputs, params: torch.convolution(
            *inputs, *_arguments(params), False, (0, 0), params["groups"]
        ),
    ),
    register=True,
)
@np.errstate(all="ignore")
def convolution(input: Array, weight: Array, bias: Array | None, grid: Grid, groups: int) -> Array:
    """Multiply every window of the images with every filter.

    ``out[n, k, oh, ow] = bias[k] + sum over c, i, j of window[n, c, i, j, oh, ow] *
    weight[k, c, i, j]``

    Parameters
    ----------
    input : Tensor (N, C, H, W)
        The images.
    weight : Tensor (K, C/groups, KH, KW)
        The filters. Filter ``k`` sees the channels of its group only.
    bias : Tensor (K,) or None
        Added to every output channel.
    grid : Grid
        Where the windows lie.
    groups : int
        Into how many parts the input and output channels are divided.

    Returns
    -------
    Tensor (N, K, OH, OW)

    Notes
    -----
    im2col: the windows are copied into one contiguous matrix, one row each, and one matrix product
    does all multiplications. A window's entries are copied KH*KW times, and still it is the fastest
    way that NumPy has, because a matrix product is what the processor is best at.

    References
    ----------
    Kumar Chellapilla, Sidd Puri and Patrice Simard, "High performance convolutional neural networks
    for document processing", 2006.
    """
    return _correlate(input, weight, bias, grid, groups)


@op(
    vjps=(
        lambda g, _out, _grad, weight, _size, grid, groups: convolution(g, weight, None, grid, groups),
        lambda g, _out, grad_output, _weight, _size, grid, groups: conv2d_weight(grad_output, g, grid, groups),
    ),
    cases=Cases(
        *[Case((_out(s), Draw(s[1])), {"input_size": s[0][2:], "grid": s[3], "groups": s[2]}) for s in _SAMPLES],
        torch=lambda torch, inputs, params: torch.nn.grad.conv2d_input(
            (len(inputs[0]), inputs[1].shape[1] * params["groups"], *params["input_size"]),
            *inputs[::-1],
            *_arguments(params),
            params["groups"],
        ),
    ),
    register=True,
)
@np.errstate(all="ignore")
def conv2d_input(grad_output: Array, weight: Array, input_size: Pair, grid: Grid, groups: int) -> Array:
    """Differentiate :func:`convolution` with respect to its input: the transposed convolution.

    Parameters
    ----------
    grad_output : Tensor (N, K, OH, OW)
        The gradient of the output.
    weight : Tensor (K, C/groups, KH, KW)
        The filters.
    input_size : (H, W)
        Size of the images; several sizes can give one output size.
    grid, groups
        As in :func:`convolution`.

    Returns
    -------
    Tensor (N, C, H, W)

    Notes
    -----
    The product with the transposed filters gives the gradient of every entry of every window; where
    windows overlap, it is added up (col2im). For stride 1 the result is also the convolution of the
    padded ``grad_output`` with the filters turned around, which needs no additions: it is computed
    in this way if that matrix is not much larger.

    References
    ----------
    Vincent Dumoulin and Francesco Visin, "A guide to convolution arithmetic for deep learning",
    2016, chapter 4; relationship 9 is the case of stride 1.
    """
    n, k = grad_output.shape[:2]
    channels = weight.shape[1] * groups
    back = _way_back(grid, input_size)
    # The factor 2: col2im reads and writes, im2col writes.
    if back and k * prod(input_size) <= 2 * channels * prod(grid.output):
        return _correlate(grad_output, _turned(weight, groups), None, back, groups)
    images = np.empty((n, channels, *input_size), grad_output.dtype)
    filters = _filters(weight, groups).swapaxes(1, 2)
    for part in _chunks(images, grid):
        g = _rows(grad_output[part], groups)
        rows = _matrix(g.shape[:2], filters.shape[2], g.dtype, _by_window(weight.shape[1], grid))
        # (G, N*OH*OW, K/G) @ (G, K/G, KH*KW*C/G); BLAS is slow when the inner size is 1.
        (np.matmul if groups < k else np.multiply)(g, filters, out=rows)
        _col2im(rows, images[part], grid)
    return images


@op(
    vjps=(
        lambda g, _out, _grad, input, grid, groups: convolution(input, g, None, grid, groups),
        lambda g, _out, grad_output, input, grid, groups: conv2d_input(grad_output, g, input.shape[2:], grid, groups),
    ),
    cases=Cases(
        *[Case((_out(s), Draw(s[0])), {"grid": s[3], "groups": s[2]}) for s in _SAMPLES],
        torch=lambda torch, inputs, params: torch.nn.grad.conv2d_weight(
            inputs[1],
            (
                inputs[0].shape[1],
                inputs[1].shape[1] // params["groups"],
                *params["grid"].kernel,
            ),
            inputs[0],
            *_arguments(params),
            params["groups"],
        ),
    ),
    register=True,
)
@np.errstate(all="ignore")
def conv2d_weight(grad_output: Array, input: Array, grid: Grid, groups: int) -> Array:
    """Differentiate :func:`convolution` with respect to its weight.

    Parameters
    ----------
    grad_output : Tensor (N, K, OH, OW)
        The gradient of the output.
    input : Tensor (N, C, H, W)
        The images.
    grid, groups
        As in :func:`convolution`.

    Returns
    -------
    Tensor (K, C/groups, KH, KW)
    """
    k, c = grad_output.shape[1], input.shape[1]
    total = np.zeros((groups, k // groups, prod(grid.kernel) * c // groups), input.dtype)
    for part in _chunks(input, grid):
        rows, g = _im2col(input[part], grid, groups), grad_output[part]
        if total.size > _TINY:  # (G, K/G, N*OH*OW) @ (G, N*OH*OW, KH*KW*C/G)
            total += _rows(g, groups).swapaxes(1, 2) @ rows
        else:  # (N, G, K/G, OH*OW) @ (N, G, OH*OW, KH*KW*C/G)
            n = len(g)
            per_image = rows.reshape(groups, n, prod(grid.output), -1).swapaxes(0, 1)
            total += (g.reshape(n, groups, k // groups, -1) @ per_image).sum(0)
    weight = total.reshape(k, *grid.kernel, c // groups)
    return np.ascontiguousarray(weight.transpose(0, 3, 1, 2))


def _correlate(images: Array, weight: Array, bias: Array | None, grid: Grid, groups: int) -> Array:
    """Convolve, chunk by chunk of the batch."""
    k = len(weight)
    out = np.empty((len(images), k, *grid.output), images.dtype)
    filters = _filters(weight, groups)  # (G, KH*KW*C/G, K/G)
    for part in _chunks(images, grid):
        rows = _im2col(images[part], grid, groups)  # (G, N*OH*OW, KH*KW*C/G)
        product = _matrix(rows.shape[:2], k // groups, rows.dtype, rows.flags.c_contiguous)
        np.matmul(rows, filters, out=product)  # (G, N*OH*OW, K/G)
        result = out[part].swapaxes(0, 1)  # (K, N, OH, OW)
        product = product.swapaxes(1, 2).reshape(result.shape)
        np.add(product, 0 if bias is None else bias[:, None, None, None], out=result)
    return out


def _way_back(grid: Grid, size: Pair) -> Grid | None:
    """Return the grid of a convolution that leads back to images of this size, if there is one."""
    (k_h, k_w), _, stride, (p_h, p_w), (d_h, d_w) = grid
    padding = d_h * (k_h - 1) - p_h, d_w * (k_w - 1) - p_w
    if stride != (1, 1) or min(padding) < 0:
        return None
    return Grid(grid.kernel, size, stride, padding, grid.dilation)


def _chunks(images: Array, grid: Grid) -> Iterator[slice]:
    """Divide the batch so that the matrix of im2col stays small."""
    n, c = images.shape[:2]
    bytes_per_image = c * prod(grid.kernel) * prod(grid.output) * images.itemsize
    step = max(1, _CHUNK // max(1, bytes_per_image))
    return (slice(start, start + step) for start in range(0, n, step))


def _im2col(images: Array, grid: Grid, groups: int) -> Array:
    """Copy every window into one row: (N, C, H, W) -> (G, N*OH*OW, KH*KW*C/G)."""
    n, c = images.shape[:2]
    by_window = _by_window(c // groups, grid)
    if by_window:
        frame = _zeros_channels_last(groups, n, grid, c // groups, images.dtype)
        put_in(frame, _grouped(images, groups), grid)
    else:
        frame = framed(_grouped(images, groups), grid)
    shape = groups, n * prod(grid.output)
    rows = _matrix(shape, prod(grid.kernel) * c // groups, images.dtype, by_window)
    _as_windows(rows, n, grid)[...] = windows(frame, grid)
    return rows


def _col2im(rows: Array, images: Array, grid: Grid) -> None:
    """Add every row to its window of the images: the transpose of im2col."""
    (n, c), groups = images.shape[:2], len(rows)
    if rows.flags.c_contiguous:
        frame = _zeros_channels_last(groups, n, grid, c // groups, rows.dtype)
    else:
        frame = np.zeros((groups, c // groups, n, *grid.frame), rows.dtype)
    seen, given = windows(frame, grid), _as_windows(rows, n, grid)
    for i, j in grid.offsets:  # one entry of all windows at a time: these do not overlap
        seen[..., i, j, :, :] += given[..., i, j, :, :]
    cut_out(frame, _grouped(images, groups), grid)


def _by_window(channels: int, grid: Grid) -> bool:
    """Choose im2col's order in memory: True where it lays out one window after the other.

    Then all channels of a pixel are neighbours, and a window is copied in runs of KW*C/G numbers:
    right for many channels. Otherwise one entry of the kernel after the other, in runs of OW.
    """
    return channels >= _MANY and grid.kernel != (1, 1)


def _matrix(rows: tuple[int, int], columns: int, dtype: Any, by_row: bool) -> Array:
    """Make room for matrices (G, rows, columns), in memory row by row or column by column."""
    groups, n = rows
    if by_row:
        return np.empty((groups, n, columns), dtype)
    return np.empty((groups, columns, n), dtype).swapaxes(1, 2)


def _zeros_channels_last(groups: int, n: int, grid: Grid, channels: int, dtype: Any) -> Array:
    """Make frames (G, C/G, N, H, W) whose channels are neighbours in memory."""
    return np.zeros((groups, n, *grid.frame, channels), dtype).transpose(0, 4, 1, 2, 3)


def _grouped(images: Array, groups: int) -> Array:
    """View (N, C, H, W) as (G, C/G, N, H, W)."""
    n, c, *size = images.shape
    return images.reshape(n, groups, c // groups, *size).transpose(1, 2, 0, 3, 4)


def _as_windows(rows: Array, n: int, grid: Grid) -> Array:
    """View im2col's matrix with the axes of :func:`windows`: (G, C/G, N, KH, KW, OH, OW)."""
    split = rows.reshape(len(rows), n, *grid.output, *grid.kernel, -1)
    return split.transpose(0, 6, 1, 4, 5, 2, 3)


def _rows(grad_output: Array, groups: int) -> Array:
    """Give every window its row of output channels: (N, K, OH, OW) -> (G, N*OH*OW, K/G)."""
    n, k, *size = grad_output.shape
    columns = grad_output.swapaxes(0, 1).reshape(groups, k // groups, n * prod(size))
    return columns.swapaxes(1, 2)


def _filters(weight: Array, groups: int) -> Array:
    """Write every filter into one column: (K, C/G, KH, KW) -> (G, KH*KW*C/G, K/G)."""
    k, c, *kernel = weight.shape
    split = weight.reshape(groups, k // groups, c, *kernel).transpose(0, 3, 4, 2, 1)
    return np.ascontiguousarray(split).reshape(groups, prod(kernel) * c, k // groups)


def _turned(weight: Array, groups: int) -> Array:
    """Turn filters by 180 degrees and let them lead back: (K, C/G, KH, KW) -> (C, K/G, KH, KW)."""
    k, c, *kernel = weight.shape
    turned = weight.reshape(groups, k // groups, c, *kernel)[..., ::-1, ::-1]
    return turned.swapaxes(1, 2).reshape(groups * c, k // groups, *kernel)
