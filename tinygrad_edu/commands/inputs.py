"""The inputs of a function as the command line gives them: read from text, completed, drawn at random."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..cases import Draw, draw
from ..creation import from_numpy
from ..nn import Module
from ..tensor import Tensor
from ..testing.primal import dtype_of

__all__ = ["DTYPES", "Input", "complete", "draw_inputs", "read_dtype", "read_input", "read_param"]

DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")


@dataclass(frozen=True)
class Input:
    """An input to draw at random: what is None is chosen by the options, or by the dtype."""

    shape: tuple[int, ...]
    dtype: str | None = None
    low: float | None = None
    high: float | None = None


def read_input(text: str) -> Input:
    """Read an input, ``SHAPE[:DTYPE][:LOW:HIGH]``, such as ``3,4``, ``scalar``, ``5:int64:0:3``.

    Raises
    ------
    ValueError
        With a sentence, if it is none.
    """
    shape, *rest = text.split(":")
    dtype = read_dtype(rest.pop(0)) if len(rest) in (1, 3) else None
    try:
        low, high = map(float, rest) if rest else (None, None)
        return Input(_read_shape(shape), dtype, low, high)
    except ValueError:
        form = "SHAPE[:DTYPE][:LOW:HIGH], such as 3,4 or scalar or 5:int64:0:3"
        raise ValueError(f"{text!r} is not an input: write {form}") from None


def _read_shape(text: str) -> tuple[int, ...]:
    sizes = text.strip().strip("()[]").rstrip(",")
    if text.strip() in ("()", "[]", "scalar"):
        return ()
    shape = tuple(int(size) for size in sizes.split(","))
    if min(shape) < 0:
        raise ValueError("a size is not negative")
    return shape


def read_dtype(text: str) -> str:
    """Read the name of a dtype.

    Raises
    ------
    ValueError
        With a sentence, if it is none.
    """
    if text not in DTYPES:
        raise ValueError(f"{text!r} is none of the dtypes {', '.join(DTYPES)}")
    return text


def read_param(text: str) -> tuple[str, Any]:
    """Read a keyword argument, ``name=value``; a value that is no Python literal is a string.

    Raises
    ------
    ValueError
        With a sentence, if it is none.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"{text!r} is not a parameter: write NAME=VALUE, such as dim=1")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def complete(
    inputs: Sequence[Input], fn: Callable[..., Any], dtype: str | None, low: float | None, high: float | None
) -> list[Input]:
    """Fill in what the inputs do not say: the dtype of a module's parameters or float64, and numbers around zero.

    Raises
    ------
    ValueError
        With a sentence, if there are no numbers between the bounds.
    """
    usual = dtype or _dtype_of(fn)
    return [_complete(given, usual, low, high) for given in inputs]


def _dtype_of(fn: Callable[..., Any]) -> str:
    """Name the dtype of a module's parameters, and float64 where there are none."""
    dtype = dtype_of(fn) if isinstance(fn, Module) else None
    return "float64" if dtype is None else str(dtype)


def _complete(given: Input, usual: str, low: float | None, high: float | None) -> Input:
    """Fill in what an input does not say; integers are not negative by themselves, since most are indices."""
    dtype = given.dtype or usual
    low = next((v for v in (given.low, low) if v is not None), -2.0 if dtype.startswith("float") else 0.0)
    high = next((v for v in (given.high, high) if v is not None), 2.0)
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"inputs are drawn between a low and a higher number, not between {low:g} and {high:g}")
    kind = np.dtype(dtype).kind
    if kind in "iu" and not np.iinfo(dtype).min <= int(low) < int(high) <= np.iinfo(dtype).max:
        raise ValueError(f"there is no number of dtype {dtype} from {int(low)} up to, but not including, {int(high)}")
    return Input(given.shape, dtype, low, high)


def draw_inputs(inputs: Sequence[Input], seed: int) -> list[Tensor]:
    """Draw complete inputs; those of floats want a gradient.

    Raises
    ------
    ValueError
        With a sentence, if they cannot be had.
    """
    kinds = {"f": "float", "i": "int", "u": "int", "b": "bool"}
    draws = [Draw(i.shape, i.low or 0.0, i.high or 0.0, kinds[np.dtype(i.dtype).kind]) for i in inputs]
    try:
        arrays = [np.asarray(a, i.dtype) for a, i in zip(draw(draws, seed), inputs)]
    except (MemoryError, ValueError) as error:  # too large, or with too many axes
        raise ValueError(f"the inputs cannot be drawn: {error}") from None
    return [from_numpy(a).requires_grad_(a.dtype.kind == "f") for a in arrays]
