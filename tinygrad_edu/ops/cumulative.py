"""Running sums and products along an axis, and the product of all; zeros are no problem."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error, Reduction
from ..kernels import accelerated
from ..op import fused, op
from .axes import unsqueeze
from .dims import normalize_dim
from .rearranging import flip, roll
from .reduction import kept
from .shape import reshape
from .splitting import constant_pad_nd

__all__ = ["cumprod", "cumsum", "prod", "recurrence"]

Array = np.ndarray[Any, Any]

_WITH_ZEROS = [
    (np.array([0.0, 2.0, 3.0]), 0),
    (np.array([2.0, 0.0, 3.0, 0.0]), 0),
    (np.array([[1.5, 0.0, 3.0], [0.0, 0.0, 0.0], [0.5, -2.0, 0.0]]), 1),
]


# ---- sums


def _sums_from_the_end(g: Array, dim: int) -> Any:
    return _running_sums(g, dim % g.ndim, True) if g.ndim else g


@fused(_sums_from_the_end)
def _cumsum_grad(g: Any, dim: int) -> Any:
    return flip(cumsum(flip(g, (dim,)), dim), (dim,))


@op(
    vjps=(lambda g, _out, _input, dim, _dtype: _cumsum_grad(g, dim),),
    cases=Reduction(
        dims=("one",),
        keepdim=False,
        extra=[
            Case((Draw((2, 3), kind="int"),), {"dim": 0}),
            Case((Draw((3,), kind="bool"),), {"dim": 0}),
        ],
    ),
    register=True,
)
@np.errstate(all="ignore")
def cumsum(input: Array, dim: int, dtype: Any = None) -> Array:
    """Add up along an axis, keeping every intermediate sum.

    Parameters
    ----------
    input : Tensor
        Any shape; integers and booleans are added as int64.
    dim : int
        The axis.
    dtype : dtype, optional
        Cast to it before adding.

    Examples
    --------
    >>> import numpy as np
    >>> cumsum(np.array([1, 2, 3]), 0).tolist()
    [1, 3, 6]
    """
    if input.ndim and input.dtype.kind == "f" and dtype in (None, input.dtype):
        return _running_sums(input, normalize_dim(dim, input.ndim, "cumsum"), False)  # type: ignore[no-any-return]
    return _accumulate(np.add, input, dim, dtype, "cumsum")


_WIDE = 256  # entries that lie between two of an axis: so many are worth an operator for each step


@accelerated
def _running_sums(input: Array, axis: int, backwards: bool) -> Any:
    """Add up floating numbers along an axis, from its first or from its last entry."""
    out = np.empty(input.shape, input.dtype)
    x, sums = (np.flip(a, axis) if backwards else a for a in (input, out))
    if math.prod(input.shape[axis + 1 :]) >= _WIDE and input.shape[axis]:
        steps, totals = np.moveaxis(x, axis, 0), np.moveaxis(sums, axis, 0)
        totals[0] = steps[0]
        for t in range(1, len(steps)):
            np.add(totals[t - 1], steps[t], out=totals[t])
    else:
        np.add.accumulate(x, axis=axis, out=sums)
    return out


def _accumulate(ufunc: np.ufunc, input: Array, dim: int, dtype: Any, who: str) -> Array:
    axis = normalize_dim(dim, input.ndim, who)
    if dtype is None:
        dtype = input.dtype if input.dtype.kind == "f" else np.dtype(np.int64)
    if not input.ndim:
        return input.astype(dtype)
    return ufunc.accumulate(input.astype(dtype, copy=False), axis=axis, dtype=dtype)


# ---- the linear recurrence: the derivative of running products, and of itself


def _backwards(g: Any, factors: Any, dim: int) -> Any:
    """Solve ``r[t] = g[t] + factors[t+1] * r[t+1]``, from the last entry to the first."""
    later = roll(flip(factors, (dim,)), 1, dim)
    return flip(recurrence(later, flip(g, (dim,)), dim), (dim,))


def _before(values: Any, dim: int, first: float) -> Any:
    """Shift by one: entry t is entry t - 1, and ``first`` at t = 0."""
    if not values.ndim:
        return reshape(_before(unsqueeze(values, 0), 0, first), ())
    axis = dim % values.ndim
    if not values.shape[axis]:
        return values
    return constant_pad_nd(values, (0, 0) * (values.ndim - 1 - axis) + (1, -1), first)


@op(
    vjps=(
        lambda g, out, factors, _terms, dim: _backwards(g, factors, dim) * _before(out, dim, 0),
        lambda g, _out, factors, _terms, dim: _backwards(g, factors, dim),
    ),
    cases=Cases(
        Case((Draw((4,)), Draw((4,))), {"dim": 0}),
        Case((Draw((2, 3)), Draw((2, 3))), {"dim": -1}),
        Case((Draw((3, 2)), Draw((3, 2))), {"dim": 0}),
        Case((Draw((0, 2)), Draw((0, 2))), {"dim": 0}),
        Case((Draw(()), Draw(())), {"dim": 0}),
        torch=False,
    ),
    register=True,
)
def recurrence(factors: Array, terms: Array, dim: int) -> Array:
    r"""Solve ``r[t] = factors[t] * r[t-1] + terms[t]`` along an axis, starting from 0.

    Parameters
    ----------
    factors, terms : Tensor
        Of one shape; the first factor has no effect.
    dim : int
        The axis that ``t`` counts.

    Notes
    -----
    Its own derivative is the same recurrence from the end: with :math:`\lambda_t = g_t + f_{t+1}
    \lambda_{t+1}`, the gradient of :math:`terms_t` is :math:`\lambda_t` and that of :math:`f_t` is
    :math:`\lambda_t r_{t-1}`.
    """
    axis = normalize_dim(dim, terms.ndim, "recurrence")
    out = np.array(terms)
    if not out.ndim:
        return out
    steps, by = np.moveaxis(out, axis, 0), np.moveaxis(factors, axis, 0)
    for t in range(1, len(steps)):
        steps[t] += by[t] * steps[t - 1]
    return out


# ---- products


def _cumprod_kernel(g: Array, out: Array, x: Array, dim: int) -> Any:
    """Divide instead, which is faster, where nothing is 0."""
    if not np.all(x):
        return _cumprod_formula(g, out, x, dim)
    axis = (dim,)
    return flip(cumsum(flip(g * out, axis), dim), axis) / x


def _cumprod_formula(g: Any, out: Any, x: Any, dim: int) -> Any:
    r"""Differentiate without dividing.

    .. math:: \bar x_i = \prod_{j<i} x_j \cdot \Big(g_i + x_{i+1} (g_{i+1} + x_{i+2} (\dots))\Big)
    """
    return _before(out, dim, 1) * _backwards(g, x, dim)


_cumprod_backward = fused(_cumprod_kernel)(_cumprod_formula)


@op(
    vjps=(lambda g, out, x, dim, _dtype: _cumprod_backward(g, out, x, dim),),
    cases=Reduction(
        dims=("one",),
        keepdim=False,
        extra=[
            *[Case((x,), {"dim": dim}) for x, dim in _WITH_ZEROS],
            Case((Draw((2, 3), kind="int"),), {"dim": 0}),
        ],
    ),
    register=True,
)
@np.errstate(all="ignore")
def cumprod(input: Array, dim: int, dtype: Any = None) -> Array:
    """Multiply along an axis, keeping every intermediate product.

    Parameters
    ----------
    input, dim, dtype
        As in :func:`cumsum`.

    Examples
    --------
    >>> import numpy as np
    >>> cumprod(np.array([1, 2, 3]), 0).tolist()
    [1, 2, 6]
    """
    return _accumulate(np.multiply, input, dim, dtype, "cumprod")


def _others(x: Any, dim: int) -> Any:
    """Multiply, for every element, all others along the axis: those before it by those after it."""
    before = _before(cumprod(x, dim), dim, 1)
    after = flip(_before(cumprod(flip(x, (dim,)), dim), dim, 1), (dim,))
    return before * after


def _prod_kernel(g: Array, out: Array, x: Array, dim: int | None, keepdim: bool) -> Any:
    """Divide the product by the element, which is faster, where nothing is 0."""
    if not np.all(x):
        return _prod_formula(g, out, x, dim, keepdim)
    return kept(g * out, x.shape, dim, keepdim) / x


def _prod_formula(g: Any, _out: Any, x: Any, dim: int | None, keepdim: bool) -> Any:
    """Multiply the other elements, without dividing: right with any number of zeros."""
    if dim is None:
        return g * reshape(_others(reshape(x, (math.prod(x.shape),)), 0), x.shape)
    return kept(g, x.shape, dim, keepdim) * _others(x, dim)


_prod_backward = fused(_prod_kernel)(_prod_formula)


@op(
    vjps=(lambda g, out, x, dim, keepdim, _dtype: _prod_backward(g, out, x, dim, keepdim),),
    cases=Reduction(
        dims=("none", "one"),
        extra=[
            *[Case((x,), {"dim": dim}) for x, dim in _WITH_ZEROS],
            *[Case((x,)) for x, _ in _WITH_ZEROS],
            Case((Draw((2, 3), kind="int"),), {"dim": 0}),
            Case((Draw((3,), kind="bool"),)),
        ],
        errors=[Error((Draw((2, 3)),), {"dim": (0, 1)}, TypeError, "must be int, not tuple")],
    ),
    register=True,
)
@np.errstate(all="ignore")
def prod(input: Array, dim: int | None = None, keepdim: bool = False, dtype: Any = None) -> Array:
    """Multiply the elements along an axis.

    Parameters
    ----------
    input : Tensor
        Any shape; integers and booleans are multiplied as int64.
    dim : int, optional
        The axis to reduce; all of them when None.
    keepdim : bool
        Keep the reduced axis, with size 1.
    dtype : dtype, optional
        Cast to it before multiplying.

    Returns
    -------
    Tensor
        An empty product is 1.

    Notes
    -----
    The derivative is the product of all other elements. Where an element is 0 it cannot be had by
    division, so there it is computed as the product of those before times the product of those
    after.

    Examples
    --------
    >>> import numpy as np
    >>> float(prod(np.array([2.0, 3.0, 4.0])))
    24.0
    """
    axis = None if dim is None else normalize_dim(dim, input.ndim, "prod")
    if dtype is None:
        dtype = input.dtype if input.dtype.kind == "f" else np.dtype(np.int64)
    axis = axis if input.ndim else None
    values = input.astype(dtype, copy=False)
    out: Array = np.prod(values, axis=axis, dtype=dtype, keepdims=keepdim)
    return out
