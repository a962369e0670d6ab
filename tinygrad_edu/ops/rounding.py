"""Rounding to whole numbers. The derivatives are 0 wherever they exist."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Elementwise, Error
from ..op import op
from .accepts import accepts
from .selection import masked

__all__ = ["ceil", "fix", "floor", "frac", "round", "trunc"]

Array = np.ndarray[Any, Any]
_NO_BOOLS = [Error((np.array([True]),), {}, NotImplementedError, "not implemented for 'Bool'")]
_STEP = Elementwise(1, avoid=[-1.0, 0.0, 1.0, -1.5, -0.5, 0.5, 1.5], special=[0.5, 1.5, -0.5, 2.0, np.inf, np.nan])


@op(
    vjps=(lambda g, _out, _x: masked(g, False),),
    cases=_STEP,
    promote=accepts("iuf", "floor"),
    register=True,
)
def floor(input: Array) -> Array:
    """Round down to a whole number."""
    return np.floor(input)


@op(
    vjps=(lambda g, _out, _x: masked(g, False),),
    cases=_STEP,
    promote=accepts("iuf", "ceil"),
    register=True,
)
def ceil(input: Array) -> Array:
    """Round up to a whole number."""
    return np.ceil(input)


@op(
    vjps=(lambda g, _out, _x: masked(g, False),),
    cases=_STEP,
    promote=accepts("iuf", "trunc"),
    register=True,
)
def trunc(input: Array) -> Array:
    """Round towards zero, to a whole number."""
    return np.trunc(input)


fix = trunc


@op(
    vjps=(lambda g, _out, _x, _decimals: masked(g, False),),
    cases=Elementwise(
        1,
        low=0.06,
        high=0.09,
        special=[0.5, 1.5, -0.5, 2.0, 1.25, 1.35, 123.456, -1234.5, np.inf, np.nan],
        params=[{}, {"decimals": 1}, {"decimals": -1}],
        errors=_NO_BOOLS,
    ),
    promote=accepts("iuf", "round"),
    register=True,
)
@np.errstate(all="ignore")
def round(input: Array, decimals: int = 0) -> Array:
    """Round to the nearest number with so many decimals; halves go to the even neighbour."""
    return np.round(input, decimals)


@op(
    vjps=(lambda g, _out, _x: g,),
    cases=Elementwise(1, avoid=[-1.0, 0.0, 1.0], special=[1.5, -1.5, 2.0, np.inf], errors=_NO_BOOLS),
    promote=accepts("f", "frac"),
    register=True,
)
@np.errstate(all="ignore")
def frac(input: Array) -> Array:
    """Give the part after the decimal point, with the sign of the number: ``x - trunc(x)``."""
    return input - np.trunc(input)
