"""Elementwise ops, normalisation, pooling and losses on large arrays, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..case import Case, Work
from .data import labels, normal, with_gradient

__all__ = ["CASES"]

MILLION = 1_000_000
IMAGES = (32, 64, 16, 16)


def elementwise_chain(lib: Any) -> Work:
    """Apply five elementwise ops to 1e6 numbers: exp, times, plus, tanh, sigmoid."""
    x, w, g = normal(lib, MILLION, grad=True), normal(lib, MILLION, grad=True), normal(lib, MILLION)
    return with_gradient(lambda: (x.exp() * w + x).tanh().sigmoid(), g, [x, w])


def on_million(function: Callable[[Any, Any], Any]) -> Callable[[Any], Work]:
    """Make a case of one function of 1e6 numbers."""

    def make(lib: Any) -> Work:
        x, g = normal(lib, MILLION, grad=True), normal(lib, MILLION)
        return with_gradient(lambda: function(lib, x), g, [x])

    return make


def on_shape(module: Callable[[Any], Any], shape: tuple[int, ...]) -> Callable[[Any], Work]:
    """Make a case of one module on an input of a shape."""

    def make(lib: Any) -> Work:
        layer, x = module(lib), normal(lib, *shape, grad=True)
        g = normal(lib, *layer(x).shape)
        return with_gradient(lambda: layer(x), g, [x, *layer.parameters()])

    return make


def softmax_cross_entropy(lib: Any) -> Work:
    """Compute the loss of 128 samples of 1,000 classes."""
    x, y = normal(lib, 128, 1000, grad=True), labels(lib, 1000, 128)
    return with_gradient(lambda: lib.nn.functional.cross_entropy(x, y), None, [x])


def embedding(lib: Any) -> Work:
    """Look up 32 x 64 rows of a table of 10,000 x 128; its gradient has the table's size."""
    table, indices = lib.nn.Embedding(10_000, 128), labels(lib, 10_000, 32, 64)
    return with_gradient(lambda: table(indices), normal(lib, 32, 64, 128), table.parameters())


CASES = [
    Case("elementwise chain of 5, 1e6", "arrays", elementwise_chain),
    Case("ReLU, 1e6", "arrays", on_million(lambda lib, x: lib.nn.functional.relu(x))),
    Case("GELU, 1e6", "arrays", on_million(lambda lib, x: lib.nn.functional.gelu(x))),
    Case("dropout, 1e6", "arrays", on_million(lambda lib, x: lib.nn.functional.dropout(x, 0.5, True))),
    Case("batch norm 32x64x16x16", "arrays", on_shape(lambda lib: lib.nn.BatchNorm2d(64), IMAGES)),
    Case("layer norm 32x64x256", "arrays", on_shape(lambda lib: lib.nn.LayerNorm(256), (32, 64, 256))),
    Case("max pooling 2x2, 32x64x16x16", "arrays", on_shape(lambda lib: lib.nn.MaxPool2d(2), IMAGES)),
    Case("average pooling 2x2, 32x64x16x16", "arrays", on_shape(lambda lib: lib.nn.AvgPool2d(2), IMAGES)),
    Case("softmax 32x4x64x64", "arrays", on_shape(lambda lib: lib.nn.Softmax(-1), (32, 4, 64, 64))),
    Case("softmax cross-entropy 128x1000", "arrays", softmax_cross_entropy),
    Case("embedding 10000x128, 32x64", "arrays", embedding),
]
