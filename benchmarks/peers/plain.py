"""Optimizers for the libraries that bring none: plain formulas on arrays of any kind."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Adam", "Momentum", "normal", "weights"]


class Adam:
    """Adam with PyTorch's defaults."""

    def __init__(self) -> None:
        self.steps = 0
        self.means: list[Any] = []
        self.squares: list[Any] = []

    def __call__(self, parameters: Sequence[Any], gradients: Sequence[Any]) -> list[Any]:
        """Return the parameters after a step."""
        if not self.means:
            self.means, self.squares = [0.0 * g for g in gradients], [0.0 * g for g in gradients]
        self.steps += 1
        self.means = [0.9 * m + 0.1 * g for m, g in zip(self.means, gradients)]
        self.squares = [0.999 * v + 0.001 * g * g for v, g in zip(self.squares, gradients)]
        rate, scale = 1e-3 / (1.0 - 0.9**self.steps), 1.0 / (1.0 - 0.999**self.steps)
        return [p - rate * m / ((scale * v) ** 0.5 + 1e-8) for p, m, v in zip(parameters, self.means, self.squares)]


class Momentum:
    """SGD with momentum 0.9."""

    def __init__(self) -> None:
        self.velocities: list[Any] = []

    def __call__(self, parameters: Sequence[Any], gradients: Sequence[Any]) -> list[Any]:
        """Return the parameters after a step."""
        self.velocities = (
            [0.9 * v + g for v, g in zip(self.velocities, gradients)] if self.velocities else list(gradients)
        )
        return [p - 1e-3 * v for p, v in zip(parameters, self.velocities)]


def normal(*shape: int, scale: float = 1.0) -> Any:
    """Return an array of normal numbers."""
    drawn = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return (scale * drawn).astype(np.float32)


def weights(*sizes: int) -> list[Any]:
    """Return the weights and biases of dense layers, ``(in, out)`` and ``(out,)`` in turn."""
    arrays = []
    for into, out in itertools.pairwise(sizes):
        arrays += [normal(into, out, scale=into**-0.5), np.zeros(out, np.float32)]
    return arrays
