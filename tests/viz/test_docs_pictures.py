"""The pictures in the docs: the program that draws them, and what each is to show."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

import tinygrad_edu as tg
from support.repository import ROOT

TOOL = run_path(str(ROOT / "tools" / "draw_graphs.py"))
FOLDER = ROOT / "docs" / "images" / "graphs"


def data_of(name: str) -> Any:
    """Return what a picture shows, as plain data."""
    tg.manual_seed(0)
    return TOOL["PICTURES"][name]().data


def size_of_gradient(data: Any, name: str) -> float:
    """Return the root mean square of a parameter's gradient."""
    (item,) = [item for item in data.items if item.name == name]
    return float(item.grad.norm / item.grad.size**0.5)


def test_all_pictures_are_there_and_in_the_docs() -> None:
    page = (ROOT / "docs" / "seeing-the-graph.md").read_text(encoding="utf-8")
    drawn = sorted(path.name for path in FOLDER.iterdir())
    assert drawn == sorted(f"{name}.svg" for name in TOOL["PICTURES"])
    assert [name for name in drawn if f"(images/graphs/{name})" not in page] == []


def test_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000


@pytest.mark.parametrize("name", TOOL["PICTURES"])
def test_picture_is_drawn_the_same_every_time(name: str, tmp_path: Path) -> None:
    texts = []
    for run in ("first", "second"):
        TOOL["main"](["--folder", str(tmp_path / run), "--format", "dot", "--only", name])
        texts.append((tmp_path / run / f"{name}.dot").read_text(encoding="utf-8"))
    assert texts[0].startswith("digraph")
    assert texts[0] == texts[1]


def test_bias_before_a_batch_norm_gets_no_gradient() -> None:
    data = data_of("digits-cnn")
    for layer in ("conv1", "conv2"):
        assert size_of_gradient(data, f"{layer}.bias") < 1e-5 * size_of_gradient(data, f"{layer}.weight")


def test_resnet18_is_as_the_page_says() -> None:
    data = data_of("resnet18")
    assert sum(item.kind == "operation" for item in data.items) == 70
    blocks = [box.path for box in data.boxes if box.kind == "BasicBlock"]
    assert blocks == [f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)]


def test_recurrent_cell_is_called_five_times_and_its_gradient_shrinks() -> None:
    data = data_of("recurrent")
    assert [box.call for box in data.boxes if box.path == "cell"] == [1, 2, 3, 4, 5]
    norms = [item.grad.norm for item in data.items if item.name == "h" and item.op == "tanh"]
    assert len(norms) == 5
    assert norms == sorted(norms)


def test_bias_of_keys_gets_no_gradient() -> None:
    data = data_of("attention")
    assert size_of_gradient(data, "key.bias") < 1e-4 * size_of_gradient(data, "query.bias")


def test_recorded_backward_pass_is_told_apart() -> None:
    stages = [item.stage for item in data_of("double-backward").items if item.kind == "operation"]
    assert (stages.count("forward"), stages.count("backward")) == (2, 6)


def test_gradient_vanishes_in_one_column_only() -> None:
    data = data_of("vanishing")
    assert size_of_gradient(data, "sigmoid.0.weight") < 1e-6 * size_of_gradient(data, "sigmoid.22.weight")
    assert size_of_gradient(data, "relu.0.weight") > 0.1 * size_of_gradient(data, "relu.22.weight")
