"""Networks in use: nothing is recorded."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import models
from ..case import Case, Work
from .data import normal

__all__ = ["CASES"]


def predict(lib: Any, model: Callable[[Any], Any], shape: tuple[int, ...]) -> Work:
    """Compute the logits of a batch in eval mode under no_grad."""
    network, x = model(lib).eval(), normal(lib, *shape)

    def work() -> None:
        with lib.no_grad():
            network(x)

    return work


def _small_mlp(lib: Any) -> Any:
    return models.mlp(lib, 784, 128, 10)


CASES = [
    Case(
        f"{name}, inference, batch {batch}", "inference", functools.partial(predict, model=model, shape=(batch, *shape))
    )
    for name, model, shape in [("MLP 784-128-10", _small_mlp, (784,)), ("LeNet", models.lenet, (1, 28, 28))]
    for batch in (1, 256)
]
