"""What an op costs before it computes anything: small tensors, many calls."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..case import Case, Work

__all__ = ["CASES", "scalar_network", "scalar_weights"]

SIZES = [16, 40, 20, 1]


def small_adds(lib: Any) -> Work:
    """Add a 4x4 tensor 1,000 times, forward and backward."""
    x, y = lib.ones(4, 4, requires_grad=True), lib.ones(4, 4)

    def work() -> None:
        z = x
        for _ in range(1000):
            z = z + y
        z.sum().backward()

    return work


def small_products(lib: Any) -> Work:
    """Multiply by a 4x4 tensor 1,000 times, forward and backward: the operands are kept."""
    x, y = lib.ones(4, 4, requires_grad=True), lib.ones(4, 4, requires_grad=True)

    def work() -> None:
        z = x
        for _ in range(1000):
            z = z * y
        z.sum().backward()

    return work


def scalar_graph(lib: Any) -> Work:
    """Compute a network of single numbers, as micrograd has it: 2,981 ops, forward and backward."""
    weights = [lib.tensor(float(w), requires_grad=True) for w in scalar_weights()]
    inputs = [lib.tensor(i / SIZES[0]) for i in range(SIZES[0])]

    def work() -> None:
        for weight in weights:
            weight.grad = None
        scalar_network(inputs, weights, lib.tanh).backward()

    return work


def scalar_weights() -> Any:
    """Return the weights of the network, one after another, each neuron's bias before its weights."""
    count = sum(out * (into + 1) for into, out in itertools.pairwise(SIZES))
    return np.random.default_rng(0).normal(0.0, 0.3, count)


def scalar_network(inputs: Sequence[Any], weights: Sequence[Any], tanh: Callable[[Any], Any]) -> Any:
    """Compute the network's output, neuron by neuron, product by product."""
    following = iter(weights)
    layer = inputs
    for width in SIZES[1:]:
        neurons = []
        for _ in range(width):
            total = next(following)
            for x in layer:
                total = total + x * next(following)
            neurons.append(tanh(total))
        layer = neurons
    return layer[0]


CASES = [
    Case("1,000 adds of a 4x4", "overhead", small_adds),
    Case("1,000 products of a 4x4", "overhead", small_products),
    Case("scalar graph of 3,000 ops", "overhead", scalar_graph),
]
