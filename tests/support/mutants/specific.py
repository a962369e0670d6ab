"""Mistakes that people make in one op: the wrong formula, a forgotten factor, a term left out.

Each stands beside the op's name with the position of its input. They come from textbooks' errata, from other
libraries' bug reports and from what one writes at the first try.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops.cumulative import cumsum
from tinygrad_edu.ops.elementwise import abs as absolute
from tinygrad_edu.ops.linalg import matmul
from tinygrad_edu.ops.powers import exp, log
from tinygrad_edu.ops.rearranging import roll, tril, triu
from tinygrad_edu.ops.reduction import sum
from tinygrad_edu.ops.trigonometry import cos, cosh, sin, sinh

from .building import Change
from .derivative import Derivative, array_of
from .mistakes import Mistake

__all__ = ["SPECIFIC"]


def _axis(d: Derivative) -> int:
    """Give the axis of softmax and its like, as PyTorch chooses it where none is named."""
    ndim = len(np.shape(array_of(d.x)))
    return int(d.params[0]) if d.params[0] is not None else 0 if ndim in (0, 1, 3) else 1


def _along(total: Any, d: Derivative) -> Any:
    """Sum along that axis and keep it."""
    return sum(total, _axis(d), True)


def _square_matmul(d: Derivative) -> Any:
    """Forget to transpose the other factor, where that goes unnoticed."""
    shape = np.shape(array_of(d.inputs[1]))
    square = len(shape) == 2 and shape[0] == shape[1]
    return matmul(d.g, d.inputs[1]) if square and len(np.shape(array_of(d.x))) == 2 else d.right()


def _without_means(d: Derivative) -> Any:
    """Take the mean and the variance of a normalisation for constants: the slope of a straight line only."""
    x, weight = array_of(d.inputs[0]), array_of(d.inputs[1])
    axes = tuple(range(x.ndim - int(d.params[0]), x.ndim))
    scale = 1 / np.sqrt(x.var(axis=axes, keepdims=True) + d.params[1])
    return d.g * (scale if weight is None else scale * weight)


def _unturned(d: Derivative) -> Any:
    """Convolve with the kernel as it is, not turned by 180 degrees."""
    weight = d.inputs[1]
    return d.right(inputs=[d.inputs[0], weight[:, :, ::-1, ::-1] if weight.ndim == 4 else weight, *d.inputs[2:]])


def _at_left_edge(d: Derivative) -> Any:
    """Cut the gradient of a padded or narrowed input at the edge, and not where the values stand."""
    return roll(d.right(), 1, d.params[0]) if np.ndim(array_of(d.x)) else d.right()


def _spread(d: Derivative) -> Any:
    """Spread the gradient of a mean as that of a sum."""
    x = array_of(d.x)
    return d.right() * float(x.size) if x.size else d.right()


_TABLE: dict[str, list[tuple[str, int, Change]]] = {
    "tanh": [("1 - x^2", 0, lambda d: d.g * (1 - d.x * d.x)), ("1 - y", 0, lambda d: d.g * (1 - d.out))],
    "sigmoid": [("y (1 - x)", 0, lambda d: d.g * d.out * (1 - d.x)), ("y", 0, lambda d: d.g * d.out)],
    "exp": [("x", 0, lambda d: d.g * d.x), ("y x", 0, lambda d: d.g * d.out * d.x)],
    "expm1": [("y", 0, lambda d: d.g * d.out)],
    "exp2": [("without log 2", 0, lambda d: d.g * d.out)],
    "log": [("x", 0, lambda d: d.g * d.x)],
    "log2": [("without log 2", 0, lambda d: d.g / d.x)],
    "log10": [("log 10 above", 0, lambda d: d.g * np.log(10) / d.x)],
    "log1p": [("1/x", 0, lambda d: d.g / d.x)],
    "sqrt": [("2 y", 0, lambda d: d.g * 2 * d.out), ("1/y", 0, lambda d: d.g / d.out)],
    "rsqrt": [("y", 0, lambda d: d.g * -0.5 * d.out), ("y^2", 0, lambda d: d.g * -0.5 * d.out * d.out)],
    "reciprocal": [("sign", 0, lambda d: d.g * d.out * d.out), ("1/x", 0, lambda d: -d.g / d.x)],
    "sin": [("- cos", 0, lambda d: -d.g * cos(d.x)), ("y", 0, lambda d: d.g * d.out)],
    "cos": [("sin", 0, lambda d: d.g * sin(d.x))],
    "tan": [("1 - y^2", 0, lambda d: d.g * (1 - d.out * d.out))],
    "sinh": [("- cosh", 0, lambda d: -d.g * cosh(d.x)), ("sinh", 0, lambda d: d.g * d.out)],
    "cosh": [("- sinh, as for cos", 0, lambda d: -d.g * sinh(d.x))],
    "asin": [("without root", 0, lambda d: d.g / (1 - d.x * d.x))],
    "atan": [("1 - x^2", 0, lambda d: d.g / (1 - d.x * d.x + 1e-3))],
    "abs": [("1", 0, lambda d: d.g)],
    "relu": [("x", 0, lambda d: d.g * d.x * (array_of(d.x) > 0)), ("1", 0, lambda d: d.g)],
    "leaky_relu": [("slope 0.1 below zero", 0, lambda d: d.g * np.where(array_of(d.x) > 0, 1.0, 0.1))],
    "clamp": [("passes beyond the limits", 0, lambda d: d.g)],
    "hardtanh": [("passes beyond the limits", 0, lambda d: d.g)],
    "threshold": [("passes below", 0, lambda d: d.g)],
    "elu": [("y below zero", 0, lambda d: d.g * np.where(array_of(d.x) > 0, 1.0, array_of(d.out)))],
    "softplus": [("without beta", 0, lambda d: d.g / (1 + exp(-d.x)))],
    "silu": [("sigmoid only", 0, lambda d: d.g / (1 + exp(-d.x)))],
    "gelu": [("sigmoid(1.702 x)", 0, lambda d: d.g / (1 + exp(d.x * -1.702)))],
    "logsigmoid": [("sigmoid(x)", 0, lambda d: d.g / (1 + exp(-d.x)))],
    "erf": [("without 2/sqrt(pi)", 0, lambda d: d.g * exp(-d.x * d.x))],
    "mul": [("its own value", 0, lambda d: d.g * d.x), ("its own value", 1, lambda d: d.g * d.x)],
    "div": [("y not squared", 1, lambda d: -d.g * d.inputs[0] / d.x), ("sign", 1, lambda d: d.right() * -1.0)],
    "sub": [("sign of the second", 1, lambda d: -d.raw()), ("sign of the first", 0, lambda d: -d.raw())],
    "pow": [
        ("exponent not lowered", 0, lambda d: d.g * d.inputs[1] * d.out),
        ("without log", 1, lambda d: d.g * d.out),
        ("log of the exponent", 1, lambda d: d.g * d.out * log(absolute(d.inputs[1]) + 0.1)),
    ],
    "hypot": [("not divided", 0, lambda d: d.g * d.x)],
    "atan2": [("sign of the second", 1, lambda d: -d.raw()), ("not divided", 0, lambda d: d.g * d.inputs[1])],
    "logaddexp": [("of the other", 0, lambda d: d.g - d.raw())],
    "maximum": [("to both", 0, lambda d: d.g), ("to both", 1, lambda d: d.g)],
    "minimum": [("to both", 0, lambda d: d.g)],
    "where": [("to both", 1, lambda d: d.g), ("to both", 2, lambda d: d.g)],
    "masked_fill": [("passes where it was filled", 0, lambda d: d.g)],
    "softmax": [
        ("diagonal only", 0, lambda d: d.g * d.out * (1 - d.out)),
        ("without the sum", 0, lambda d: d.g * d.out),
        ("sum not weighted", 0, lambda d: d.out * (d.g - _along(d.g, d))),
    ],
    "log_softmax": [
        ("without the sum of g", 0, lambda d: d.g - exp(d.out)),
        ("without exp", 0, lambda d: d.g - d.out * _along(d.g, d)),
        ("mean for the sum", 0, lambda d: d.g - exp(d.out) * _along(d.g, d) * (1 / max(d.out.shape or (1,)))),
    ],
    "matmul": [("the other not transposed", 0, _square_matmul)],
    "mean": [("spread as a sum", 0, _spread)],
    "cumsum": [("runs forward", 0, lambda d: cumsum(d.g, d.params[0]))],
    "tril": [("triu", 0, lambda d: triu(d.g, d.params[0]))],
    "triu": [("tril", 0, lambda d: tril(d.g, d.params[0]))],
    "roll": [("runs on", 0, lambda d: roll(d.g, d.params[0], d.params[1]))],
    "narrow": [("off by one", 0, _at_left_edge)],
    "select": [("off by one", 0, _at_left_edge)],
    "convolution": [("kernel not turned", 0, _unturned)],
    "conv2d_input": [("kernel not turned", 0, _unturned)],
    "native_layer_norm": [("mean and variance as constants", 0, _without_means)],
    "mse_loss": [("without the 2", 0, lambda d: d.raw() * 0.5), ("sign of the target", 1, lambda d: -d.raw())],
    "index_add": [("source not gathered", 3, lambda d: d.right() * 0.0 + 1.0)],
    "scatter_add": [("input counted where it was written", 0, lambda d: d.right() * 0.0)],
    "sum_to": [("mean", 0, lambda d: d.right() * (np.size(array_of(d.out)) / max(np.size(array_of(d.x)), 1)))],
}

_ALSO = {"its own value": ("swapped",), "of the other": ("swapped",)}

SPECIFIC: dict[str, list[tuple[int, Mistake]]] = {
    name: [(i, Mistake(f"formula: {title}", change, also=_ALSO.get(title, ()))) for title, i, change in changes]
    for name, changes in _TABLE.items()
}
