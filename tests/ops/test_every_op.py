"""What is promised of every op, tried on the cases that stand beside its definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.calls import (
    EVERYTHING,
    Call,
    as_tensors,
    calls,
    each,
    error_calls,
    flat,
    is_float,
    leaves,
    outputs,
)
from tinygrad_edu.op import OPS
from tinygrad_edu.testing import check_gradients

ALL = calls()
SMOOTH = calls(smooth=True)


def run(call: Call, inputs: list[Any]) -> list[Any]:
    """Call the op and list the results as Tensors."""
    return outputs(call.function(*inputs, **call.case.params))


def weights(results: list[Any], seed: int = 7) -> list[np.ndarray]:
    """Draw one cotangent for each floating result, so that no error cancels in a plain sum."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.5, 1.5, np.shape(r)) * rng.choice([-1, 1], np.shape(r)) for r in results]


def floating(results: list[Any]) -> list[Any]:
    return [r for r in results if np.asarray(getattr(r, "array", r)).dtype.kind == "f"]


def weighted(call: Call, inputs: list[Any]) -> Any:
    """Weigh the results with fixed numbers and add them up, recorded."""
    results = floating(run(call, inputs))
    total = tg.zeros((), dtype=tg.float64)
    for result, weight in zip(results, weights(results)):
        total = total + (result * tg.from_numpy(np.asarray(weight))).sum()
    return total


def test_every_op_has_cases() -> None:
    assert len(OPS) > 50
    assert [name for name, function in EVERYTHING.items() if function.cases is None] == []


@pytest.mark.parametrize("call", SMOOTH, ids=str)
def test_first_and_second_derivatives_are_right(call: Call) -> None:
    inputs = call.inputs()
    if any(map(is_float, flat(inputs))):
        check_gradients(call.function, inputs, order=2, kwargs=call.case.params).raise_if_wrong()


@pytest.mark.parametrize("call", ALL, ids=str)
def test_float32_in_float32_out_and_close_to_float64(call: Call) -> None:
    wide, narrow = as_tensors(call.inputs(np.float64)), as_tensors(call.inputs(np.float32))
    for a, b in zip(run(call, wide), run(call, narrow)):
        if a.dtype == np.float64:
            assert b.dtype == np.float32
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-3, atol=2e-4)
        else:
            assert a.dtype == b.dtype
    results = [r for r in run(call, narrow) if r.requires_grad]
    if results:
        ones = [tg.ones_like(r) for r in results]
        for leaf, g in zip(leaves(narrow), tg.autograd.grad(results, leaves(narrow), ones, allow_unused=True)):
            assert g is None or (g.dtype == leaf.dtype and g.shape == leaf.shape)


@pytest.mark.parametrize("call", ALL, ids=str)
def test_inputs_are_read_only_and_unchanged(call: Call) -> None:
    inputs = call.inputs()
    before = each(lambda v: v.copy() if isinstance(v, np.ndarray) else v, inputs)
    for value in flat(inputs):
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    tensors = as_tensors(inputs)
    results = [r for r in run(call, tensors) if r.requires_grad]
    if results:
        tg.autograd.grad(results, leaves(tensors), [tg.ones_like(r) for r in results], allow_unused=True)
    for value, kept in zip(flat(inputs), flat(before)):
        np.testing.assert_array_equal(value, kept)


@pytest.mark.parametrize("call", ALL, ids=str)
def test_memory_layout_does_not_matter(call: Call) -> None:
    inputs = call.inputs()
    plain, strided = as_tensors(inputs), as_tensors(each(reversed_and_spread, inputs))
    for a, b in zip(run(call, plain), run(call, strided)):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-12)
    for a, b in zip(gradients(call, plain), gradients(call, strided)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def reversed_and_spread(value: Any) -> Any:
    """Give the same values at every second place of a reversed, transposed memory."""
    if not isinstance(value, np.ndarray) or not value.ndim:
        return value
    memory = np.zeros([2 * n for n in value.shape[::-1]], value.dtype)
    view = memory.T[tuple(slice(None, None, -2) for _ in value.shape)]
    view[...] = value
    return view


def gradients(call: Call, tensors: list[Any]) -> list[np.ndarray]:
    total = weighted(call, tensors)
    if not total.requires_grad:
        return []
    found = tg.autograd.grad(total, leaves(tensors), allow_unused=True)
    return [np.zeros(1) if g is None else g.numpy() for g in found]


@pytest.mark.parametrize("call", ALL, ids=str)
def test_arrays_give_the_arrays_of_the_tensors(call: Call) -> None:
    inputs = call.inputs()
    if not any(isinstance(value, np.ndarray) for value in flat(inputs)):
        return
    for array, tensor in zip(run(call, inputs), run(call, as_tensors(inputs))):
        assert not isinstance(array, tg.Tensor)
        assert np.shape(array) == tensor.shape
        np.testing.assert_allclose(array, tensor.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("call", error_calls(), ids=str)
def test_mistake_gets_a_sentence(call: Call) -> None:
    error: Any = call.case
    with pytest.raises(error.raises, match=error.match):
        call.function(*as_tensors(call.inputs(np.float32)), **error.params)
