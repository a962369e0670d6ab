"""Modules in a drawing: frames, folding to a depth, equal neighbours as one; nothing is lost and no cycle is made."""

from __future__ import annotations

import re
from collections import Counter
from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from support.dot_reader import Drawing, read_dot
from tinygrad_edu import nn, viz
from tinygrad_edu.viz.folding import fold


class Residual(nn.Module):
    """Adds its input to what its parts make of it."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.Sequential(*parts)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x + self.parts(x)


class Shared(nn.Module):
    """Calls one module several times."""

    def __init__(self, part: nn.Module, times: int) -> None:
        super().__init__()
        self.part, self.times = part, times

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        for _ in range(self.times):
            x = self.part(x).tanh()
        return x


LAYERS = st.sampled_from(["linear", "relu", "norm"])
MODELS = st.recursive(
    LAYERS,
    lambda inner: (
        st.tuples(st.sampled_from(["sequential", "residual"]), st.lists(inner, min_size=1, max_size=3))
        | st.tuples(st.just("shared"), inner, st.integers(1, 3))
        | st.tuples(st.just("repeated"), inner, st.integers(2, 4))
    ),
    max_leaves=6,
)


def build(plan: Any) -> nn.Module:
    if isinstance(plan, str):
        return {"linear": lambda: nn.Linear(2, 2), "relu": nn.ReLU, "norm": lambda: nn.LayerNorm(2)}[plan]()
    kind, what, *times = plan
    if kind == "shared":
        return Shared(build(what), times[0])
    parts = [build(what) for _ in range(times[0])] if kind == "repeated" else [build(part) for part in what]
    return Residual(*parts) if kind == "residual" else nn.Sequential(*parts)


def seen(model: nn.Module, traced: bool = True, **options: Any) -> viz.GraphView:
    x = tg.ones(3, 2, requires_grad=True)
    if not traced:
        return viz.graph((model(x) ** 2).mean(), params=model, **options)
    with viz.trace(model):
        loss = (model(x) ** 2).mean()
    return viz.graph(loss, params=model, **options)


def drawn(model: nn.Module, traced: bool = True, **options: Any) -> Drawing:
    return read_dot(seen(model, traced, **options).dot)


def first_lines(drawing: Drawing) -> list[str]:
    return [label.split("\n")[0] for label in drawing.labels]


@given(MODELS, st.none() | st.integers(0, 4), st.booleans(), st.data())
def test_folding_loses_nothing_and_makes_no_cycle(
    plan: Any, depth: int | None, traced: bool, draw: st.DataObject
) -> None:
    data = seen(build(plan), traced).data
    paths = sorted({box.path for box in data.boxes})
    unfold = draw.draw(st.lists(st.sampled_from(paths), max_size=2)) if paths else []
    picture = fold(data, depth, inputs=True, unfold=unfold)
    assert sorted(i for node in picture.nodes for i in node.items) == list(range(len(data.items)))
    assert all(i in picture.nodes[node].items for i, node in enumerate(picture.place))  # type: ignore[index]
    uses = [(i, p) for i, item in enumerate(data.items) for p, s in enumerate(item.sources) if s.item is not None]
    inside = [(i, p) for i, p in uses if picture.place[data.items[i].sources[p].item] == picture.place[i]]
    assert sorted(inside + [use for arrow in picture.arrows for use in arrow.uses]) == uses
    before: dict[int, set[int]] = {}
    for arrow in picture.arrows:
        before.setdefault(arrow.head, set()).add(arrow.tail)
    list(TopologicalSorter(before).static_order())  # raises CycleError


@given(MODELS, st.none() | st.integers(0, 3), st.sampled_from(["forward", "backward", "both"]))
def test_drawing_is_what_was_folded_and_has_no_cycle(plan: Any, depth: int | None, direction: str) -> None:
    view = seen(build(plan), depth=depth, direction=direction)
    drawing = read_dot(view.dot)
    picture = fold(view.data, depth, inputs=False)
    times = 2 if direction == "both" else 1
    assert len(drawing.arrows) == times * len(picture.arrows)
    assert len(drawing.nodes) == len(picture.nodes)
    assert sum(_operations(label) for label in drawing.labels) == _count(view, "operation")
    before: dict[str, set[str]] = {}
    for arrow in [*drawing.arrows, *drawing.order]:
        assert {arrow.tail, arrow.head} <= set(drawing.nodes)
        before.setdefault(arrow.head, set()).add(arrow.tail)
    list(TopologicalSorter(before).static_order())


def _operations(label: str) -> int:
    found = re.search(r"^(\d+) operations?$", label, re.MULTILINE)
    shape = re.search(r"^[\d×]+ float32$", label, re.MULTILINE)  # parameters and leaves say their shape
    return int(found[1]) if found else int(shape is None or "= " in label)


def _count(view: viz.GraphView, kind: str) -> int:
    return sum(item.kind == kind for item in view.data.items)


class Net(nn.Module):
    """Five children, one of them three equal blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.bn = nn.BatchNorm2d(2)
        self.blocks = nn.Sequential(*[nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(3)])
        self.out = nn.Linear(8, 3)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        h = nn.functional.relu(self.bn(self.conv(x))).flatten(1)
        return self.out(self.blocks(h))


def loss_of(model: nn.Module) -> tg.Tensor:
    return nn.functional.cross_entropy(model(tg.rand(2, 1, 2, 2)), tg.tensor([0, 1]))


def net(traced: bool = True, **options: Any) -> Drawing:
    model = Net()
    if not traced:
        return read_dot(viz.graph(loss_of(model), params=model, **options).dot)
    with viz.trace(model):
        loss = loss_of(model)
    return read_dot(viz.graph(loss, params=model, **options).dot)


def test_modules_are_frames_within_frames() -> None:
    frames = net().frames
    assert [frame.text for frame in frames.values()] == [
        "Net",
        "blocks Sequential",
        *(f"blocks.{i} Sequential" for i in (2, 1, 0)),
    ]
    parents = {frame.text: frame.parent and frames[frame.parent].text for frame in frames.values()}
    assert parents["Net"] is None
    assert parents["blocks Sequential"] == "Net"
    assert parents["blocks.1 Sequential"] == "blocks Sequential"


def test_layer_of_one_operation_needs_no_frame() -> None:
    drawing = net()
    assert "linear\nout (Linear)" in drawing.labels
    (inside,) = [frame.nodes for frame in drawing.frames.values() if frame.text == "blocks.0 Sequential"]
    assert [drawing.label(node).split("\n")[0] for node in inside] == [
        "blocks.0.0.weight",
        "blocks.0.0.bias",
        "linear",
        "relu",
    ]


@pytest.mark.parametrize("traced", [True, False])
def test_depth_one_shows_the_children_of_the_model(traced: bool) -> None:
    drawing = net(traced, depth=1)
    folded = [line for line in first_lines(drawing) if " " in line and "=" not in line]
    assert folded == ["conv Conv2d", "bn BatchNorm2d", "blocks Sequential", "out Linear"]
    assert not any("weight" in label for label in drawing.labels)
    assert [frame.text for frame in drawing.frames.values()] == (["Net"] if traced else [])


def test_one_module_may_be_open_in_spite_of_depth() -> None:
    drawing = net(depth=1, unfold=["blocks.1"])
    heads = first_lines(drawing)
    assert {h for h in heads if " " in h and "=" not in h} == {
        "conv Conv2d",
        "bn BatchNorm2d",
        "blocks.0 Sequential",
        "blocks.1.0 Linear",
        "blocks.1.1 ReLU",
        "blocks.2 Sequential",
        "out Linear",
    }
    assert {frame.text for frame in drawing.frames.values()} == {"Net", "blocks Sequential", "blocks.1 Sequential"}


def test_path_of_no_module_names_those_that_are_near() -> None:
    with pytest.raises(ValueError, match=r"unfold has 'block', .* did you mean one of \['blocks'"):
        net(depth=1, unfold=["block"])
    with pytest.raises(ValueError, match=r"unfold has 'zzz', which is no module in this graph; there are \['', 'conv'"):
        net(depth=1, unfold=["zzz"])


def test_depth_zero_is_one_node() -> None:
    drawing = net(depth=0, show=("shape", "inputs"))
    heads = first_lines(drawing)
    assert "Net" in heads
    assert len(drawing.nodes) == 4  # the data, the model, the labels, the loss
    assert drawing.frames == {}


def test_equal_neighbours_are_one_node_with_a_count() -> None:
    drawing = net(depth=2)
    label = drawing.label(drawing.called("blocks.0 … 2 Sequential ×3"))
    assert label.split("\n")[1:3] == ["6 operations", "216 parameters"]
    assert re.search(r"^first [\d.e-]+, last [\d.e-]+$", label, re.MULTILINE)
    assert len([line for line in first_lines(drawing) if line.startswith("blocks")]) == 1


def test_neighbours_that_differ_stay_apart() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2, bias=False), nn.Linear(2, 2))
    heads = first_lines(drawn(model, depth=1))
    assert [h for h in heads if "Linear" in h] == ["0 … 1 Linear ×2", "2 Linear", "3 Linear"]


def test_folded_module_tells_what_is_in_it() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 100), nn.ReLU(), nn.Linear(100, 100)), nn.ReLU())
    view = seen(model, depth=1)
    drawing = read_dot(view.dot)
    lines = drawing.label(drawing.called("0 Sequential")).split("\n")
    assert lines[1:3] == ["3 operations", "10.4 k parameters"]
    assert lines[3].startswith("keeps ")
    assert lines[4] == "output 3×100"
    grads = [item.grad for item in view.data.items if item.kind == "parameter"]
    squares = sum(grad.norm**2 for grad in grads if grad is not None)
    assert lines[5] == f"gradient rms {(squares / 10_400) ** 0.5:.2g}".replace("e-0", "e-")


def test_frozen_parameters_are_counted_apart() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)))
    model[1][0].requires_grad_(False)
    label = drawn(model, depth=1).labels
    assert any("12 parameters, 6 frozen" in text for text in label)
    assert "18 parameters, 6 frozen" in drawn(model).text
    assert Counter(drawn(model).look(node, "style") for node in drawn(model).nodes)["filled,dashed"] == 2


def test_steps_of_a_recurrent_cell_are_one_node_with_its_parameters() -> None:
    drawing = drawn(Shared(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), 5), depth=1)
    # tanh stands between the calls, so the neighbours are not next to each other
    assert sum("part Sequential" in label for label in drawing.labels) == 5
    drawing = drawn(Residual(nn.Linear(2, 2)), depth=1)
    assert not any("weight" in label for label in drawing.labels)


class Cell(nn.Module):
    """Goes one step from state to state."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.Linear(2, 2)

    def forward(self, h: tg.Tensor) -> tg.Tensor:
        return self.recurrent(h).tanh()


class Recurrent(nn.Module):
    """Five steps of one cell."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = Cell()

    def forward(self, h: tg.Tensor) -> tg.Tensor:
        for _ in range(5):
            h = self.cell(h)
        return h


def test_parameters_that_only_equal_neighbours_share_are_folded_in() -> None:
    drawing = drawn(Recurrent(), depth=1)
    assert drawing.label(drawing.called("cell Cell ×5")).split("\n")[1:3] == ["10 operations", "6 parameters"]
    assert not any("weight" in label for label in drawing.labels)


def test_calls_of_one_module_are_numbered_when_unfolded() -> None:
    texts = {frame.text for frame in drawn(Recurrent()).frames.values()}
    assert texts == {"Recurrent", "cell Cell", "cell, call 2", "cell, call 3", "cell, call 4", "cell, call 5"}


def test_values_of_one_shape_between_folded_modules_share_an_arrow() -> None:
    class Split(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.two, self.join = Two(), Join()

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return self.join(*self.two(x))

    class Two(nn.Module):
        def forward(self, x: tg.Tensor) -> tuple[tg.Tensor, ...]:
            return x.sin(), x.cos(), x.sum()

    class Join(nn.Module):
        def forward(self, a: tg.Tensor, b: tg.Tensor, c: tg.Tensor) -> tg.Tensor:
            return a * b + c

    drawing = drawn(Split(), depth=1, direction="both")
    between = [arrow for arrow in drawing.arrows if arrow.tail.startswith("b") and arrow.head.startswith("b")]
    assert [arrow.text for arrow in between if "dir" not in arrow.attributes] == ["2 × (3×2)", "scalar"]
    pooled, single = (arrow.text for arrow in between if "dir" in arrow.attributes)
    assert pooled.startswith("rms ")
    assert float(single) == 12.91  # a single number is written itself


def test_frames_of_a_deep_network_stand_one_under_the_other(tmp_path: Path) -> None:
    if find_spec("pygraphviz") is None:
        pytest.skip("pygraphviz is not installed")
    model = nn.Sequential(*[nn.Sequential(nn.Linear(2, 2), nn.ReLU()) for _ in range(6)])
    svg = seen(model).save(tmp_path / "g.svg").read_text(encoding="utf-8")
    left = [float(x) for x in re.findall(r'class="cluster">.*?<path [^>]*d="M(-?[\d.]+)', svg, re.DOTALL)]
    assert len(left) == 7
    assert max(left) - min(left) < 60  # points
