"""The order of all elements: sorting, the k largest, the middle one, the different ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import composite, op
from . import return_types
from .dims import normalize_dim
from .extremes import TIES, check_not_empty, over_all, picked
from .gathering import gather
from .splitting import narrow

__all__ = ["argsort", "median", "msort", "sort", "topk", "unique"]

Array = np.ndarray[Any, Any]

_SORTS = [
    Case((Draw((4,), kind="distinct"),)),
    Case((Draw((2, 3), kind="distinct"),), {"dim": 0}),
    Case((Draw((2, 3), kind="distinct"),), {"descending": True}),
    Case((Draw(()),)),
    Case((Draw((0, 3)),), {"dim": 0}),
    Case((np.array([2.0, 1.0, 2.0, np.nan, 1.0]),), smooth=False),
    Case((np.array([2.0, 1.0, 2.0, np.nan, 1.0]),), {"descending": True}, smooth=False),
]
_SORT_ERRORS = [Error((Draw((2, 3)),), {"dim": 2}, IndexError, "out of range")]


@op(vjps=(None,), cases=Cases(*_SORTS, errors=_SORT_ERRORS), register=True)
def argsort(input: Array, dim: int = -1, descending: bool = False, stable: bool = False) -> Array:
    """Find the order that sorts an axis; equal elements keep their order, whatever ``stable`` says.

    NaN counts as the largest.
    """
    axis = normalize_dim(dim, input.ndim, "argsort")
    if not input.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(input, axis, kind="stable")
    backwards = np.argsort(np.flip(input, axis), axis, kind="stable")
    order: Array = input.shape[axis] - 1 - np.flip(backwards, axis)
    return order


@composite(cases=Cases(*_SORTS, errors=_SORT_ERRORS))
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> return_types.sort:
    """Sort along an axis.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype; NaN counts as the largest.
    dim : int
        The axis.
    descending : bool
        The largest first.
    stable : bool
        Accepted for PyTorch programs: equal elements always keep their order.

    Returns
    -------
    (values, indices)
        The sorted values, through which gradients flow, and where they stood.
    """
    places = argsort(input, dim, descending, stable)
    return return_types.sort((gather(input, dim, places), places))


@composite(cases=Cases(Case((Draw((3, 2), kind="distinct"),))))
def msort(input: Any) -> Any:
    """Sort along the first axis."""
    return sort(input, 0).values


@composite(
    cases=Cases(
        Case((Draw((2, 5), kind="distinct"), 2)),
        Case((Draw((5, 2), kind="distinct"), 3), {"dim": 0, "largest": False}),
        Case((Draw((3,), kind="distinct"), 0)),
        Case((Draw(()), 1)),
        errors=[
            Error((Draw((3,)), 4), {}, RuntimeError, "selected index k out of range"),
            Error((Draw((3,)), -1), {}, RuntimeError, "selected index k out of range"),
        ],
    )
)
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> return_types.topk:
    """Find the ``k`` largest (or smallest) elements along an axis, in order.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype; NaN counts as the largest.
    k : int
        How many.
    dim : int
        The axis.
    largest : bool
        False: the smallest.
    sorted : bool
        Accepted for PyTorch programs: the result is always sorted.

    Returns
    -------
    (values, indices)

    Raises
    ------
    RuntimeError
        If the axis has fewer than ``k`` elements.
    """
    axis = normalize_dim(dim, len(input.shape), "topk")
    size = input.shape[axis] if len(input.shape) else 1
    if not 0 <= k <= size:
        raise RuntimeError(f"selected index k out of range: topk got k={k} for dimension {axis} of size {size}.")
    places = argsort(input, dim, largest)
    places = narrow(places, axis, 0, k) if len(input.shape) else places
    return return_types.topk((gather(input, dim, places), places))


# ---- the one in the middle


def _middle(input: Array) -> Any:
    if not input.size:
        return np.asarray(np.nan, input.dtype)
    values = np.sort(input, axis=None)  # NaN last
    return values[-1] if values[-1] != values[-1] else values[(values.size - 1) // 2]


_median_all = over_all(_middle, "median")


@op(vjps=(None,))
def _middle_place(input: Array, dim: int) -> Array:
    axis = normalize_dim(dim, input.ndim, "median")
    if not input.ndim:
        return np.zeros((), np.int64)
    check_not_empty(input, (axis,), False, "median")
    order = np.argsort(input, axis, kind="stable")
    middle = np.take(order, [(input.shape[axis] - 1) // 2], axis)
    missing = input != input
    if not missing.any():
        return middle
    first = np.argmax(missing, axis, keepdims=True)
    return np.where(missing.any(axis, keepdims=True), first, middle)


@composite(
    cases=Cases(
        Case((Draw((5,), kind="distinct"),)),
        Case((Draw((2, 4), kind="distinct"),)),
        Case((Draw((2, 4), kind="distinct"),), {"dim": 1}),
        Case((Draw((3, 2), kind="distinct"),), {"dim": 0, "keepdim": True}),
        Case((Draw(()),), {"dim": 0}),
        Case((TIES,), smooth=False),
        Case((np.array([4.0, 1.0, np.nan, 2.0]),), smooth=False),
        Case((np.array([4.0, 1.0, np.nan, 2.0]),), {"dim": 0}, smooth=False),
        errors=[
            Error(
                (Draw((0, 3)),),
                {"dim": 0},
                IndexError,
                "Expected reduction dim 0 to have non-zero size",
            )
        ],
    )
)
def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Find the middle one of the sorted elements, the lower of two: of all, or along an axis.

    Returns
    -------
    Tensor, or (values, indices)
        As for :func:`max`. NaN when there is a NaN.
    """
    if dim is None:
        return _median_all(input)
    return return_types.median(picked(input, dim, _middle_place(input, dim), keepdim))


# ---- those that differ


@op(vjps=(None,))
def _unique(input: Array, dim: int | None, part: int) -> Array:
    """Give part 0, 1 or 2 of (values, inverse, counts)."""
    found = np.unique(input, return_inverse=True, return_counts=True, axis=dim, equal_nan=False)
    inverse = found[1].reshape(input.shape if dim is None else (-1,))
    return (found[0], inverse, found[2])[part]


@composite(
    cases=Cases(
        Case((np.array([3, 1, 3, 2]),)),
        Case((np.array([[3, 1], [3, 2]]),), {"return_inverse": True, "return_counts": True}),
        Case(
            (np.array([[3, 1], [0, 2], [3, 1]]),),
            {"dim": 0, "return_inverse": True, "return_counts": True},
        ),
        Case((Draw((0,), kind="int"),)),
    )
)
def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Find the different elements (or, with ``dim``, slices), sorted; no gradient flows.

    Returns
    -------
    Tensor, or tuple of Tensor
        The values; then, as asked for, where each input element went, and how often each value
        occurs.
    """
    values = _unique(input, dim, 0)
    extra = [_unique(input, dim, part) for part, wanted in ((1, return_inverse), (2, return_counts)) if wanted]
    return (values, *extra) if extra else values
