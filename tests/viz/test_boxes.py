"""Modules as boxes: unbroken runs of operations, from a trace or guessed from the paths of parameters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn, viz
from tinygrad_edu.viz.boxes import boxes_of, places_from_paths
from tinygrad_edu.viz.items import Box, GraphData


def chain(data: GraphData, number: int) -> list[str]:
    """Return the paths of the boxes around an item, outermost first."""
    box, paths = data.items[number].box, []
    while box is not None:
        paths.append(data.boxes[box].path)
        box = data.boxes[box].parent
    return paths[::-1]


def places(data: GraphData) -> dict[str, list[str]]:
    """Return the innermost box of each operation, by the operation's name and number."""
    ops = [i for i, item in enumerate(data.items) if item.kind == "operation"]
    return {f"{data.items[i].op} {n}": chain(data, i) for n, i in enumerate(ops)}


class Block(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.fc = nn.Linear(n, n)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x + self.fc(x).relu()


def traced(model: nn.Module, *inputs: tg.Tensor) -> GraphData:
    with viz.trace(model):
        output = model(*inputs).sum()
    return viz.graph(output, params=model).data


def test_a_trace_knows_which_module_made_what() -> None:
    data = traced(nn.Sequential(Block(3), nn.ReLU()), tg.rand(2, 3))
    assert places(data) == {
        "linear 0": ["", "0", "0.fc"],
        "relu 1": ["", "0"],
        "add 2": ["", "0"],
        "relu 3": ["", "1"],
        "sum 4": [],
    }
    assert [(b.path, b.name, b.kind, b.call) for b in data.boxes] == [
        ("", "Sequential", "Sequential", 1),
        ("0", "0", "Block", 1),
        ("0.fc", "fc", "Linear", 1),
        ("1", "1", "ReLU", 1),
    ]


def test_every_call_of_a_module_has_a_box_of_its_own() -> None:
    cell = nn.Linear(2, 2)
    with viz.trace(cell):
        h = tg.ones(1, 2)
        for _ in range(3):
            h = cell(h).tanh()
    data = viz.graph(h).data
    assert [(b.kind, b.call) for b in data.boxes] == [("Linear", 1), ("Linear", 2), ("Linear", 3)]
    assert len({b.run for b in data.boxes}) == 3  # tanh stands between
    weight = next(item for item in data.items if item.name == "weight")
    assert weight.box is None  # used in all three


def test_equal_neighbours_have_one_run_and_others_not() -> None:
    model = nn.Sequential(Block(3), Block(3), Block(3), nn.Linear(3, 4), Block(4), Block(4))
    data = traced(model, tg.rand(2, 3))
    runs = {b.path: b.run for b in data.boxes if b.parent == 0}
    assert runs["0"] == runs["1"] == runs["2"]
    assert runs["4"] == runs["5"]
    assert len(set(runs.values())) == 3


def test_blocks_that_differ_inside_are_not_equal() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 3), nn.ReLU()), nn.Sequential(nn.Linear(3, 3), nn.Tanh()))
    runs = [b.run for b in traced(model, tg.rand(2, 3)).boxes if b.parent == 0]
    assert len(set(runs)) == 2


def test_two_ways_side_by_side_with_names_of_their_own_are_not_one_thing_repeated() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.around = nn.Linear(3, 3), nn.Linear(3, 3)
            self.heads = nn.ModuleList([nn.Linear(3, 3) for _ in range(4)])

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return self.a(x) + self.around(x) + tg.stack([head(x) for head in self.heads]).sum(0)

    runs = {b.path: b.run for b in traced(Residual(), tg.rand(2, 3)).boxes}
    assert runs["a"] != runs["around"]
    assert len({runs[f"heads.{i}"] for i in range(4)}) == 1


def test_without_a_trace_the_paths_of_parameters_tell() -> None:
    model = nn.Sequential(Block(3), Block(3))
    data = viz.graph(model(tg.rand(2, 3)).sum(), params=model).data
    assert places(data) == {
        "linear 0": ["0", "0.fc"],
        "relu 1": [],  # between a layer of block 0 and one of block 1
        "add 2": [],
        "linear 3": ["1", "1.fc"],
        "relu 4": [],
        "add 5": [],
        "sum 6": [],
    }
    assert [b.kind for b in data.boxes] == ["Block", "Linear", "Block", "Linear"]


def test_an_operation_between_layers_stands_where_both_stand() -> None:
    sources = [[], [0], [1], [2], [3]]
    own = ["net.a", None, "net.b", None, "head"]
    found = places_from_paths(sources, own, lambda path: path.upper())
    assert [tuple(level[1] for level in place) for place in found] == [
        ("net", "net.a"),
        ("net",),
        ("net", "net.b"),
        (),
        ("head",),
    ]
    assert found[0][1][2] == "NET.A"


@given(st.lists(st.lists(st.integers(0, 2), max_size=3), max_size=12))
def test_boxes_are_unbroken_runs(paths: list[list[int]]) -> None:
    given = [tuple((tuple(p[: i + 1]), str(p[: i + 1]), "", 1) for i in range(len(p))) for p in paths]
    boxes, innermost, numbers = boxes_of(given)
    around = [_around(box, boxes) for box in innermost]
    for number in range(len(boxes)):
        inside = [i for i, found in enumerate(around) if number in found]
        assert inside == list(range(inside[0], inside[-1] + 1))
    assert [len(a) for a in around] == [len(p) for p in paths]
    assert {boxes[n].path for n in numbers.values()} == {b.path for b in boxes}


def _around(box: int | None, boxes: list[Box]) -> list[int]:
    found = []
    while box is not None:
        found.append(box)
        box = boxes[box].parent
    return found


def test_data_stands_outside_of_the_module_that_it_is_given_to() -> None:
    x = tg.rand(2, 3)
    data = traced(Block(3), x)
    number = next(i for i, item in enumerate(data.items) if item.kind == "input")
    assert data.items[number].name == "x"
    assert chain(data, number) == []


def test_a_constant_made_inside_stands_inside() -> None:
    class Shifted(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return x + tg.full((3,), 2.0)

    x = tg.rand(3, requires_grad=True)
    data = traced(Shifted(), x)
    kinds = {item.kind: chain(data, i) for i, item in enumerate(data.items) if item.kind in ("input", "leaf")}
    assert kinds == {"input": [""], "leaf": []}
