"""Training steps of convolutional networks: their time, and the most memory that they take."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import models
from ..case import Case, Work
from .data import labels, normal, train

__all__ = ["CASES"]

LENET = (64, 1, 28, 28)
COLOURED = (32, 3, 32, 32)


def training_step(lib: Any, model: Callable[[Any], Any], shape: tuple[int, ...]) -> Work:
    """Train a step of SGD with momentum."""
    return _steps(lib, model, [shape])[0]


def peak_steps(lib: Any, model: Callable[[Any], Any], shape: tuple[int, ...]) -> list[Work]:
    """Return a step on two images, to come first, and one on the whole batch, of the same network."""
    return _steps(lib, model, [(2, *shape[1:]), shape])


def _steps(lib: Any, model: Callable[[Any], Any], shapes: list[tuple[int, ...]]) -> list[Work]:
    network = model(lib)
    optimizer = lib.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    return [train(lib, network, optimizer, normal(lib, *shape), labels(lib, 10, shape[0])) for shape in shapes]


NETWORKS = {
    "LeNet, batch 64": (models.lenet, LENET),
    "ResNet-8, batch 32": (models.resnet8, COLOURED),
    "VGG, batch 32": (models.vgg, COLOURED),
}
CASES = [
    Case(name, "networks", functools.partial(training_step, model=model, shape=shape))
    for name, (model, shape) in NETWORKS.items()
]
CASES += [
    Case(
        f"peak memory: {name}",
        "step-memory",
        functools.partial(peak_steps, model=model, shape=shape),
        "peak",
        quick=name.startswith("LeNet"),
    )
    for name, (model, shape) in NETWORKS.items()
]
