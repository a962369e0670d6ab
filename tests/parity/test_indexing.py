"""Indices in brackets against PyTorch: values, views, gradients, and the mistakes it refuses."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch")

# Python text, so that one line makes the index of either library; T is its tensor function.
INDICES = [
    "0",
    "-1",
    "()",
    "...",
    "None",
    "1, 2, 3",
    "0, ..., 0",
    "..., None, 1:",
    "..., ...",
    "5:2",
    "-100:100, ::2",
    "T(0):T(2)",
    "np.int64(1)",
    "np.array(1)",
    "T(1), :, T(2)",
    "True",
    "False",
    "True, 0",
    "0, True",
    ":, False",
    "T(True)",
    "T([0, 1], dtype=L.int32)",
    "T([1, 0], dtype=L.uint8)",
    "[0, 1]",
    "[1, 1, -2]",
    "[]",
    "[True, False]",
    "range(2)",
    "np.array([[0, 1], [1, 0]])",
    "[0, 1], 0",
    "0, [0, 1]",
    "0, :, [0, 1]",
    ":, 0, [0, 1, 3]",
    "[0, 1], :, [0, 1]",
    "[0, 1], None, [0, 1]",
    "None, [0, 1]",
    ":, T([[0, 1], [1, 2]])",
    "[[0], [1]], [0, 1, 1]",
    "[0, 1], T(0)",
    "T([0]), :, T(0)",
    "[0, 1], True",
    "x > 0",
    "0, x[0] > 0",
    "T([True, False])",
    ":, T([True, False, True])",
    "..., T([[True, False, False, True]] * 3)",
    "T([True, False]), :, [0, 1]",
    "T([True, True]), [0, 2]",
]
MISTAKES = [
    "2",
    "0, -4",
    "0, 0, 0, 0",
    ":, :, :, :",
    "[2]",
    "[0, -3]",
    ":, [5]",
    "0, [5]",
    "::-1",
    "::0",
    "1.0",
    "0:1.5",
    "{0}",
    "T([1.0])",
    "T([1], dtype=L.int16)",
    "T([[True, False], [False, True]])",
    ":, T([True, False])",
    "T([True] * 2), T([True] * 3)",
    "[0, 1], [0, 1, 2]",
    "False, [0, 1]",
]


def number_of_brackets(library: Any, x: Any, text: str) -> Any:
    """Read the index in the words of either library."""
    return eval(f"I[{text}]", {"I": np.s_, "T": library.tensor, "L": library, "x": x, "np": np})


def both(text: str) -> tuple[Any, Any, Any, Any]:
    """Make the same tensor and the same index in both libraries."""
    values = np.random.default_rng(1).standard_normal((2, 3, 4))
    ours = tg.tensor(values).requires_grad_()
    theirs = torch.tensor(values).requires_grad_()
    return (
        ours,
        number_of_brackets(tg, ours, text),
        theirs,
        number_of_brackets(torch, theirs, text),
    )


@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")
@pytest.mark.parametrize("text", INDICES)
def test_index_means_what_it_means_in_pytorch(text: str) -> None:
    x, index, theirs, their_index = both(text)
    picked, expected = x[index], theirs[their_index]
    assert picked.shape == tuple(expected.shape)
    np.testing.assert_array_equal(picked.detach().numpy(), expected.detach().numpy())
    if expected.numel():  # an empty view shares no memory, and nothing can be told apart
        assert picked._is_view() == expected._is_view()
    g = np.random.default_rng(2).standard_normal(picked.shape)
    picked.backward(tg.tensor(g))
    expected.backward(torch.tensor(g))
    np.testing.assert_allclose(x.grad.numpy(), theirs.grad.numpy(), atol=1e-12)


@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")
@pytest.mark.parametrize("text", INDICES)
def test_assignment_means_what_it_means_in_pytorch(text: str) -> None:
    x, index, theirs, their_index = both(text)
    shape = tuple(theirs[their_index].shape)
    if text == "[1, 1, -2]":
        shape = ()  # which of several values stays on a repeated position is left open
    values = np.random.default_rng(2).standard_normal(shape)
    value = tg.tensor(values).requires_grad_()
    their_value = torch.tensor(values).requires_grad_()
    y, their_y = x * 2, theirs * 2
    y[index] = value
    their_y[their_index] = their_value
    np.testing.assert_array_equal(y.detach().numpy(), their_y.detach().numpy())
    (y * y).sum().backward()
    (their_y * their_y).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), theirs.grad.numpy(), atol=1e-12)
    if their_value.grad is None:
        assert not shape or value.grad.tolist() == np.zeros(shape).tolist()
    else:
        np.testing.assert_allclose(value.grad.numpy(), their_value.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("text", MISTAKES)
def test_mistake_is_refused_with_pytorchs_class_and_words(text: str) -> None:
    x, index, theirs, their_index = both(text)
    with pytest.raises(Exception) as expected:  # noqa: PT011 - which one is what is asked
        theirs[their_index]
    with pytest.raises(expected.type) as found:
        x[index]
    # PyTorch counts the dimension from where the arrays of the index begin
    said = re.sub(r"dimension \d", "dimension 0", str(found.value))
    assert said.startswith(re.sub(r"dimension \d", "dimension 0", str(expected.value)).rstrip("."))
    with pytest.raises(expected.type):
        x.detach()[index] = 0.0
