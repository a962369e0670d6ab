"""Ops that reduce axes: sums, means, the log of a sum of exponentials, logical ones.

Variances stand in ``statistics``, norms in ``norms``, products in ``cumulative``, the largest and
smallest in ``extremes``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error, Reduction
from ..dtypes import get_default_dtype, promote_to_float, type_name
from ..op import composite, fused, op
from .dims import normalize_dims
from .powers import exp
from .selection import masked
from .shape import broadcast_to, reshape
from .summation import add_up

__all__ = [
    "all",
    "any",
    "at_least_float32",
    "axes_of",
    "count_nonzero",
    "count_of",
    "kept",
    "logsumexp",
    "mean",
    "nanmean",
    "nansum",
    "sum",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Dim = int | tuple[int, ...] | None


def axes_of(dim: Any, input: Array, who: str) -> Shape | None:
    """Give NumPy's ``axis``."""
    return None if dim is None else normalize_dims(dim, input.ndim, who)


def count_of(shape: Shape, dim: Any) -> int:
    """Count the elements that go into one result."""
    return math.prod(shape if dim is None else [shape[i] for i in normalize_dims(dim, len(shape), "mean")])


def kept(value: Any, shape: Shape, dim: Any, keepdim: bool) -> Any:
    """Give a result its reduced axes back, with size 1, so that it broadcasts to ``shape``."""
    if keepdim or dim is None:
        return value
    axes = normalize_dims(dim, len(shape), "kept")
    return reshape(value, tuple([1 if i in axes else n for i, n in enumerate(shape)]))


def _spread(g: Any, shape: Shape, dim: Any, keepdim: bool) -> Any:
    """Give every element the gradient of the result that it went into."""
    return broadcast_to(kept(g, shape, dim, keepdim), shape)


# ---- sums and means


@op(
    vjps=(lambda g, _out, input_shape, dim, keepdim, _dtype: _spread(g, input_shape, dim, keepdim),),
    cases=Reduction(
        extra=[
            Case((Draw((2, 3), kind="int"),), {"dim": 0}),
            Case((Draw((3,), kind="bool"),)),
            Case((Draw((2, 3), kind="int"),), {"dim": 0, "dtype": np.float32}, parity=False),
        ],
        errors=[
            Error((Draw((2, 3)),), {"dim": (0, -2)}, RuntimeError, "dim 0 appears multiple times"),
            Error((Draw((2, 3)),), {"dim": 1.0}, TypeError, "must be int, not float"),
        ],
    ),
    register=True,
)
def sum(input: Array, dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> Array:
    """Add up the elements along axes.

    Parameters
    ----------
    input : Tensor
        Any shape; integers and booleans are added as int64.
    dim : int or tuple of int, optional
        The axes to reduce; all of them when None.
    keepdim : bool
        Keep the reduced axes, with size 1.
    dtype : dtype, optional
        Cast to it before adding.

    Returns
    -------
    Tensor
        An empty sum is 0.

    Raises
    ------
    IndexError
        If there is no such axis.

    Examples
    --------
    >>> import numpy as np
    >>> sum(np.array([[1, 2], [3, 4]]), dim=0).tolist()
    [4, 6]
    """
    axes = axes_of(dim, input, "sum")
    if dtype is None:
        return add_up(input, axes, keepdim)  # type: ignore[no-any-return]
    return add_up(input.astype(dtype), axes, keepdim).astype(dtype)  # type: ignore[no-any-return]


@op(
    vjps=(
        lambda g, _out, input_shape, dim, keepdim, _dtype: _spread(
            g / max(count_of(input_shape, dim), 1), input_shape, dim, keepdim
        ),
    ),
    cases=Reduction(
        errors=[
            Error(
                (Draw((2, 3), kind="int"),),
                {},
                RuntimeError,
                "could not infer output dtype.*Got: Long",
            )
        ],
    ),
    register=True,
)
@np.errstate(all="ignore")
def mean(input: Array, dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> Array:
    """Average the elements along axes: their sum divided by their number.

    Parameters
    ----------
    input : Tensor
        Any shape, floating point.
    dim, keepdim, dtype
        As in :func:`sum`.

    Returns
    -------
    Tensor
        The mean of no elements is NaN.

    Raises
    ------
    RuntimeError
        If the dtype is not floating point: the mean of integers is no integer, so say ``dtype=``.

    Examples
    --------
    >>> import numpy as np
    >>> float(mean(np.array([1.0, 2.0, 6.0])))
    3.0
    """
    input = input if dtype is None else input.astype(dtype)
    if input.dtype.kind != "f":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {type_name(input.dtype)}; convert it with .float() or pass "
            "dtype=."
        )
    values = at_least_float32(input)
    total = add_up(values, axes_of(dim, input, "mean"), keepdim) / count_of(input.shape, dim)
    return total.astype(input.dtype, copy=False)  # type: ignore[no-any-return]


def at_least_float32(input: Array) -> Array:
    """Widen float16: 11 bits are too few to add with."""
    return input.astype(np.float32) if input.dtype.itemsize < 4 else input


@composite(
    cases=Cases(
        Case((np.array([1.0, np.nan, 3.0]),), smooth=False),
        Case((Draw((2, 3)),), {"dim": 1, "keepdim": True}),
    )
)
def nansum(input: Any, dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """Add up the elements along axes, NaN counting as 0."""
    return sum(masked(input, input == input), dim, keepdim, dtype)


@composite(
    cases=Cases(
        Case((np.array([1.0, np.nan, 3.0]),), smooth=False),
        Case((Draw((2, 3)),), {"dim": 1, "keepdim": True}),
    )
)
def nanmean(input: Any, dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """Average the elements along axes, leaving out NaN."""
    return nansum(input, dim, keepdim, dtype) / sum(input == input, dim, keepdim)


# ---- log of a sum of exponentials


def _shares_kernel(g: Array, out: Array, x: Array) -> Array:
    share = np.asarray(x - out)
    np.exp(share, out=share)
    share *= g
    return share


@fused(_shares_kernel)
def _shares(g: Any, out: Any, x: Any) -> Any:
    """Give each element its share of the sum, which is its softmax."""
    return g * exp(x - out)


@op(
    vjps=(
        lambda g, out, x, dim, keepdim: _shares(kept(g, x.shape, dim, keepdim), kept(out, x.shape, dim, keepdim), x),
    ),
    promote=promote_to_float,
    cases=Reduction(
        dims=("one", "several"),
        extra=[
            Case((np.array([1e4, 1e4, -1e4]),), {"dim": 0}, smooth=False),
            Case(
                (np.array([[-np.inf, -np.inf], [np.inf, 1.0], [-np.inf, 1.0]]),),
                {"dim": 1},
                smooth=False,
            ),
        ],
    ),
    register=True,
)
@np.errstate(all="ignore")
def logsumexp(input: Array, dim: int | tuple[int, ...], keepdim: bool = False) -> Array:
    r"""Compute the logarithm of the sum of the exponentials along axes, without overflow.

    Parameters
    ----------
    input : Tensor
        Any shape; integers become the default dtype.
    dim, keepdim
        As in :func:`sum`; ``dim`` must be given.

    Returns
    -------
    Tensor
        -inf where all elements are -inf, and for no elements.

    Notes
    -----
    .. math:: \log \sum_i e^{x_i} = m + \log \sum_i e^{x_i - m}, \quad m = \max_i x_i

    so the largest exponential is 1. An infinite maximum is not subtracted: inf - inf is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(logsumexp(np.array([1000.0, 1000.0]), 0)), 4)
    1000.6931
    """
    if input.dtype.kind != "f":
        input = input.astype(get_default_dtype())
    axes = normalize_dims(dim, input.ndim, "logsumexp")
    top = np.maximum.reduce(input, axis=axes, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(input.dtype, copy=False)
    powers = np.asarray(input - top)
    out: Array = np.log(add_up(np.exp(powers, out=powers), axes, True)) + top
    return out if keepdim else out.reshape([n for i, n in enumerate(input.shape) if i not in axes])


# ---- logical


@op(
    vjps=(None,),
    cases=Reduction(
        extra=[
            Case((Draw((2, 3), kind="bool"),), {"dim": 1}),
            Case((np.array([0.0, np.nan]),), smooth=False),
        ]
    ),
    register=True,
)
def any(input: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    """Tell whether an element is not 0, along axes; for no elements False."""
    return _logical(np.logical_or, input, dim, keepdim, "any")


@op(
    vjps=(None,),
    cases=Reduction(
        extra=[
            Case((Draw((2, 3), kind="bool"),), {"dim": 1}),
            Case((np.array([1.0, np.nan]),), smooth=False),
        ]
    ),
    register=True,
)
def all(input: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    """Tell whether no element is 0, along axes; for no elements True."""
    return _logical(np.logical_and, input, dim, keepdim, "all")


def _logical(ufunc: np.ufunc, input: Array, dim: Any, keepdim: bool, who: str) -> Array:
    axes = () if dim == () else axes_of(dim, input, who)  # here alone () reduces nothing
    out = ufunc.reduce(input, axis=axes, keepdims=keepdim)
    return out.astype(np.uint8) if input.dtype == np.uint8 else out  # type: ignore[no-any-return]


@op(
    vjps=(None,),
    cases=Cases(
        Case((np.array([[0.0, 1.0, -2.0], [0.0, 0.0, np.nan]]),), smooth=False),
        Case((np.array([[0.0, 1.0, -2.0], [0.0, 0.0, 3.0]]),), {"dim": 0}, smooth=False),
        Case((Draw((2, 3, 2), kind="bool"),), {"dim": (0, -1)}),
        Case((Draw((0, 3)),), {"dim": 0}),
        errors=[Error((Draw((2, 3)),), {"dim": 2}, IndexError, "out of range")],
    ),
    register=True,
)
def count_nonzero(input: Array, dim: Dim = None) -> Array:
    """Count the elements that are not 0, along axes."""
    return add_up(input != 0, axes_of(dim, input, "count_nonzero"))  # type: ignore[no-any-return]
