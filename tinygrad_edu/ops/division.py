"""Quotients and remainders, exact and rounded."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Elementwise, Error
from ..dtypes import promote_to_float
from ..op import composite, op
from .accepts import accepts
from .selection import masked

__all__ = ["div", "divide", "floor_divide", "fmod", "remainder", "true_divide"]

Array = np.ndarray[Any, Any]
_INTS, _BOOLS = np.array([1, 2]), np.array([True, False])
_BY_ZERO = Error((_INTS, 0), {}, RuntimeError, "ZeroDivisionError")
_SHAPES = [((), ()), ((2, 3), (2, 3)), ((2, 1), (3,)), ((3,), (2, 3)), ((0, 3), (1,))]


def _rounded(**params: Any) -> list[Case]:
    """List calls of an op that jumps where the exact quotient is a whole number."""
    edges = Elementwise(2, special=[0.0, -0.0, 1.0, -3.0, 7.0, np.inf, np.nan]).calls[-1].inputs
    return [
        # the quotients are between 2.1 and 2.9, away from the jumps
        *[Case((Draw(x, 3.2, 3.5), Draw(y, 1.2, 1.5)), params) for x, y in _SHAPES],
        Case(edges, params, smooth=False),
        Case((np.array([-7, 7, 8]), np.array([3, -3, 4])), params),
        Case((np.array([-7.5, 7.5]), 2), params),
    ]


_REMAINDER = Cases(
    *_rounded(),
    errors=[
        *Elementwise(2).errors,
        _BY_ZERO,
        Error((_BOOLS, _BOOLS), {}, NotImplementedError, "not implemented for 'Bool'"),
    ],
)


def _promote_quotient(operands: list[Any], n: int) -> None:
    """Integers divide to floating point, but stay integers when the quotient is rounded."""
    rounded = len(operands) > n and operands[n] is not None
    (_promote_rounded if rounded else promote_to_float)(operands, n)


_promote_rounded = accepts("iuf", "div")


@op(
    vjps=(
        lambda g, _out, _x, y, mode=None: g / y if mode is None else masked(g, False),
        lambda g, _out, x, y, mode=None: -g * (x / y / y) if mode is None else masked(g, False),
    ),
    cases=Cases(
        *Elementwise(2, avoid=[0.0], special=[0.0, -0.0, 1.0, -3.0, np.inf, np.nan]).calls,
        *_rounded(rounding_mode="trunc"),
        *_rounded(rounding_mode="floor"),
        Case((_INTS, _INTS)),
        Case((_BOOLS, 2)),
        errors=[
            *Elementwise(2).errors,
            Error((_INTS, 2), {"rounding_mode": "up"}, RuntimeError, "None, 'trunc', or 'floor'"),
            Error((_INTS, 0), {"rounding_mode": "trunc"}, RuntimeError, "ZeroDivisionError"),
        ],
    ),
    promote=_promote_quotient,
    register=True,
)
@np.errstate(all="ignore")
def div(input: Array, other: Array, rounding_mode: str | None = None) -> Any:
    """Divide, element by element.

    Parameters
    ----------
    input, other : (*,) or number
        They broadcast. Integers divide to the default dtype.
    rounding_mode : {None, "trunc", "floor"}
        Round the quotient towards zero, or down; then integers stay integers, and the gradient
        is 0.

    Returns
    -------
    (*,)

    Raises
    ------
    RuntimeError
        If the shapes do not broadcast, integers are divided by zero with rounding, or the mode is
        unknown.

    Examples
    --------
    >>> import numpy as np
    >>> div(np.array([-7.0, 7.0]), 2, "floor")
    array([-4.,  3.])
    """
    if rounding_mode is None:
        return input / other
    if rounding_mode == "floor":
        return _floor_quotient(input, other)
    if rounding_mode == "trunc":
        return _truncated_quotient(input, other)
    raise RuntimeError(
        f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found {rounding_mode!r}."
    )


def _floor_quotient(x: Any, y: Any) -> Any:
    _refuse_zero("floor_divide", x, y)
    return np.floor_divide(x, y)


def _truncated_quotient(x: Any, y: Any) -> Any:
    if np.result_type(x, y).kind == "f":
        return np.trunc(x / y)
    _refuse_zero("div", x, y)
    down = x // y
    # Rounding down and towards zero differ by one where the exact quotient is a negative fraction.
    return (down + ((x % y != 0) & ((x < 0) != (y < 0)))).astype(down.dtype)


def _refuse_zero(who: str, x: Any, y: Any) -> None:
    """Raise when integers are divided by zero: they have no inf to answer with."""
    if np.result_type(x, y).kind != "f" and np.any(np.equal(y, 0)):
        raise RuntimeError(
            f"ZeroDivisionError: {who} got a 0 among its integer divisors; remove it, or divide as floats."
        )


@composite(
    cases=Cases(
        *_rounded(),
        errors=[*Elementwise(2).errors, _BY_ZERO],
        # torch.floor_divide gives the same values, but has no derivative at all
        torch=lambda torch, inputs, _: torch.div(*inputs, rounding_mode="floor"),
    )
)
def floor_divide(input: Any, other: Any) -> Any:
    """Divide and round down; the gradient is 0."""
    return div(input, other, "floor")


@op(
    vjps=(lambda g, _out, _x, _y: g, lambda g, _out, x, y: -g * div(x, y, "floor")),
    cases=_REMAINDER,
    promote=accepts("iuf", "remainder"),
    register=True,
)
@np.errstate(all="ignore")
def remainder(input: Array, other: Array) -> Array:
    """Give the remainder with the sign of the divisor: ``x - floor(x / y) * y``, Python's ``%``."""
    _refuse_zero("remainder", input, other)
    return np.remainder(input, other)


@op(
    vjps=(lambda g, _out, _x, _y: g, lambda g, _out, x, y: -g * div(x, y, "trunc")),
    cases=_REMAINDER,
    promote=accepts("iuf", "fmod"),
    register=True,
)
@np.errstate(all="ignore")
def fmod(input: Array, other: Array) -> Array:
    """Give the remainder with the sign of the dividend: ``x - trunc(x / y) * y``, as in C."""
    _refuse_zero("fmod", input, other)
    return np.fmod(input, other)


divide = true_divide = div
