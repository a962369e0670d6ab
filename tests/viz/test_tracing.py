"""A trace notes where everything came from, and leaves the program as it was."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import autograd, nn, viz
from tinygrad_edu.autograd.tracing import note_of, outside_of
from tinygrad_edu.autograd.watching import state
from tinygrad_edu.viz.items import GraphData, Item


def items(output: tg.Tensor, **options: object) -> dict[str, Item]:
    """Return the items of a picture that have a name, by name; of those with one name the last."""
    return {item.name: item for item in viz.graph(output, **options).data.items if item.name}  # type: ignore[arg-type]


def test_values_names_and_lines() -> None:
    a, b = tg.tensor(2.0, requires_grad=True), tg.tensor(-3.0, requires_grad=True)
    with viz.trace():
        product = a * b
        shifted = product + 10.0
    found = {item.name: item for item in viz.graph(shifted).data.items}
    assert {name: item.value.values for name, item in found.items() if item.value} == {
        "a": [2.0],
        "b": [-3.0],
        "product": [-6.0],
        "shifted": [4.0],
    }
    line = found["product"].line
    assert line is not None
    assert line.code == "product = a * b"
    assert line.file == __file__
    assert found["shifted"].arguments == {"other": "10.0"}


def test_values_are_those_of_the_moment() -> None:
    x = tg.tensor([-1.0, 2.0], requires_grad=True)
    with viz.trace():
        y = x * 1
        y.relu_()
        z = y.exp()
    values = [item.value.values for item in viz.graph(z).data.items if item.op in ("mul", "relu") and item.value]
    assert values == [[-1.0, 2.0], [0.0, 2.0]]


def test_without_a_trace_there_is_still_what_is_kept() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    data = viz.graph((x * tg.tensor([3.0, 4.0])).sum()).data
    assert [item.kind for item in data.items] == ["leaf", "input", "operation", "operation"]
    assert data.items[1].value is not None
    assert data.items[1].value.values == [3.0, 4.0]
    assert data.items[2].value is None


def test_nothing_is_noted_outside_and_everything_is_put_back() -> None:
    call = nn.Module.__call__
    with viz.trace():
        assert state.on
    assert not state.on
    assert nn.Module.__call__ is call
    y = tg.ones(1, requires_grad=True) * 2
    assert y.grad_fn is not None
    assert note_of(y.grad_fn) is None


def test_an_error_inside_ends_the_trace() -> None:
    class Broken(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            raise RuntimeError("broken")

    model, call = nn.Sequential(Broken()), nn.Module.__call__
    with pytest.raises(RuntimeError, match="broken"), viz.trace() as outer:
        model(tg.ones(1))
    assert nn.Module.__call__ is call
    assert not state.on
    assert outer is not None
    with viz.trace():
        y = nn.Linear(1, 1)(tg.ones(1, 1))
    assert [box.kind for box in viz.graph(y).data.boxes] == ["Linear"]


def test_the_inner_of_two_traces_notes() -> None:
    model = nn.Linear(2, 2)
    with viz.trace():
        with viz.trace(model):
            h = model(tg.ones(1, 2))
        y = h.sum()
    data = viz.graph(y).data
    assert [(box.kind, box.path) for box in data.boxes] == [("Linear", "")]
    assert [item.line is not None for item in data.items if item.kind == "operation"] == [True, True]


def test_the_result_and_the_gradients_are_the_same_with_and_without() -> None:
    tg.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    x = tg.rand(4, 1, 8, 8)
    model(x).square().sum().backward()
    plain = [p.grad.numpy().copy() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    with viz.trace(model):
        model(x).square().sum().backward()
    seen = [p.grad.numpy() for p in model.parameters() if p.grad is not None]
    assert all(np.array_equal(p, s) for p, s in zip(plain, seen, strict=True))


def test_parameters_are_named_by_their_path_and_frozen_ones_told_apart() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    model[0].requires_grad_(False)
    with viz.trace(model):
        y = model(tg.ones(1, 2)).sum()
    kinds = {item.name: item.kind for item in viz.graph(y).data.items if item.kind in ("parameter", "frozen")}
    assert kinds == {"1.weight": "parameter", "1.bias": "parameter"}  # of the frozen layer nothing was recorded
    x = tg.ones(1, 2, requires_grad=True)
    with viz.trace(model):
        y = model(x).sum()
    kinds = {item.name: item.kind for item in viz.graph(y).data.items if item.kind in ("parameter", "frozen")}
    assert kinds["0.weight"] == "frozen"
    assert kinds["1.weight"] == "parameter"


def test_why_a_value_is_outside_the_graph() -> None:
    x = tg.tensor([1.0, 3.0], requires_grad=True)
    with viz.trace():
        cut = (x * 2).detach()
        with tg.no_grad():
            hidden = x * 3
        best = x.argmax()
        constant = tg.ones(2) + 1
        y = (x * cut * hidden * constant + best).sum()
    found = items(y)
    assert {name: found[name].cut for name in ("cut", "hidden", "best", "constant")} == {
        "cut": "detach",
        "hidden": "no_grad",
        "best": "no derivative",
        "constant": "constants",
    }
    line = found["hidden"].line
    assert line is not None
    assert line.code == "hidden = x * 3"
    outside = outside_of(hidden)
    assert outside is not None
    assert [source() for source in outside.sources] == [x._edge]  # type: ignore[operator]


def test_a_recorded_backward_pass_is_told_apart() -> None:
    x = tg.tensor(2.0, requires_grad=True)
    with viz.trace():
        y = x**3
        (g,) = autograd.grad(y, x, create_graph=True)
        z = g * y
    stages = [(item.op, item.stage) for item in viz.graph(z).data.items if item.kind == "operation"]
    assert ("pow", "forward") in stages
    assert ("pow", "backward") in stages
    assert stages[-1] == ("mul", "forward")


def test_a_backward_pass_inside_is_noted_for_after_the_graph_is_freed() -> None:
    def loss() -> tuple[tg.Tensor, tg.Tensor]:
        w = tg.tensor([1.0, 2.0], requires_grad=True)
        return (w * w).exp().sum(), w

    with viz.trace():
        kept, _ = loss()
        freed, w = loss()
        freed.backward()
    assert _numbers(viz.graph(freed).data) == _numbers(viz.graph(kept).data)
    assert w.grad is not None
    assert viz.graph(freed).data.items[0].grad.values == w.grad.tolist()  # type: ignore[union-attr]


def _numbers(data: GraphData) -> list[object]:
    grads = [item.grad for item in data.items]
    return [grads, [(step.item, step.sent) for step in data.steps]]


def test_a_custom_function_and_a_variadic_op_are_noted() -> None:
    class Double(autograd.Function):
        """Doubles."""

        @staticmethod
        def forward(ctx: object, x: tg.Tensor) -> tg.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: object, g: tg.Tensor) -> tg.Tensor:
            return g * 2

    x = tg.ones(2, requires_grad=True)
    with viz.trace():
        twice = Double.apply(x)
        both = tg.stack([twice, x])
    data = viz.graph(both).data
    ops = [(item.op, item.what, [s.name for s in item.sources]) for item in data.items if item.kind == "operation"]
    assert ops[0][:2] == ("Double", "Doubles.")
    assert ops[1][0] == "stack"
    assert ops[1][2] == ["tensors[0]", "tensors[1]"]
    assert data.items[1].line is not None


def test_a_trace_holds_no_graph() -> None:
    import gc
    import weakref

    x = tg.ones(3, requires_grad=True)
    with viz.trace():
        y = (x * 2).detach() * x
    node = weakref.ref(y.grad_fn)
    del y
    gc.collect()
    assert node() is None


def test_trace_takes_a_module() -> None:
    with pytest.raises(TypeError, match=r"trace: model must be an nn\.Module, got int; or leave it out"):
        viz.trace(3)  # type: ignore[arg-type]
