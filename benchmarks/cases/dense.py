"""Networks of dense layers, and optimizers by themselves."""

from __future__ import annotations

import functools
from typing import Any

from .. import models
from ..case import Case, Work
from .data import labels, normal, train

__all__ = ["CASES"]


def mlp_step(lib: Any, sizes: tuple[int, ...], batch: int) -> Work:
    """Train a step with Adam."""
    model = models.mlp(lib, *sizes)
    x, y = normal(lib, batch, sizes[0]), labels(lib, sizes[-1], batch)
    return train(lib, model, lib.optim.Adam(model.parameters()), x, y)


def optimizer_step(lib: Any, name: str, **options: Any) -> Work:
    """Step over 1e6 parameters in 50 tensors."""
    parameters = [normal(lib, 200, 100, grad=True) for _ in range(50)]
    for parameter in parameters:
        parameter.grad = normal(lib, 200, 100)
    optimizer = getattr(lib.optim, name)(parameters, lr=1e-3, **options)

    def step() -> None:
        optimizer.step()

    return step


def _mlp(sizes: tuple[int, ...], batch: int) -> Case:
    name = f"MLP {'-'.join(map(str, sizes))}, batch {batch}, Adam"
    return Case(name, "dense", functools.partial(mlp_step, sizes=sizes, batch=batch))


CASES = [
    *[_mlp((784, 128, 10), batch) for batch in (32, 128, 512)],
    _mlp((784, 512, 512, 10), 128),
    Case("Adam, 1e6 in 50 tensors", "dense", functools.partial(optimizer_step, name="Adam")),
    Case("SGD with momentum, 1e6 in 50", "dense", functools.partial(optimizer_step, name="SGD", momentum=0.9)),
]
