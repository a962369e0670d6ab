"""A step before any gradient is there changes nothing."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu import optim


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam, optim.AdamW])
def test_step_without_any_gradient_changes_nothing(make: type[optim.Optimizer]) -> None:
    w = tg.ones(3, requires_grad=True)
    make([w], lr=0.1).step()  # type: ignore[call-arg]
    assert w.tolist() == [1.0, 1.0, 1.0]
