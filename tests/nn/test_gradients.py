"""Whole networks against central differences: first derivatives, and derivatives of derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support import numeric
from tinygrad_edu import nn


def mlp() -> tuple[Any, tuple[int, ...]]:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2), nn.LogSoftmax(1)), (3, 3)


def conv_net() -> tuple[Any, tuple[int, ...]]:
    layers = [nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.GELU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2, 2)), (2, 1, 3, 4)


@pytest.mark.parametrize("build", [mlp, conv_net])
@pytest.mark.parametrize("order", [1, 2])
def test_gradients_of_a_network(build: Callable[[], tuple[Any, tuple[int, ...]]], order: int) -> None:
    tg.manual_seed(1)
    model, shape = build()
    model.double()
    rng = np.random.default_rng(0)
    parameters = list(model.parameters())
    arrays = [rng.uniform(-1, 1, shape), *[p.detach().numpy() for p in parameters]]
    weights = tg.tensor(rng.uniform(-1, 1, (shape[0], 2)))
    mixed = [tg.tensor(rng.uniform(-1, 1, a.shape)) for a in arrays]

    def scalar(x: Any) -> Any:
        value = (model(x) * weights).sum()
        if order == 1:
            return value
        grads = tg.autograd.grad(value, [x, *parameters], create_graph=True)
        total = (grads[0] * mixed[0]).sum()
        for g, m in zip(grads[1:], mixed[1:]):
            total = total + (g * m).sum()
        return total

    def evaluate(values: Sequence[np.ndarray]) -> float:
        for parameter, value in zip(parameters, values[1:]):
            parameter.data = tg.tensor(value)
        return float(scalar(tg.tensor(values[0], requires_grad=True)))

    expected = numeric.gradient(evaluate, arrays)
    evaluate(arrays)
    x = tg.tensor(arrays[0], requires_grad=True)
    found = tg.autograd.grad(scalar(x), [x, *parameters], allow_unused=True)
    for k, (g, e) in enumerate(zip(found, expected)):
        got = np.zeros_like(e) if g is None else g.numpy()
        numeric.assert_close(got, e, f"order {order}, input {k}", 2e-6)
