"""Powers, roots, exponentials and logarithms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cases import Case, Cases, Elementwise, Error
from ..dtypes import promote, promote_to_float
from ..kernels import accelerated
from ..op import composite, op
from .accepts import accepts
from .blocks import blockwise
from .selection import masked

__all__ = [
    "exp",
    "exp2",
    "expm1",
    "hypot",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "pow",
    "reciprocal",
    "rsqrt",
    "sqrt",
    "square",
]

Array = np.ndarray[Any, Any]
_LN2, _LN10 = math.log(2), math.log(10)
_EDGES = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan]

# ---- powers


def _power_by_base(g: Any, x: Any, y: Any) -> Any:
    """Differentiate ``x ** y`` by x; where y is 0 the power is a constant, also for x = 0."""
    if not isinstance(y, (int, float)):
        return masked(g * (y * pow(x, y - 1)), y != 0)
    if y == 0:
        return masked(g, False)
    return g * (2 * x) if y == 2 else g * (y * pow(x, y - 1))


def _power_by_exponent(g: Any, out: Any, x: Any, y: Any) -> Any:
    """Differentiate ``x ** y`` by y; ``0 ** y`` is constant for y >= 0, though log(0) is -inf."""
    constant = (y >= 0) & (x == 0)
    if isinstance(x, (int, float)):
        # a NumPy float would widen float32
        slope = math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan)
        return masked(g * (out * slope), ~constant)
    return masked(g * (out * log(x)), ~constant)


_INTS = np.array([-1, 0, 1, 2, 3])
_POWERS = Cases(
    *Elementwise(2, low=0.3, special=[0.0, 1.0, 2.0, -2.0, 0.5, np.inf, np.nan]).calls,
    *[Case((np.array([0.5, -1.2, 2.0, -0.3]), y)) for y in (1, 2, 3, 4, -1, -2, 2.0, 3.0, -2.0)],
    *[Case((np.array([0.5, 1.2, 2.0]), y)) for y in (0.5, -0.5, 1.5, 0, 0.0)],
    *[Case((np.array([*_EDGES, 0.5]), y), smooth=False) for y in (0, 1, 2, 3, -1, -2, 0.5, 1.5)],
    Case((np.array([0.0, 1.0, -1.0, np.inf, np.nan]), -0.5), smooth=False),
    *[Case((x, np.array([0.5, -1.5, 2.0, 0.3]))) for x in (2, 0.7, 1)],
    *[Case((x, np.array(_EDGES)), smooth=False) for x in (0, 1, 2.0, -2.0)],
    *[Case((_INTS, y)) for y in (0, 2, 3, 2.0)],
    Case((np.array([1, 4, 9]), 0.5)),
    Case((_INTS[:, None], _INTS)),
    Case((2, _INTS)),
    Case((0.5, _INTS)),
    Case((np.array([True, False]), 2)),
    errors=[
        *Elementwise(2).errors,
        Error((_INTS, -1), {}, RuntimeError, "Integers to negative integer powers"),
        Error((np.array([True]), np.array([True])), {}, NotImplementedError, "for 'Bool'"),
    ],
)


def _promote_power(operands: list[Any], n: int) -> None:
    """Promote, but refuse a negative number as the exponent of integers."""
    base, exponent = operands[:2]
    if isinstance(exponent, int) and exponent < 0 and base.dtype.kind in "bui":
        raise RuntimeError(
            f"Integers to negative integer powers are not allowed: got an {base.dtype} tensor to "
            f"the power of {exponent}; convert the tensor with .float()."
        )
    _promote_numeric(operands, n)


_promote_numeric = accepts("iuf", "pow", promote)


@op(
    vjps=(
        lambda g, _out, x, y: _power_by_base(g, x, y),
        lambda g, out, x, y: _power_by_exponent(g, out, x, y),
    ),
    cases=_POWERS,
    promote=_promote_power,
    register=True,
)
@np.errstate(all="ignore")
def pow(input: Any, exponent: Any) -> Any:
    """Raise ``input`` to the power of ``exponent``, element by element.

    Parameters
    ----------
    input, exponent : (*,) or number
        They broadcast. Integers stay integers, unless one of the two is floating.

    Returns
    -------
    (*,)
        The derivative by the base is 0 where the exponent is 0; the one by the exponent is 0 where
        a zero is raised to a power that is not negative.

    Raises
    ------
    RuntimeError
        If the shapes do not broadcast, or integers are raised to a negative number.

    Examples
    --------
    >>> import numpy as np
    >>> pow(np.array([1.0, 2.0, 3.0]), 2)
    array([1., 4., 9.])
    """
    if isinstance(exponent, np.ndarray) and exponent.dtype.kind == "i":
        return _integer_power(input, exponent)
    if isinstance(exponent, (int, float)) and exponent in _SHORT:
        return _SHORT[exponent](input)
    return input**exponent


# np.power takes 1.5 times as long as these, and 100 times as long for negative float32 numbers.
# It knows 2, 0.5 and -1 by itself.
_SHORT = {
    3: lambda x: x * x * x,
    4: lambda x: np.square(x * x),
    -2: lambda x: 1 / (x * x),
    -0.5: lambda x: 1 / np.sqrt(x),
}


def _integer_power(x: Any, y: Array) -> Any:
    """Raise to integer powers; ``x ** -n`` is the whole part: 0, unless x is 1 or -1."""
    if np.result_type(x, y).kind == "f" or not (y < 0).any():
        return x**y
    power = x ** np.abs(y)
    return np.where((y < 0) & (np.abs(power) != 1), 0, power)


@composite(cases=Elementwise(1, special=_EDGES))
def square(input: Any) -> Any:
    """Multiply every element by itself."""
    return pow(input, 2)


@op(
    vjps=(lambda g, out, _x: g / (2 * out),),
    cases=Elementwise(1, low=0.2, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def sqrt(input: Array) -> Array:
    """Take the square root; NaN for negative numbers."""
    return np.sqrt(input)


@op(
    vjps=(lambda g, out, _x: g * -0.5 * (out * out * out),),
    cases=Elementwise(1, low=0.2, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def rsqrt(input: Array) -> Array:
    """Give 1 divided by the square root."""
    return 1 / np.sqrt(input)


@op(
    vjps=(lambda g, out, _x: -g * (out * out),),
    cases=Elementwise(1, avoid=[0.0], special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def reciprocal(input: Array) -> Array:
    """Give 1 divided by every element."""
    return 1 / input


# ---- exponentials and logarithms


@op(
    vjps=(lambda g, out, _x: g * out,),
    cases=Elementwise(1, special=[*_EDGES, 1000.0]),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
@accelerated
@blockwise
def exp(input: Array) -> Array:
    """Raise e to the power of every element."""
    return np.exp(input)


@op(
    vjps=(lambda g, out, _x: g * out * _LN2,),
    cases=Elementwise(1, special=[*_EDGES, 2000.0]),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def exp2(input: Array) -> Array:
    """Raise 2 to the power of every element."""
    return np.exp2(input)


@op(
    vjps=(lambda g, out, _x: g * (out + 1),),
    cases=Elementwise(1, special=[*_EDGES, 1e-9]),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def expm1(input: Array) -> Array:
    """Compute ``exp(x) - 1``, precisely also for small x."""
    return np.expm1(input)


@op(
    vjps=(lambda g, _out, x: g / x,),
    cases=Elementwise(1, low=0.2, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def log(input: Array) -> Array:
    """Take the natural logarithm; -inf at 0, NaN for negative numbers."""
    return np.log(input)


@op(
    vjps=(lambda g, _out, x: g / (x * _LN2),),
    cases=Elementwise(1, low=0.2, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def log2(input: Array) -> Array:
    """Take the logarithm to base 2."""
    return np.log2(input)


@op(
    vjps=(lambda g, _out, x: g / (x * _LN10),),
    cases=Elementwise(1, low=0.2, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def log10(input: Array) -> Array:
    """Take the logarithm to base 10."""
    return np.log10(input)


@op(
    vjps=(lambda g, _out, x: g / (x + 1),),
    cases=Elementwise(1, low=-0.8, special=[*_EDGES, 1e-9]),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def log1p(input: Array) -> Array:
    """Compute ``log(1 + x)``, precisely also for small x."""
    return np.log1p(input)


# ---- of two values


@op(
    vjps=(
        lambda g, _out, x, y: g / (1 + exp(y - x)),
        lambda g, _out, x, y: g / (1 + exp(x - y)),
    ),
    cases=Elementwise(2, special=[0.0, -900.0, 900.0, np.inf, -np.inf, np.nan]),
    promote=accepts("f", "logaddexp"),
    register=True,
)
@np.errstate(all="ignore")
def logaddexp(input: Array, other: Array) -> Array:
    """Compute ``log(exp(x) + exp(y))`` without overflow."""
    return np.logaddexp(input, other)


@op(
    vjps=(
        lambda g, out, x, _y: g * (x / out),
        lambda g, out, _x, y: g * (y / out),
    ),
    cases=Elementwise(2, avoid=[0.0], special=[0.0, -3.0, 4.0, np.inf, np.nan]),
    promote=accepts("f", "hypot"),
    register=True,
)
@np.errstate(all="ignore")
def hypot(input: Array, other: Array) -> Array:
    """Give the length of the hypotenuse, ``sqrt(x**2 + y**2)``, without overflow."""
    return np.hypot(input, other)
