"""Derivatives of derivatives, and the check of a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import models
from ..case import Case, Work
from .data import normal

__all__ = ["CASES"]


def gradient_penalty(lib: Any) -> Work:
    """Differentiate the squared norm of the gradient by the images by the weights of a small CNN."""
    nn = lib.nn
    layers = [nn.Conv2d(3, 16, 3, padding=1), nn.Tanh(), nn.Conv2d(16, 16, 3, padding=1), nn.Tanh()]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 16 * 16, 1))
    x = normal(lib, 16, 3, 16, 16, grad=True)

    def work() -> None:
        model.zero_grad()
        (by_images,) = lib.autograd.grad(model(x).sum(), x, create_graph=True)
        (by_images**2).sum().backward()

    return work


def double_backward_mlp(lib: Any) -> Work:
    """Do the same for a small MLP."""
    model = models.mlp(lib, 64, 64, 64, 1)
    x = normal(lib, 64, 64, grad=True)

    def work() -> None:
        model.zero_grad()
        (by_x,) = lib.autograd.grad(model(x).sum(), x, create_graph=True)
        (by_x**2).sum().backward()

    return work


def hessian_vector(lib: Any) -> Work:
    """Multiply the Hessian of a loss by a 64x64 weight with a vector."""
    data, weight, vector = (normal(lib, n, 64, scale=0.125) for n in (128, 64, 64))

    def loss(w: Any) -> Any:
        return ((data @ w).tanh() @ w).tanh().pow(2).sum()

    def work() -> None:
        lib.autograd.functional.hvp(loss, weight, vector)

    return work


def gradcheck_conv2d(lib: Any) -> Work:
    """Give a small conv2d to the library's own checker."""
    rng = np.random.default_rng(0)
    inputs = tuple(lib.from_numpy(rng.normal(size=s)).requires_grad_(True) for s in [(2, 3, 6, 6), (4, 3, 3, 3)])

    def work() -> None:
        assert lib.autograd.gradcheck(lib.nn.functional.conv2d, inputs)

    return work


CASES = [
    Case("gradient penalty of a CNN", "higher", gradient_penalty),
    Case("gradient penalty of an MLP", "higher", double_backward_mlp),
    Case("Hessian-vector product", "higher", hessian_vector),
    Case("gradcheck of conv2d", "higher", gradcheck_conv2d),
]
