"""The optimizers against the formulas of their papers, one number at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import optim

GRADIENTS = [0.5, -2.0, 0.0, 1e-3, 3.0, -0.25]


def steps_taken(name: str, **options: Any) -> list[float]:
    x = tg.tensor([1.0], dtype=np.float64, requires_grad=True)
    optimizer = getattr(optim, name)([x], **options)
    taken = []
    for g in GRADIENTS:
        x.grad = tg.tensor([g], dtype=np.float64)
        optimizer.step()
        taken.append(x.item())
    return taken


def sgd(lr: float, momentum: float, dampening: float, weight_decay: float, nesterov: bool) -> Iterator[float]:
    x, b = 1.0, None
    for g in GRADIENTS:
        g += weight_decay * x
        b = g if b is None else momentum * b + (1 - dampening) * g
        x -= lr * (g + momentum * b if nesterov else b)
        yield x


def adam(lr: float, betas: Any, eps: float, weight_decay: float, amsgrad: bool, decoupled: bool) -> Iterator[float]:
    x, m, v, largest = 1.0, 0.0, 0.0, 0.0
    for t, g in enumerate(GRADIENTS, 1):
        if decoupled:
            x -= lr * weight_decay * x
        else:
            g += weight_decay * x
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        largest = max(largest, v) if amsgrad else v
        first, second = m / (1 - betas[0] ** t), largest / (1 - betas[1] ** t)
        x -= lr * first / (math.sqrt(second) + eps)
        yield x


@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize(
    ("momentum", "dampening", "nesterov"),
    [(0, 0, False), (0.9, 0, False), (0.9, 0.3, False), (0.9, 0, True)],
)
def test_sgd(momentum: float, dampening: float, weight_decay: float, nesterov: bool) -> None:
    options = {
        "lr": 0.1,
        "momentum": momentum,
        "dampening": dampening,
        "weight_decay": weight_decay,
        "nesterov": nesterov,
    }
    np.testing.assert_allclose(steps_taken("SGD", **options), list(sgd(**options)), rtol=1e-14)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("eps", [1e-8, 1e-2])
def test_adam(name: str, weight_decay: float, amsgrad: bool, eps: float) -> None:
    options = {
        "lr": 0.1,
        "betas": (0.8, 0.95),
        "eps": eps,
        "weight_decay": weight_decay,
        "amsgrad": amsgrad,
    }
    expected = adam(**options, decoupled=name == "AdamW")
    np.testing.assert_allclose(steps_taken(name, **options), list(expected), rtol=1e-12)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_maximize_mirrors_the_step(name: str) -> None:
    down = steps_taken(name, lr=0.1, weight_decay=0)
    up = steps_taken(name, lr=0.1, weight_decay=0, maximize=True)
    np.testing.assert_allclose(np.subtract(down, 1), np.subtract(1, up), rtol=1e-12)
