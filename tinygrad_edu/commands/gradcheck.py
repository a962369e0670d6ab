"""Check a derivative from the command line: find the function, draw its inputs, check, print.

It reads no options; ``cli`` does, and hands them over as :class:`Options`.
"""

from __future__ import annotations

import ast
import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..cases import Draw, draw
from ..creation import from_numpy
from ..nn import Module
from ..random import manual_seed
from .check import check_gradients
from .primal import dtype_of
from .report import GradientReport
from .target import find, importable, raised

__all__ = ["DTYPES", "Input", "Options", "gradcheck", "read_dtype", "read_input", "read_param"]

DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")


@dataclass(frozen=True)
class Input:
    """An input to draw at random: what is None is chosen by the options, or by the dtype."""

    shape: tuple[int, ...]
    dtype: str | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Options:
    """What to check, and on which inputs.

    Attributes
    ----------
    target : str
        ``module:name`` or ``file.py:name``.
    inputs : sequence of Input
        One for each input of the function.
    params : mapping
        Keyword arguments of the function.
    order, seed : int
        As in :func:`~tinygrad_edu.testing.check_gradients`; the seed is also that of the inputs.
    dtype, low, high
        Of the inputs that do not say their own; None: the dtype of a module's parameters or float64, from -2 up to 2,
        and for integers from 0.
    json : bool
        Print JSON instead of the table.
    """

    target: str
    inputs: Sequence[Input]
    params: Mapping[str, Any] = field(default_factory=dict)
    order: int = 1
    seed: int = 0
    dtype: str | None = None
    low: float | None = None
    high: float | None = None
    json: bool = False


def gradcheck(options: Options) -> bool:
    """Check a function, print the report, and tell whether its derivative is right.

    Raises
    ------
    ValueError
        With a sentence, if there is no verdict: the function is not found, or cannot be called like this.
    """
    # With --json, what the user's module prints is not in the way of who reads the result.
    quiet = contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext()
    with quiet, importable(options.target):
        manual_seed(options.seed)  # for what a module draws while it is loaded, such as weights
        fn = find(options.target)
        inputs = [_complete(given, options, _dtype_of(fn)) for given in options.inputs]
        report = _check(fn, inputs, options)
    print(_as_json(report, options, inputs) if options.json else f"{report}\n{_drawn(inputs, options.seed)}")
    return report.ok


def _check(fn: Callable[..., Any], inputs: Sequence[Input], options: Options) -> GradientReport:
    tensors = _draw(inputs, options.seed)
    try:
        return check_gradients(fn, tensors, order=options.order, kwargs=options.params, seed=options.seed)
    except Exception as error:
        raise ValueError(raised(f"checking {_call(options, inputs)}", error)) from error


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


def _dtype_of(fn: Callable[..., Any]) -> str:
    """Name the dtype of a module's parameters, and float64 where there are none."""
    dtype = dtype_of(fn) if isinstance(fn, Module) else None
    return "float64" if dtype is None else str(dtype)


def _complete(given: Input, options: Options, usual: str) -> Input:
    """Fill in what an input does not say; integers are not negative by themselves, since most are indices."""
    dtype = given.dtype or options.dtype or usual
    low = next((v for v in (given.low, options.low) if v is not None), -2.0 if dtype.startswith("float") else 0.0)
    high = next((v for v in (given.high, options.high) if v is not None), 2.0)
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"inputs are drawn between a low and a higher number, not between {low:g} and {high:g}")
    kind = np.dtype(dtype).kind
    if kind in "iu" and not np.iinfo(dtype).min <= int(low) < int(high) <= np.iinfo(dtype).max:
        raise ValueError(f"there is no number of dtype {dtype} from {int(low)} up to, but not including, {int(high)}")
    return Input(given.shape, dtype, low, high)


def _draw(inputs: Sequence[Input], seed: int) -> list[Any]:
    kinds = {"f": "float", "i": "int", "u": "int", "b": "bool"}
    draws = [Draw(i.shape, i.low or 0.0, i.high or 0.0, kinds[np.dtype(i.dtype).kind]) for i in inputs]
    try:
        arrays = [np.asarray(a, i.dtype) for a, i in zip(draw(draws, seed), inputs)]
    except (MemoryError, ValueError) as error:  # too large, or with too many axes
        raise ValueError(f"the inputs cannot be drawn: {error}") from None
    return [from_numpy(a).requires_grad_(a.dtype.kind == "f") for a in arrays]


def _call(options: Options, inputs: Sequence[Input]) -> str:
    """Write the call as ``name(float64 [3, 4], dim=1)``."""
    words = [f"{i.dtype} {list(i.shape)}" for i in inputs]
    words += [f"{name}={value!r}" for name, value in options.params.items()]
    return f"{options.target.rpartition(':')[2]}({', '.join(words)})"


def _drawn(inputs: Sequence[Input], seed: int) -> str:
    """Say how the inputs were drawn."""
    ranges = [f"input {n} in [{i.low:g}, {i.high:g})" for n, i in enumerate(inputs) if i.dtype != "bool"]
    return f"  drawn: {', '.join([*ranges, f'seed {seed}'])}"


def _as_json(report: GradientReport, options: Options, inputs: Sequence[Input]) -> str:
    drawn = [{"shape": list(i.shape), "dtype": i.dtype, "low": i.low, "high": i.high} for i in inputs]
    params = {name: repr(value) for name, value in options.params.items()}
    call = {"target": options.target, "inputs": drawn, "params": params, "seed": options.seed}
    return json.dumps({"call": call, **report.to_dict()}, indent=2)
