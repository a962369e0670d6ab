"""A trace notes where everything came from, and leaves the program as it was."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import autograd, nn, viz
from tinygrad_edu.autograd.tracing import note_of, outside_of
from tinygrad_edu.autograd.watching import state
from tinygrad_edu.viz.items import Box, GraphData, Item


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


class Branching(nn.Module):
    """Calls its parts in another order than it has them in, one of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: tg.Tensor, q: tg.Tensor) -> tg.Tensor:
        left, right = self.c(x), self.a(q)
        h: tg.Tensor = self.b(left + right) * self.a(right)
        return h + q


def test_each_trace_of_one_model_gives_the_same_picture() -> None:
    model, x, q = Branching(), tg.ones(1, 2), tg.ones(1, 2, requires_grad=True)
    again = viz.trace(model)
    outputs, seen = [], []
    for trace in (viz.trace(model), viz.trace(model), again, again):
        with trace:
            outputs.append(model(x, q).sum())
        seen.append(_layout(outputs[-1]))
    assert seen == seen[:1] * 4
    operations = [[words for words in _layout(output)[0] if words[0] == "operation"] for output in outputs]
    assert operations == operations[:1] * 4  # also of the first, whose leaves later traces have met again


def _layout(output: tg.Tensor) -> tuple[list[tuple[object, ...]], list[Box]]:
    data = viz.graph(output).data
    return [(item.kind, item.name, item.op, item.box) for item in data.items], data.boxes


def test_data_that_was_written_to_is_noted_again() -> None:
    w, d = tg.tensor(1.0, requires_grad=True), tg.tensor(2.0)
    with viz.trace():
        before = w * d
        d.fill_(3.0)
        after = w * d
    d.fill_(5.0)
    with viz.trace():
        later = w * d
    untraced = w * d.fill_(7.0)
    values = [
        [i.value.values for i in viz.graph(t).data.items if i.kind == "input" and i.value] for t in (before, after)
    ]
    assert values == [[[2.0]], [[3.0]]]
    values = [
        [i.value.values for i in viz.graph(t).data.items if i.kind == "input" and i.value] for t in (later, untraced)
    ]
    assert values == [[[5.0]], [[7.0]]]


def test_first_write_to_data_shows_what_was_there_before() -> None:
    x, buffer = tg.ones(2, requires_grad=True), tg.zeros(3)
    with viz.trace():
        buffer[:2] = x
    found = [item.value.values for item in viz.graph(buffer).data.items if item.kind == "input" and item.value]
    assert found == [[0.0, 0.0]]


def test_a_view_that_may_no_longer_be_used_is_detached_inside_as_outside() -> None:
    def program() -> tg.Tensor:
        base = tg.ones(4, requires_grad=True) * 2
        first, second = base.chunk(2)
        base.mul_(3)
        with pytest.raises(RuntimeError, match="returned together with others"):
            second * 1
        return first.detach()

    plain = program()
    with viz.trace():
        traced = program()
    assert traced.tolist() == plain.tolist()


def test_a_copy_or_file_of_a_traced_tensor_has_no_notes() -> None:
    import pickle

    x = tg.ones(3)
    with viz.trace():
        tg.ones(3, requires_grad=True) * x
    assert outside_of(x) is not None
    assert outside_of(pickle.loads(pickle.dumps(x))) is None
    assert b"Outside" not in pickle.dumps(x)


@pytest.mark.parametrize("kind", ["running mean", "hidden state"])
def test_a_training_loop_inside_does_not_remember_all_its_graphs(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import gc

    from tinygrad_edu.autograd import tracing

    monkeypatch.setattr(tracing, "_RECENT", 200)
    model, mean, h = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), tg.zeros(()), tg.ones(1, 2)
    counts = []
    with viz.trace(model):
        for step in range(120):
            out = model(h)
            loss = out.square().mean()
            loss.backward()
            if kind == "running mean":
                mean = mean * 0.9 + loss.detach()
            else:
                h = out.detach()
            if step in (59, 119):
                gc.collect()
                counts.append(
                    sum(type(found) in (tracing.Note, tracing.Outside, tracing.Scope) for found in gc.get_objects())
                )
    assert counts[1] <= counts[0] + 5


def test_another_thread_is_left_alone() -> None:
    import threading

    model, other = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    results = []

    def compute() -> None:
        results.append(other(tg.ones(1, 2)).sum())
        results[-1].backward()

    def in_thread() -> None:
        thread = threading.Thread(target=compute)
        thread.start()
        thread.join()

    with viz.trace(model):
        h = model[0](tg.ones(1, 2))
        in_thread()
        y = model[1](h).sum()
    y.register_hook(lambda g: in_thread())
    data = viz.graph(y).data  # also while it goes back
    assert [box.path for box in data.boxes] == ["0", "1"]
    assert len(results) == 2
    assert all(note_of(result.grad_fn) is None for result in results)


def test_traces_of_two_threads_may_end_in_any_order() -> None:
    import threading

    call = nn.Module.__call__
    begun, ended = threading.Event(), threading.Event()
    boxes = []

    def trace() -> None:
        with viz.trace():
            begun.set()
            ended.wait(10)
            boxes.extend(viz.graph(nn.Linear(1, 1)(tg.ones(1, 1))).data.boxes)

    thread = threading.Thread(target=trace)
    with viz.trace():
        thread.start()
        begun.wait(10)
    ended.set()
    thread.join()
    assert [box.kind for box in boxes] == ["Linear"]
    assert nn.Module.__call__ is call
    assert not state.on


def test_one_trace_may_be_opened_again_inside_itself() -> None:
    model = nn.Linear(1, 1)
    trace, call = viz.trace(model), nn.Module.__call__
    with trace:
        with trace:
            model(tg.ones(1, 1))
        y = model(tg.ones(1, 1)).sum()
    assert [item.line is not None for item in viz.graph(y).data.items if item.kind == "operation"] == [True, True]
    assert nn.Module.__call__ is call
    assert not state.on


def test_copies_of_a_tensor_that_a_trace_has_seen_carry_no_note() -> None:
    import copy
    import pickle

    x = tg.ones(3)
    with viz.trace():
        _ = x * tg.ones(3, requires_grad=True)
    assert outside_of(x) is not None
    for made in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert outside_of(made) is None
