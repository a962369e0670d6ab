"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Elementwise
from ..dtypes import promote_to_float
from ..kernels import accelerated
from ..op import op
from .blocks import blockwise
from .powers import rsqrt
from .selection import masked

__all__ = [
    "acos",
    "acosh",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "sin",
    "sinh",
    "tan",
    "tanh",
]

Array = np.ndarray[Any, Any]
_EDGES = [0.0, -0.0, 1.0, -1.0, 30.0, np.inf, -np.inf, np.nan]


# The derivatives of sin and sinh are functions and no lambdas because they name what comes later.


def _sin_grad(g: Any, _out: Any, x: Any) -> Any:
    return g * cos(x)


def _sinh_grad(g: Any, _out: Any, x: Any) -> Any:
    return g * cosh(x)


@op(
    vjps=(_sin_grad,),
    cases=Elementwise(1, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def sin(input: Array) -> Array:
    """Compute the sine; angles are in radians."""
    return np.sin(input)


@op(
    vjps=(lambda g, _out, x: g * -sin(x),),
    cases=Elementwise(1, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def cos(input: Array) -> Array:
    """Compute the cosine; angles are in radians."""
    return np.cos(input)


@op(
    vjps=(lambda g, out, _x: g * (1 + out * out),),
    cases=Elementwise(1, low=-1.2, high=1.2, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def tan(input: Array) -> Array:
    """Compute the tangent; angles are in radians."""
    return np.tan(input)


@op(
    vjps=(lambda g, _out, x: g * rsqrt(1 - x * x),),
    cases=Elementwise(1, low=-0.8, high=0.8, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def asin(input: Array) -> Array:
    """Compute the angle in [-pi/2, pi/2] with this sine; NaN outside [-1, 1]."""
    return np.arcsin(input)


@op(
    vjps=(lambda g, _out, x: g * -rsqrt(1 - x * x),),
    cases=Elementwise(1, low=-0.8, high=0.8, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def acos(input: Array) -> Array:
    """Compute the angle in [0, pi] with this cosine; NaN outside [-1, 1]."""
    return np.arccos(input)


@op(
    vjps=(lambda g, _out, x: g / (1 + x * x),),
    cases=Elementwise(1, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def atan(input: Array) -> Array:
    """Compute the angle in [-pi/2, pi/2] with this tangent."""
    return np.arctan(input)


@op(
    vjps=(_sinh_grad,),
    cases=Elementwise(1, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def sinh(input: Array) -> Array:
    """Compute the hyperbolic sine, ``(exp(x) - exp(-x)) / 2``."""
    return np.sinh(input)


@op(
    vjps=(lambda g, _out, x: g * sinh(x),),
    cases=Elementwise(1, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def cosh(input: Array) -> Array:
    """Compute the hyperbolic cosine, ``(exp(x) + exp(-x)) / 2``."""
    return np.cosh(input)


def _tanh_grad(g: Any, out: Any) -> Any:
    return g * (1 - out * out)


_tanh_kernel = accelerated(blockwise(_tanh_grad))


@op(
    vjps=(lambda g, out, _x: _tanh_grad(g, out),),
    joint=lambda _needed, g, out, _x: (_tanh_kernel(g, out),),
    cases=Elementwise(1, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def tanh(input: Array) -> Array:
    """Compute the hyperbolic tangent, ``sinh(x) / cosh(x)``: an S-shaped curve from -1 to 1."""
    return np.tanh(input)


@op(
    vjps=(lambda g, _out, x: g * rsqrt(x * x + 1),),
    cases=Elementwise(1, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def asinh(input: Array) -> Array:
    """Compute the inverse of the hyperbolic sine."""
    return np.arcsinh(input)


@op(
    vjps=(lambda g, _out, x: g * rsqrt(x * x - 1),),
    cases=Elementwise(1, low=1.2, high=3, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def acosh(input: Array) -> Array:
    """Compute the inverse of the hyperbolic cosine; NaN below 1."""
    return np.arccosh(input)


@op(
    vjps=(lambda g, _out, x: g / (1 - x * x),),
    cases=Elementwise(1, low=-0.8, high=0.8, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def atanh(input: Array) -> Array:
    """Compute the inverse of the hyperbolic tangent; NaN outside [-1, 1]."""
    return np.arctanh(input)


def _over_square(g: Any, part: Any, x: Any, y: Any) -> Any:
    """Give ``g * part / (x**2 + y**2)``, and 0 at the origin, where the angle is undefined."""
    square = x * x + y * y
    return g * part * masked(1 / square, square != 0)


@op(
    vjps=(
        lambda g, _out, y, x: _over_square(g, x, x, y),
        lambda g, _out, y, x: _over_square(g, -y, x, y),
    ),
    cases=Elementwise(2, low=0.2, special=_EDGES),
    promote=promote_to_float,
    register=True,
)
@np.errstate(all="ignore")
def atan2(input: Array, other: Array) -> Array:
    """Compute the angle in [-pi, pi] of the point with y = ``input`` and x = ``other``."""
    return np.arctan2(input, other)


arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh
