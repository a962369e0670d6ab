"""Small trainings that the tests of a recording watch."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn

__all__ = ["batches", "network", "norm", "train"]


def network() -> nn.Sequential:
    """Return the same small network each time."""
    tg.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3), nn.Tanh())


def batches(n: int, dtype: Any = np.float32) -> list[tg.Tensor]:
    """Return n inputs of shape (5, 4), the same each time."""
    rng = np.random.default_rng(7)
    return [tg.tensor(rng.standard_normal((5, 4)), dtype=dtype) for _ in range(n)]


def train(model: nn.Module, inputs: list[tg.Tensor], each: int = 1) -> None:
    """Take a step of SGD with momentum after each so many inputs."""
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for i, x in enumerate(inputs):
        (model(x) ** 2).sum().backward()
        if (i + 1) % each == 0:
            optimizer.step()
            optimizer.zero_grad()


def norm(array: np.ndarray) -> float:
    """Return the L2 norm, computed in float64."""
    return float(np.linalg.norm(array.astype(np.float64)))
