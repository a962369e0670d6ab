"""A failing check as a few lines of Python, to be pasted and run. Nothing is run or judged here."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor

__all__ = ["written", "written_call"]

Array = np.ndarray[Any, Any]

_OURS = {"np", "fn", "check_gradients", "from_numpy"}


def written_call(fn: Callable[..., Any], args: Sequence[tuple[str, Any]], kwargs: Mapping[str, Any], order: int) -> str:
    """Write the call of ``check_gradients`` that repeats a check.

    Parameters
    ----------
    fn : callable
        The function under check. A decorator that took its name is to offer it as the attribute ``function``.
    args : sequence of (str, object)
        Its arguments, each with a name for it.
    kwargs : mapping
        Its keyword arguments.
    order : int
        The order of the check.

    Returns
    -------
    str
        Five lines; one more where a tensor is among the arguments that is not checked. Where the function cannot be
        imported, the third line is to be completed by hand.
    """
    source, expression = _source(fn)
    taken = _OURS | {expression.partition(".")[0]}
    names = [name + "_" * (name in taken) for name, _ in args]
    arrays = [(name, written(value)) for name, (_, value) in zip(names, args) if _is_array(value)]
    inputs = ", ".join(name if _is_array(value) else written(value) for name, (_, value) in zip(names, args))
    options = f", kwargs={written(dict(kwargs))}" * bool(kwargs) + f", order={order}"
    lines = [
        "import numpy as np",
        "from tinygrad_edu.testing import check_gradients",
        source,
        ", ".join(name for name, _ in arrays) + " = " + ", ".join(value for _, value in arrays) if arrays else "",
        f"check_gradients({expression}, ({inputs}{',' * (len(args) == 1)}){options}).raise_if_wrong()",
    ]
    needed = any("from_numpy(" in line for line in lines[3:])
    return "\n".join(["from tinygrad_edu import from_numpy"] * needed + lines)


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, Tensor))


# ---- where the function comes from


def _source(fn: Callable[..., Any]) -> tuple[str, str]:
    """Say how to import a function, and the expression for it then."""
    method = ""
    owner = getattr(fn, "__self__", None)
    if isinstance(owner, type):  # Function.apply
        fn, method = owner, f".{fn.__name__}"
    definition = getattr(fn, "__wrapped__", fn)
    module, path = getattr(definition, "__module__", ""), getattr(definition, "__qualname__", "")
    try:
        there = functools.reduce(getattr, path.split("."), sys.modules[module])
    except (AttributeError, KeyError):
        there = None
    decorated = getattr(there, "function", None) is fn
    if there not in (fn, definition) and not decorated:
        what = f"{module}.{path}" if path else repr(fn).partition("\n")[0]
        return f"fn = ...  # put here the function under check: {what}", "fn" + method
    expression = path + ".function" * decorated + method
    if module == "__main__":
        return f"# below the definition of {path}:", expression
    return f"from {module} import {path.partition('.')[0]}", expression


# ---- values


def written(value: Any) -> str:
    """Write a value as an expression: arrays to full precision, with dtype and memory layout.

    Examples
    --------
    >>> print(written(np.array([[1.5, 0.1]])))
    np.array([[1.5, 0.1]])
    >>> print(written(np.array([1, 2], np.float32)[::-1]))
    np.array([1.0, 2.0], dtype=np.float32)[::-1]
    >>> print(written((slice(None), np.zeros((2, 0)))))
    (slice(None, None, None), np.zeros((2, 0)))
    """
    if isinstance(value, Tensor):
        plain = _array(value.array)
        return plain if value.requires_grad else f"from_numpy({plain})"
    if isinstance(value, np.ndarray):
        return _array(value)
    if type(value) is tuple:
        return "(" + ", ".join(map(written, value)) + "," * (len(value) == 1) + ")"
    if type(value) is list:
        return "[" + ", ".join(map(written, value)) + "]"
    if type(value) is dict:
        return "{" + ", ".join(f"{key!r}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, np.dtype):
        return f"np.dtype({value.name!r})"
    if isinstance(value, type) and issubclass(value, np.generic):
        return f"np.{value.__name__}"
    return _number(value) if isinstance(value, float) else repr(value)


def _array(array: Array) -> str:
    dtype = "" if array.dtype in (np.float64, np.int64, np.bool_) else f", dtype=np.{array.dtype.name}"
    if not array.size:
        dtype = dtype if array.dtype in (np.float64,) or dtype else f", dtype=np.{array.dtype.name}"
        return f"np.zeros({array.shape}{dtype})"
    stored, way = _memory(array)
    return f"np.array({_entries(stored)}{dtype}){way}"


def _entries(array: Array) -> str:
    if array.ndim:
        return "[" + ", ".join(map(_entries, array)) + "]"
    return _number(array) if array.dtype.kind == "f" else repr(array.item())


def _number(value: Any) -> str:
    """Write a number of any floating dtype with as few digits as tell it from its neighbours."""
    if not math.isfinite(value):
        return ("-" if value < 0 else "") + ("np.nan" if math.isnan(value) else "np.inf")
    return repr(float(str(value)))


def _memory(array: Array) -> tuple[Array, str]:
    """Give an array as it lies in memory, and what makes it look as it does: reversed, spread, transposed."""
    if array.flags.c_contiguous:
        return array, ""
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    stored = array.transpose(order)
    backward = [step < 0 for step in stored.strides]
    stored = stored[tuple(slice(None, None, -1 if back else 1) for back in backward)]
    way = "" if stored.flags.c_contiguous else ".repeat(2, -1)[..., ::2]"
    if any(backward):
        way += "[" + ", ".join("::-1" if back else ":" for back in backward) + "]"
    if order != sorted(order):
        way += f".transpose({', '.join(str(order.index(axis)) for axis in range(array.ndim))})"
    return stored, way
