"""im2col and col2im as ops of their own; ``nn.functional`` calls them ``unfold`` and ``fold``.

Convolution does not use them: it lays the same matrix out in another order, piece by piece.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import op
from .windows import Grid, Sizes, cut_out, framed, integers, make_grid, output_size, windows

__all__ = ["col2im", "im2col"]

Array = np.ndarray[Any, Any]

_IMAGE = Draw((1, 2, 3, 4))


@op(
    vjps=(
        lambda g, _out, input_shape, kernel_size, dilation, padding, stride: col2im(
            g, input_shape[-2:], kernel_size, dilation, padding, stride
        ),
    ),
    cases=Cases(
        Case((_IMAGE,), {"kernel_size": 2}),
        Case((_IMAGE,), {"kernel_size": (2, 1), "stride": (1, 2), "padding": (0, 1)}),
        Case((Draw((2, 4, 3)),), {"kernel_size": 2, "dilation": (2, 1)}),
        Case((Draw((0, 2, 3, 3)),), {"kernel_size": 2}),
        errors=[
            Error((Draw((3, 4)),), {"kernel_size": 2}, RuntimeError, "Expected 3D or 4D"),
            Error((_IMAGE,), {"kernel_size": 5}, RuntimeError, r"sliding blocks as \(-1, 0\)"),
            Error((_IMAGE,), {"kernel_size": 0}, RuntimeError, "kernel_size should be greater"),
            Error((_IMAGE,), {"kernel_size": 2, "stride": 0}, RuntimeError, "stride should be gre"),
            Error((_IMAGE,), {"kernel_size": 2, "padding": -1}, RuntimeError, "non-negative"),
            Error((_IMAGE,), {"kernel_size": 2.5}, TypeError, "must be tuple of ints"),
        ],
        torch="nn.functional.unfold",
    ),
    register=True,
)
def im2col(input: Array, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Array:
    """Write every window of an image into a column.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
        Images.
    kernel_size, dilation, padding, stride : int or pair of int
        As in ``conv2d``.

    Returns
    -------
    Tensor (N, C*KH*KW, OH*OW) or (C*KH*KW, OH*OW)

    Raises
    ------
    RuntimeError
        If the shape is no image's, no window fits, or a parameter is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> im2col(np.array([[[1, 2, 3], [4, 5, 6]]]), kernel_size=2)
    array([[1, 2],
           [2, 3],
           [4, 5],
           [5, 6]])
    """
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input.shape)}; unfold takes (N, C, H, W)."
        )
    grid = _grid("unfold", input.shape[-2:], kernel_size, dilation, padding, stride)
    columns = windows(framed(input, grid), grid)  # (..., C, KH, KW, OH, OW)
    rows = input.shape[-3] * prod(grid.kernel)
    return columns.reshape(*input.shape[:-3], rows, prod(grid.output))


_COLUMNS = Draw((1, 8, 6))


@op(
    vjps=(
        lambda g, _out, _input, _size, kernel_size, dilation, padding, stride: im2col(
            g, kernel_size, dilation, padding, stride
        ),
    ),
    cases=Cases(
        Case((_COLUMNS,), {"output_size": (3, 4), "kernel_size": 2}),
        Case((_COLUMNS,), {"output_size": (5, 7), "kernel_size": (2, 1), "stride": (2, 3)}),
        Case((Draw((4, 4)),), {"output_size": (2, 3), "kernel_size": (1, 4), "padding": (0, 1)}),
        Case((Draw((4, 2)),), {"output_size": (4, 2), "kernel_size": 2, "dilation": (2, 1)}),
        errors=[
            Error((Draw((6,)),), {"output_size": 4, "kernel_size": 2}, RuntimeError, "2D or 3D"),
            Error(
                (_COLUMNS,),
                {"output_size": (3, 3), "kernel_size": 2},
                RuntimeError,
                r"sliding blocks 2 \* 2 = 4, but got input.size\(2\)=6",
            ),
            Error(
                (Draw((1, 9, 6)),),
                {"output_size": (3, 4), "kernel_size": 2},
                RuntimeError,
                "divisible by the product of kernel_size",
            ),
        ],
        torch="nn.functional.fold",
    ),
    register=True,
)
@np.errstate(all="ignore")
def col2im(
    input: Array,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Array:
    """Add columns to the windows of an image: the transpose of :func:`im2col`, not its inverse.

    Parameters
    ----------
    input : Tensor (N, C*KH*KW, OH*OW) or (C*KH*KW, OH*OW)
        Columns.
    output_size : int or pair of int
        H and W.
    kernel_size, dilation, padding, stride : int or pair of int
        As in ``conv2d``.

    Returns
    -------
    Tensor (N, C, H, W) or (C, H, W)

    Raises
    ------
    RuntimeError
        If there are not as many columns as windows, or not as many rows as entries.
    """
    if input.ndim not in (2, 3) or 0 in input.shape[-2:]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(input.shape)}; fold takes "
            "(N, C*KH*KW, OH*OW)."
        )
    h, w = integers(output_size, 2, "output_size", "fold")
    grid = _grid("fold", (h, w), kernel_size, dilation, padding, stride)
    _check_columns(input, (h, w), grid)
    shape = *input.shape[:-2], input.shape[-2] // prod(grid.kernel)  # (..., C)
    columns = input.reshape(*shape, *grid.kernel, *grid.output)
    frame = np.zeros((*shape, *grid.frame), input.dtype)
    seen = windows(frame, grid)
    for i, j in grid.offsets:  # one entry of all windows at a time: these do not overlap
        seen[..., i, j, :, :] += columns[..., i, j, :, :]
    images = np.empty((*shape, h, w), input.dtype)
    cut_out(frame, images, grid)
    return images


def _grid(
    who: str,
    size: tuple[int, ...],
    kernel_size: Sizes,
    dilation: Sizes,
    padding: Sizes,
    stride: Sizes,
) -> Grid:
    """Read where the windows lie."""
    kernel = integers(kernel_size, 2, "kernel_size", who)
    dilations = integers(dilation, 2, "dilation", who)
    paddings = integers(padding, 2, "padding", who)
    strides = integers(stride, 2, "stride", who)
    for name, values in (("kernel_size", kernel), ("stride", strides), ("dilation", dilations)):
        if min(values) <= 0:
            raise RuntimeError(f"{name} should be greater than zero, but {who} got {list(values)}.")
    if min(paddings) < 0:
        raise RuntimeError(f"padding should be non-negative, but {who} got {list(paddings)}.")
    settings = zip(size, kernel, strides, paddings, dilations)
    output = tuple(output_size(n, k, s, 2 * p, d) for n, k, s, p, d in settings)
    if min(output) < 1:
        raise RuntimeError(
            f"Given input with spatial size {tuple(size)}, kernel_size={kernel}, "
            f"dilation={dilations}, padding={paddings}, calculated shape of the array of sliding "
            f"blocks as {output}, but its components must be at least one: {who} finds no window."
        )
    return make_grid(kernel, output, strides, paddings, dilations)


def _check_columns(input: Array, size: tuple[int, int], grid: Grid) -> None:
    """Refuse a matrix that is not one of these windows."""
    rows, columns = input.shape[-2:]
    if rows % prod(grid.kernel):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={rows} and kernel_size={grid.kernel} in fold."
        )
    if columns != prod(grid.output):
        height, width = grid.output
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={grid.kernel}, dilation={grid.dilation}, "
            f"padding={grid.padding}, stride={grid.stride}, expected size of input's dimension 2 "
            f"to match the calculated number of sliding blocks {height} * {width} = "
            f"{height * width}, but got input.size(2)={columns} in fold."
        )
