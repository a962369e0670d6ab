"""What is measured. A case takes a library (ours or PyTorch: the code is the same) and returns the work to time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["CASES"]

Work = Callable[[], None]


def small_adds(lib: Any) -> Work:
    """1,000 additions of a 4x4 tensor, forward and backward: nothing but overhead."""
    x, y = lib.ones(4, 4, requires_grad=True), lib.ones(4, 4)

    def work() -> None:
        z = x
        for _ in range(1000):
            z = z + y
        z.sum().backward()

    return work


def small_products(lib: Any) -> Work:
    """1,000 products of a 4x4 tensor, forward and backward: overhead, and keeping values."""
    x, y = lib.ones(4, 4, requires_grad=True), lib.ones(4, 4, requires_grad=True)

    def work() -> None:
        z = x
        for _ in range(1000):
            z = z * y
        z.sum().backward()

    return work


def chain(nodes: int) -> Callable[[Any], Work]:
    """Make a case of ``nodes`` additions in a row, to see that time per node stays flat."""

    def make(lib: Any) -> Work:
        x = lib.ones(4, 4, requires_grad=True)

        def work() -> None:
            z = x
            for _ in range(nodes):
                z = z + 1.0
            z.sum().backward()

        return work

    return make


def mlp_step(lib: Any) -> Work:
    """One step of a 784-128-10 network with Adam on a batch of 128."""
    nn = lib.nn
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    return _step(lib, model, lib.optim.Adam(model.parameters()), (128, 1, 28, 28))


def cnn_step(lib: Any) -> Work:
    """One step of the command line's CNN on a batch of 32 images of 28x28."""
    nn = lib.nn
    model = nn.Sequential(
        *[nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10)],
    )
    return _step(lib, model, lib.optim.AdamW(model.parameters()), (32, 1, 28, 28))


def _step(lib: Any, model: Any, optimizer: Any, shape: tuple[int, ...]) -> Work:
    rng = np.random.default_rng(0)
    images = lib.from_numpy(rng.normal(size=shape).astype(np.float32))
    labels = lib.from_numpy(rng.integers(0, 10, shape[0]))

    def work() -> None:
        for _ in range(5):
            loss = lib.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return work


CASES: dict[str, Callable[[Any], Work]] = {
    "1,000 adds of a 4x4": small_adds,
    "1,000 products of a 4x4": small_products,
    "chain of 1e3": chain(10**3),
    "chain of 1e4": chain(10**4),
    "chain of 1e5": chain(10**5),
    "MLP 784-128-10, 5 Adam steps": mlp_step,
    "CNN 28x28, 5 AdamW steps": cnn_step,
}
