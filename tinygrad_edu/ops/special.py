"""Special functions: the error function and the gamma function's logarithm with its derivatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Elementwise
from ..dtypes import promote_to_float
from ..op import composite, op
from .blocks import at_most, blockwise
from .powers import exp

__all__ = ["digamma", "erf", "erfc", "erfinv", "lgamma", "polygamma"]

Array = np.ndarray[Any, Any]
_SLOPE = 2 / math.sqrt(math.pi)  # the derivative of erf at 0


def _of_scipy(name: str, *args: Any) -> Any:
    """Call SciPy's function of arrays, in the dtype of the last argument (SciPy widens float16)."""
    from scipy import special  # here, so that importing the package stays fast

    return getattr(special, name)(*args).astype(args[-1].dtype, copy=False)


@op(
    vjps=(lambda g, _out, x: g * (_SLOPE * exp(-x * x)),),
    cases=Elementwise(1, special=[0.0, 1e-9, 0.3, -1.0, 2.0, 3.9, 4.1, -30.0, np.inf, -np.inf, np.nan]),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def erf(input: Array) -> Any:
    """Compute the error function: ``2 / sqrt(pi)`` times the integral of ``exp(-t**2)`` up to x.

    Notes
    -----
    In float64 it is SciPy's. In float32 it is ``tanh(x * q(x**2))`` with a polynomial q, five times
    as fast or more, because NumPy's tanh uses vector instructions; the relative error is below
    4e-7, a few units in the last place. GELU lives on it.
    """
    if input.dtype == np.float64:
        return _of_scipy("erf", input)
    return _erf_single(input.astype(np.float32, copy=False)).astype(input.dtype, copy=False)


# q's coefficients, highest power first: those with the smallest largest relative error of
# tanh(x * q(x**2)) for x in (0, 3.95], found by linear programming in float64. The last two are
# GELU's tanh form: erf(x / sqrt(2)) is about tanh(sqrt(2 / pi) * (x + 0.0447 * x**3)).
_Q = (
    1.4255917e-07,
    -5.6755162e-06,
    8.7652308e-05,
    -6.1970535e-04,
    -1.9214961e-04,
    1.0276929e-01,
    1.1283793e00,
)
_FLAT = 15.6  # where x**2 is larger, erf is 1 in float32, and q is kept constant


@blockwise
def _erf_single(x: Array) -> Any:
    square = at_most(x * x, _FLAT)
    q = _Q[0] * square + _Q[1]
    for coefficient in _Q[2:]:
        q *= square
        q += coefficient
    q *= x
    return np.tanh(q)


@op(
    vjps=(lambda g, _out, x: g * (-_SLOPE * exp(-x * x)),),
    cases=Elementwise(1, special=[0.0, -1.0, 5.0, np.inf, -np.inf, np.nan]),
    promote=promote_to_float,
    register=True,
)
def erfc(input: Array) -> Any:
    """Compute ``1 - erf(x)``, precisely also where erf is close to 1."""
    return _of_scipy("erfc", input)


@op(
    vjps=(lambda g, out, _x: g * (exp(out * out) / _SLOPE),),
    cases=Elementwise(1, low=-0.8, high=0.8, special=[0.0, 1.0, -1.0, 2.0, np.nan]),
    promote=promote_to_float,
    register=True,
)
def erfinv(input: Array) -> Any:
    """Compute the inverse of the error function; NaN outside [-1, 1]."""
    return _of_scipy("erfinv", input)


# digamma and polygamma are not compared with PyTorch, whose trigamma has nine correct digits in
# float64; the derivative of each is checked, and lgamma's with it.


def _polygamma_grad(g: Any, _out: Any, x: Any, n: int) -> Any:
    return g * _polygamma(x, n + 1)


@op(
    vjps=(_polygamma_grad,),
    cases=Elementwise(
        1,
        low=0.5,
        high=4,
        params=[{"n": 1}, {"n": 2}],
        torch=False,
    ),
    promote=promote_to_float,
    register=True,
)
def _polygamma(input: Array, n: int) -> Any:
    """Compute the n-th derivative of :func:`digamma`."""
    return _of_scipy("polygamma", n, input)


@op(
    vjps=(lambda g, _out, x: g * _polygamma(x, 1),),
    cases=Elementwise(1, low=0.3, high=4, special=[1.0, 2.0, 0.5, np.nan], torch=False),
    promote=promote_to_float,
    register=True,
)
def digamma(input: Array) -> Any:
    """Compute the derivative of :func:`lgamma`."""
    return _of_scipy("psi", input)


@op(
    vjps=(lambda g, _out, x: g * digamma(x),),
    cases=Elementwise(1, low=0.3, high=4, special=[1.0, 2.0, -0.5, np.inf, np.nan]),
    promote=promote_to_float,
    register=True,
)
def lgamma(input: Array) -> Any:
    """Compute the logarithm of the gamma function's absolute value: ``log((x - 1)!)``."""
    return _of_scipy("gammaln", input)


@composite(cases=Cases(*[Case((n, Draw((2, 3), 0.5, 4))) for n in (0, 1, 2)], torch=False))
def polygamma(n: int, input: Any) -> Any:
    """Compute the n-th derivative of :func:`digamma`."""
    return digamma(input) if n == 0 else _polygamma(input, n)
