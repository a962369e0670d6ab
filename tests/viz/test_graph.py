"""The drawing holds exactly the nodes and edges of the recorded graph."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import graphviz
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, viz

NODE = re.compile(r'^\t(n\d+) \[label="?((?:[^"\\]|\\.)*?)"? color', re.MULTILINE | re.DOTALL)
EDGE = re.compile(r"^\t(n\d+) -> (n\d+) ", re.MULTILINE)

needs_renderer = pytest.mark.skipif(
    which("dot") is None and find_spec("pygraphviz") is None, reason="neither dot nor pygraphviz is installed"
)


def parts(view: viz.GraphView) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Read the nodes (name: label) and the edges back from DOT."""
    edges = EDGE.findall(view.dot)
    assert view.dot.count(" -> ") == len(edges)
    return dict(NODE.findall(view.dot)), edges


def recorded(output: tg.Tensor) -> tuple[int, int]:
    """Count nodes and edges by walking ``grad_fn``."""
    seen, edges, stack = set(), 0, [output.grad_fn]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            found = [source for source, _ in node.next_functions if source is not None]
            edges += len(found)
            stack += found
    return len(seen), edges


def test_nodes_and_edges_are_those_of_the_graph() -> None:
    x, w = tg.ones(2, 3, requires_grad=True), tg.ones(3, requires_grad=True)
    output = ((x * w).exp() + w).sum()
    nodes, edges = parts(viz.graph(output))
    assert sorted(label.split("\n")[0] for label in nodes.values()) == sorted(
        ["SumBackward0", "AddBackward0", "ExpBackward0", "MulBackward0", "leaf", "leaf"]
    )
    named = sorted((nodes[a].split("\n")[0], nodes[b].split("\n")[0]) for a, b in edges)
    assert named == sorted(
        [
            ("leaf", "MulBackward0"),
            ("leaf", "MulBackward0"),
            ("MulBackward0", "ExpBackward0"),
            ("ExpBackward0", "AddBackward0"),
            ("leaf", "AddBackward0"),
            ("AddBackward0", "SumBackward0"),
        ]
    )


def test_network_is_drawn_whole() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 4))
    loss = nn.functional.cross_entropy(model(tg.rand(5, 1, 8, 8)), tg.randint(4, (5,)))
    nodes, edges = parts(viz.graph(loss, params=dict(model.named_parameters())))
    assert (len(nodes), len(edges)) == recorded(loss)
    for name, parameter in model.named_parameters():
        assert f"{name}\n{'×'.join(map(str, parameter.shape))} float32" in nodes.values()


def test_shared_part_is_drawn_once() -> None:
    y = tg.ones(2, requires_grad=True)
    for _ in range(100):  # a walk along every path would take 2**100 steps
        y = y + y
    nodes, edges = parts(viz.graph(y))
    assert len(nodes) == 101
    assert len(edges) == 200


def test_long_chain_is_drawn_without_recursion() -> None:
    y = tg.ones(1, requires_grad=True)
    for _ in range(30_000):
        y = y * 1.0
    assert viz.graph(y).dot.count(" -> ") == 30_000


def test_graph_that_was_freed_can_still_be_drawn() -> None:
    x = tg.ones(2, 3, requires_grad=True)
    loss = (x * x).sum()
    before = viz.graph(loss).dot
    loss.backward()
    assert viz.graph(loss).dot == before


def test_shapes_stand_at_edges_and_output() -> None:
    dot = viz.graph(tg.ones(2, 3, requires_grad=True).sum()).dot
    assert '" 2×3 "' in dot
    assert "SumBackward0\nscalar" in dot


def test_kinds_are_told_apart() -> None:
    parameter, leaf = nn.Parameter(tg.ones(2)), tg.ones(2, requires_grad=True)
    dot = viz.graph((parameter * leaf).exp().sum()).dot
    fills = re.findall(r'label="?(\w+).*?fillcolor="(#\w+)"', dot, re.DOTALL)
    assert len({fill for _, fill in fills}) == 4
    assert {label for label, _ in fills} == {"parameter", "leaf", "MulBackward0", "ExpBackward0", "SumBackward0"}


def test_leaf_alone_is_drawn() -> None:
    assert parts(viz.graph(tg.ones(2, requires_grad=True))) == ({"n0": "leaf\n2 float32"}, [])


@pytest.mark.parametrize("name", ['a"b', "a\\nb", "<b>bold</b>", "{a|b}", "ä→ß", "a\\", "node [x]; y -> z"])
def test_name_with_special_characters_is_escaped(name: str) -> None:
    w = tg.ones(1, requires_grad=True)
    dot = viz.graph(w * 2, params={name: w}).dot
    assert graphviz.quoting.quote(graphviz.escape(f"{name}\n1 float32")) in dot


@needs_renderer
@pytest.mark.parametrize("name", ['a"b', "a\\nb", "<b>bold</b>", "{a|b}", "ä→ß", "a\\"])
def test_name_with_special_characters_reaches_the_picture(name: str, tmp_path: Path) -> None:
    from html import unescape

    w = tg.ones(1, requires_grad=True)
    text = viz.graph(w * 2, params={name: w}).save(tmp_path / "g.svg").read_text(encoding="utf-8")
    assert name in unescape(text).replace("\xa0", " ")


def test_dot_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "graph.dot"
    target.write_text("older")
    view = viz.graph(tg.ones(1, requires_grad=True) * 2)
    assert view.save(str(target)) == target
    assert target.read_text(encoding="utf-8") == view.dot
    assert list(tmp_path.iterdir()) == [target]


@needs_renderer
@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".PDF", b"%PDF")])
def test_picture_has_the_format_of_its_suffix(suffix: str, start: bytes, tmp_path: Path) -> None:
    path = viz.graph(tg.ones(1, requires_grad=True) * 2).save(tmp_path / f"graph{suffix}")
    assert path.read_bytes().startswith(start)


@needs_renderer
def test_notebook_shows_svg() -> None:
    assert "<svg" in viz.graph(tg.ones(1, requires_grad=True) * 2)._repr_svg_()


def test_no_renderer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(*_: Any, **__: Any) -> bytes:
        raise graphviz.ExecutableNotFound(["dot"])

    monkeypatch.setattr(graphviz.Source, "pipe", missing)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(RuntimeError, match=r'pip install "tinygrad-edu\[viz\]"'):
        viz.graph(tg.ones(1, requires_grad=True) * 2).save(tmp_path / "graph.svg")
    assert list(tmp_path.iterdir()) == []


def test_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot write 'graph\.gif'; the suffix must be one of"):
        viz.graph(tg.ones(1, requires_grad=True) * 2).save(tmp_path / "graph.gif")


def test_nothing_recorded() -> None:
    with pytest.raises(ValueError, match="requires no grad, so nothing was recorded"):
        viz.graph(tg.ones(1) * 2)


def test_not_a_tensor() -> None:
    with pytest.raises(TypeError, match="expected a Tensor, got float; pass one"):
        viz.graph(2.0)  # type: ignore[arg-type]
