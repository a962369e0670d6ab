"""What ``explain`` says of a gradient that is zero, tiny, NaN or infinite."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.explaining import check, leaf
from tinygrad_edu import nn
from tinygrad_edu.autograd import Function, explain
from tinygrad_edu.nn import functional as F
from tinygrad_edu.utils.checkpoint import checkpoint
from tinygrad_edu.viz.tracing import trace

HERE = Path(__file__).name


class _Zeros(Function):
    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        return x * 1

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
        return g * 0


# ---- zero

ZEROS: dict[str, tuple[Callable[[Any], Any], list[float], str]] = {
    "relu": (lambda w: w.relu(), [-1.0, -2.0], "at all 2 entries that a gradient arrives at its input is negative"),
    "hardtanh": (lambda w: F.hardtanh(w), [-3.0, 4.0], "not inside the limits"),
    "threshold": (lambda w: F.threshold(w, 5.0, 0.0), [1.0, 2.0], "not above the threshold"),
    "clamp": (lambda w: w.clamp(0.0, 1.0), [-3.0, 4.0], "not inside the limits"),
    "sigmoid": (lambda w: w.sigmoid(), [200.0, -800.0], "saturated: its result is exactly 0 or 1"),
    "tanh": (lambda w: w.tanh(), [50.0, -50.0], "saturated: its result is exactly -1 or 1"),
    "softmax": (lambda w: w.softmax(0) * tg.tensor([1.0, 2.0]), [500.0, -500.0], "saturated"),
    "mul": (lambda w: w * tg.zeros(2), [1.0, 2.0], "the other factor is 0"),
    "where": (
        lambda w: tg.where(tg.tensor([False, False]), w, 0.0),
        [1.0, 2.0],
        "the condition takes the other branch",
    ),
    "masked_fill": (lambda w: w.masked_fill(tg.tensor([True, True]), 0.0), [1.0, 2.0], "the mask puts the other value"),
    "maximum": (lambda w: tg.maximum(w, tg.tensor([5.0, 5.0])), [1.0, 2.0], "the other operand is larger"),
    "round": (lambda w: w.round(), [0.3, 0.7], "its derivative is 0 everywhere"),
    "sign": (lambda w: w.sign(), [0.3, 0.7], "its derivative is 0 everywhere"),
    "abs": (lambda w: w.abs(), [0.0, 0.0], "its input is 0"),
    "pow": (lambda w: w**2, [0.0, 0.0], "its base or its exponent makes the derivative 0"),
    "matmul": (lambda w: w @ tg.zeros(2, 2), [1.0, 2.0], "'other', which is 0 everywhere"),
    "mse_loss": (lambda w: F.mse_loss(w, w.detach()), [1.0, 2.0], "the prediction equals the target"),
}


@pytest.mark.parametrize("name", ZEROS)
def test_the_operation_that_sends_zeros_is_named(name: str) -> None:
    make, values, said = ZEROS[name]
    w = leaf(*values)
    with trace():
        loss = make(w * 1).sum()
    found = explain(w, loss)
    check(found, "zero", "The gradient of w is zero: all 2 entries", said, f"- {name} in line", f"of {HERE}, `")
    assert [place.op for place in found.places] == [name]
    assert all(cause.way_out for cause in found.causes)


def test_dropout_masks_everything() -> None:
    w = leaf(1.0, 2.0)
    check(explain(w, F.dropout(w, 1.0).sum()), "zero", "- dropout", "the mask drops the entry", "model.eval()")


def test_two_uses_that_cancel() -> None:
    w = leaf(1.0, 2.0)
    check(explain(w, (w - w).sum()), "zero", "gradients from 2 uses arrive here and cancel")


def test_a_hook_that_returns_zeros() -> None:
    w = leaf(1.0, 2.0)
    w.register_hook(lambda g: g * 0)
    check(explain(w, (w * w).sum()), "zero", "a hook on this value replaces the gradient by zeros")


def test_a_custom_function_that_returns_zeros() -> None:
    w = leaf(1.0, 2.0)
    check(explain(w, _Zeros.apply(w).sum()), "zero", "- _Zeros: the backward of this custom Function returns zeros")


def test_underflow() -> None:
    w = h = tg.tensor(0.5, requires_grad=True)
    for _ in range(40):
        h = h * 0.01
    check(explain(w, h), "zero", "underflows", "smallest float32", "float64")


def test_a_tiny_gradient_names_the_steepest_steps() -> None:
    w = h = tg.tensor(0.5, requires_grad=True)
    for _ in range(14):
        h = h.sigmoid()
    check(explain(w, h), "tiny", "shrinks step by step: 14 steps", "sigmoid (times 0.2")


def test_every_path_is_followed() -> None:
    w = leaf(-1.0, -2.0)
    with trace():
        a = w.relu()
        b = w.round()
        loss = (a + b).sum()
    found = explain(w, loss)
    assert {place.op for place in found.places} == {"relu", "round"}
    assert {place.code for place in found.places} == {"a = w.relu()", "b = w.round()"}


def test_a_dead_layer_is_named_by_its_module() -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    with tg.no_grad():
        model[0].bias.fill_(-100.0)
    with trace(model):
        loss = F.cross_entropy(model(tg.randn(4, 3)), tg.tensor([0, 1, 0, 1]))
    check(explain(model[0].weight, loss), "zero", "relu in module '1'", "at all 20 entries", "leaky_relu")
    check(explain(model[2].weight, loss), "zero", "its 'input', which is 0 everywhere", "dead relu before")
    assert explain(model[2].bias, loss).verdict == "fine"


def test_zero_weights() -> None:
    x, layer = tg.ones(3, requires_grad=True), nn.Linear(3, 2)
    nn.init.zeros_(layer.weight)
    check(explain(x, layer(x).sum()), "zero", "its 'weight', which is 0 everywhere", "small random numbers")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda w: w.relu(), "at 2 of the 3 entries its input is negative or 0"),
        (lambda w: w.max(), "picks some entries"),
        (lambda w: w[1:], "picks some entries"),
        (lambda w: F.max_pool1d(w.reshape(1, 1, 3), 3), "picks some entries"),
    ],
)
def test_some_entries_are_zero(make: Callable[[Any], Any], said: str) -> None:
    w = leaf(-1.0, -2.0, 3.0)
    check(explain(w, make(w).sum()), "partly zero", "of 3 entries", said)


def test_certain_predictions() -> None:
    logits = tg.tensor([[500.0, -500.0]], requires_grad=True)
    loss = F.cross_entropy(logits, tg.tensor([0]))
    check(explain(logits, loss), "zero", "certain and right to the last digit", "check the labels")


def test_nothing_was_picked() -> None:
    w = leaf(1.0, 2.0)
    check(explain(w, w[:0].sum()), "zero", "its result has no entries")


def test_inputs_that_are_always_zero() -> None:
    layer = nn.Linear(3, 2)
    x = tg.tensor([[1.0, 0.0, 2.0], [3.0, 0.0, 4.0]])
    check(explain(layer.weight, layer(x).sum()), "partly zero", "1 of its 3 inputs are 0 for every sample")


def test_rows_of_an_embedding_that_are_not_looked_up() -> None:
    table = nn.Embedding(5, 2)
    check(explain(table.weight, table(tg.tensor([1, 2])).sum()), "partly zero", "6 of 10", "- embedding: it picks")


# ---- NaN and infinities

NOT_FINITE: dict[str, tuple[Callable[[Any], Any], list[float], str, str]] = {
    "sqrt": (lambda w: w.sqrt(), [0.0, 1.0], "inf", "at 1 of 2 entries its input is 0"),
    "log": (lambda w: w.log(), [0.0, 1.0], "inf", "its input is 0, where the slope of log is infinite"),
    "log2": (lambda w: w.log2(), [0.0, 1.0], "inf", "its input is 0, where the slope of log2 is infinite"),
    "log1p": (lambda w: w.log1p(), [-1.0, 1.0], "inf", "its input is -1, where the slope of log1p is infinite"),
    "pow": (lambda w: w**0.5, [0.0, 1.0], "inf", "its base is 0, where the slope of this power is infinite"),
    "div": (lambda w: w / tg.tensor([0.0, 1.0]), [1.0, 1.0], "inf", "its divisor is 0"),
    "reciprocal": (lambda w: w.reciprocal(), [0.0, 1.0], "inf", "it divides by 0"),
    "rsqrt": (lambda w: w.rsqrt(), [0.0, 1.0], "inf", "its input is 0"),
    "asin": (lambda w: w.asin(), [1.0, 0.0], "inf", "its input is -1 or 1"),
    "atanh": (lambda w: w.atanh(), [1.0, 0.0], "inf", "its input is -1 or 1"),
}


@pytest.mark.parametrize("name", NOT_FINITE)
def test_the_operation_that_makes_an_infinity_is_named(name: str) -> None:
    make, values, verdict, said = NOT_FINITE[name]
    w = leaf(*values)
    with trace(), np.errstate(all="ignore"):
        loss = make(w * 1).sum()
    found = explain(w, loss)
    check(found, verdict, "infinite in 1 of 2 entries", said, "1e-12", f"- {name} in line", f"of {HERE}, `")


def test_the_corner_of_a_norm() -> None:
    w = leaf(1.0, 1.0)
    check(explain(w, w.std()), "zero", "- std: ")  # PyTorch's subgradient at equal inputs
    h = (w - 1.0).square().sum().sqrt()
    check(explain(w, h), "nan", "- sqrt: its input is 0, where the slope of sqrt is infinite", "becomes NaN in pow")


def test_a_branch_that_was_not_taken() -> None:
    w = leaf(0.0, 1.0)
    with trace():
        loss = tg.where(w > 0, w.log(), 0.0).sum()
    check(
        explain(w, loss), "nan", "- log in line", "what a mask or where() leaves out still counts", "where(ok, x, 1.0)"
    )


def test_a_root_of_a_negative_number() -> None:
    w = leaf(-1.0, 1.0)
    with trace():
        s = w.sqrt()
        loss = (s * s).sum()
    check(explain(w, loss), "nan", "- sqrt in line", "`s = w.sqrt()`", "the square root of a negative number")


@pytest.mark.parametrize("traced", [True, False])
def test_an_overflow_in_the_forward_pass(traced: bool) -> None:
    w = leaf(1000.0, 1.0)
    with trace() if traced else warnings.catch_warnings():
        e = w.exp()
        p = e / e.sum()
        loss = p.log().sum()
    check(explain(w, loss), "nan", "inf / inf", "- exp", "exp of a number that is too large", "log_softmax")


def test_inf_minus_inf_without_a_trace() -> None:
    w = leaf(1000.0)
    with np.errstate(all="ignore"):
        loss = ((w.exp() - (w * 1).exp()) * w).sum()
    check(explain(w, loss), "nan", "inf - inf", "exp of a number that is too large")


def test_a_tensor_that_holds_nan() -> None:
    w = leaf(float("nan"), 1.0)
    check(explain(w, (w * w).sum()), "nan", "the tensor itself holds 1 NaN", "optimizer step")


def test_data_that_holds_nan() -> None:
    w, x = leaf(1.0, 1.0), tg.tensor([float("nan"), 1.0])
    with trace():
        loss = ((w * x) ** 2).sum()
    check(explain(w, loss), "nan", "holds NaN", "Clean the data")


def test_an_infinite_slope_that_has_no_name() -> None:
    w = leaf(0.0, 0.5)
    found = explain(w, w.logit().sum())
    check(found, "inf", "- logit: its derivative is infinite", "1e-12")


def test_an_overflow_on_the_way_back() -> None:
    w = h = tg.tensor(1e-30, requires_grad=True)
    for _ in range(3):
        h = h * 1e20
    check(explain(w, h), "inf", "larger than the largest number", "Keep the numbers smaller")


def test_gradients_of_two_uses_that_are_too_large_together() -> None:
    w = tg.tensor([1e-4, 2e-4], dtype=tg.float16, requires_grad=True)
    loss = (w * 4e4).sum() + (w * 3e4).sum()
    check(
        explain(w, loss), "inf", "the leaf", "gradients from 2 uses arrive here, and their sum is too large", "larger"
    )


def test_a_checkpoint_goes_by_its_name() -> None:
    w = leaf(-1.0, -2.0)
    with trace():
        loss = checkpoint(nn.ReLU(), w, use_reentrant=False).sum()
    check(explain(w, loss), "zero", "- checkpoint in line")


def test_a_hook_that_returns_nan() -> None:
    w = leaf(1.0, 2.0)
    w.register_hook(lambda g: g * float("nan"))
    check(explain(w, (w * w).sum()), "nan", "a hook on this value replaces the gradient by NaN")


def test_nan_that_stands_in_grad_from_before() -> None:
    w = leaf(1.0, 2.0)
    w.grad = tg.tensor([float("nan"), 0.0])
    check(
        explain(w, (w * w).sum()), "nan", "from an earlier backward()", "zero_grad()", "What this loss gives is finite"
    )


def test_an_infinity_that_becomes_nan() -> None:
    w = leaf(0.0, 1.0)
    with trace():
        r = (w * w).sqrt()
        loss = r.sum()
    check(explain(w, loss), "nan", "- sqrt in line", "the infinity that arrives becomes NaN in mul")
