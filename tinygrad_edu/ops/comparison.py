"""Questions about elements, answered with booleans; and the logic of booleans and bits.

Nothing here has a derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Elementwise, Error
from ..dtypes import promote, type_name
from ..op import op
from .accepts import accepts

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "eq",
    "equal",
    "ge",
    "greater",
    "greater_equal",
    "gt",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
    "not_equal",
]

Array = np.ndarray[Any, Any]
_EDGES = [0.0, -0.0, 1.0, np.inf, -np.inf, np.nan]
_INTS, _BOOLS = np.array([-3, 0, 5]), np.array([True, False, True])

# ---- comparisons. The inputs come to one dtype first: an int64 meets a float32 as float32.

_compares = op(vjps=(None, None), cases=Elementwise(2, special=_EDGES), promote=promote, register=True)


@_compares
def eq(input: Array, other: Array) -> Array:
    """Tell where two values are equal; NaN equals nothing."""
    return np.equal(input, other)


@_compares
def ne(input: Array, other: Array) -> Array:
    """Tell where two values differ."""
    return np.not_equal(input, other)


@_compares
def lt(input: Array, other: Array) -> Array:
    """Tell where ``input`` is less than ``other``."""
    return np.less(input, other)


@_compares
def le(input: Array, other: Array) -> Array:
    """Tell where ``input`` is less than or equal to ``other``."""
    return np.less_equal(input, other)


@_compares
def gt(input: Array, other: Array) -> Array:
    """Tell where ``input`` is greater than ``other``."""
    return np.greater(input, other)


@_compares
def ge(input: Array, other: Array) -> Array:
    """Tell where ``input`` is greater than or equal to ``other``."""
    return np.greater_equal(input, other)


not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge

# ---- kinds of numbers

_asks = op(vjps=(None,), cases=Elementwise(1, special=_EDGES), register=True)


@_asks
def isnan(input: Array) -> Array:
    """Tell where an element is NaN, not a number."""
    return np.isnan(input)


@_asks
def isinf(input: Array) -> Array:
    """Tell where an element is inf or -inf."""
    return np.isinf(input)


@_asks
def isfinite(input: Array) -> Array:
    """Tell where an element is neither infinite nor NaN."""
    return np.isfinite(input)


# ---- closeness and equality


def _same_dtype(operands: list[Any], _n: int) -> None:
    x, y = (np.asarray(value).dtype for value in operands[:2])
    if x != y:
        raise RuntimeError(
            f"{type_name(x)} did not match {type_name(y)}: isclose compares tensors of one dtype; "
            "convert one with .to()."
        )


@op(
    vjps=(None, None),
    cases=Cases(
        *Elementwise(
            2,
            special=[*_EDGES, 1.0 + 1e-9],
            params=[{}, {"rtol": 0.5, "equal_nan": True}, {"atol": 1.0}],
        ).calls,
        Case((_INTS, _INTS + 1)),
        errors=[
            Error((Draw((2,)), Draw((3,))), {}, RuntimeError, "must match"),
            Error((Draw((2,)), np.array([1, 2])), {}, RuntimeError, "Float did not match Long"),
            Error((Draw((2,)), Draw((2,))), {"rtol": -1.0}, RuntimeError, "rtol must be greater"),
            Error((Draw((2,)), Draw((2,))), {"atol": -1.0}, RuntimeError, "atol must be greater"),
        ],
    ),
    promote=_same_dtype,
    register=True,
)
@np.errstate(all="ignore")
def isclose(input: Array, other: Array, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Array:
    """Tell where ``|input - other| <= atol + rtol * |other|``.

    Parameters
    ----------
    input, other : (*,)
        What is compared, of one dtype.
    rtol, atol : float
        The tolerance, relative to ``other`` and absolute.
    equal_nan : bool
        Let NaN be close to NaN.

    Raises
    ------
    RuntimeError
        If the dtypes differ or a tolerance is negative.
    """
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if tolerance < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {tolerance}")
    return np.isclose(input, other, rtol, atol, equal_nan)


def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Tell whether all elements are close, as :func:`isclose` says; returns a Python bool."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


def equal(input: Any, other: Any) -> bool:
    """Tell whether two tensors have the same shape and elements; returns a Python bool."""
    return tuple(input.shape) == tuple(other.shape) and bool(eq(input, other).all())


# ---- logic: what is not zero is true

_LOGIC = Cases(
    *Elementwise(2, special=_EDGES).calls,
    Case((_INTS, _BOOLS)),
    Case((Draw((2, 3), kind="bool"), Draw((3,)))),
    errors=Elementwise(2).errors,
)
_joins = op(vjps=(None, None), cases=_LOGIC, register=True)


@_joins
def logical_and(input: Array, other: Array) -> Array:
    """Tell where both are true (not zero)."""
    return np.logical_and(input, other)


@_joins
def logical_or(input: Array, other: Array) -> Array:
    """Tell where at least one is true (not zero)."""
    return np.logical_or(input, other)


@_joins
def logical_xor(input: Array, other: Array) -> Array:
    """Tell where exactly one is true (not zero)."""
    return np.logical_xor(input, other)


@_asks
def logical_not(input: Array) -> Array:
    """Tell where an element is false (zero)."""
    return np.logical_not(input)


# ---- bits


def _bits(*more: Case) -> Cases:
    return Cases(
        Case((_INTS, np.array([1, 2, 3]))),
        Case((Draw((2, 3), 0, 99, "int"), Draw((3,), 0, 8, "int"))),
        Case((Draw((), 0, 99, "int"), Draw((2,), 0, 8, "int"))),
        Case((_INTS, 6)),
        Case((_BOOLS, np.array([1, 2, 3]))),
        *more,
        errors=[
            Error((Draw((2,)), _INTS[:2]), {}, NotImplementedError, "not implemented for 'Float'"),
            Error((_INTS, _INTS[:2]), {}, RuntimeError, "must match"),
        ],
    )


_TWO_BOOLS = Case((_BOOLS, np.array([True, True, False])))


@op(vjps=(None, None), cases=_bits(_TWO_BOOLS), promote=accepts("biu", "bitwise_and"), register=True)
def bitwise_and(input: Array, other: Array) -> Array:
    """Keep the bits that are set in both; of booleans: and."""
    return np.bitwise_and(input, other)


@op(vjps=(None, None), cases=_bits(_TWO_BOOLS), promote=accepts("biu", "bitwise_or"), register=True)
def bitwise_or(input: Array, other: Array) -> Array:
    """Keep the bits that are set in at least one; of booleans: or."""
    return np.bitwise_or(input, other)


@op(vjps=(None, None), cases=_bits(_TWO_BOOLS), promote=accepts("biu", "bitwise_xor"), register=True)
def bitwise_xor(input: Array, other: Array) -> Array:
    """Keep the bits that are set in exactly one; of booleans: exclusive or."""
    return np.bitwise_xor(input, other)


@op(
    vjps=(None,),
    cases=Cases(
        Case((_INTS,)),
        Case((_BOOLS,)),
        errors=[Error((Draw((2,)),), {}, NotImplementedError, "not implemented for 'Float'")],
    ),
    promote=accepts("biu", "bitwise_not"),
    register=True,
)
def bitwise_not(input: Array) -> Array:
    """Flip every bit; of booleans: not."""
    return np.invert(input)


@op(vjps=(None, None), cases=_bits(), promote=accepts("iu", "bitwise_left_shift"), register=True)
def bitwise_left_shift(input: Array, other: Array) -> Array:
    """Move the bits to the left: ``input * 2**other``."""
    return np.left_shift(input, other)


@op(vjps=(None, None), cases=_bits(), promote=accepts("iu", "bitwise_right_shift"), register=True)
def bitwise_right_shift(input: Array, other: Array) -> Array:
    """Move the bits to the right: ``floor(input / 2**other)``."""
    return np.right_shift(input, other)
