"""What is said of a mistake: its kind, where it is, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from support.jacobians import (
    FUNCTIONS,
    READ,
    Array,
    below_zero,
    changed,
    diagnose_with,
    draw,
    evidence,
    jacobian,
    last_write,
    per_gradient,
    reshaped,
    right,
    said,
    transposed,
)
from tinygrad_edu.testing.diagnosis import diagnose


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (2, "is 2 times what it should be"),
        (0.5, "is 1/2 of what it should be"),
        (1.01, "is 1.01 times"),
        (-3, "is -3 times"),
        (np.log(2), "is ln 2 times"),
        (1 / np.sqrt(2 * np.pi), "is 1/sqrt(2 pi) of"),
        (0.7361, "is 0.7361 times"),
    ],
)
def test_a_factor_is_called_what_people_call_it(factor: float, words: str) -> None:
    kind, message = said("softmax", {0: factor * jacobian("softmax")})
    assert kind == "factor"
    assert f"The gradient of input 0 {words}" in message


@pytest.mark.parametrize(
    ("name", "factor", "words"),
    [
        ("mean", 5, "5 is the size of the reduced axis 0 of input 0: a sum where a mean is right"),
        ("sum of rows", 1 / 4, "4 is the size of the reduced axis 1 of input 0: a mean where a sum is right"),
        ("sum", 1 / 6, "6 is the size of the reduced axes 0 and 1 of input 0"),
        ("exp", 1 / 6, "6 is the size of the output"),
        ("read rows", 1 / 4, "4 is the size of axis 0 of input 0"),
    ],
)
def test_a_factor_that_is_a_size_is_called_so(name: str, factor: float, words: str) -> None:
    kind, message = said(name, {0: factor * jacobian(name)})
    assert kind == "factor"
    assert words in message


def test_wrong_sign_of_the_second_operand() -> None:
    kind, message = said("sub", {1: -jacobian("sub", 1)})
    assert kind == "sign"
    assert "input 1 has the wrong sign in every entry" in message


@pytest.mark.parametrize(
    ("name", "i", "size", "axes"),
    [
        ("mul, a row", 1, 4, "axis 0"),
        ("mul, a column", 1, 3, "axis 1"),
        ("mul, a number", 0, 6, "axes 0 and 1"),
        ("add a bias", 1, 8, "axes 1 and 2"),
        ("matmul, a batch", 1, 4, "axis 0"),
        ("outer", 0, 3, "axis 1"),
    ],
)
def test_mean_over_broadcast_axes(name: str, i: int, size: int, axes: str) -> None:
    kind, message = said(name, {i: jacobian(name, i) / size})
    assert kind == "broadcast"
    assert f"1/{size} of what it should be" in message
    assert f"size of the broadcast {axes} of the output" in message
    assert "Sum the gradient" in message


@pytest.mark.parametrize(
    ("name", "i", "axes"),
    [
        ("mul, a row", 1, (0,)),
        ("mul, a column", 1, (1,)),
        ("mul, a number", 0, (0,)),
        ("mul, a number", 0, (0, 1)),
        ("add a bias", 1, (2,)),
        ("add a bias", 1, (1, 2)),
        ("matmul, a batch", 1, (0,)),
    ],
)
@pytest.mark.parametrize("end", ["first", "last"])
def test_one_slice_of_a_broadcast_axis(name: str, i: int, axes: tuple[int, ...], end: str) -> None:
    e = right(name)[i]
    out = e.output_shapes[0]
    places = np.unravel_index(e.rows, out)
    at = [0 if end == "first" else out[axis] - 1 for axis in axes]
    kept = np.logical_and.reduce([places[axis] == k for axis, k in zip(axes, at)])
    kind, message = said(name, {i: e.numeric * kept[:, None]})
    assert kind == "broadcast"
    for axis, k in zip(axes, at):
        assert f"slice {k} of broadcast axis {axis}" in message
    assert "sum the gradient over" in message


def test_sum_over_the_wrong_axis() -> None:
    x, y = draw(3, 3), draw(3)
    everything = [evidence(np.multiply, [x, y], i) for i in range(2)]
    kept = np.zeros((3, 3, 3))
    for row, place in np.ndindex(3, 3):
        kept[row, place, row] = x[row, place]  # (g * x).sum(1), where y lies along axis 1
    (found,) = diagnose([everything[0], changed(everything[1], kept.reshape(9, 3))], 1)
    assert found.kind == "broadcast"
    assert "summed over axis 1 of the output, but input 1 was broadcast along axis 0" in found.message


def test_transposed_gradient_says_how() -> None:
    kind, message = said("matmul", {0: per_gradient(transposed)(right("matmul")[0])})
    assert kind == "transposed"
    assert "axes 0 and 1 are exchanged. Transpose it back" in message
    assert "reshaped to [4, 3]" in said("mul, a row", {0: per_gradient(reshaped)(right("mul, a row")[0])})[1]
    last = per_gradient(lambda g: g.transpose(1, 2, 0).reshape(g.shape))(right("permute")[0])
    assert "permuted by" in said("permute", {0: last})[1]


def test_operand_that_should_have_been_transposed() -> None:
    _, (x, y) = FUNCTIONS["matmul"]
    g = np.eye(9).reshape(9, 3, 3)
    kind, message = said("matmul", {0: (g @ y).reshape(9, 9)})  # for g @ y.T
    assert kind == "transposed"
    assert "(.T) of the other operand" in message
    kind, message = said("matmul", {1: (x @ g).reshape(9, 9)})  # for x.T @ g
    assert kind == "transposed"


def test_backward_that_goes_forward() -> None:
    x = draw(4)
    e = evidence(np.cumsum, [x], 0)
    (found,) = diagnose([changed(e, e.numeric.T)], 1)
    assert found.kind == "transposed"
    assert "goes through the transposed Jacobian" in found.message
    e = evidence(lambda x: np.roll(x, 1), [draw(2, 3)], 0)
    (found,) = diagnose([changed(e, e.numeric.T)], 1)
    assert "goes through the transposed Jacobian" in found.message


@pytest.mark.parametrize(("name", "reads"), [("read", 3), ("read rows", 3)])
def test_overwriting_where_an_entry_is_read_several_times(name: str, reads: int) -> None:
    e = right(name)[0]
    kind, message = said(name, {0: last_write(e)})
    assert kind == "overwrites"
    assert f"an entry of input 0 that is read {reads} times gets the gradient of one read only" in message
    assert "np.add.at" in message
    first = last_write(replace(e, numeric=e.numeric[::-1]))[::-1]
    assert said(name, {0: first})[0] == "overwrites"


def test_overwriting_windows_of_a_convolution() -> None:
    x, w = FUNCTIONS["convolve"][1]
    grads = np.zeros((12, *x.shape))
    for row, g in enumerate(np.eye(12).reshape(12, 3, 4)):
        for start in range(4):
            grads[row, :, start : start + 3] = np.einsum("o,ock->ck", g[:, start], w)  # += is right
    kind, message = said("convolve", {0: grads.reshape(12, -1)})
    assert kind == "overwrites"
    assert "read 3 times" in message


def test_overwriting_that_shows_in_a_sum_only() -> None:
    e = evidence(lambda x: x[READ].sum(), [draw(4)], 0)
    np.testing.assert_allclose(e.numeric, [[2, 1, 3, 0]], atol=1e-9)
    (found,) = diagnose([changed(e, np.array([[1.0, 1, 1, 0]]))], 1)
    assert found.kind == "overwrites"


def test_zero_gradient_says_where() -> None:
    whole = said("mul", {1: 0 * jacobian("mul", 1)})
    assert whole[0] == "zero"
    assert "The gradient of input 1 is zero everywhere" in whole[1]

    def without(*places: Any) -> Array:
        def change(g: Array) -> Array:
            g = g.copy()
            for place in places:
                g[place] = 0
            return g

        return per_gradient(change)(right("leaky")[0])

    assert "in slices 0 and 2 along axis 1 of input 0" in said("leaky", {0: without(np.s_[:, ::2])})[1]
    assert "in slice 1 along axis 0 of input 0" in said("leaky", {0: without(1)})[1]
    assert "in everything but slice 3 along axis 1" in said("leaky", {0: without(np.s_[:, :3])})[1]
    assert "in entries [0, 1] and [1, 3] of input 0" in said("leaky", {0: without((0, 1), (1, 3))})[1]


def test_outputs_that_send_nothing_back() -> None:
    analytic = jacobian("matmul, not square", 1).reshape(4, 2, -1).copy()
    analytic[1:] = 0  # only the first of the batch is counted
    kind, message = said("matmul, not square", {1: analytic.reshape(8, -1)})
    assert kind == "zero"
    assert "everything but slice 0 along axis 0 of the output" in message
    assert "Sum over axis 0" in message


@pytest.mark.parametrize(
    ("factor", "words"), [(0.0, ", where it is zero"), (2.0, ", where it is 2 times"), (-1.0, "wrong sign")]
)
def test_half_line_says_what_is_wrong_there(factor: float, words: str) -> None:
    kind, message = said("leaky", {0: below_zero(factor)(right("leaky")[0])})
    assert kind == "half-line"
    assert "right where input 0 > 0 and wrong where it is < 0" in message
    assert words in message


def test_half_line_with_another_mistake_on_it() -> None:
    kind, message = said("relu", {0: np.eye(8)})  # the gradient passes everywhere
    assert kind == "half-line"
    assert "wrong where it is < 0" in message
    x = right("exp")[0].values.reshape(-1)
    kind, message = said("exp", {0: np.where(x > 0, np.sin(x), 1.0) * jacobian("exp")})
    assert kind == "half-line"
    assert "wrong where it is > 0: look at the branch" in message


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("mul", lambda n, x, y: n * y, "multiplied by input 1 once too often"),
        ("mul", lambda n, x, y: n / x, "divided by input 0 once too often"),
        ("mul", lambda n, x, y: -2 * n * x, "multiplied by input 0 once too often, element by element (and by -2)"),
        ("mul", lambda n, x, y: n + 0.01 * x, "0.01 times input 0, which is added whatever the incoming gradient is"),
        ("mul", lambda n, x, y: n + 0.5 * np.diag(x), "0.5 times input 0, which is added to the derivative"),
        ("mul", lambda n, x, y: n * (1 + y / 3), "1/3 times input 1, which is added times the gradient itself"),
        ("matmul", lambda n, x, y: n + 0.1 * y, "0.1 times input 1"),
    ],
)
def test_an_input_too_much_is_named(name: str, change: Callable[..., Array], words: str) -> None:
    x, y = (value.reshape(-1) for value in FUNCTIONS[name][1])
    kind, message = said(name, {0: change(jacobian(name), x, y)})
    assert kind == "proportional"
    assert words in message


def test_an_input_too_much_before_the_sum_over_broadcast_axes() -> None:
    x = FUNCTIONS["mul, a row"][1][0].reshape(-1)
    kind, message = said("mul, a row", {1: jacobian("mul, a row", 1) * x[:, None]})
    assert kind == "proportional"
    assert "multiplied by input 0" in message


def test_number_multiplied_by_itself_is_no_odd_factor() -> None:
    x = float(FUNCTIONS["mul, a number"][1][0])
    kind, message = said("mul, a number", {0: x * jacobian("mul, a number")})
    assert kind == "proportional"
    assert "multiplied by input 0" in message


@pytest.mark.parametrize("name", ["mul", "matmul", "distance", "sub"])
def test_exchanged_gradients_are_told_once(name: str) -> None:
    found = [d for d in diagnose_with(name, {0: jacobian(name, 1), 1: jacobian(name)}) if d.kind == "swapped"]
    assert len(found) == 1
    assert "gradients of input 0 and input 1 are exchanged" in found[0].message


def test_derivative_of_the_other_input() -> None:
    kind, message = said("mul", {1: jacobian("mul")})
    assert kind == "swapped"
    assert "The gradient of input 1 is the derivative with respect to input 0" in message


def test_derivative_of_the_other_input_of_another_shape() -> None:
    x = FUNCTIONS["mul, a row"][1][0]
    own = np.zeros((4, 3, 12))
    for place, (i, k) in enumerate(np.ndindex(4, 3)):
        own[i, k, place] = x[i, k]  # g * x, where g * y is right
    assert said("mul, a row", {0: own.reshape(12, 12)})[0] == "swapped"
