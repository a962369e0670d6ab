"""Adaptive pooling: as many windows as are asked for, of sizes that may differ by one.

Window ``i`` of ``n`` along an axis of ``size`` reaches from ``floor(i * size / n)`` to
``ceil((i + 1) * size / n)``, as PyTorch has it; neighbours may share an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..dtypes import type_name
from ..op import composite, op
from .axes import squeeze, unsqueeze
from .linalg import matmul
from .pooled import take_pixels
from .pooling import avg_pool2d, check_images
from .reduction import mean
from .windows import integers

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_index_of_max",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
]

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]
OutputSize = int | None | Sequence[int | None]

_DISTINCT = Draw((1, 2, 4, 5), kind="distinct")


@composite(
    cases=Cases(
        Case((Draw((1, 2, 4, 3)), 1)),
        Case((Draw((1, 4, 6)), 2)),
        Case((Draw((1, 2, 4, 5)), (3, 2))),
        Case((Draw((2, 3, 4)), (None, 3))),
        Case((Draw((1, 2, 3)), (4, 5))),
        Case((Draw((0, 1, 4, 5)), 2)),
        Case((Draw((1, 2, 2)), 0), parity=False),  # PyTorch refuses to differentiate it
        errors=[
            Error((Draw((4, 4)), 2), {}, RuntimeError, "Expected 3D or 4D"),
            Error((Draw((1, 4, 4)), (1, 2, 3)), {}, RuntimeError, "must be 2 values"),
            Error((Draw((1, 4, 4)), -1), {}, RuntimeError, "greater than or equal to 0"),
            Error((Draw((1, 4, 4)), 1.5), {}, TypeError, "must be tuple of ints"),
            Error((Draw((1, 4, 4), kind="int"), 2), {}, NotImplementedError, "for 'Long'"),
        ],
        torch="nn.functional.adaptive_avg_pool2d",
    )
)
def adaptive_avg_pool2d(input: Any, output_size: OutputSize) -> Any:
    """Average images down (or up) to a given size.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
        Of a floating dtype.
    output_size : int, None, or pair of these
        OH and OW; None keeps the size.

    Returns
    -------
    Tensor (N, C, OH, OW) or (C, OH, OW)

    Raises
    ------
    RuntimeError
        If the shape is no image's, or a size is negative.

    Notes
    -----
    Where all windows have one size, this is :func:`avg_pool2d`. Else averaging along an axis is a
    product with a matrix whose rows are the windows.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> adaptive_avg_pool2d(tg.tensor([[[1.0, 2.0, 3.0]]]), (1, 2))
    tensor([[[1.5000, 2.5000]]])
    """
    height, width = _read("adaptive_avg_pool2d", 2, input, output_size)
    return _average(input, height, width)


@composite(
    cases=Cases(
        Case((Draw((1, 2, 5)), 3)),
        Case((Draw((2, 4)), (2,))),
        errors=[Error((Draw((4,)), 2), {}, RuntimeError, "Expected 2D or 3D")],
    )
)
def adaptive_avg_pool1d(input: Any, output_size: OutputSize) -> Any:
    """Average sequences (N, C, L) to a given length: see :func:`adaptive_avg_pool2d`."""
    (length,) = _read("adaptive_avg_pool1d", 1, input, output_size)
    return squeeze(_average(unsqueeze(input, -2), 1, length), -2)


@composite(
    cases=Cases(
        Case((_DISTINCT, 1)),
        Case((_DISTINCT, (3, 2))),
        Case((_DISTINCT, (None, 3)), {"return_indices": True}),
        Case((Draw((2, 2, 3), kind="distinct"), (4, 5))),
        Case((Draw((0, 1, 4, 5)), 2)),
        Case((np.zeros((1, 3, 3)), 2), smooth=False),
        Case((np.array([[[1, np.nan, 2], [np.nan, np.nan, 3]]]), 1), smooth=False),
        errors=[
            Error((Draw((1, 1, 1, 4, 4)), 2), {}, RuntimeError, "Expected 3D or 4D"),
            Error((Draw((1, 4, 4)), -1), {}, RuntimeError, "greater than or equal to 0"),
            Error((Draw((1, 4, 4), kind="int"), 2), {}, NotImplementedError, "for 'Long'"),
        ],
        torch="nn.functional.adaptive_max_pool2d",
    )
)
def adaptive_max_pool2d(input: Any, output_size: OutputSize, return_indices: bool = False) -> Any:
    """Keep the largest entry of each of ``OH * OW`` windows.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
        Of a floating dtype.
    output_size : int, None, or pair of these
        OH and OW; None keeps the size.
    return_indices : bool
        Return also where the entries were: int64, ``row * W + column``.

    Returns
    -------
    Tensor (N, C, OH, OW) or (C, OH, OW)
        With ``return_indices`` a tuple of two.

    Raises
    ------
    RuntimeError
        If the shape is no image's, or a size is negative.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> adaptive_max_pool2d(tg.tensor([[[3.0, 1.0, 2.0]]]), (1, 2))
    tensor([[[3., 2.]]])
    """
    height, width = _read("adaptive_max_pool2d", 2, input, output_size)
    indices = adaptive_index_of_max(input, (height, width))
    largest = take_pixels(input, indices)
    return (largest, indices) if return_indices else largest


@composite(
    cases=Cases(
        Case((Draw((1, 2, 5), kind="distinct"), 3)),
        Case((Draw((2, 4), kind="distinct"), (2,)), {"return_indices": True}),
        errors=[Error((Draw((4,)), 2), {}, RuntimeError, "Expected 2D or 3D")],
        torch="nn.functional.adaptive_max_pool1d",
    )
)
def adaptive_max_pool1d(input: Any, output_size: OutputSize, return_indices: bool = False) -> Any:
    """Keep the largest entry of each of OL windows: see :func:`adaptive_max_pool2d`."""
    (length,) = _read("adaptive_max_pool1d", 1, input, output_size)
    images = unsqueeze(input, -2)
    indices = adaptive_index_of_max(images, (1, length))
    largest = squeeze(take_pixels(images, indices), -2)
    return (largest, squeeze(indices, -2)) if return_indices else largest


def _read(who: str, n: int, input: Any, output_size: OutputSize) -> tuple[int, ...]:
    """Check the input and complete the output size with the input's where it says None."""
    check_images(who, n, input)
    if input.dtype.kind != "f":
        name = type_name(input.dtype)
        raise NotImplementedError(f"\"{who}\" not implemented for '{name}'; convert with .float().")
    given = output_size if isinstance(output_size, Sequence) else (output_size,) * n
    if len(given) != n:
        raise RuntimeError(f"{who}: output_size must be {n} values, but received {list(given)}.")
    sizes = [size if new is None else new for new, size in zip(given, input.shape[-n:])]
    read = integers(sizes, n, "output_size", who)
    if min(read) < 0:
        raise RuntimeError(
            f"{who}: elements of output_size must be greater than or equal to 0 but received "
            f"{list(read)}; pass None to keep a size."
        )
    return read


def _average(input: Any, height: int, width: int) -> Any:
    """Average images to (..., height, width)."""
    h, w = input.shape[-2:]
    if (height, width) == (1, 1):
        return mean(input, (-2, -1), True)
    if height and width and h % height == 0 and w % width == 0:
        return avg_pool2d(input, (h // height, w // width))
    left = matmul(_shares(h, height, input.dtype), input)
    return matmul(left, _shares(w, width, input.dtype).T)


def _shares(size: int, n: int, dtype: Any) -> Array:
    """Write every window into a row: its share in each entry, (n, size)."""
    start, end = _bounds(size, n)
    entry = np.arange(size)
    inside = (start[:, None] <= entry) & (entry < end[:, None])
    shares: Array = (inside / (end - start)[:, None]).astype(dtype)
    return shares


def _bounds(size: int, n: int) -> tuple[Array, Array]:
    """Return where each of ``n`` windows begins and ends."""
    window = np.arange(n)
    return window * size // n, -(-(window + 1) * size // n)


@op(
    vjps=(None,),
    cases=Cases(Case((_DISTINCT,), {"output_size": (3, 2)}), torch=False),
    register=True,
)
def adaptive_index_of_max(input: Array, output_size: Pair) -> Array:
    """Return where in its image the largest entry of every window lies: ``row * W + column``.

    Parameters
    ----------
    input : Tensor (..., H, W)
        Images.
    output_size : (OH, OW)
        The number of windows.

    Returns
    -------
    Tensor (..., OH, OW)
        int64. The first of several largest entries; of NaNs, the last.
    """
    (h, w), (height, width) = input.shape[-2:], output_size
    indices = np.empty((*input.shape[:-2], height, width), np.int64)
    rows, columns = zip(*_bounds(h, height)), list(zip(*_bounds(w, width)))
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            row, column = _place_of_max(input[..., top:bottom, left:right])
            indices[..., i, j] = (top + row) * w + left + column
    return indices


def _place_of_max(window: Array) -> tuple[Array, Array]:
    """Return the row and the column of the largest entry, or of the last NaN."""
    *lead, height, width = window.shape
    entries = window.reshape(*lead, height * width)
    place = entries.argmax(-1)
    nan = np.isnan(entries)
    if nan.any():
        last = height * width - 1 - nan[..., ::-1].argmax(-1)
        place = np.where(nan.any(-1), last, place)
    return place // width, place % width
