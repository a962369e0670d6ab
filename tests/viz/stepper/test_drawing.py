"""The drawing: nothing lies on anything else; folding, following and searching change what is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import tinygrad_edu as tg
from support.stepper import Page, small_net
from tinygrad_edu import nn, viz

# Nodes in the coordinates of the drawing, whatever the zoom.
GEOMETRY = """
const place = (g) => g.getAttribute("transform").match(/-?[0-9.]+/g).map(Number);
const nodes = Array.from(document.querySelectorAll(".node"), (g) => {
  const [x, y] = place(g);
  const face = g.querySelector(".face");
  const [width, height] = ["width", "height"].map((name) => Number(face.getAttribute(name)));
  return { key: g.dataset.key, x, y, right: x + width, bottom: y + height, g };
});
const boxes = Array.from(document.querySelectorAll("rect.box"), (r) => {
  const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(r.getAttribute(name)));
  return { key: "box" + r.dataset.group, x, y, right: x + width, bottom: y + height };
});
const apart = (a, b) => a.right <= b.x || b.right <= a.x || a.bottom <= b.y || b.bottom <= a.y;
const within = (a, b) => a.x >= b.x && a.right <= b.right && a.y >= b.y && a.bottom <= b.bottom;
"""
OVERLAPS = """
const wrong = [];
const all = [...nodes, ...boxes];
all.forEach((a, i) => all.slice(i + 1).forEach((b) => {
  const nested = boxes.includes(b) && within(a, b) || boxes.includes(a) && within(b, a);
  if (!apart(a, b) && !nested) wrong.push(a.key + " and " + b.key);
}));
return wrong;
"""
LINES_THROUGH_NODES = """
const wrong = [];
for (const line of document.querySelectorAll(".edge")) {
  const others = nodes.filter(({ key }) => key !== line.dataset.from && key !== line.dataset.to);
  for (let at = 0; at < line.getTotalLength(); at += 6) {
    const { x, y } = line.getPointAtLength(at);
    const hit = others.find((n) => x > n.x && x < n.right && y > n.y && y < n.bottom);
    if (hit) { wrong.push(line.dataset.from + " to " + line.dataset.to + " through " + hit.key); break; }
  }
}
return wrong;
"""
WIDE_TEXTS = """
const wrong = [];
for (const { g, x, right } of nodes) {
  const texts = Array.from(g.querySelectorAll("text"), (t) => ({ t, box: t.getBBox() })).filter(({ box }) => box.width);
  for (const { t, box } of texts) if (box.x < 0 || box.x + box.width > right - x) wrong.push(t.textContent);
  texts.forEach((a, i) => texts.slice(i + 1).forEach((b) => {
    const aside = a.box.x + a.box.width <= b.box.x || b.box.x + b.box.width <= a.box.x;
    if (!aside && Math.abs(a.t.getAttribute("y") - b.t.getAttribute("y")) < 9) {
      wrong.push(a.t.textContent + " on " + b.t.textContent);
    }
  }));
}
return wrong;
"""
LINES_THAT_MISS = """
const wrong = [];
const find = (key) => nodes.find((n) => n.key === key);
for (const line of document.querySelectorAll(".edge")) {
  const [from, to] = [find(line.dataset.from), find(line.dataset.to)];
  const [start, end] = [line.getPointAtLength(0), line.getPointAtLength(line.getTotalLength())];
  const starts = start.x >= from.x && start.x <= from.right && Math.abs(start.y - from.bottom) < 1;
  const ends = end.x >= to.x && end.x <= to.right && Math.abs(end.y - to.y) < 1;
  if (!starts || !ends) wrong.push(line.dataset.from + " to " + line.dataset.to);
}
return wrong;
"""


def tidy(page: Page) -> None:
    """Check that no node lies on another or sticks out of its box, no line goes through a node, no text is too wide."""
    for check in (OVERLAPS, LINES_THROUGH_NODES, WIDE_TEXTS, LINES_THAT_MISS):
        assert page.run(GEOMETRY + check) == []


class Residual(nn.Module):
    """A block with a way around it."""

    def __init__(self, width: int, change: bool) -> None:
        super().__init__()
        self.a, self.norm, self.b = nn.Linear(width, width), nn.LayerNorm(width), nn.Linear(width, width)
        self.around = nn.Linear(width, width) if change else nn.Identity()

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.b(nn.functional.relu(self.norm(self.a(x)))) + self.around(x)


def residual_net() -> viz.GraphView:
    model = nn.Sequential(*[Residual(8, i % 2 == 0) for i in range(4)])
    with viz.trace(model):
        loss = (model(tg.randn(2, 8)) ** 2).mean()
    return viz.graph(loss, params=model)


def recurrent_cell() -> viz.GraphView:
    w, u, b = (tg.randn(4, 4, requires_grad=True) for _ in range(3))
    with viz.trace():
        h = tg.zeros(3, 4)
        states = []
        for _ in range(6):
            h = (tg.randn(3, 4) @ w + h @ u + b[0]).tanh()
            states.append(h)
        loss = sum(((s * s).mean() for s in states), tg.tensor(0.0))
    return viz.graph(loss)


def ladder() -> viz.GraphView:
    rungs = [tg.tensor(0.1 * i, requires_grad=True) for i in range(5)]
    with viz.trace():
        for i in range(14):
            rungs.append(rungs[i] * rungs[-1] + rungs[i + 2])
        out = sum(rungs[1:], rungs[0])
    return viz.graph(out)


def attention() -> viz.GraphView:
    x = tg.randn(2, 5, 8)
    wq, wk, wv, wo = (tg.randn(8, 8, requires_grad=True) for _ in range(4))
    with viz.trace():
        q, k, v = x @ wq, x @ wk, x @ wv
        weights = nn.functional.softmax(q @ k.transpose(1, 2) / 8**0.5, -1)
        out = ((weights @ v) @ wo + x).mean()
    return viz.graph(out)


def long_numbers() -> viz.GraphView:
    a, b = tg.tensor(-2.123456e-5, requires_grad=True), tg.tensor(-1234567.0, requires_grad=True)
    with viz.trace():
        c = a * b
        d = c * a + c * -3.14159e-7
    return viz.graph(d + a)


GRAPHS = {f.__name__: f for f in (small_net, residual_net, recurrent_cell, ladder, attention, long_numbers)}


@pytest.mark.parametrize("name", GRAPHS)
def test_nothing_lies_on_anything_else(name: str, open_page: Callable[..., Page]) -> None:
    tg.manual_seed(0)
    view = GRAPHS[name]()
    page = open_page(view)
    tidy(page)
    page.click("#unfold-all")
    assert len(page.nodes()) == len(view.data.items)
    for k in (0, page.last // 2, page.last):
        page.go(k)
        assert page.run(GEOMETRY + WIDE_TEXTS) == []
    page.click("#fold-all")
    tidy(page)
    while True:  # level by level
        before = len(page.nodes())
        page.click("#unfold-level")
        tidy(page)
        if len(page.nodes()) == before:
            break
    assert before == len(view.data.items)


def test_unfolded_drawing_has_an_edge_for_every_use(open_page: Callable[..., Page]) -> None:
    view = small_net()
    page = open_page(view)
    page.click("#unfold-all")
    drawn = page.run("return Array.from(document.querySelectorAll('.edge'), (e) => [+e.dataset.from, +e.dataset.to])")
    uses = {(s.item, i) for i, item in enumerate(view.data.items) for s in item.sources if s.item is not None}
    assert len(drawn) == len(uses)
    assert set(map(tuple, drawn)) == uses


def test_depth_says_what_is_unfolded_at_first(open_page: Callable[..., Page]) -> None:
    page = open_page(small_net(depth=1))
    assert page.boxes() == ["SmallNet"]
    assert {"conv", "blocks", "out"} <= set(page.titles())
    page = open_page(small_net(depth=0))
    assert page.boxes() == []
    assert "SmallNet" in page.titles()


def test_equal_neighbours_are_one_node_with_a_count(open_page: Callable[..., Page]) -> None:
    page = open_page(small_net(depth=2))
    assert page.boxes() == ["SmallNet", "conv · Conv2d", "blocks · Sequential", "out · Linear"]
    assert "0 … 2 ×3" in page.titles()
    page.search("blocks.1.0.weight")
    page.press("\ue007")
    assert {"1 · Sequential", "0 · Linear"} <= set(page.boxes())
    assert {"0", "1", "2"} <= set(page.titles())  # the other blocks, and the ReLU of this


def test_click_unfolds_and_folds(open_page: Callable[..., Page]) -> None:
    page = open_page(small_net(depth=1))
    page.click(f'.node[data-key="{key_of(page, "conv")}"] .fold')
    assert "conv · Conv2d" in page.boxes()
    assert {"weight", "bias", "convolution"} <= set(page.titles())
    (title,) = [t for t in page.driver.find_elements("css selector", ".box-title") if "conv" in t.text]
    title.click()
    assert page.boxes() == ["SmallNet"]


def test_step_inside_a_folded_module_lights_it_up(open_page: Callable[..., Page]) -> None:
    page = open_page(small_net(depth=1))
    for k in range(1, page.last + 1):
        page.go(k)
        assert len([node for node in page.nodes().values() if "current" in node["classes"]]) == 1


def test_follow_unfolds_what_the_step_is_in(open_page: Callable[..., Page]) -> None:
    page = open_page(small_net(depth=1))
    page.click("#follow")
    for k in range(1, page.last + 1):
        card = page.go(k)
        (current,) = [key for key, node in page.nodes().items() if "current" in node["classes"]]
        assert current == card["item"]
        assert len(page.boxes()) <= 5  # what was unfolded on the way is folded again


def key_of(page: Page, title: str) -> int:
    (key,) = [key for key, node in page.nodes().items() if node["title"] == title]
    return key


def test_search_finds_by_name_operation_module_and_shape(open_page: Callable[..., Page]) -> None:
    page = open_page(small_net(depth=1))
    for words, found in {
        "conv.bias": "conv.bias",
        "blocks linear": "linear",
        "32x32 blocks.2": "blocks.2.0.weight",
        "cross_entropy": "cross_entropy → loss",
        "Sequential blocks.1": "1",
    }.items():
        page.search(words)
        page.press("\ue007")
        assert page.text("#panel-body h2") == found
        assert page.text("#hits").startswith("1 of ")
        assert sum("selected" in node["classes"] for node in page.nodes().values()) == 1
    page.search("no such thing")
    assert page.text("#hits") == "nothing found"


def test_search_goes_round(open_page: Callable[..., Page]) -> None:
    page = open_page(small_net())
    page.search("relu")
    hits = int(page.text("#hits").split()[0])
    for n in [*range(1, hits + 1), 1]:
        page.click("#search-next")
        assert page.text("#hits") == f"{n} of {hits}"
    page.click("#search-back")
    assert page.text("#hits") == f"{hits} of {hits}"


def test_node_that_is_clicked_is_explained(open_page: Callable[..., Page]) -> None:
    page = open_page(small_net())
    page.click("#unfold-all")
    page.search("convolution")
    page.press("\ue007")
    text = page.text("#panel-body")
    for part in ("convolution", "2×2×4×4", "conv2d_weight", "groups", "self.conv(x)", "Kept for the backward pass"):
        assert part in text
    page.click("#panel-body .inputs .link")
    assert page.text("#panel-body h2") in {"x", "input"}
    assert "value from outside the graph" in page.text("#panel-body")


def test_value_that_was_cut_off_says_why(open_page: Callable[..., Page]) -> None:
    a = tg.tensor(2.0, requires_grad=True)
    with viz.trace():
        b = (a * 3.0).detach()
        c = a * b
    page = open_page(viz.graph(c))
    page.search("b")
    page.press("\ue007")
    assert page.text(".notice") == "It was detached: no gradient goes back through it."


def test_used_twice_is_one_edge_with_a_count(open_page: Callable[..., Page]) -> None:
    y = tg.ones(1, requires_grad=True)
    for _ in range(100):
        y = y + y
    page = open_page(viz.graph(y))
    assert len(page.nodes()) == 101
    assert page.run("return document.querySelectorAll('.edge').length") == 100
    assert page.run("return Array.from(document.querySelectorAll('.times'), (t) => t.textContent)") == ["×2"] * 100
    tidy(page)


def test_chain_of_30_000_operations_opens_and_unfolds_by_parts(open_page: Callable[..., Page]) -> None:
    y = tg.ones(1, requires_grad=True)
    for _ in range(30_000):
        y = y * 1.0
    page = open_page(viz.graph(y))
    (middle,) = [title for title in page.titles() if title.startswith("…")]
    assert middle == "… 29,953 operations"
    assert len(page.nodes()) == 49
    page.search("no such")
    page.go(15_000)
    (current,) = [node for node in page.nodes().values() if "current" in node["classes"]]
    assert current["title"] == middle
    page.click("#follow")
    (current,) = [key for key, node in page.nodes().items() if "current" in node["classes"]]
    assert current == 15_000
    assert len(page.nodes()) < 200
    tidy(page)
    page.click("#unfold-all")
    assert len(page.nodes()) <= 2_000


def test_wide_and_deep_graph_stays_within_the_limit(open_page: Callable[..., Page]) -> None:
    x = tg.ones(1, requires_grad=True)
    parts = [x * float(i) for i in range(1500)]
    out = tg.cat(parts).sum()
    page = open_page(viz.graph(out))
    tidy(page)
    page.click("#unfold-all")
    assert len(page.nodes()) <= 2_000
    assert page.run(GEOMETRY + OVERLAPS) == []
