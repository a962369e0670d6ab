"""The variance and the standard deviation."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..dtypes import type_name
from ..op import composite, fused, op
from .reduction import Dim, at_least_float32, axes_of, count_of, kept, mean
from .summation import add_squares, add_up

__all__ = ["std", "std_mean", "var", "var_mean"]

Array = np.ndarray[Any, Any]

_SPREADS = [
    Case((Draw((4,)),)),
    Case((Draw((2, 3)),)),
    Case((Draw((2, 3)),), {"dim": 1}),
    Case((Draw((2, 3)),), {"dim": 0, "unbiased": False, "keepdim": True}),
    Case((Draw((2, 3, 2)),), {"dim": (0, -1)}),
    Case((Draw((2, 3, 2)),), {"dim": (0, 2), "correction": 0, "keepdim": True}),
    Case((Draw((2, 3)),), {"correction": 0.5}),
]
_SPREAD_ERRORS = [
    Error((Draw((3,), kind="int"),), {}, RuntimeError, "std and var only support floating point"),
    Error(
        (Draw((3,)),),
        {"unbiased": True, "correction": 1},
        TypeError,
        "unbiased or correction, not both",
    ),
    Error((Draw((2, 3)),), {"dim": 2}, IndexError, "out of range"),
]
# At a constant row the variance has the slope 0.
_CONSTANT = Case((np.array([[2.0, 2.0], [1.0, 3.0]]),), {"dim": 1}, smooth=False)


@op(
    vjps=(
        lambda g, _out, x, dim, unbiased, keepdim, correction: _var_backward(g, x, dim, unbiased, keepdim, correction),
    ),
    cases=Cases(
        *_SPREADS,
        Case((Draw((2, 1)),), {"dim": 1, "correction": 0}),
        _CONSTANT,
        errors=_SPREAD_ERRORS,
    ),
    register=True,
)
def var(
    input: Array,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    correction: float | None = None,
) -> Array:
    r"""Compute the variance along axes.

    Parameters
    ----------
    input : Tensor
        Any shape, floating point.
    dim : int or tuple of int, optional
        The axes to reduce; all of them when None. A bool is read as ``unbiased``, as in PyTorch.
    unbiased : bool, optional
        True is ``correction=1``, False is ``correction=0``.
    keepdim : bool
        Keep the reduced axes, with size 1.
    correction : number
        What is subtracted from the number of elements; 1 when not given.

    Returns
    -------
    Tensor
        Of the input's dtype; NaN (and a warning) where ``correction`` leaves no degrees of freedom.

    Raises
    ------
    RuntimeError
        If the dtype is not floating point.
    TypeError
        If both ``unbiased`` and ``correction`` are given.

    Notes
    -----
    .. math:: \frac{1}{N - c} \sum_i (x_i - \bar x)^2

    in two passes, the mean first. The one-pass formula :math:`\overline{x^2} - \bar x^2` subtracts
    two nearly equal numbers when the mean is large, and loses all digits (Chan, Golub, LeVeque:
    Algorithms for computing the sample variance, 1983).

    Examples
    --------
    >>> import numpy as np
    >>> float(var(np.array([1.0, 2.0, 3.0])))
    1.0
    """
    return _variance(input, dim, unbiased, keepdim, correction, "var")


@op(
    vjps=(
        lambda g, out, x, dim, unbiased, keepdim, correction: _var_backward(
            g * (out != 0) / (2 * out + (out == 0)), x, dim, unbiased, keepdim, correction
        ),
    ),
    cases=Cases(*_SPREADS, _CONSTANT, errors=_SPREAD_ERRORS),
    register=True,
)
@np.errstate(all="ignore")
def std(
    input: Array,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    correction: float | None = None,
) -> Array:
    """Compute the standard deviation along axes: the square root of :func:`var`.

    Its slope at equal elements, where the square root has none, is taken to be 0.
    """
    return np.sqrt(_variance(input, dim, unbiased, keepdim, correction, "std"))


@np.errstate(all="ignore")
def _variance(input: Array, dim: Any, unbiased: Any, keepdim: bool, correction: Any, who: str) -> Array:
    dim, correction = _read(dim, unbiased, correction)
    if input.dtype.kind != "f":
        raise RuntimeError(
            f"std and var only support floating point and complex dtypes: {who} got "
            f"{type_name(input.dtype)}; convert it with .float()."
        )
    axes = axes_of(dim, input, who)
    n = count_of(input.shape, dim)
    values = at_least_float32(input)
    total = add_squares(np.asarray(values - add_up(values, axes, True) / n), axes, keepdim)
    if n - correction <= 0 and total.size:
        warnings.warn(
            f"{who}(): degrees of freedom is <= 0. Correction should be strictly less than the "
            f"reduction factor (input numel divided by output numel): {n} elements, correction "
            f"{correction}.",
            stacklevel=2,
        )
    return (total / max(n - correction, 0)).astype(input.dtype, copy=False)  # type: ignore[no-any-return]


def _read(dim: Any, unbiased: bool | None, correction: float | None) -> tuple[Any, float]:
    """Read PyTorch's two spellings, with ``unbiased`` and with ``correction``."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError("var() takes unbiased or correction, not both: unbiased=False is correction=0.")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return dim, correction


def _var_backward(g: Any, x: Any, dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> Any:
    dim, correction = _read(dim, unbiased, correction)
    freedom = count_of(x.shape, dim) - correction
    g = kept(g, x.shape, dim, keepdim) * (2 / freedom if freedom else math.inf)
    return _scaled_distance(g, x, dim)


def _scaled_distance_kernel(g: Any, x: Any, dim: Any) -> Any:
    away = x - mean(x, dim, True)
    away *= g
    return away


@fused(_scaled_distance_kernel)
def _scaled_distance(g: Any, x: Any, dim: Any) -> Any:
    """Multiply ``g`` by how far each element is from the mean."""
    return g * (x - mean(x, dim, True))


_PAIRS = [
    Case((Draw((2, 3)),)),
    Case((Draw((2, 3)),), {"dim": 1, "keepdim": True}),
    Case((Draw((4,)),), {"dim": 0}),
]


@composite(cases=Cases(*_PAIRS))
def var_mean(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, correction: Any = None) -> Any:
    """Return the variance and the mean; see :func:`var`."""
    where = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction), mean(input, where, keepdim)


@composite(cases=Cases(*_PAIRS))
def std_mean(input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, correction: Any = None) -> Any:
    """Return the standard deviation and the mean; see :func:`std`."""
    where = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction), mean(input, where, keepdim)
