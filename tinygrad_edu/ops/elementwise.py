"""Arithmetic, element by element: sums, products and signs.

Quotients stand in ``division``, rounding in ``rounding``, functions with a curve in ``powers``,
``trigonometry`` and ``special``, choices in ``selection``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Draw, Elementwise, Error
from ..dtypes import promote
from ..op import composite, op
from .accepts import accepts
from .division import div
from .selection import masked, where

__all__ = [
    "abs",
    "absolute",
    "add",
    "addcdiv",
    "addcmul",
    "lerp",
    "mul",
    "multiply",
    "neg",
    "negative",
    "positive",
    "sgn",
    "sign",
    "sub",
    "subtract",
]

Array = np.ndarray[Any, Any]

_INTS = np.array([1, 2])
_BOOLS = np.array([True, False])
_ALPHA_ERRORS = [Error((_INTS, _INTS), {"alpha": 0.5}, RuntimeError, "alpha must not be a floating point number")]


# ---- sums and products. Derivatives have defaults for alpha and rounding_mode, because the engine
# ---- calls the infix forms, x + y, with two arguments.


@op(
    vjps=(
        lambda g, _out, _x, _y, _alpha=1: g,
        lambda g, _out, _x, _y, alpha=1: g if alpha == 1 else g * alpha,
    ),
    cases=Elementwise(2, special=[0.0, -1.0, np.nan], params=[{}, {"alpha": -0.5}], errors=_ALPHA_ERRORS),
    promote=promote,
    register=True,
)
def add(input: Array, other: Array, alpha: float = 1) -> Array:
    """Add ``input + alpha * other``, element by element.

    Parameters
    ----------
    input, other : (*,) or number
        The terms; they broadcast, and come to one dtype. Booleans add as "or".
    alpha : number
        Factor of ``other``.

    Returns
    -------
    (*,)

    Raises
    ------
    RuntimeError
        If the shapes do not broadcast, or ``alpha`` is a fraction and the terms are integers.

    Examples
    --------
    >>> import numpy as np
    >>> add(np.array([1.0, 2.0]), np.array([10.0, 20.0]), alpha=2)
    array([21., 42.])
    """
    return input + other if alpha == 1 else input + _scaled(input, other, alpha)


def _promote_difference(operands: list[Any], n: int) -> None:
    """Promote, but refuse booleans, where a difference has no meaning."""
    if any(_is_bool(value) for value in operands[:n]):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
            "to invert a mask, use the `~` or `logical_not()` operator instead."
        )
    promote(operands, n)


def _is_bool(value: Any) -> bool:
    return value.dtype.kind == "b" if isinstance(value, np.ndarray) else isinstance(value, bool)


@op(
    vjps=(
        lambda g, _out, _x, _y, _alpha=1: g,
        lambda g, _out, _x, _y, alpha=1: -g if alpha == 1 else g * -alpha,
    ),
    cases=Elementwise(
        2,
        special=[0.0, -1.0, np.nan],
        params=[{}, {"alpha": 2}],
        errors=[*_ALPHA_ERRORS, Error((_INTS, _BOOLS), {}, RuntimeError, "with a bool tensor")],
    ),
    promote=_promote_difference,
    register=True,
)
def sub(input: Array, other: Array, alpha: float = 1) -> Array:
    """Subtract ``input - alpha * other``, element by element; booleans are refused."""
    return input - other if alpha == 1 else input - _scaled(input, other, alpha)


def _scaled(input: Any, other: Any, alpha: float) -> Any:
    """Multiply ``other`` by ``alpha`` in the dtype of the result."""
    dtype = np.result_type(input, other)
    if dtype.kind != "f" and isinstance(alpha, float):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number: got "
            f"{alpha} for {dtype} tensors; convert them with .float()."
        )
    return other * dtype.type(alpha)


@op(
    vjps=(lambda g, _out, _x, y: g * y, lambda g, _out, x, _y: g * x),
    cases=Elementwise(2, special=[0.0, -1.5, np.nan]),
    promote=promote,
    register=True,
)
def mul(input: Array, other: Array) -> Array:
    """Multiply, element by element."""
    return input * other


# ---- signs


@op(
    vjps=(lambda g, _out, _x: -g,),
    cases=Elementwise(
        1,
        special=[0.0, np.inf, np.nan],
        errors=[Error((_BOOLS,), {}, RuntimeError, "Negation, the `-` operator, on a bool tensor")],
    ),
    register=True,
)
def neg(input: Array) -> Array:
    """Change the sign of every element; booleans are refused."""
    try:
        return -input
    except TypeError:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        ) from None


@composite(cases=Elementwise(1, errors=[Error((_BOOLS,), {}, RuntimeError, "`\\+` operator, on a bool tensor")]))
def positive(input: Any) -> Any:
    """Return the input itself; booleans are refused."""
    if input.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported; convert with .long() or .float().")
    return input


_NO_BOOLS = [Error((_BOOLS,), {}, NotImplementedError, "not implemented for 'Bool'")]


@op(
    vjps=(lambda g, _out, _x: masked(g, False),),
    cases=Elementwise(1, avoid=[0.0], special=[0.0, -0.0, 3.0, -np.inf, np.nan]),
    register=True,
)
def sign(input: Array) -> Array:
    """Give 1 for positive numbers, -1 for negative ones and 0 for zero and NaN."""
    if input.dtype.kind == "b":
        return input.copy()
    # np.sign(nan) is nan; PyTorch's is 0
    return np.subtract(input > 0, input < 0, dtype=input.dtype)


@op(
    vjps=(lambda g, _out, x: g * sign(x),),
    cases=Elementwise(1, avoid=[0.0], special=[0.0, -0.0, 3.0, -np.inf, np.nan], errors=_NO_BOOLS),
    promote=accepts("iuf", "abs"),
    register=True,
)
def abs(input: Array) -> Array:
    """Give the absolute value ``|x|``; its derivative at 0 is 0."""
    return np.absolute(input)


sgn = sign


# ---- derived


@composite(
    cases=Elementwise(
        3,
        special=[0.0, 0.7, 1.0, -2.0],
        errors=[Error((Draw((2,)), Draw((3,)), 0.5), {}, RuntimeError, "must match")],
    )
)
def lerp(input: Any, end: Any, weight: Any) -> Any:
    """Go the fraction ``weight`` of the way from ``input`` to ``end``.

    Parameters
    ----------
    input, end : (*,) floating
        Where it starts and ends.
    weight : (*,) or number
        0 gives ``input``, 1 gives ``end``, both exactly.
    """
    step = sub(end, input)
    from_start, from_end = add(input, mul(step, weight)), sub(end, mul(step, 1 - weight))
    if isinstance(weight, (int, float)):
        return from_start if -0.5 < weight < 0.5 else from_end
    return where((weight > -0.5) & (weight < 0.5), from_start, from_end)


@composite(cases=Elementwise(3, params=[{}, {"value": -0.5}]))
def addcmul(input: Any, tensor1: Any, tensor2: Any, value: float = 1) -> Any:
    """Add a product: ``input + value * tensor1 * tensor2``."""
    return add(input, mul(tensor1, tensor2), value)


@composite(
    cases=Elementwise(
        3,
        avoid=[0.0],
        params=[{}, {"value": -0.5}],
        errors=[Error((_INTS, _INTS, _INTS), {}, RuntimeError, "Integer division with addcdiv")],
    )
)
def addcdiv(input: Any, tensor1: Any, tensor2: Any, value: float = 1) -> Any:
    """Add a quotient: ``input + value * tensor1 / tensor2``; two integer tensors are refused."""
    if tensor1.dtype.kind != "f" and tensor2.dtype.kind != "f":
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported: got two integer tensors; "
            "convert one with .float(), or use div with rounding_mode."
        )
    return add(input, div(tensor1, tensor2), value)


absolute, negative = abs, neg
subtract, multiply = sub, mul
