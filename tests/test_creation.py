"""New tensors: what shares memory with what, and the sentences of refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg


def test_tensor_copies() -> None:
    array, other = np.ones(2), tg.ones(2)
    made, again = tg.tensor(array), tg.tensor(other)
    array[0] = other.numpy()[0] = 5
    assert made.tolist() == again.tolist() == [1, 1]


def test_tensor_of_a_read_only_array_can_be_written() -> None:
    array = np.broadcast_to(np.float32(1), (2, 2))
    tensor = tg.tensor(array)
    tensor[0, 0] = 5
    assert tensor.tolist() == [[5, 1], [1, 1]]


@pytest.mark.parametrize("make", [tg.from_numpy, tg.as_tensor])
def test_memory_is_shared_with_the_array(make: Callable[[Any], tg.Tensor]) -> None:
    array = np.ones(3)[::-1]
    tensor = make(array)
    tensor[0] = 5
    assert array[0] == 5
    assert tensor.dtype == tg.float64


def test_as_tensor_returns_a_tensor_of_that_dtype_itself() -> None:
    tensor = tg.ones(2, requires_grad=True)
    assert tg.as_tensor(tensor) is tensor
    assert tg.as_tensor(tensor, dtype=tg.float32) is tensor
    assert tg.as_tensor(tensor, dtype=tg.float64).grad_fn is not None


def test_default_dtype_is_that_of_python_floats() -> None:
    tg.set_default_dtype(tg.float64)
    try:
        kinds = [tg.tensor(1.0).dtype, tg.zeros(1).dtype, tg.arange(1.5).dtype, tg.full((1,), 2.0).dtype]
        assert kinds == [tg.float64] * 4
        assert tg.tensor(np.float32(1)).dtype == tg.float32
    finally:
        tg.set_default_dtype(tg.float32)


def test_like_makes_contiguous_tensors_of_the_same_shape() -> None:
    made = tg.zeros_like(tg.ones(2, 3).t())
    assert made.shape == (3, 2)
    assert made.is_contiguous()


def test_what_is_made_of_a_parameter_is_a_plain_tensor() -> None:
    made = tg.ones_like(tg.nn.Parameter(tg.ones(2)))
    assert type(made) is tg.Tensor
    assert not made.requires_grad


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: tg.tensor([[1, 2], [3]]), ValueError, "tensor: expected a sequence whose parts have equal lengths"),
        (lambda: tg.tensor([1, None]), RuntimeError, "Could not infer dtype of NoneType"),
        (lambda: tg.tensor([1j]), RuntimeError, "Could not infer dtype of complex"),
        (lambda: tg.tensor([300], dtype=tg.int8), RuntimeError, "converted to type int8 without overflow"),
        (lambda: tg.tensor([2**64]), ValueError, "too large for int64"),
        (lambda: tg.tensor([tg.ones(2)]), ValueError, r"of shape \(2,\); stack\(\) joins tensors"),
        (lambda: tg.tensor([1], requires_grad=True), RuntimeError, "floating point dtype can require gradients"),
        (lambda: tg.from_numpy(np.array([1j])), TypeError, "can't convert np.ndarray of type complex128"),
        (lambda: tg.from_numpy(np.ones(1, ">f4")), ValueError, r"array.astype\('float32'\)"),
        (lambda: tg.from_numpy([1]), TypeError, r"expected np.ndarray \(got list\)"),
        (lambda: tg.zeros(), TypeError, r"zeros\(\) missing the sizes"),
        (lambda: tg.zeros(1.5), TypeError, "must be tuple of ints, not float"),
        (lambda: tg.zeros(2, -1), RuntimeError, r"negative dimension: \[2, -1\]"),
        (lambda: tg.ones(2, device="cuda"), RuntimeError, "device 'cuda' is not available"),
        (lambda: tg.zeros_like(tg.ones(1), device="cuda:0"), RuntimeError, "device 'cuda:0' is not available"),
        (lambda: tg.ones(1).cuda(), RuntimeError, "device 'cuda' is not available"),
        (lambda: tg.zeros_like([1]), TypeError, "'input' .*must be Tensor, not list"),
        (lambda: tg.full((2,), [1]), TypeError, "'fill_value' must be Number, not list"),
        (lambda: tg.arange(0, 5, -1), RuntimeError, "inconsistent with step sign"),
        (lambda: tg.arange(0, 3, 0.5, dtype=tg.int64), RuntimeError, "step must be nonzero"),
        (lambda: tg.arange(float("inf")), RuntimeError, "unsupported range"),
        (lambda: tg.linspace(0, 1, -1), RuntimeError, "number of steps must be non-negative"),
        (lambda: tg.eye(-1), RuntimeError, "n must be greater or equal to 0, got -1"),
    ],
)
def test_refusal(make: Callable[[], Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        make()
