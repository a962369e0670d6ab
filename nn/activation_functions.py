"""Activations as functions: the ops, with ``inplace`` and the arguments that PyTorch gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import is_grad_enabled
from ..ops import activation, rectifiers, selection
from ..ops import softmax as probabilities
from ..ops.elementwise import abs

__all__ = [
    "celu",
    "elu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "log_softmax",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "silu",
    "softmax",
    "softmin",
    "softshrink",
    "threshold",
]


def _write(function: Callable[..., Any], input: Any, *args: Any) -> Any:
    """Put ``function(input, *args)`` into the input; its derivative may need what was there."""
    recorded = is_grad_enabled() and input.requires_grad
    return input.copy_(function(input.clone() if recorded else input, *args))


def relu(input: Any, inplace: bool = False) -> Any:
    """Element by element ``max(x, 0)``."""
    return input.relu_() if inplace else rectifiers.relu(input)


def relu6(input: Any, inplace: bool = False) -> Any:
    """Element by element ``min(max(x, 0), 6)``."""
    return _write(rectifiers.relu6, input) if inplace else rectifiers.relu6(input)


def selu(input: Any, inplace: bool = False) -> Any:
    """Element by element ``scale * (x if x > 0 else alpha * (exp(x) - 1))``."""
    return _write(rectifiers.selu, input) if inplace else rectifiers.selu(input)


def silu(input: Any, inplace: bool = False) -> Any:
    """Element by element ``x * sigmoid(x)``."""
    return _write(activation.silu, input) if inplace else activation.silu(input)


def mish(input: Any, inplace: bool = False) -> Any:
    """Element by element ``x * tanh(softplus(x))``."""
    return _write(activation.mish, input) if inplace else activation.mish(input)


def hardswish(input: Any, inplace: bool = False) -> Any:
    """Element by element ``x * min(max(x + 3, 0), 6) / 6``."""
    return _write(activation.hardswish, input) if inplace else activation.hardswish(input)


def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """Element by element ``min(max(x + 3, 0), 6) / 6``."""
    return _write(activation.hardsigmoid, input) if inplace else activation.hardsigmoid(input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """Element by element ``x if x > 0 else negative_slope * x``."""
    if inplace:
        return _write(rectifiers.leaky_relu, input, negative_slope)
    return rectifiers.leaky_relu(input, negative_slope)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """Element by element ``x if x > 0 else alpha * (exp(x) - 1)``."""
    return _write(rectifiers.elu, input, alpha) if inplace else rectifiers.elu(input, alpha)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """Element by element ``max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))``."""
    return _write(rectifiers.celu, input, alpha) if inplace else rectifiers.celu(input, alpha)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """Element by element ``x if x > threshold else value``."""
    if inplace:
        return _write(rectifiers.threshold, input, threshold, value)
    return rectifiers.threshold(input, threshold, value)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """Element by element ``min(max(x, min_val), max_val)``."""
    if inplace:
        return _write(rectifiers.hardtanh, input, min_val, max_val)
    return rectifiers.hardtanh(input, min_val, max_val)


def prelu(input: Any, weight: Any) -> Any:
    """Element by element ``x if x > 0 else weight * x``.

    Parameters
    ----------
    input : Tensor of shape (N, C, *)
        Any number of axes.
    weight : Tensor of shape (1,) or (C,)
        One slope, or one per channel (axis 1).
    """
    channels = weight.shape[0] if weight.ndim else 1
    if channels != 1:
        if input.ndim < 2 or input.shape[1] != channels:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{channels} and channel size = {input.shape[1] if input.ndim > 1 else 1} (prelu)."
            )
        weight = weight.reshape((channels, *(1,) * (input.ndim - 2)))
    return selection.where(input > 0, input, weight * input)


def glu(input: Any, dim: int = -1) -> Any:
    """Multiply the first half of an axis by the sigmoid of its second half."""
    if input.shape[dim] % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}: glu "
            "multiplies its two halves."
        )
    first, second = input.chunk(2, dim)
    return first * activation.sigmoid(second)


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """Element by element ``x if |x| > lambd else 0``."""
    return selection.where(abs(input) > lambd, input, 0.0)


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """Element by element ``x - lambd`` above ``lambd``, ``x + lambd`` below ``-lambd``, else 0."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return input - selection.clamp(input, -lambd, lambd)


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Scores to probabilities along an axis: ``exp(x) / sum(exp(x))``."""
    return probabilities.softmax(input, dim, dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Logarithm of :func:`softmax`, computed without loss of precision."""
    return probabilities.log_softmax(input, dim, dtype)


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """:func:`softmax` of ``-x``."""
    return probabilities.softmax(-input, dim, dtype)
