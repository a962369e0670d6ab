"""Hooks on a tensor's gradient: what the user wrote for Tensors works on what the walk carries, and is checked.

Which hooks there are and when they run is the business of the tensor and the walk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..dtypes import type_name
from ..op import runtime

__all__ = ["on_values"]


def on_values(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let a function of Tensors work on what travels through the graph: arrays, or Tensors when it is recorded."""

    def call(g: Any) -> Any:
        if _is_tensor(g):
            result = hook(g)
            return g if result is None else _check_replaced(hook, g, result)
        result = hook(runtime.wrap(g))
        return g if result is None else _check_replaced(hook, g, result).array

    return call


def _check_replaced(hook: Callable[..., Any], g: Any, result: Any) -> Any:
    """Check what a hook returned in a gradient's place."""
    name = getattr(hook, "__name__", type(hook).__name__)
    if not _is_tensor(result):
        raise TypeError(
            f"expected Variable, but hook returned {type(result).__name__!r}: hook {name!r} returns a Tensor in the "
            "gradient's place, or None to leave it."
        )
    if result.dtype != g.dtype:
        raise RuntimeError(
            f"hook {name!r} has changed the type of value (was {type_name(g.dtype)} got {type_name(result.dtype)}); "
            "return the gradient in its own dtype."
        )
    if result.shape != g.shape:
        raise RuntimeError(
            f"hook {name!r} has changed the size of value (was {list(g.shape)} got {list(result.shape)}); return the "
            "gradient in its own shape."
        )
    return result


def _is_tensor(value: Any) -> bool:
    return isinstance(value, runtime.Tensor)
