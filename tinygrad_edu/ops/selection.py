"""Ops that choose between values: where, maximum, minimum, clamp.

Questions about values are asked in ``comparison``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Elementwise, Error
from ..dtypes import promote, result_type, type_name
from ..op import composite, op

__all__ = [
    "clamp",
    "clamp_max",
    "clamp_min",
    "clip",
    "fmax",
    "fmin",
    "masked",
    "maximum",
    "minimum",
    "nan_to_num",
    "where",
]

Array = np.ndarray[Any, Any]
_INTEGER_OF_SIZE = {2: np.int16, 4: np.int32, 8: np.int64}
_MANY = 2048  # elements; for fewer, np.where's one call is faster than four

_MASKED = Cases(
    Case((Draw((2, 3)), Draw((2, 3), kind="bool"))),
    Case((Draw((2, 3)), Draw((3,), kind="bool"))),
    Case((Draw((3,)), Draw((2, 1), kind="bool"))),
    Case((Draw(()), Draw((), kind="bool"))),
    Case((Draw((0, 3)), Draw((1, 3), kind="bool"))),
    Case((np.array([np.inf, np.nan, -np.inf]), np.array([False, False, True])), smooth=False),
    errors=[Error((Draw((2,)), Draw((3,), kind="bool")), {}, RuntimeError, "must match")],
    torch=lambda torch, inputs, _: torch.where(inputs[1], inputs[0], 0.0),
)


def _masked_grad(g: Any, _out: Any, _x: Any, mask: Any) -> Any:
    return masked(g, mask)


@op(vjps=(_masked_grad, None), cases=_MASKED, register=True)
def masked(input: Array, mask: Array) -> Array:
    """Keep floating values where ``mask`` is true; 0 elsewhere, also in the place of inf and NaN.

    Notes
    -----
    The bits of the numbers are multiplied, as integers, by 0 or 1: ``0.0 * inf`` would be NaN, and
    a choice (``np.where``) takes ten times as long on a mask without a pattern, because the
    processor guesses its branches wrong.
    """
    return np.multiply(as_integers(input), mask).view(input.dtype)


def as_integers(values: Array) -> Array:
    """View floating numbers as integers of their size: :func:`masked` says why."""
    return values.view(_INTEGER_OF_SIZE[values.dtype.itemsize])


def _promote_choices(operands: list[Any], _n: int) -> None:
    """Bring the two choices, but not the condition, to one dtype."""
    condition = operands[0]
    if getattr(condition, "dtype", None) not in (np.bool_, np.uint8):
        got = type_name(condition.dtype) if hasattr(condition, "dtype") else type(condition).__name__
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {got}; "
            "make one by comparing, as in x != 0."
        )
    operands[0] = condition.astype(np.bool_, copy=False)
    choices = operands[1:3]
    promote(choices, 2)
    operands[1:3] = choices


_WHERE = Cases(
    *[
        Case((Draw(shape, kind="bool"), Draw(a), Draw(b)))
        for shape, a, b in [
            ((), (), ()),
            ((2, 3), (2, 3), (2, 3)),
            ((2, 1), (3,), ()),
            ((3,), (2, 1, 3), (1, 4, 1)),
            ((0, 2), (2,), (1, 1)),
        ]
    ],
    Case((Draw((2, 3), kind="bool"), Draw((2, 3)), 0.5)),
    Case((Draw((2, 3), kind="bool"), -1, Draw((3,)))),
    Case((Draw((4,), kind="bool"), 1.0, 2.0)),
    Case((Draw((4,), kind="bool"), np.array([1, 2, 3, 4]), 2.5)),
    Case((np.array([True, False]), np.array([1.0, np.inf]), np.array([np.nan, 2.0])), smooth=False),
    errors=[
        Error(
            (Draw((2,)), Draw((2,)), 0.0),
            {},
            RuntimeError,
            "to be a boolean tensor, but got a tensor with dtype Float",
        ),
        Error((Draw((2,), kind="bool"), Draw((3,)), 0.0), {}, RuntimeError, "must match"),
    ],
)


@op(
    vjps=(
        None,
        lambda g, _out, condition, _x, _y: masked(g, condition),
        lambda g, _out, condition, _x, _y: masked(g, ~condition),
    ),
    cases=_WHERE,
    promote=_promote_choices,
    register=True,
)
def where(condition: Array, input: Array, other: Array) -> Array:
    """Take ``input`` where ``condition`` is true and ``other`` elsewhere.

    Parameters
    ----------
    condition : (*,) bool
        Which of the two is taken.
    input, other : (*,) or number
        The choices, brought to one dtype. All three broadcast.

    Returns
    -------
    (*,)
        The gradient of an element goes to the one that was taken.

    Raises
    ------
    RuntimeError
        If ``condition`` is not boolean, or the shapes do not broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> where(np.array([True, False]), np.array([1.0, 2.0]), 0.0)
    array([1., 0.])
    """
    if np.size(input) > _MANY and _same_float(input, other):
        return _choose_bits(condition, input, other)
    return np.where(condition, input, other)


def _same_float(x: Any, y: Any) -> bool:
    """Tell whether both are floating arrays of one dtype."""
    both = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
    return both and bool(x.dtype.kind == "f" and x.dtype == y.dtype)


def _choose_bits(condition: Array, x: Array, y: Array) -> Array:
    """Choose without a branch: ``y`` with the bits flipped in which ``x`` differs, times 0 or 1."""
    integer = _INTEGER_OF_SIZE[x.dtype.itemsize]
    bits: Array = (x.view(integer) ^ y.view(integer)) * condition
    bits ^= y.view(integer)
    return bits.view(x.dtype)


def _larger_share(g: Any, x: Any, y: Any) -> Any:
    """Give ``x`` the gradient of ``maximum(x, y)``: all where it is larger, half among equals."""
    return masked(where(x == y, g * 0.5, g), ~(x < y))


_TIES = [0.0, -0.0, 1.0, np.inf, -np.inf, np.nan]


@op(
    vjps=(
        lambda g, _out, x, y: _larger_share(g, x, y),
        lambda g, _out, x, y: _larger_share(g, y, x),
    ),
    cases=Elementwise(2, distinct=True, special=_TIES),
    promote=promote,
    register=True,
)
def maximum(input: Array, other: Array) -> Array:
    """Take the larger of two, element by element; NaN wins.

    Equal elements share the gradient half and half.
    """
    return np.maximum(input, other)


@op(
    vjps=(
        lambda g, _out, x, y: _larger_share(g, -x, -y),
        lambda g, _out, x, y: _larger_share(g, -y, -x),
    ),
    cases=Elementwise(2, distinct=True, special=_TIES),
    promote=promote,
    register=True,
)
def minimum(input: Array, other: Array) -> Array:
    """Take the smaller of two, element by element; NaN wins.

    Equal elements share the gradient half and half.
    """
    return np.minimum(input, other)


@op(
    vjps=(
        lambda g, _out, x, y: masked(g, (x >= y) | (y != y)),
        lambda g, _out, x, y: masked(g, ~((x >= y) | (y != y))),
    ),
    cases=Elementwise(2, distinct=True, special=_TIES),
    promote=promote,
    register=True,
)
def fmax(input: Array, other: Array) -> Array:
    """Take the larger of two, element by element; a number wins over NaN.

    Among equals, ``input`` gets the gradient.
    """
    return np.fmax(input, other)


@op(
    vjps=(
        lambda g, _out, x, y: masked(g, (x <= y) | (y != y)),
        lambda g, _out, x, y: masked(g, ~((x <= y) | (y != y))),
    ),
    cases=Elementwise(2, distinct=True, special=_TIES),
    promote=promote,
    register=True,
)
def fmin(input: Array, other: Array) -> Array:
    """Take the smaller of two, element by element; a number wins over NaN.

    Among equals, ``input`` gets the gradient.
    """
    return np.fmin(input, other)


def _promote_bounds(operands: list[Any], n: int) -> None:
    """Bring the input and the bounds that are given to one dtype."""
    given = [value for value in operands[:n] if value is not None]
    if len(given) == 1:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None; pass min=, max= or both.")
    if given[0].dtype.kind != "f" or any(isinstance(bound, np.ndarray) for bound in given[1:]):
        dtype = result_type(*given)
        operands[:n] = [v if v is None else np.asarray(v).astype(dtype) for v in operands[:n]]


def _inside(x: Any, low: Any, high: Any) -> Any:
    """Tell where a value is between the bounds, or on one of them."""
    if low is None:
        return x <= high
    return x >= low if high is None else (x >= low) & (x <= high)


_BOUNDS = [-1.0, 0.0, 0.5, 2.0, np.inf, -np.inf, np.nan]


@op(
    vjps=(
        lambda g, _out, x, low, high: masked(g, _inside(x, low, high)),
        lambda g, _out, x, low, high: masked(g, x < low if high is None else (x < low) & (low < high)),
        lambda g, _out, x, low, high: masked(g, x > high if low is None else (x > high) | (high < low)),
    ),
    cases=Cases(
        *[
            Case(inputs, smooth=smooth)
            for inputs, smooth in [
                ((Draw(()), -1.0, 1.0), True),
                ((Draw((2, 3)), -1, 1), True),
                ((Draw((5,)), 0.25, None), True),
                ((Draw((5,)), None, 0.25), True),
                ((Draw((0, 3)), 0.0, 1.0), True),
                ((Draw((3,)), 1.0, -1.0), False),
                ((np.array(_BOUNDS), 0.0, 0.5), False),
                ((np.array(_BOUNDS), np.nan, None), False),
                ((np.array([1, 2, 5]), 1.5, 4), True),
                ((Draw((2, 3)), Draw((3,), -1, 0), Draw((2, 1), 0.5, 1)), True),
                ((Draw((2, 1)), Draw((3,)), None), True),
                ((Draw((2, 3)), None, Draw(())), True),
                (
                    (np.array([0.0, 1.0, 3.0]), np.array([1.0] * 3), np.array([2.0, 1.0, 0.5])),
                    False,
                ),
            ]
        ],
        errors=[
            Error((Draw((2,)), None, None), {}, RuntimeError, "At least one of 'min' or 'max'"),
            Error((Draw((3,)), Draw((2,)), None), {}, RuntimeError, "must match"),
        ],
    ),
    promote=_promote_bounds,
    register=True,
)
def clamp(input: Array, min: Any = None, max: Any = None) -> Any:
    """Limit values to the range from ``min`` to ``max``.

    Parameters
    ----------
    input : (*,)
        The values; all shapes broadcast.
    min, max : (*,) or number, optional
        The bounds. Where ``min > max`` the result is ``max``.

    Returns
    -------
    (*,)
        The gradient passes inside the range and on its bounds, and is 0 outside.

    Raises
    ------
    RuntimeError
        If neither bound is given.

    Examples
    --------
    >>> import numpy as np
    >>> clamp(np.array([-3.0, 0.5, 3.0]), -1, 1)
    array([-1. ,  0.5,  1. ])
    """
    if min is None:
        return np.minimum(input, max)
    return np.maximum(input, min) if max is None else np.clip(input, min, max)


clip = clamp

_ONE_BOUND = Cases(Case((Draw((2, 3)), 0.25)), Case((Draw((2, 3)), Draw((3,)))), Case((np.array([1, 3]), 2.5)))


@composite(cases=_ONE_BOUND)
def clamp_min(input: Any, min: Any) -> Any:
    """Raise values below ``min`` to it."""
    return clamp(input, min)


@composite(cases=_ONE_BOUND)
def clamp_max(input: Any, max: Any) -> Any:
    """Lower values above ``max`` to it."""
    return clamp(input, None, max)


@op(
    vjps=(lambda g, _out, x, _nan, _posinf, _neginf: masked(g, x - x == 0),),
    cases=Cases(
        *Elementwise(1, special=[0.0, -1.5, np.nan]).calls,
        Case((np.array(_BOUNDS),), {"nan": 1.0, "posinf": 2.0, "neginf": -3.0}, smooth=False),
    ),
    register=True,
)
def nan_to_num(input: Array, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Any:
    """Replace NaN (by 0), inf and -inf (by the largest and smallest number of the dtype)."""
    return np.nan_to_num(input, nan=nan or 0.0, posinf=posinf, neginf=neginf)
