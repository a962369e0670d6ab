"""The view of a graph: what it holds, the forms in which it is saved, its options and their mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import graphviz
import pytest

import tinygrad_edu as tg
from support.dot_reader import read_dot
from tinygrad_edu import nn, viz

needs_renderer = pytest.mark.skipif(
    which("dot") is None and find_spec("pygraphviz") is None, reason="neither dot nor pygraphviz is installed"
)


def small() -> viz.GraphView:
    return viz.graph(tg.ones(1, requires_grad=True) * 2)


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
    drawing = read_dot(viz.graph(output, params={"x": x, "w": w}).dot)
    name = {node: drawing.label(node).split("\n")[0] for node in drawing.nodes}
    assert sorted(name.values()) == sorted(["output = sum", "add", "exp", "mul", "x", "w"])
    assert sorted((name[arrow.tail], name[arrow.head]) for arrow in drawing.arrows) == sorted(
        [("x", "mul"), ("w", "mul"), ("mul", "exp"), ("exp", "add"), ("w", "add"), ("add", "output = sum")]
    )


def test_network_is_drawn_whole() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 4))
    loss = nn.functional.cross_entropy(model(tg.rand(5, 1, 8, 8)), tg.randint(4, (5,)))
    drawing = read_dot(viz.graph(loss, params=dict(model.named_parameters())).dot)
    assert (len(drawing.nodes), len(drawing.arrows)) == recorded(loss)
    for name, parameter in model.named_parameters():
        assert f"{name}\n{'×'.join(map(str, parameter.shape))} float32" in drawing.labels


def test_shared_part_is_drawn_once() -> None:
    y = tg.ones(2, requires_grad=True)
    for _ in range(100):  # a walk along every path would take 2**100 steps
        y = y + y
    drawing = read_dot(viz.graph(y).dot)
    assert len(drawing.nodes) == 101
    assert len(drawing.arrows) == 200


def test_long_chain_is_drawn_without_recursion() -> None:
    y = tg.ones(1, requires_grad=True)
    for _ in range(30_000):
        y = y * 1.0
    assert viz.graph(y).dot.count(" -> ") == 30_000


def test_graph_that_was_freed_can_still_be_drawn() -> None:
    x = tg.ones(2, 3, requires_grad=True)
    loss = (x * x).sum()
    before = read_dot(viz.graph(loss).dot)
    loss.backward()
    after = read_dot(viz.graph(loss).dot)
    assert after.labels == before.labels
    assert after.arrows == before.arrows
    assert "freed by a backward pass" in after.text
    assert "freed" not in before.text


def test_leaf_alone_is_drawn() -> None:
    drawing = read_dot(viz.graph(tg.ones(2, requires_grad=True)).dot)
    assert (drawing.labels, drawing.arrows) == (["output\n2 float32"], [])


def test_view_does_not_change_with_the_tensors() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    view = viz.graph((w * 3.0).sum(), show=("value", "grad"))
    with tg.no_grad():
        w.fill_(9.0)
    assert "value [1, 2]\ngrad [3, 3]" in "\n".join(read_dot(view.dot).labels)


@pytest.mark.parametrize("name", ['a"b', "a\\nb", "<b>bold</b>", "{a|b}", "ä→ß", "a\\", "node [x]; y -> z", "&amp;"])
def test_name_with_special_characters_is_escaped(name: str) -> None:
    w = tg.ones(1, requires_grad=True)
    drawing = read_dot(viz.graph(w * 2, params={name: w}).dot)
    assert f"{name}\n1 float32" in drawing.labels
    assert len(drawing.nodes) == 2
    assert len(drawing.arrows) == 1


@needs_renderer
@pytest.mark.parametrize("name", ['a"b', "a\\nb", "\\N", "<b>bold</b>", "{a|b}", "ä→ß", "a\\", "&amp;", "0"])
def test_name_with_special_characters_reaches_the_picture(name: str, tmp_path: Path) -> None:
    from html import unescape

    w = tg.ones(1, requires_grad=True)
    text = viz.graph(w * 2, params={name: w}).save(tmp_path / "g.svg").read_text(encoding="utf-8")
    assert f">{name}<" in unescape(text).replace("\xa0", " ")


@needs_renderer
def test_letters_that_are_no_text_do_not_break_the_picture(tmp_path: Path) -> None:
    w = tg.ones(1, requires_grad=True)
    view = viz.graph(w * 2, params={"a\x00b\nc\ud800": w})
    assert "a b c " in view.save(tmp_path / "g.svg").read_text(encoding="utf-8").replace("\xa0", " ")


def test_long_name_is_shortened() -> None:
    w = tg.ones(1, requires_grad=True)
    (label,) = [label for label in read_dot(viz.graph(w * 2, params={"a" * 99 + "z": w}).dot).labels if "z" in label]
    assert label.split("\n")[0] == "a" * 23 + "…" + "a" * 23 + "z"


def test_dot_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "graph.dot"
    target.write_text("older")
    view = small()
    assert view.save(str(target)) == target
    assert target.read_text(encoding="utf-8") == view.dot
    assert list(tmp_path.iterdir()) == [target]


def test_json_file_holds_the_graph(tmp_path: Path) -> None:
    target = small().save(tmp_path / "graph.json")
    assert [item["kind"] for item in json.loads(target.read_text(encoding="utf-8"))["items"]] == ["leaf", "operation"]


@needs_renderer
@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".PDF", b"%PDF")])
def test_picture_has_the_format_of_its_suffix(suffix: str, start: bytes, tmp_path: Path) -> None:
    path = small().save(tmp_path / f"graph{suffix}")
    assert path.read_bytes().startswith(start)


@needs_renderer
def test_notebook_shows_svg() -> None:
    view = small()
    assert "<svg" in view._repr_svg_()
    assert set(view._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}


def without_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any, **__: Any) -> bytes:
        raise graphviz.ExecutableNotFound(["dot"])

    monkeypatch.setattr(graphviz.Source, "pipe", missing)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def test_without_renderer_the_dot_file_is_written_beside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_renderer(monkeypatch)
    view = small()
    with pytest.raises(
        RuntimeError, match=r'pip install "tinygrad-edu\[viz\]".* The drawing was written to .*graph\.dot\.$'
    ):
        view.save(tmp_path / "graph.svg")
    assert (tmp_path / "graph.dot").read_text(encoding="utf-8") == view.dot
    assert list(tmp_path.iterdir()) == [tmp_path / "graph.dot"]


def test_without_renderer_the_form_that_was_asked_for_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with viz.trace():
        y = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1), nn.Tanh()))(tg.ones(1, 1))
    view = viz.graph(y)
    assert "subgraph" in view.dot  # of which the layout is asked first
    without_renderer(monkeypatch)
    with pytest.raises(RuntimeError, match="No Graphviz found to draw pdf: install"):
        view.save(tmp_path / "graph.pdf")


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.dot"])
def test_folder_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"GraphView\.save: there is no folder '.*new'; make it first"):
        small().save(tmp_path / "new" / name)
    assert list(tmp_path.iterdir()) == []


def test_text_says_that_the_backward_pass_stopped() -> None:
    x = tg.ones(2, requires_grad=True)
    e = (x * 1).exp()
    y = e * e
    e.add_(1)
    assert "1 backward steps, then RuntimeError: one of the variables needed" in repr(viz.graph(y.sum()))


@needs_renderer
def test_names_that_say_nothing_are_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    x, w = tg.ones(1, requires_grad=True), tg.ones(1, requires_grad=True)
    view = viz.graph(((x * w).exp() * w).sum(), params={"..": x, "": w})
    assert view._repr_svg_().rstrip().endswith("</svg>")
    assert "<b></b>" not in view.dot
    assert "rror" not in capfd.readouterr().err


def test_without_renderer_a_notebook_shows_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    without_renderer(monkeypatch)
    shown = small()._repr_mimebundle_()
    assert shown["text/html"].startswith('<iframe srcdoc="&lt;!')
    assert "No Graphviz found to draw svg" in shown["text/plain"]


def test_dot_program_that_cannot_write_a_form_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: Any, **__: Any) -> bytes:
        raise subprocess.CalledProcessError(1, ["dot"], stderr=b'Format: "pdf" not recognized.\nUse one of: svg')

    monkeypatch.setattr(graphviz.Source, "pipe", broken)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(RuntimeError, match=r'could not draw pdf \(Format: "pdf" not recognized\.\): install'):
        small().save(tmp_path / "graph.pdf")


def test_too_large_a_picture_says_the_way_out(tmp_path: Path) -> None:
    y = tg.ones(1, requires_grad=True)
    for _ in range(1500):
        y = y.sin()
    view = viz.graph(y)
    with pytest.raises(RuntimeError, match=r"1,501 nodes are too many to be drawn as svg .* fold modules with depth="):
        view.save(tmp_path / "graph.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["graph.dot"]
    with pytest.raises(RuntimeError, match="too many"):
        view._repr_svg_()


def test_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot write 'graph\.gif'; the suffix must be one of"):
        small().save(tmp_path / "graph.gif")
    assert list(tmp_path.iterdir()) == []


def test_nothing_recorded() -> None:
    with pytest.raises(ValueError, match="requires no grad, so nothing was recorded"):
        viz.graph(tg.ones(1) * 2)


def test_not_a_tensor() -> None:
    with pytest.raises(TypeError, match="expected a Tensor, got float; pass one"):
        viz.graph(2.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"depth": 1.0}, TypeError, r"depth must be an int or None, got 1\.0; depth=1 folds"),
        ({"depth": True}, TypeError, "depth must be an int or None, got True"),
        ({"depth": -1}, ValueError, "depth must be 0 or more, got -1; None unfolds all"),
        ({"show": "value"}, TypeError, r"""got 'value'; for one word show=\("value",\)"""),
        ({"show": 3}, TypeError, "show must be a sequence of words, got 3"),
        ({"show": ("grads",)}, ValueError, r"show has 'grads', which is not one of \('shape', .*did you mean 'grad'\?"),
        ({"show": ("zzz",)}, ValueError, r"show has 'zzz', which is not one of \('shape', .*'inputs'\)\.$"),
        (
            {"unfold": "layer1"},
            TypeError,
            r"""unfold must be a sequence of paths, got 'layer1'; for one module unfold=""",
        ),
        (
            {"unfold": ["a"]},
            ValueError,
            r"unfold has 'a', which is no module in this graph; there are none: run the mod",
        ),
        ({"direction": "up"}, ValueError, r"direction must be one of \('forward', 'backward', 'both'\), got 'up'"),
        ({"params": [1]}, TypeError, "params must be a Module or a dict of names to tensors, got list; pass the model"),
        ({"params": {"w": 1.0}}, TypeError, "params must lead from str to Tensor, got str to float at 'w'"),
        ({"params": {1: tg.ones(1)}}, TypeError, "got int to Tensor at 1"),
    ],
)
def test_mistakes_in_options(options: dict[str, Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        viz.graph(tg.ones(1, requires_grad=True) * 2, **options)
