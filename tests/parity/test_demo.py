"""Small networks against PyTorch's: the gradients of one step, and twenty steps of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import datasets

torch = pytest.importorskip("torch")

GRADIENTS = {"float32": 1e-5, "float64": 1e-10}
TRAINED = {"float32": 1e-4, "float64": 1e-8}


def cnn(nn: Any, bias: bool = True) -> Any:
    """Build the network of ``tinygrad-edu train``, with a layer more that writes in place."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=bias),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=bias),
        nn.BatchNorm2d(32),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def cnn_to_train(nn: Any) -> Any:
    """Leave out the biases before a batch normalisation.

    Their gradient is 0 and some round-off; Adam divides by its size and makes whole steps of it.
    """
    return cnn(nn, bias=False)


def mlp(nn: Any) -> Any:
    layers = [nn.Flatten(), nn.Linear(64, 32), nn.GELU(), nn.LayerNorm(32), nn.Linear(32, 10)]
    return nn.Sequential(*layers)


Build = Callable[[Any], Any]
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3}),
    ("Adam", {"lr": 1e-3}),
    ("AdamW", {"lr": 1e-3, "weight_decay": 0.1}),
]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep PyTorch's threads from waiting for each other: the batches are small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    data = datasets.Digits()
    return data.data, data.targets


def batch(digits: tuple[np.ndarray, np.ndarray], step: int, dtype: str) -> tuple[Any, Any]:
    images, labels = (part[step * 16 : (step + 1) * 16] for part in digits)
    return images[:, None].astype(dtype) / 16, labels


def pair(build: Build, dtype: str) -> tuple[Any, Any]:
    """Make the network in both libraries, with PyTorch's first values."""
    torch.manual_seed(0)
    theirs = build(torch.nn).to(getattr(torch, dtype))
    ours = build(tg.nn).to(getattr(tg, dtype))
    ours.load_state_dict({k: tg.tensor(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    return theirs, ours


def loss_of(library: Any, model: Any, data: tuple[Any, Any]) -> Any:
    images, labels = (library.tensor(part) for part in data)
    return library.nn.CrossEntropyLoss()(model(images), labels)


def assert_near(got: Any, expected: Any, tolerance: float, what: str) -> None:
    error = np.abs(got.detach().numpy() - expected.detach().numpy()).max()
    assert error <= tolerance, f"{what}: {error:.2e}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("build", [cnn, mlp])
def test_loss_and_every_gradient_agree(build: Build, dtype: str, digits: Any) -> None:
    theirs, ours = pair(build, dtype)
    data = batch(digits, 0, dtype)
    losses = [loss_of(library, m, data) for library, m in ((torch, theirs), (tg, ours))]
    for loss in losses:
        loss.backward()
    assert_near(losses[1], losses[0], GRADIENTS[dtype], "loss")
    for (name, a), (_, b) in zip(theirs.named_parameters(), ours.named_parameters()):
        assert b.grad.dtype == np.dtype(dtype)
        assert_near(b.grad, a.grad, GRADIENTS[dtype], name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("optimizer", "options"), OPTIMIZERS, ids=str)
@pytest.mark.parametrize("build", [cnn_to_train, mlp])
def test_twenty_steps_of_training_stay_together(
    build: Build, optimizer: str, options: dict[str, Any], dtype: str, digits: Any
) -> None:
    theirs, ours = pair(build, dtype)
    sides = [
        (library, model, getattr(library.optim, optimizer)(model.parameters(), **options))
        for library, model in ((torch, theirs), (tg, ours))
    ]
    for step in range(20):
        losses = []
        for library, model, steps in sides:
            steps.zero_grad()
            losses.append(loss_of(library, model, batch(digits, step, dtype)))
            losses[-1].backward()
            steps.step()
        assert_near(losses[1], losses[0], TRAINED[dtype], f"loss at step {step}")
    for (name, a), b in zip(theirs.state_dict().items(), ours.state_dict().values()):
        assert_near(b, a, TRAINED[dtype], name)
    data = batch(digits, 30, dtype)
    evaluated = [loss_of(library, m.eval(), data) for library, m, _ in sides]
    assert_near(evaluated[1], evaluated[0], TRAINED[dtype], "loss in evaluation")
