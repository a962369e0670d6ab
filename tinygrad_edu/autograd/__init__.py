"""Automatic differentiation: the graph, the walk, grad modes, custom functions, functional forms."""

import typing as _typing

from . import functional
from .anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from .differentiate import backward, grad
from .function import Function, once_differentiable
from .gradcheck import gradcheck, gradgradcheck
from .graph import Node
from .modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

if _typing.TYPE_CHECKING:
    from .explaining import Explanation, explain


def __getattr__(name: str) -> _typing.Any:
    """Import what explains when it is first asked for: most programs do not."""
    if name in ("Explanation", "explain"):
        from . import explaining

        return getattr(explaining, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Explanation",
    "Function",
    "Node",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "explain",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "set_grad_enabled",
]
