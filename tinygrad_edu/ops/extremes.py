"""The largest and the smallest elements, and where they stand; all in order: ``sorting``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error, Reduction
from ..op import Op, composite, op
from . import return_types
from .dims import normalize_dim, normalize_dims
from .gathering import gather
from .reduction import kept, sum
from .selection import maximum, minimum
from .shape import reshape, to

__all__ = [
    "amax",
    "amin",
    "aminmax",
    "argmax",
    "argmin",
    "check_not_empty",
    "max",
    "min",
    "over_all",
    "picked",
]

Array = np.ndarray[Any, Any]

TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [0.0, -1.0, 3.0]])


# ---- the largest and the smallest; equal ones share the gradient


def _shared(g: Any, out: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    """Give each of the elements that equal the result the same part of its gradient."""
    chosen = to(x == kept(out, x.shape, dim, keepdim), g.dtype)
    return kept(g, x.shape, dim, keepdim) / sum(chosen, dim, True) * chosen


def _shared_by_all(g: Any, out: Any, x: Any) -> Any:
    """Do so for a result without axes; when it is NaN, all that are NaN share."""
    chosen = to(x == out, g.dtype) + to(x != x, g.dtype)
    return g / sum(chosen) * chosen


def _reduce(ufunc: np.ufunc, input: Array, dim: Any, keepdim: bool, who: str) -> Array:
    axes = normalize_dims(dim, input.ndim, who)
    check_not_empty(input, axes, dim in (None, ()), who)
    return ufunc.reduce(input, axis=axes, keepdims=keepdim)  # type: ignore[no-any-return]


def check_not_empty(input: Array, axes: tuple[int, ...], everything: bool, who: str) -> None:
    """Refuse to look for an extreme where there is no element, as PyTorch does."""
    if everything and not input.size:
        raise RuntimeError(
            f"{who}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
            "reduction dim with the 'dim' argument: nothing is the largest or smallest of no "
            f"elements (shape {list(input.shape)})."
        )
    for axis in axes:
        if not input.shape[axis]:
            raise IndexError(
                f"{who}(): Expected reduction dim {axis} to have non-zero size, but the input has "
                f"shape {list(input.shape)}."
            )


_EXTREME = Reduction(
    empty=False,
    kind="distinct",
    extra=[
        Case((TIES,), smooth=False),
        Case((TIES,), {"dim": 1}, smooth=False),
        Case((TIES,), {"dim": ()}, smooth=False),
        Case((np.array([[1.0, np.nan], [np.inf, -np.inf]]),), {"dim": 1}, smooth=False),
        Case((Draw((2, 3), kind="bool"),), {"dim": 0}),
        Case((Draw((2, 3), kind="int"),)),
    ],
    errors=[
        Error((Draw((0, 3)),), {}, RuntimeError, "Expected reduction dim to be specified"),
        Error(
            (Draw((0, 3)),),
            {"dim": 0},
            IndexError,
            "Expected reduction dim 0 to have non-zero size",
        ),
    ],
)


@op(
    vjps=(lambda g, out, x, dim, keepdim: _shared(g, out, x, dim, keepdim),),
    cases=_EXTREME,
    register=True,
)
def amax(input: Array, dim: int | tuple[int, ...] = (), keepdim: bool = False) -> Array:
    """Find the largest element along axes; equal ones share the gradient evenly.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype. A NaN makes the result NaN.
    dim : int or tuple of int
        The axes to reduce; all of them when empty.
    keepdim : bool
        Keep the reduced axes, with size 1.

    Raises
    ------
    IndexError
        If a reduced axis is empty, or does not exist.
    """
    return _reduce(np.maximum, input, dim, keepdim, "amax")


@op(
    vjps=(lambda g, out, x, dim, keepdim: _shared(g, out, x, dim, keepdim),),
    cases=_EXTREME,
    register=True,
)
def amin(input: Array, dim: int | tuple[int, ...] = (), keepdim: bool = False) -> Array:
    """Find the smallest element along axes; see :func:`amax`."""
    return _reduce(np.minimum, input, dim, keepdim, "amin")


@composite(
    cases=Cases(
        Case((Draw((2, 3), kind="distinct"),)),
        Case((Draw((2, 3), kind="distinct"),), {"dim": 1, "keepdim": True}),
    )
)
def aminmax(input: Any, dim: int | None = None, keepdim: bool = False) -> return_types.aminmax:
    """Find the smallest and the largest element, as a pair ``(min, max)``; see :func:`amax`."""
    axes: Any = () if dim is None else dim
    return return_types.aminmax((amin(input, axes, keepdim), amax(input, axes, keepdim)))


# ---- where they stand


def _place(find: Callable[..., Any], input: Array, dim: int | None, keepdim: bool, who: str) -> Array:
    if dim is None:
        _check_not_empty_at_all(input, who)
        at = np.asarray(find(input), np.int64)
        return at.reshape((1,) * input.ndim) if keepdim else at
    axis = normalize_dim(dim, input.ndim, who)
    if not input.ndim:
        return np.zeros((), np.int64)
    check_not_empty(input, (axis,), False, who)
    return find(input, axis=axis, keepdims=keepdim)  # type: ignore[no-any-return]


def _check_not_empty_at_all(input: Array, who: str) -> None:
    if not input.size:
        raise IndexError(
            f"{who}(): Expected reduction dim to be specified for input.numel() == 0: there is no "
            f"place in a tensor of shape {list(input.shape)}."
        )


_PLACES = Reduction(
    dims=("none", "one"),
    empty=False,
    kind="distinct",
    extra=[
        Case((TIES,)),
        Case((TIES,), {"dim": 1}),
        Case((TIES,), {"keepdim": True}),
        Case((np.array([1.0, np.nan, 3.0, np.nan]),), {"dim": 0}),
    ],
    errors=[
        Error((Draw((0,)),), {}, IndexError, "Expected reduction dim to be specified"),
        Error(
            (Draw((0, 3)),),
            {"dim": 0},
            IndexError,
            "Expected reduction dim 0 to have non-zero size",
        ),
        Error((Draw((3,), kind="bool"),), {}, RuntimeError, "does not support bool input"),
    ],
)


@op(vjps=(None,), cases=_PLACES, register=True)
def argmax(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """Find where the largest element stands, the first of equal ones: along an axis, or flat.

    Parameters
    ----------
    input : Tensor
        Any shape, not bool. The first NaN counts as the largest.
    dim : int, optional
        The axis to reduce.
    keepdim : bool
        Keep the reduced axis, with size 1.

    Returns
    -------
    Tensor of int64

    Raises
    ------
    IndexError
        If there is no element, or no such axis.
    """
    return _place(np.argmax, _not_bool(input, "argmax"), dim, keepdim, "argmax")


@op(vjps=(None,), cases=_PLACES, register=True)
def argmin(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """Find where the smallest element stands; see :func:`argmax`."""
    return _place(np.argmin, _not_bool(input, "argmin"), dim, keepdim, "argmin")


def _not_bool(input: Array, who: str) -> Array:
    if input.dtype.kind == "b":
        raise RuntimeError(f"{who}(): does not support bool input; convert it with .long().")
    return input


# ---- max and min: PyTorch's three functions of one name


def over_all(reduce: Any, name: str) -> Op:
    """Make the op that reduces everything; it is named like the public function, which calls it."""

    def forward(input: Array) -> Any:
        return reduce(input)

    forward.__name__ = name
    return op(vjps=(lambda g, out, x: _shared_by_all(g, out, x),))(forward)


_max_all = over_all(lambda x: _reduce(np.maximum, x, None, False, "max"), "max")
_min_all = over_all(lambda x: _reduce(np.minimum, x, None, False, "min"), "min")


@op(vjps=(None,))
def _first_place(input: Array, dim: int, find: Callable[..., Any], who: str) -> Array:
    return _place(find, input, dim, True, who)


def picked(input: Any, dim: int, places: Any, keepdim: bool) -> tuple[Any, Any]:
    """Pick the values at the places along ``dim``; the gradient goes there."""
    values = gather(input, dim, places)
    if keepdim or not len(input.shape):
        return values, places
    axis = normalize_dim(dim, len(input.shape), "max")
    shape = (*input.shape[:axis], *input.shape[axis + 1 :])
    return reshape(values, shape), reshape(places, shape)


_MAX = Reduction(
    dims=("none", "one"),
    empty=False,
    kind="distinct",
    extra=[
        Case((TIES,), smooth=False),
        Case((TIES,), {"dim": 1}, smooth=False),
        Case((np.array([1.0, np.nan, 3.0, np.nan]),), smooth=False),
        Case((np.array([1.0, np.nan, 3.0, np.nan]),), {"dim": 0}, smooth=False),
        Case((Draw((2, 3), kind="bool"),), {"dim": 1}),
        Case((Draw((2, 3), kind="int"),)),
        Case((np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])), smooth=False),
    ],
    errors=[
        Error((Draw((0, 3)),), {}, RuntimeError, "Expected reduction dim to be specified"),
        Error(
            (Draw((0, 3)),),
            {"dim": 0},
            IndexError,
            "Expected reduction dim 0 to have non-zero size",
        ),
        Error((Draw((2, 3)),), {"dim": (0, 1)}, TypeError, "must be int, not tuple"),
    ],
)


@composite(cases=_MAX)
def max(input: Any, dim: Any = None, keepdim: bool = False, other: Any = None) -> Any:
    """Find the largest element: of all, along an axis, or of two tensors.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype. A NaN counts as the largest.
    dim : int, optional
        The axis to reduce. A tensor here is ``other``, as in PyTorch.
    keepdim : bool
        Keep the reduced axis, with size 1.
    other : Tensor, optional
        Then the result is ``maximum(input, other)``.

    Returns
    -------
    Tensor, or (values, indices)
        Without ``dim``, a tensor without axes; equal elements share the gradient evenly. With
        ``dim``, a named pair; the gradient goes to the element chosen, the first of equal ones.

    Raises
    ------
    IndexError
        If the reduced axis is empty, or does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> values, indices = max(np.array([[1, 5], [7, 3]]), dim=1)
    >>> values.tolist(), indices.tolist()
    ([5, 7], [1, 0])
    """
    other = dim if hasattr(dim, "shape") else other
    if other is not None:
        return maximum(input, other)
    if dim is None:
        return _max_all(input)
    return return_types.max(picked(input, dim, _first_place(input, dim, np.argmax, "max"), keepdim))


@composite(cases=_MAX)
def min(input: Any, dim: Any = None, keepdim: bool = False, other: Any = None) -> Any:
    """Find the smallest element: of all, along an axis, or of two tensors; see :func:`max`."""
    other = dim if hasattr(dim, "shape") else other
    if other is not None:
        return minimum(input, other)
    if dim is None:
        return _min_all(input)
    return return_types.min(picked(input, dim, _first_place(input, dim, np.argmin, "min"), keepdim))
