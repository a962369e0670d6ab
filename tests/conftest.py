"""What holds for every test: hypothesis profiles, the seed, and a guard over global state."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import tinygrad_edu
from tinygrad_edu import parallel

# No deadline: a timed assertion is never a test. "fast" draws the same examples on every run.
settings.register_profile(
    "fast",
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough",
    max_examples=500,
    deadline=None,
    derandomize=False,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
# The plugin's --hypothesis-profile=thorough is read after this file, so it wins.
settings.load_profile("fast")


def pytest_configure(config: pytest.Config) -> None:
    """Stop where PyTorch is required and missing: a skipped comparison would look like a pass."""
    if os.environ.get("TINYGRAD_EDU_REQUIRE_TORCH"):
        importlib.import_module("torch")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run choose what ``auto`` and the sizes choose otherwise, so that small cases reach everything."""
    parser.addoption("--kernels", choices=["numpy", "fast", "auto"], default="auto", help="which kernels run")
    parser.addoption("--split", action="store_true", help="split every array over two threads, however small")


@pytest.fixture(autouse=True, scope="session")
def kernels_and_threads(request: pytest.FixtureRequest) -> None:
    """Do what the options say."""
    tinygrad_edu.set_kernels(request.config.getoption("--kernels"))
    if request.config.getoption("--split"):
        parallel.GRAIN = 1
        tinygrad_edu.set_num_threads(2)


def global_state() -> dict[str, Any]:
    """Read every switch that a test could leave changed, by the name that a failure reports."""
    return {
        "grad mode": tinygrad_edu.is_grad_enabled(),
        "inference mode": tinygrad_edu.is_inference_mode_enabled(),
        "anomaly mode": tinygrad_edu.is_anomaly_enabled(),
        "default dtype": tinygrad_edu.get_default_dtype(),
        "kernels": tinygrad_edu.get_kernels(),
        "threads": tinygrad_edu.get_num_threads(),
        "how a tensor prints": repr(tinygrad_edu.tensor([1 / 3, 2 / 3])),
        "NumPy error state": np.geterr(),
        "NumPy print options": np.get_printoptions(),
    }


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Start every test from the same random numbers, whatever ran before it."""
    tinygrad_edu.manual_seed(0)


@pytest.fixture(autouse=True)
def unchanged_global_state() -> Iterator[None]:
    """Fail a test that leaves global state changed, and put it back for the next one."""
    before, numpy_random = global_state(), np.random.get_state()[1:3]
    yield
    after = global_state()
    changed = [f"{name}: {before[name]} -> {after[name]}" for name in before if before[name] != after[name]]
    if not all(map(np.array_equal, numpy_random, np.random.get_state()[1:3])):
        changed.append("NumPy's global random generator was used: draw from a generator of your own")
    if changed:
        restore(before)
        pytest.fail("this test leaves global state changed:\n" + "\n".join(changed), pytrace=False)


def restore(state: dict[str, Any]) -> None:
    """Set the switches back to what :func:`global_state` read."""
    tinygrad_edu.inference_mode(state["inference mode"]).__enter__()
    tinygrad_edu.set_grad_enabled(state["grad mode"])
    tinygrad_edu.autograd.set_detect_anomaly(state["anomaly mode"])
    tinygrad_edu.set_default_dtype(state["default dtype"])
    tinygrad_edu.set_kernels(state["kernels"])
    tinygrad_edu.set_num_threads(state["threads"])
    tinygrad_edu.set_printoptions(profile="default")
    np.seterr(**state["NumPy error state"])
    np.set_printoptions(**state["NumPy print options"])
