"""What ``explain`` says of a gradient that is None, of freed graphs and bad arguments."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.explaining import check, leaf
from tinygrad_edu.autograd import Function, explain
from tinygrad_edu.viz.tracing import trace

HERE = Path(__file__).name


# ---- None: the tensor itself


def test_never_asked() -> None:
    check(explain(tg.ones(2)), "none", "requires_grad is False", "requires_grad_()")


def test_integers_have_no_gradient() -> None:
    check(explain(tg.tensor([1, 2])), "none", "its dtype is int64", ".float()")


def test_frozen() -> None:
    w = leaf(1.0)
    loss = (w * 2).sum()
    w.requires_grad_(False)
    check(explain(w, loss), "none", "it was frozen", "switch it on again")


def test_frozen_with_a_gradient_from_before() -> None:
    w = leaf(1.0)
    (w * 2).sum().backward()
    w.requires_grad_(False)
    check(explain(w), "fine", "norm is 2", "requires_grad is False now")


def test_made_in_inference_mode() -> None:
    with tg.inference_mode():
        t = tg.ones(2)
    check(explain(t), "none", "inference_mode()", "clone()")


def test_a_computed_tensor_is_no_leaf() -> None:
    w = leaf(1.0, 2.0)
    with trace():
        h = w.exp()
        loss = h.sum()
    found = explain(h, loss)
    check(found, "none", "no leaf", "retain_grad()", "`h = w.exp()`", "The gradient that arrives at it is fine")
    check(explain(h), "none", "retain_grad()")
    h.retain_grad()
    assert explain(h, loss).verdict == "fine"


def test_a_retained_gradient_before_backward() -> None:
    h = leaf(1.0) * 2
    h.retain_grad()
    check(explain(h), "none", "no backward() has reached it")


def test_a_leaf_that_was_made_anew() -> None:
    w = leaf(1.0, 2.0)
    w.sum().backward()
    with trace():
        w = w - 0.1 * w.grad
    check(explain(w), "none", "`w = w - 0.1 * w.grad`", "w -= lr * w.grad", "leaves the leaf")
    check(explain(w, (w * w).sum()), "none", "w -= lr * w.grad")


def test_no_backward_yet() -> None:
    check(explain(leaf(1.0)), "none", "no backward() has reached it", "pass that as loss=")


def test_zero_grad_after_backward() -> None:
    w = leaf(1.0, 3.0)
    loss = (w * w).sum()
    loss.backward()
    assert explain(w, loss).verdict == "fine"
    w.grad = None
    check(explain(w, loss), "none", "zero_grad()", "it is freed")


def test_grad_is_none_before_backward_of_a_healthy_loss() -> None:
    w = leaf(3.0, 4.0)
    found = explain(w, (w * w).sum())
    check(found, "fine", "The gradient of w is fine: its norm is 10", "w.grad itself is None now", "not called yet")
    assert not found.causes


# ---- None: no path


def test_detached() -> None:
    w, v = leaf(1.0), leaf(2.0)
    with trace():
        h = w * 2
        d = h.detach()
        loss = (d * v).sum()
    found = explain(w, loss)
    check(found, "none", "detach() takes its result out", "Leave detach() out")
    (place,) = found.places
    assert (place.op, place.name, Path(place.file).name, place.code) == ("detach", "d", HERE, "d = h.detach()")
    assert place.line == test_detached.__code__.co_firstlineno + 4


def test_made_under_no_grad() -> None:
    w, v = leaf(1.0), leaf(2.0)
    with trace():
        with tg.no_grad():
            h = w * 2
        loss = (h * v).sum()
    check(explain(w, loss), "none", "no_grad()", "`h = w * 2`", "Move it out of the block")
    check(explain(h), "none", "no_grad()", "`h = w * 2`")


@pytest.mark.parametrize(
    ("op", "name"),
    [
        (lambda w: w.argmax(), "argmax"),
        (lambda w: w > 1.0, "gt"),
        (lambda w: w.to(tg.int64), "to"),
        (lambda w: w.count_nonzero(), "count_nonzero"),
    ],
)
def test_an_op_without_a_derivative(op: Callable[[Any], Any], name: str) -> None:
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    with trace():
        k = op(w)
        loss = (v * k).sum()
    check(explain(w, loss), "none", f"- {name} in line", "no derivative", "softmax for argmax")


def test_what_was_detached_is_gone_by_now() -> None:
    w, v = leaf(1.0), leaf(2.0)
    with trace():
        loss = ((w * 2).exp().detach() * v).sum()
    check(explain(w, loss), "none", "- detach in line", "takes its result out of the graph")


def test_two_breaks_are_both_named() -> None:
    w, v = leaf(1.0), leaf(2.0)
    with trace():
        a = w.detach()
        b = (a * v).detach()
        loss = (b * v).sum()
    check(explain(w, loss), "none", "`a = w.detach()`", "`b = (a * v).detach()`")


@pytest.mark.parametrize(
    ("leave", "how"),
    [
        (lambda w: w.detach(), "a detached tensor on its memory (detach())"),
        (lambda w: w.data, "a tensor on its memory that left the graph (.data, or a NumPy array)"),
        (lambda w: w.detach().numpy(), "the NumPy array on its memory, which left the graph (numpy())"),
    ],
)
def test_the_tensor_s_own_memory_is_recognised_without_a_trace(leave: Callable[[Any], Any], how: str) -> None:
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    check(explain(w, (v * leave(w)).sum()), "none", f"- mul: it was given {how}", "Use the tensor itself there")


def test_a_python_number_is_named_as_a_possibility() -> None:
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    loss = (v * w.sum().item()).sum()
    check(explain(w, loss), "none", "Perhaps it became a NumPy array or a Python number", "viz.trace()")
    with trace():
        loss = (v * w.sum().item()).sum()
    check(explain(w, loss), "none", "Perhaps it became", "use the tensor itself")


def test_written_to_in_place_after_the_loss() -> None:
    h = leaf(1.0, 2.0) * 1
    loss = (h * 2).sum()
    h.add_(1.0)
    check(explain(h, loss), "none", "add_ wrote to this tensor in place", "clone() it first")


def test_another_tensor_of_the_same_name() -> None:
    w = leaf(1.0)
    with trace():
        loss = (w * 2).sum()
    w = leaf(5.0)
    check(explain(w, loss), "none", "another tensor that was called 'w'", "no_grad()")


def test_upside_down() -> None:
    w = leaf(1.0)
    loss = (w * 2).sum()
    later = loss * 3
    check(explain(later, loss), "none", "it is computed from the loss", "what comes last")


def test_a_loss_without_a_graph() -> None:
    w = leaf(1.0)
    with trace():
        h = w.detach()
        loss = (h * 2).sum()
    check(explain(w, loss), "none", "the loss has no graph", "`h = w.detach()`")
    check(explain(w, tg.tensor(1.0)), "none", "of the loss: requires_grad is False")


def test_a_gradient_of_another_loss_stays() -> None:
    w, v = leaf(1.0), leaf(2.0)
    w.sum().backward()
    check(explain(w, v.sum()), "none", "This loss gives w no gradient", "of another backward()")


class _NoGradient(Function):
    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        return x * 1

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> None:
        return None


def test_a_derivative_that_is_none() -> None:
    w = leaf(1.0)
    with trace():
        h = _NoGradient.apply(w)
        loss = h.sum()
    check(explain(w, loss), "none", "- _NoGradient in line", "gives no gradient to its input 0", "`h = _NoGradient")


# ---- what backward raises, and what is left when the graph is freed


def test_a_backward_that_raises() -> None:
    h = leaf(1.0, 2.0) * 1
    w = h
    loss = (h * h).sum()
    h.add_(1.0)
    v = leaf(1.0)
    g = v * 2
    broken = (g * g).sum()
    g.add_(1.0)
    check(explain(v, broken), "error", "backward() stops with RuntimeError", "modified by an inplace operation")
    assert explain(w, loss).verdict == "none"


def test_a_freed_graph() -> None:
    w = leaf(-1.0, -2.0)
    loss = w.relu().sum()
    loss.backward()
    check(explain(w, loss), "zero", "w.grad is zero", "graph was freed", "retain_graph=True")


def test_a_freed_graph_whose_values_were_noted() -> None:
    w = leaf(-1.0, -2.0)
    with trace():
        loss = w.relu().sum()
    loss.backward()
    check(explain(w, loss), "zero", "- relu in line", "all its results are 0")


def test_a_backward_pass_inside_a_trace_is_remembered() -> None:
    w = leaf(-1.0, -2.0)
    with trace():
        h = w.relu()
        loss = h.sum()
        loss.backward()
    check(explain(w, loss), "zero", "- relu in line", "`h = w.relu()`", "and what it passes on is", "leaky_relu")


def test_a_freed_graph_is_not_mixed_up_with_another_loss() -> None:
    w = leaf(-1.0, -2.0)
    with trace():
        loss = w.relu().sum()
        loss.backward()
        (w * 3).sum().backward()
    check(explain(w, loss), "zero", "- relu in line", "w.grad itself holds other numbers now (norm 4.24)")


def test_many_places_are_counted() -> None:
    w = leaf(-1.0)
    loss = sum((w * float(i)).relu().sum() for i in range(1, 11))
    check(explain(w, loss), "zero", "- relu: at the one entry", "passes nothing back there (so 10 times)")
    a, b, c, d, e = (leaf(*[-1.0] * n) for n in range(1, 6))
    loss = sum((w * t.detach().abs()).relu().sum() for t in (a, b, c, d, e))
    check(explain(w, loss), "zero", "and so in other places: 1 more")


def test_without_a_loss_the_numbers_are_read() -> None:
    w = leaf(1.0, 2.0)
    w.grad = tg.tensor([0.0, 3.0])
    check(explain(w), "partly zero", "w.grad is zero in 1 of 2", "Pass loss=")
    w.grad = tg.tensor([0.0, 0.0])
    check(explain(w), "zero", "all 2 entries")
    w.grad = tg.tensor([float("inf"), 0.0])
    check(explain(w), "inf", "infinite in 1 of 2")


# ---- the object and its arguments


def test_lines_come_from_anomaly_mode_too() -> None:
    w = leaf(-1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with tg.autograd.detect_anomaly():
            loss = w.relu().sum()
    check(explain(w, loss), "zero", f"of {HERE}, `loss = w.relu().sum()`")


def test_an_explanation_is_plain_data() -> None:
    w = leaf(-1.0)
    found = explain(w, w.relu().sum())
    assert found.sentences[0] == "The gradient of w is zero: its one entry."
    assert str(found).splitlines()[0] == found.sentences[0]
    assert (found.places[0].op, found.places[0].node, found.places[0].line) == ("relu", "ReluBackward0", 0)
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(found)


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match="t must be a Tensor, got ndarray"):
        explain(np.ones(2))
    with pytest.raises(TypeError, match="loss must be a Tensor or None, got float"):
        explain(leaf(1.0), 1.0)
    with pytest.raises(RuntimeError, match=r"only for scalar outputs; loss has shape \[2\]"):
        explain(leaf(1.0), leaf(1.0, 2.0) * 2)


def test_nothing_is_changed() -> None:
    w = leaf(1.0, 2.0)
    h = w * 2
    h.retain_grad()
    calls: list[float] = []
    w.register_post_accumulate_grad_hook(lambda t: calls.append(1.0))
    loss = (h * h).sum()
    explain(w, loss)
    explain(h, loss)
    assert (w.grad, h.grad, calls) == (None, None, [])
    loss.backward()
    assert w.grad.tolist() == [8.0, 16.0]
    assert h.grad.tolist() == [4.0, 8.0]


def test_a_long_chain_and_shared_nodes() -> None:
    w = h = tg.tensor(1.0, requires_grad=True)
    for _ in range(30_000):
        h = h.neg()
    assert explain(w, h).verdict == "fine"
    assert explain(tg.tensor(1.0, requires_grad=True), h).verdict == "none"
    y = w
    for _ in range(60):
        y = y + y
    check(explain(w, y), "fine", "norm is 1.15e+18")
