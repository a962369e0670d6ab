"""Every op against PyTorch's function of the same name: values, dtypes, shapes and gradients, special values too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.calls import Call, as_tensors, calls, each, flat, is_float, leaves, outputs, torch_function

torch = pytest.importorskip("torch")


def as_torch(inputs: list[Any]) -> list[Any]:
    def convert(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        return torch.tensor(value).requires_grad_(is_float(value))

    return each(convert, inputs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("call", [c for c in calls() if c.case.parity], ids=str)
def test_op_is_pytorchs(call: Call, dtype: Any) -> None:
    function = torch_function(call, torch)
    if function is None:
        pytest.skip("PyTorch has no such function")
    inputs = call.inputs(dtype)
    theirs_in, ours_in = as_torch(inputs), as_tensors(inputs)
    theirs, ours = outputs(function(theirs_in)), outputs(call.function(*ours_in, **call.case.params))
    assert len(theirs) == len(ours)
    tolerance = {"rtol": 2e-5, "atol": 2e-6} if dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-12}
    for a, b in zip(theirs, ours):
        assert str(a.dtype) == f"torch.{b.dtype}"
        np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), **tolerance)
        assert a.requires_grad == b.requires_grad
    for a, b in zip(grads(torch, theirs, theirs_in), grads(tg, ours, ours_in)):
        np.testing.assert_allclose(b, a, **tolerance)


def grads(library: Any, results: list[Any], inputs: list[Any]) -> list[np.ndarray]:
    """Differentiate the results, weighted with fixed numbers; no gradient counts as zeros."""
    results = [r for r in results if r.requires_grad]
    tensors = leaves(inputs) if library is tg else [t for t in flat(inputs) if getattr(t, "requires_grad", False)]
    if not results:
        return []
    rng = np.random.default_rng(3)
    cotangents = [np.asarray(rng.uniform(-1, 1, tuple(r.shape)), dtype_name(r)) for r in results]
    found = library.autograd.grad(results, tensors, [library.from_numpy(c) for c in cotangents], allow_unused=True)
    return [np.zeros(tuple(t.shape)) if g is None else g.numpy() for t, g in zip(tensors, found)]


def dtype_name(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")
