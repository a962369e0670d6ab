"""The verdict of ``explain`` is what autograd gives: for random graphs, and for every op on all its cases."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from support.calls import Call, as_tensors, calls, leaves, outputs
from support.explaining import leaf
from tinygrad_edu.autograd import explain
from tinygrad_edu.viz.tracing import trace

HERE = Path(__file__).name


OPS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b,
    lambda a, b: a.relu(),
    lambda a, b: a.sigmoid(),
    lambda a, b: a.exp(),
    lambda a, b: a.sqrt(),
    lambda a, b: a / b,
    lambda a, b: tg.maximum(a, b),
    lambda a, b: a.detach() * b,
    lambda a, b: a.round() + b,
    lambda a, b: a[:1] * b,
    lambda a, b: tg.where(a > 0, a, b),
]


@given(st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, 20), st.integers(0, 20)), max_size=12), st.booleans())
def test_the_verdict_is_what_autograd_gives(steps: list[tuple[Any, int, int]], traced: bool) -> None:
    x, y = leaf(0.0, 0.5, -1.25), leaf(2.0, -0.75, 1.0)
    values = [x, y]
    with trace() if traced else warnings.catch_warnings():
        for op, i, j in steps:
            with np.errstate(all="ignore"):
                values.append(op(values[i % len(values)], values[j % len(values)]))
        loss = values[-1].sum()
    given_back = tg.autograd.grad(loss, [x, y], allow_unused=True, retain_graph=True)
    for t, g in zip((x, y), given_back):
        found = explain(t, loss)
        assert found.verdict == expected(g), str(found)
        assert bool(found.causes) == (found.verdict not in ("fine", "tiny")), str(found)


def by_op() -> dict[str, list[Call]]:
    found: dict[str, list[Call]] = {}
    for call in calls():
        found.setdefault(call.name, []).append(call)
    return found


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("name", by_op())
def test_the_verdict_is_what_autograd_gives_for_every_op(name: str, traced: bool) -> None:
    for call in by_op()[name]:
        inputs = as_tensors(call.inputs(np.float32))
        with trace() if traced else contextlib.nullcontext(), np.errstate(all="ignore"):
            results = [r for r in outputs(call.function(*inputs, **call.case.params)) if r.requires_grad]
            loss = sum((r.sum() for r in results), tg.zeros(()))
        for t in leaves(inputs) if results else ():
            (g,) = tg.autograd.grad(loss, [t], allow_unused=True, retain_graph=True)
            found = explain(t, loss)
            assert found.verdict == expected(g), f"{call}\n{found}"
            assert bool(found.causes) == (found.verdict not in ("fine", "tiny")), f"{call}\n{found}"


def expected(g: tg.Tensor | None) -> str:
    if g is None:
        return "none"
    a = g.numpy()
    if np.isnan(a).any():
        return "nan"
    if np.isinf(a).any():
        return "inf"
    if a.size and not a.any():
        return "zero"
    if a.size and np.linalg.norm(a.astype(np.float64)) < 1e-6:
        return "tiny"
    return "fine" if a.all() else "partly zero"
