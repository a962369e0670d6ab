"""Pooling as a user writes it: arguments read, completed and checked.

How a pooling is computed and differentiated is in ``pooled``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..dtypes import type_name
from ..op import composite
from .axes import squeeze, unsqueeze
from .pooled import index_of_max, max_over_windows, mean_over_windows, take_pixels
from .windows import Grid, Sizes, integers, make_grid, output_size

__all__ = ["avg_pool1d", "avg_pool2d", "check_images", "max_pool1d", "max_pool2d"]

_IMAGE = Draw((1, 2, 4, 4), kind="distinct")
_INFINITIES = np.array([[[-np.inf, -np.inf, 1], [-np.inf, -np.inf, 1], [np.nan, 1, 1]]])

_ERRORS = [
    Error((Draw((4, 4)), 2), {}, RuntimeError, "Expected 3D or 4D"),
    Error((Draw((1, 0, 4, 4)), 2), {}, RuntimeError, "Expected 3D or 4D"),
    Error((_IMAGE, 5), {}, RuntimeError, r"output size: \(2x0x0\). Output size is too small"),
    Error((_IMAGE, 2), {"padding": 2}, RuntimeError, "at most half of effective kernel size"),
    Error((_IMAGE, 2), {"padding": -1}, RuntimeError, "pad must be non-negative"),
    Error((_IMAGE, 0), {}, RuntimeError, "kernel_size should be greater than zero"),
    Error((_IMAGE, 2), {"stride": 0}, RuntimeError, "stride should be greater than zero"),
    Error((_IMAGE, 2.5), {}, TypeError, "'kernel_size' must be tuple of ints"),
    Error((_IMAGE, (2, 2, 2)), {}, RuntimeError, "list of 2 values"),
    Error((Draw((1, 4, 4), kind="bool"), 2), {}, NotImplementedError, "for 'Bool'"),
]


@composite(
    cases=Cases(
        Case((_IMAGE, 2)),
        Case((_IMAGE, (2, 3)), {"stride": (2, 1)}),
        Case((_IMAGE, 3), {"stride": 2, "padding": 1}),
        Case((_IMAGE, 2), {"stride": 1, "dilation": (2, 1)}),
        Case((Draw((2, 5, 5), kind="distinct"), 2), {"ceil_mode": True}),
        Case((Draw((1, 3, 5), kind="distinct"), 2), {"stride": 3, "padding": 1, "ceil_mode": True}),
        Case((_IMAGE, 3), {"padding": 1, "stride": [], "return_indices": True}),
        Case((Draw((0, 1, 4, 4)), 2)),
        Case((Draw((1, 4, 4), 0, 3, kind="int"), 2), {"padding": 1}),
        Case((np.zeros((1, 3, 3)), 2), {"stride": 1, "padding": 1}, smooth=False),
        Case((_INFINITIES, 2), {"stride": 1, "padding": 1}, smooth=False),
        Case((_INFINITIES, 2), {"padding": 1, "stride": 1, "dilation": 2}, smooth=False),
        errors=[
            *_ERRORS,
            Error((_IMAGE, 2), {"dilation": 0}, RuntimeError, "dilation should be greater than zero"),
        ],
        torch="nn.functional.max_pool2d",
    )
)
def max_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Keep the largest entry of every window.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
        Any real dtype.
    kernel_size : int or pair of int
        Size of the window; a pair is for H and for W.
    stride : int or pair of int, optional
        Step from window to window; ``kernel_size`` when None.
    padding : int or pair of int
        Around the image, at most half a window; less than every number.
    dilation : int or pair of int
        Step from entry to entry of a window.
    ceil_mode : bool
        Let the last window reach beyond the image, if it begins inside.
    return_indices : bool
        Return also where the entries were: int64, ``row * W + column``.

    Returns
    -------
    Tensor (N, C, OH, OW) or (C, OH, OW)
        ``OH = floor((H + 2 * padding - dilation * (KH - 1) - 1) / stride) + 1``, likewise OW. With
        ``return_indices`` a tuple of two.

    Raises
    ------
    RuntimeError
        If the shape is no image's, no window fits, or a parameter is out of its range.

    Notes
    -----
    The gradient goes to the first of several largest entries of a window, row by row.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> max_pool2d(tg.tensor([[[1.0, 2.0, 5.0, 3.0], [4.0, 0.0, 1.0, 1.0]]]), 2)
    tensor([[[4., 5.]]])
    """
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composite(
    cases=Cases(
        Case((Draw((1, 2, 5), kind="distinct"), 2)),
        Case((Draw((2, 5), kind="distinct"), 3), {"stride": 1, "padding": (1,), "dilation": 2}),
        errors=[
            Error((Draw((4,)), 2), {}, RuntimeError, "Expected 2D or 3D"),
            Error((Draw((1, 2, 4)), 5), {}, RuntimeError, r"output size: \(2x0\)"),
            Error((Draw((1, 2, 4)), (2, 2)), {}, RuntimeError, "list of 1 values"),
        ],
        torch="nn.functional.max_pool1d",
    )
)
def max_pool1d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Keep the largest entry of every window of a sequence (N, C, L): see :func:`max_pool2d`."""
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _max_pool(
    who: str,
    n: int,
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    """Pool along the last ``n`` axes."""
    check_images(who, n, input)
    grid = _read_grid(who, n, input, kernel_size, stride, padding, dilation, ceil_mode)
    images = input if n == 2 else unsqueeze(input, -2)
    if return_indices:
        indices = index_of_max(images, grid)
        results = [take_pixels(images, indices), indices]
    else:
        results = [max_over_windows(images, grid)]
    if n == 1:
        results = [squeeze(result, -2) for result in results]
    return tuple(results) if return_indices else results[0]


@composite(
    cases=Cases(
        Case((Draw((1, 2, 4, 4)), 2)),
        Case((Draw((1, 2, 4, 4)), (2, 3)), {"stride": (2, 1)}),
        Case((Draw((1, 4, 4)), 3), {"stride": 2, "padding": 1}),
        Case((Draw((1, 5, 4)), 3), {"padding": 1, "count_include_pad": False}),
        Case((Draw((1, 5, 5)), 2), {"stride": 2, "ceil_mode": True}),
        Case((Draw((1, 5, 4)), 3), {"padding": 1, "ceil_mode": True, "stride": 2}),
        Case((Draw((1, 5, 4)), 3), {"padding": 1, "ceil_mode": True, "count_include_pad": False}),
        Case((Draw((1, 4, 4)), 2), {"divisor_override": 3}),
        Case((Draw((0, 1, 4, 4)), 2)),
        Case((Draw((1, 4, 4), -9, 9, kind="int"), 2)),
        errors=[
            *_ERRORS,
            Error((_IMAGE, 2), {"divisor_override": 0}, RuntimeError, "divisor must be not zero"),
        ],
        torch="nn.functional.avg_pool2d",
    )
)
def avg_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Average every window.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
        Integers are rounded towards zero.
    kernel_size, stride, ceil_mode
        As in :func:`max_pool2d`.
    padding : int or pair of int
        Zeros around the image, at most half a window.
    count_include_pad : bool
        Whether the zeros count when the sum is divided.
    divisor_override : int, optional
        Divide by this instead.

    Returns
    -------
    Tensor (N, C, OH, OW) or (C, OH, OW)

    Raises
    ------
    RuntimeError
        As :func:`max_pool2d`.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> avg_pool2d(tg.tensor([[[1.0, 2.0, 5.0, 3.0], [4.0, 1.0, 1.0, 1.0]]]), 2)
    tensor([[[2.0000, 2.5000]]])
    """
    check_images("avg_pool2d", 2, input)
    grid = _read_grid("avg_pool2d", 2, input, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero: avg_pool2d got divisor_override=0.")
    divisor = divisor_override or _counts(grid, input, count_include_pad)
    return mean_over_windows(input, grid, divisor)


@composite(
    cases=Cases(
        Case((Draw((1, 2, 5)), 2)),
        Case((Draw((2, 5)), 3), {"stride": 2, "padding": 1, "count_include_pad": False}),
        errors=[
            Error((Draw((4,)), 2), {}, RuntimeError, "Expected 2D or 3D"),
            Error((Draw((1, 2, 4)), 2), {"padding": 2}, RuntimeError, "at most half"),
        ],
        torch="nn.functional.avg_pool1d",
    )
)
def avg_pool1d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """Average every window of a sequence (N, C, L): see :func:`avg_pool2d`."""
    check_images("avg_pool1d", 1, input)
    grid = _read_grid("avg_pool1d", 1, input, kernel_size, stride, padding, 1, ceil_mode)
    images = unsqueeze(input, -2)
    divisor = _counts(grid, images, count_include_pad)
    return squeeze(mean_over_windows(images, grid, divisor), -2)


def check_images(who: str, n: int, input: Any) -> None:
    """Refuse what is no image (or sequence): only the batch may be empty."""
    shape = tuple(input.shape)
    if len(shape) not in (n + 1, n + 2) or 0 in shape[-n - 1 :]:
        raise RuntimeError(
            f"Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got:{list(shape)}: the axes of {who} are "
            f"{'(N, C, L)' if n == 1 else '(N, C, H, W)'}, add missing ones with unsqueeze."
        )
    if input.dtype.kind == "b":
        name = type_name(input.dtype)
        raise NotImplementedError(f"\"{who}\" not implemented for '{name}'; convert with .float().")


def _read_grid(
    who: str,
    n: int,
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
) -> Grid:
    """Read where the windows lie."""
    kernel = integers(kernel_size, n, "kernel_size", who)
    strides = kernel if stride in (None, [], ()) else integers(stride, n, "stride", who)
    paddings = integers(padding, n, "padding", who)
    dilations = integers(dilation, n, "dilation", who)
    for name, values in (("kernel_size", kernel), ("stride", strides), ("dilation", dilations)):
        if min(values) <= 0:
            raise RuntimeError(f"{name} should be greater than zero, but {who} got {list(values)}.")
    for k, p, d in zip(kernel, paddings, dilations):
        _check_padding(who, k, p, d)
    settings = zip(input.shape[-n:], kernel, strides, paddings, dilations)
    output = tuple(_count_windows(*setting, ceil_mode) for setting in settings)
    if min(output) < 1:
        given, wanted = ("x".join(map(str, s)) for s in (input.shape[-n - 1 :], (input.shape[-n - 1], *output)))
        raise RuntimeError(
            f"Given input size: ({given}). Calculated output size: ({wanted}). Output size is too "
            f"small: {who} got kernel_size={kernel}; pass a smaller one or padding=."
        )
    return make_grid(kernel, output, strides, paddings, dilations)


def _check_padding(who: str, kernel: int, padding: int, dilation: int) -> None:
    if padding < 0:
        raise RuntimeError(f"pad must be non-negative, but got pad: {padding} in {who}.")
    if padding > (dilation * (kernel - 1) + 1) // 2:
        raise RuntimeError(
            f"pad should be at most half of effective kernel size, but got pad={padding}, "
            f"kernel_size={kernel} and dilation={dilation}: some windows of {who} would be empty."
        )


def _count_windows(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """Count the windows along one axis; in ``ceil_mode`` the last may end outside."""
    reach = size + 2 * padding + (stride - 1 if ceil_mode else 0)
    count = output_size(reach, kernel, stride, 0, dilation)
    begins_outside = (count - 1) * stride >= size + padding
    return count - 1 if ceil_mode and begins_outside else count


def _counts(grid: Grid, images: Any, count_include_pad: bool) -> Any:
    """Count the entries that every window averages: (OH, OW), or one number when all are equal."""
    sides = []
    for size, kernel, output, stride, padding, _ in zip(images.shape[-2:], *grid):
        start = np.arange(output) * stride - padding
        end = np.minimum(start + kernel, size + padding)
        if not count_include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, size)
        sides.append(end - start)
    counts = np.outer(*sides)
    if (counts == counts[0, 0]).all():
        return int(counts[0, 0])
    return counts if images.dtype.kind == "i" else counts.astype(images.dtype)
