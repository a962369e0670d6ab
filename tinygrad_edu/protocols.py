"""NumPy's protocols: ``np.exp(t)``, ``np.sum(t * t)`` and ``array + t`` are recorded like the ops they stand for.

A table from NumPy's names to ours; NumPy's ``axis`` and ``keepdims`` become ``dim`` and ``keepdim``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .op import FUNCTIONS, OPS

__all__ = ["array_function", "array_ufunc"]

# NumPy's name where it is not the op's.
_NAMES = {
    "absolute": "abs",
    "add": "add",
    "amax": "amax",
    "amin": "amin",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "concatenate": "cat",
    "divide": "div",
    "equal": "eq",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "max": "amax",
    "min": "amin",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "power": "pow",
    "rint": "round",
    "subtract": "sub",
    "true_divide": "div",
}
_KEYWORDS = {"axis": "dim", "keepdims": "keepdim", "ddof": "correction", "a_min": "min", "a_max": "max"}
_REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "amax", "minimum": "amin"}


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Answer a NumPy ufunc: call the op of the same meaning."""
    name = _NAMES.get(ufunc.__name__, ufunc.__name__)
    if method == "reduce" and ufunc.__name__ in _REDUCTIONS:
        name = _REDUCTIONS[ufunc.__name__]
    elif method != "__call__" or kwargs.get("out") is not None:
        return NotImplemented
    function = _find(name)
    return NotImplemented if function is None else function(*inputs, **_translate(kwargs))


def array_function(self: Any, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
    """Answer a NumPy function: call the op of the same meaning."""
    function = _transpose if func is np.transpose else _find(_NAMES.get(func.__name__, func.__name__))
    if function is None:
        return NotImplemented
    if func in (np.var, np.std):
        kwargs = {"ddof": 0, **kwargs}
    return function(*args, **_translate(kwargs))


def _transpose(a: Any, axes: Any = None) -> Any:
    """Reorder the axes; all of them reversed when none are given. PyTorch's transpose swaps two."""
    return a.permute(tuple(range(a.ndim))[::-1] if axes is None else tuple(axes))


def _find(name: str) -> Callable[..., Any] | None:
    return OPS.get(name) or FUNCTIONS.get(name)


def _translate(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Give NumPy's keywords PyTorch's names, and leave out those that say nothing."""
    return {
        _KEYWORDS.get(key, key): value
        for key, value in kwargs.items()
        if value is not None and not (key == "out" or value is np._NoValue)
    }
