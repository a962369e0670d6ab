"""Arrays and steps that several families use."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Work

__all__ = ["labels", "normal", "train", "with_gradient"]


def normal(lib: Any, *shape: int, grad: bool = False, scale: float = 1.0) -> Any:
    """Return a tensor of normal numbers, the same ones for every library."""
    values = scale * np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return lib.from_numpy(values.astype(np.float32)).requires_grad_(grad)


def labels(lib: Any, classes: int, *shape: int) -> Any:
    """Return a tensor of classes, the same ones for every library."""
    return lib.from_numpy(np.random.default_rng(0).integers(0, classes, shape))


def train(lib: Any, model: Any, optimizer: Any, x: Any, y: Any) -> Work:
    """Return a step: the loss of a batch, its gradients, one step of the optimizer."""

    def step() -> None:
        optimizer.zero_grad()
        logits = model(x)
        loss = lib.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))
        loss.backward()
        optimizer.step()

    return step


def with_gradient(function: Any, g: Any, leaves: Any) -> Work:
    """Return a call of ``function`` without arguments and its backward pass from ``g``, with fresh gradients."""
    leaves = list(leaves)

    def work() -> None:
        for leaf in leaves:
            leaf.grad = None
        function().backward(g)

    return work
