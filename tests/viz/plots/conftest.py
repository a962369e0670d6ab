"""What every test of the plots shares: matplotlib, models, and a guard over what must stay as it was."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn


@pytest.fixture(autouse=True)
def untouched_pyplot() -> Iterator[None]:
    """Fail a test in which pyplot was imported, or matplotlib's settings were changed; skip it without matplotlib."""
    matplotlib = pytest.importorskip("matplotlib")
    settings, had_pyplot = dict(matplotlib.rcParams), "matplotlib.pyplot" in sys.modules
    yield
    assert dict(matplotlib.rcParams) == settings
    assert had_pyplot or "matplotlib.pyplot" not in sys.modules


@pytest.fixture
def cnn() -> nn.Module:
    """A small network in training mode, with everything that evaluation mode and a gradient could disturb."""
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 3),
    )
    model[1].eval()
    model[6].bias.requires_grad_(False)
    model(tg.rand(2, 1, 8, 8)).sum().backward()
    return model


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((5, 1, 8, 8)).astype(np.float32)


@pytest.fixture
def traces() -> Callable[[nn.Module], dict[str, Any]]:
    """Read what a use of a model could leave behind, so that before and after can be compared."""
    return read_traces


def read_traces(model: nn.Module) -> dict[str, Any]:
    """Modes, flags, hooks, values and gradients (their identity too), versions, and the global switches."""
    found: dict[str, Any] = {
        "training": [m.training for m in model.modules()],
        "hooks": [len(m._hooks.forward) if m._hooks else 0 for m in model.modules()],
        "random": repr(tg.get_rng_state()),
        "switches": (tg.is_grad_enabled(), tg.is_inference_mode_enabled()),
    }
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        grad = value.grad
        found[name] = (id(value), id(value.array), value.array.tobytes(), value.requires_grad, value._version)
        found[f"{name}.grad"] = None if grad is None else (id(grad), grad.array.tobytes())
    return found
