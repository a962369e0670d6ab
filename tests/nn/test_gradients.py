"""Whole networks against central differences: first derivatives, and derivatives of derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.testing import check_gradients


def mlp() -> tuple[Any, tuple[int, ...]]:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2), nn.LogSoftmax(1)), (3, 3)


def conv_net() -> tuple[Any, tuple[int, ...]]:
    layers = [nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.GELU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2, 2)), (2, 1, 3, 4)


@pytest.mark.parametrize("build", [mlp, conv_net])
def test_gradients_of_a_network(build: Callable[[], tuple[Any, tuple[int, ...]]]) -> None:
    tg.manual_seed(1)
    model, shape = build()
    x = np.random.default_rng(0).uniform(-1, 1, shape)
    report = check_gradients(model, x, order=2).raise_if_wrong()
    assert len([i for i in report.inputs if i.order == 1]) == 1 + len(list(model.parameters()))
