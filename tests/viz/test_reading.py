"""What is read from a recorded graph: order, inputs, what is kept, the steps of the real backward pass."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import autograd, nn, viz
from tinygrad_edu.autograd import explain
from tinygrad_edu.utils.checkpoint import checkpoint
from tinygrad_edu.viz.items import GraphData
from tinygrad_edu.viz.keeping import kept_in_all


def data_of(output: tg.Tensor, **options: Any) -> GraphData:
    return viz.graph(output, **options).data


def assert_ordered(data: GraphData) -> None:
    for i, item in enumerate(data.items):
        assert all(source.item is None or source.item < i for source in item.sources)


def test_every_item_stands_after_its_inputs() -> None:
    x = tg.ones(2, requires_grad=True)
    a = x * 2
    b = a.exp() + x
    for traced in (False, True):
        if traced:
            with viz.trace():
                b = (x * 2).exp() + x
        data = data_of((b * b).sum())
        assert_ordered(data)
        assert data.output == len(data.items) - 1


def test_a_write_into_a_view_is_ordered_too() -> None:
    x = tg.ones(3, requires_grad=True)
    with viz.trace():
        y = x * 2
        y[1] = 5.0
        part = y[:2]
        part.mul_(3.0)
        z = part.sum()
    assert_ordered(data_of(z))


def test_both_inputs_of_a_square_are_there() -> None:
    x = tg.tensor(3.0, requires_grad=True)
    data = data_of(x * x)
    assert [source.item for source in data.items[1].sources] == [0, 0]
    step = data.steps[0]
    assert [(s.source, s.local and s.local.values, s.product.values) for s in step.sent] == [
        (0, [3.0], [3.0]),
        (1, [3.0], [3.0]),
    ]
    assert data.items[0].grad is not None
    assert data.items[0].grad.values == [6.0]


def test_local_derivative_times_incoming_is_the_product() -> None:
    x = tg.tensor([0.5, -1.0, 2.0], requires_grad=True)
    w = tg.tensor([2.0], requires_grad=True)
    data = data_of(((x * w).tanh() * 3).sum())
    assert len(data.steps) == 6
    for step in data.steps:
        arrived = data.items[step.item].grad
        for sent in step.sent:
            assert sent.local is not None
            source = data.items[data.items[step.item].sources[sent.source].item or 0]
            if source.shape == (1,):
                continue  # summed over what was broadcast
            assert arrived is not None
            expected = np.array(arrived.values) * np.array(sent.local.values)
            assert np.allclose(expected, sent.product.values or [])


def test_no_local_derivative_where_it_is_a_matrix() -> None:
    w, x = tg.rand(2, 3, requires_grad=True), tg.rand(4, 2, requires_grad=True)
    data = data_of((x @ w).exp().sum())
    local = {data.items[step.item].op: [s.local is not None for s in step.sent] for step in data.steps if step.sent}
    assert local == {"sum": [True], "exp": [True], "matmul": [False, False]}


def test_drawing_leaves_gradients_graph_and_retained_gradients_alone() -> None:
    x = tg.ones(3, requires_grad=True)
    y = x * 2
    y.retain_grad()
    loss = y.sum()
    x.grad = tg.full((3,), 7.0)
    viz.graph(loss)
    assert x.grad.tolist() == [7.0] * 3
    assert y.grad is None
    loss.backward()  # not freed
    assert y.grad is not None
    assert y.grad.tolist() == [1.0] * 3
    assert x.grad.tolist() == [9.0] * 3


def test_drawing_under_no_grad_and_in_anomaly_mode() -> None:
    x = tg.tensor([0.0, 1.0], requires_grad=True)
    loss = (x.sqrt() * 0).sum()  # 0 * inf
    with tg.no_grad(), autograd.set_detect_anomaly(True):
        data = data_of(loss)
    assert data.items[0].grad is not None
    assert data.items[0].grad.nan == 1
    assert data.stopped == ""


def test_hooks_take_part() -> None:
    x = tg.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    assert data_of(y.sum()).items[0].grad.values == [20.0, 20.0]  # type: ignore[union-attr]


def test_a_pass_that_fails_is_shown_as_far_as_it_went() -> None:
    class Broken(autograd.Function):
        @staticmethod
        def forward(ctx: object, x: tg.Tensor) -> tg.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: object, g: tg.Tensor) -> tg.Tensor:
            raise ValueError("no idea")

    x = tg.ones(2, requires_grad=True)
    data = data_of(Broken.apply(x).sum())
    assert data.stopped == "ValueError: no idea"
    assert [data.items[step.item].op for step in data.steps] == ["sum"]
    w = tg.ones(2, requires_grad=True)
    y = (w * 1).exp()
    loss = y.sum()
    with tg.no_grad():
        y.zero_()
    assert data_of(loss).stopped.startswith("RuntimeError: one of the variables needed for gradient computation")


def test_a_freed_graph_shows_what_the_leaves_hold() -> None:
    x = tg.ones(2, requires_grad=True)
    loss = x.exp().sum()
    loss.backward()
    data = data_of(loss)
    assert data.steps == []
    assert [item.freed for item in data.items] == [False, True, False]
    assert x.grad is not None
    assert data.items[0].grad.values == x.grad.tolist()  # type: ignore[union-attr]


def test_what_is_kept_is_counted_once_and_leaves_not() -> None:
    x = tg.rand(10, 10, requires_grad=True)
    w = tg.rand(10, 10)
    h = x * w  # keeps w
    loss = (h * h).sum() + h.exp().sum()  # keeps h twice, and exp's result
    data = data_of(loss)
    kept = [(item.op, [(k.what, k.bytes, k.parameter) for k in item.kept]) for item in data.items if item.kept]
    assert kept == [
        ("mul", [("other", 400, False)]),
        ("mul", [("input", 400, False), ("other", 400, False)]),
        ("exp", [("out", 400, False)]),
    ]
    assert kept_in_all(data.items) == 400 + 400 + 400
    assert kept_in_all(data_of((x * x).sum()).items) == 0


def test_names_from_a_mapping_and_from_a_model() -> None:
    model = nn.Linear(2, 1)
    loss = model(tg.ones(1, 2)).sum()
    for params in (model, dict(model.named_parameters())):
        names = {item.name: item.kind for item in data_of(loss, params=params).items}
        assert names["weight"] == names["bias"] == "parameter"


def test_the_output_is_called_as_the_caller_calls_it() -> None:
    my_loss = tg.ones(1, requires_grad=True) * 2
    assert viz.graph(my_loss).data.title == "my_loss"
    assert viz.graph(my_loss * 1).data.title == "output"


def test_gradient_of_several_outputs_of_one_function() -> None:
    class Two(autograd.Function):
        @staticmethod
        def forward(ctx: object, x: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: object, g: tg.Tensor, h: tg.Tensor) -> tg.Tensor:
            return g * 2 + h * 3

    x = tg.ones(2, requires_grad=True)
    a, b = Two.apply(x)
    data = data_of((a * b).sum())
    assert [item.op for item in data.items] == ["", "Two", "output 0", "output 1", "mul", "sum"]
    assert data.items[0].grad.values == [12.0, 12.0]  # type: ignore[union-attr]
    assert data.items[1].grad is None


@pytest.mark.parametrize("n", [100, 30_000])
def test_long_graphs_are_read_without_recursion(n: int) -> None:
    y = x = tg.ones(1, requires_grad=True)
    for _ in range(n):
        y = y.sin() if n > 100 else y + y
    data = data_of(y)
    assert len(data.items) == n + 1
    assert len(data.steps) == n + 1
    assert data.items[0].grad is not None
    if n == 100:
        assert data.items[0].grad.values == [2.0**100]
    assert x.grad is None


def test_json_says_the_same_and_is_strict() -> None:
    x = tg.tensor([0.0, 4.0], requires_grad=True)
    with viz.trace():
        y = x.sqrt().sum() + tg.tensor(float("nan"))
    view = viz.graph(y, depth=2)
    found = json.loads(view.json, parse_constant=lambda name: pytest.fail(name))
    assert found["title"] == "y"
    assert found["depth"] == 2
    assert len(found["items"]) == len(view.data.items)
    assert found["items"][0]["grad"]["values"] == ["Infinity", 0.25]
    assert found["items"][0]["shape"] == [2]
    assert found["items"][found["output"]]["value"]["values"] == ["NaN"]
    assert [step["item"] for step in found["steps"]] == [step.item for step in view.data.steps]


def test_a_checkpoint_is_one_operation_and_its_own_graph_is_left_out() -> None:
    model, x = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), tg.ones(1, 2, requires_grad=True)
    y = checkpoint(model, x, use_reentrant=False).sum()
    data = data_of(y, params=model)
    assert [item.op for item in data.items if item.kind == "operation"][-2:] == ["checkpoint", "sum"]
    assert not data.stopped
    (expected,) = autograd.grad(y, x, retain_graph=True)
    grads = [item.grad for item in data.items if item.kind == "leaf"]
    assert [grad and grad.values for grad in grads] == [expected.ravel().tolist()]
    assert x.grad is None
    assert all(p.grad is None for p in model.parameters())


def test_what_is_kept_may_be_a_view_that_is_no_longer_usable() -> None:
    base, w = tg.ones(4), tg.ones(2, requires_grad=True)
    _, second = base.chunk(2)
    y = w * second
    base[0] = w[0]
    data = data_of(y)
    assert [kept.what for kept in data.items[-1].kept] == ["other"]
    assert data.stopped.startswith("RuntimeError: one of the variables needed")
    assert explain(tg.ones(2, requires_grad=True), y.sum()).verdict == "none"


def test_constants_of_a_joined_list_that_is_not_kept() -> None:
    x = tg.ones(2, requires_grad=True)
    data = data_of(tg.cat([x, tg.ones(2)]))
    assert [source.item for source in data.items[-1].sources] == [0, None]
