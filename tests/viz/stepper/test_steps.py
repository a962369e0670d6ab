"""The numbers that stand on the page at each step are the engine's, and those of the chain rule."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_edu as tg
from support.stepper import Page, number
from tinygrad_edu import nn, viz

OPS: dict[str, tuple[int, Callable[..., tg.Tensor], Callable[..., tuple[float, ...]]]] = {
    "add": (2, lambda a, b: a + b, lambda a, b: (1.0, 1.0)),
    "sub": (2, lambda a, b: a - b, lambda a, b: (1.0, -1.0)),
    "mul": (2, lambda a, b: a * b, lambda a, b: (b, a)),
    "tanh": (1, lambda a: a.tanh(), lambda a: (1 - math.tanh(a) ** 2,)),
    "sin": (1, lambda a: a.sin(), lambda a: (math.cos(a),)),
}


def random_scalars(seed: int) -> tuple[list[tg.Tensor], list[tuple[str, list[int]]], int]:
    """Compute at random; return all tensors in the order in which they were made, and how: the last uses all."""
    draw = random.Random(seed)
    tensors = [tg.tensor(draw.uniform(-1.5, 1.5), dtype=tg.float64, requires_grad=True) for _ in range(3)]
    made: list[tuple[str, list[int]]] = []
    unused = set(range(3))

    def apply(name: str, inputs: list[int]) -> None:
        tensors.append(OPS[name][1](*(tensors[i] for i in inputs)))
        made.append((name, inputs))
        unused.difference_update(inputs)
        unused.add(len(tensors) - 1)

    for _ in range(9):
        name = draw.choice(sorted(OPS))
        apply(name, [draw.randrange(len(tensors)) for _ in range(OPS[name][0])])
    while len(unused) > 1:
        apply("add", sorted(unused)[:2])
    return tensors, made, 3


def close(shown: str, expected: float) -> bool:
    return number(shown) == pytest.approx(expected, rel=2e-5, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_every_step_of_a_random_scalar_expression(seed: int, open_page: Callable[..., Page]) -> None:
    with viz.trace():
        tensors, made, leaves = random_scalars(seed)
    output = tensors[-1]
    grads = [g.item() for g in tg.autograd.grad(output, tensors, retain_graph=True)]
    view = viz.graph(output)
    page = open_page(view)
    cards = page.cards()
    assert len(cards) == 1 + len(made) + len(view.data.steps)
    items = [card["item"] for card in cards[1 : len(made) + 1]]
    for card, (name, inputs), tensor in zip(cards[1:], made, tensors[leaves:]):
        assert card["phase"] == "forward"
        shown = re.fullmatch(rf"{name}\((.*)\) = (.*)", card["equation"])
        assert shown is not None
        assert all(close(s, tensors[i].item()) for s, i in zip(shown[1].split(", "), inputs))
        assert close(shown[2], tensor.item())
    arrived: dict[int, list[float]] = {}
    for card in cards[len(made) + 1 :]:
        assert card["phase"] == "backward"
        check_step_backward(card, items, tensors, made, grads, arrived)
    for item, terms in arrived.items():
        assert any(sum(terms) == pytest.approx(g, rel=1e-4, abs=1e-9) for g in grads), item


def check_step_backward(
    card: dict[str, Any],
    items: list[int],
    tensors: list[tg.Tensor],
    made: list[tuple[str, list[int]]],
    grads: list[float],
    arrived: dict[int, list[float]],
) -> None:
    """Check one step of the backward pass against the chain rule; note what arrives where."""
    if card["item"] not in items:
        assert any(close(card["shown"], g) for g in grads[:3])
        return
    place = items.index(card["item"])
    name, inputs = made[place]
    incoming = grads[3 + place]
    assert close(card["shown"], incoming)
    derivatives = OPS[name][2](*(tensors[i].item() for i in inputs))
    assert len(card["sent"]) == len(inputs)
    for sent, to, local in zip(card["sent"], inputs, derivatives):
        terms = arrived.setdefault(to, [])
        terms.append(local * incoming)
        assert close(sent["local"][0], local)
        assert close(sent["product"][0], local * incoming)
        line = re.fullmatch(r"(.*) × (.*) = (.*)", sent["line"])
        assert line is not None
        assert all(close(a, b) for a, b in zip(line.groups(), (incoming, local, incoming * local)))
        equation = sent["sum"].partition(" = ")[2].partition(" so far")[0]
        addends, _, total = equation.partition(" = ")
        if "more" not in addends:
            assert len(addends.split(" + ")) == len(terms)
            assert all(close(a, t) for a, t in zip(addends.split(" + "), terms))
        assert number(total or addends) == pytest.approx(sum(terms), rel=1e-4, abs=1e-9)


def test_fan_out_shows_the_sum_grow(open_page: Callable[..., Page]) -> None:
    a = tg.tensor(3.0, requires_grad=True)
    with viz.trace():
        b = a * 2.0
        c = a * a
        d = b + c
    page = open_page(viz.graph(d))
    sums = {card["caption"]: [sent["sum"] for sent in card["sent"]] for card in page.cards() if card["sent"]}
    assert sums == {
        "step 4 of 7: backward: add → d": ["b.grad = 1", "c.grad = 1"],
        "step 5 of 7: backward: mul → c": [
            "a.grad = 3 so far; 2 terms to come",
            "a.grad = 3 + 3 = 6 so far; 1 term to come",
        ],
        "step 6 of 7: backward: mul → b": ["a.grad = 3 + 3 + 2 = 8"],
    }
    assert page.go(5)["item"]
    assert page.nodes()[0]["grad"] == "6 …"
    page.go(7)
    assert page.nodes()[0]["grad"] == "8" == f"{tg.autograd.grad(d, a)[0].item():g}"


def test_equal_senders_are_told_apart_by_their_calls(open_page: Callable[..., Page]) -> None:
    layer = nn.Linear(2, 2)
    with viz.trace(layer):
        loss = layer(layer(tg.ones(3, 2))).sum()
    page = open_page(viz.graph(loss, params=layer))
    card = page.go(page.last)
    assert card["title"] in ("weight", "bias")
    assert card["sum"] == f"{card['title']}.grad = the sum of what linear sent 2 times"
    terms = page.run("return Array.from(document.querySelectorAll('.terms li'), (term) => term.textContent)")
    assert sorted("(call 2)" in term for term in terms) == [False, True]


def test_values_appear_forward_and_gradients_backward(open_page: Callable[..., Page]) -> None:
    a = tg.tensor(2.0, requires_grad=True)
    with viz.trace():
        b = a * a
        c = b.exp()
    page = open_page(viz.graph(c))
    seen = []
    for k in range(page.last + 1):
        page.go(k)
        seen.append([(node["data"], node["grad"]) for _, node in sorted(page.nodes().items())])
    assert seen == [
        [("2", ""), ("", ""), ("", "")],
        [("2", ""), ("4", ""), ("", "")],
        [("2", ""), ("4", ""), ("54.6", "")],
        [("2", ""), ("4", "54.6"), ("54.6", "1")],
        [("2", "218.4"), ("4", "54.6"), ("54.6", "1")],
        [("2", "218.4"), ("4", "54.6"), ("54.6", "1")],
    ]


def test_tensors_of_few_numbers_are_shown_whole(open_page: Callable[..., Page]) -> None:
    tg.manual_seed(1)
    x, w = tg.randn(2, 3, requires_grad=True), tg.randn(3, requires_grad=True)
    with viz.trace():
        y = x * w
        z = y.tanh()
        loss = (z * z).sum()
    grads = dict(zip("xwyz", tg.autograd.grad(loss, (x, w, y, z), retain_graph=True)))
    page = open_page(viz.graph(loss))
    cards = {card["title"]: card for card in page.cards() if card["phase"] == "backward"}
    for title, name in {"mul → y": "y", "tanh → z": "z", "x": "x", "w": "w"}.items():
        shown = [number(v) for v in cards[title]["incoming"]]
        assert shown == pytest.approx(grads[name].numpy().ravel().tolist(), rel=1e-5)
    product = [number(v) for v in cards["tanh → z"]["sent"][0]["product"]]
    assert product == pytest.approx(grads["y"].numpy().ravel().tolist(), rel=1e-5)
    local = [number(v) for v in cards["tanh → z"]["sent"][0]["local"]]
    assert local == pytest.approx((1 - z.detach() ** 2).numpy().ravel().tolist(), rel=1e-5)


def test_norms_of_gradients_of_a_network(open_page: Callable[..., Page]) -> None:
    tg.manual_seed(0)
    model = tg.nn.Sequential(tg.nn.Linear(30, 20), tg.nn.Tanh(), tg.nn.Linear(20, 4))
    loss = tg.nn.functional.cross_entropy(model(tg.randn(5, 30)), tg.tensor([0, 1, 2, 3, 0]))
    names, parameters = zip(*model.named_parameters())
    grads = tg.autograd.grad(loss, parameters, retain_graph=True)
    page = open_page(viz.graph(loss, params=model))
    page.click("#unfold-all")
    labels = [node["label"] for node in page.nodes().values()]
    for name, grad in zip(names, grads):
        (label,) = [label for label in labels if label.startswith(f"{name}, ")]
        assert number(label.rpartition("norm ")[2]) == pytest.approx(float((grad * grad).sum()) ** 0.5, rel=6e-3)


def test_there_and_back_again_is_the_same(open_page: Callable[..., Page]) -> None:
    a = tg.tensor(0.5, requires_grad=True)
    with viz.trace():
        b = (a * a).sin() + a
    page = open_page(viz.graph(b))
    there, nodes_there = page.cards(), page.nodes()
    script = "const all = []; for (let k = arguments[0]; k >= 0; k--) { goTo(k); all.push(readCard()); } return all;"
    assert page.run(script, page.last) == there[::-1]
    page.go(page.last)
    assert page.nodes() == nodes_there


def test_freed_graph_has_no_steps_backward_and_says_why(open_page: Callable[..., Page]) -> None:
    a = tg.tensor(2.0, requires_grad=True)
    output = (a * a).exp()
    output.backward()
    page = open_page(viz.graph(output))
    assert "backward() has already been run" in page.text(".notice")
    assert page.last == 2
    assert [card["phase"] for card in page.cards()] == ["start", "forward", "forward"]
    assert page.nodes()[0]["grad"] == f"{a.grad.item():.4g}"  # type: ignore[union-attr]


def test_graph_of_one_leaf(open_page: Callable[..., Page]) -> None:
    page = open_page(viz.graph(tg.tensor([1.0, 2.0], requires_grad=True)))
    cards = page.cards()
    assert [card["phase"] for card in cards] == ["start", "backward"]
    assert cards[1]["incoming"] == ["1", "1"]
    assert len(page.nodes()) == 1


def test_second_derivative(open_page: Callable[..., Page]) -> None:
    x = tg.tensor(0.7, dtype=tg.float64, requires_grad=True)
    with viz.trace():
        y = x.sin() * x
        (g,) = tg.autograd.grad(y, x, create_graph=True)
        z = g * g
    (expected,) = tg.autograd.grad(z, x, retain_graph=True)
    page = open_page(viz.graph(z))
    assert "second" in {kind for node in page.nodes().values() for kind in node["classes"]}
    (card,) = [card for card in page.cards() if card["title"] == "x"]
    assert close(card["shown"], expected.item())


def test_nan_and_infinities_are_shown(open_page: Callable[..., Page]) -> None:
    a = tg.tensor([0.0, math.inf, -math.inf, math.nan], requires_grad=True)
    with viz.trace():
        b = a * 2.0
        c = b.sum()
    page = open_page(viz.graph(c))
    assert page.nodes()[2]["data"] == "NaN"
    assert page.go(1)["title"] == "mul → b"
    cells = page.run(
        "return Array.from(document.querySelectorAll('#panel-body td[data-value]'), (td) => td.textContent)"
    )
    assert cells == ["0", "∞", "−∞", "NaN"]


def test_hook_that_changes_a_gradient_is_told(open_page: Callable[..., Page]) -> None:
    a = tg.tensor(2.0, requires_grad=True)
    with viz.trace():
        b = a * 3.0
        c = b * 1.0
    b.register_hook(lambda g: g * 10.0)
    page = open_page(viz.graph(c))
    (card,) = [card for card in page.cards() if card["phase"] == "backward" and card["title"] == "mul → b"]
    assert card["shown"] == "10"
    assert card["sent"][0]["product"] == ["30"]
    page.go(4)
    assert "hook" in page.text("#panel-body")


def test_function_of_ones_own_with_two_outputs(open_page: Callable[..., Page]) -> None:
    class Both(tg.autograd.Function):
        """Double and square."""

        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
            ctx.save_for_backward(x)
            return x * 2.0, x * x

        @staticmethod
        def backward(ctx: Any, *gs: tg.Tensor) -> tg.Tensor:
            (x,) = ctx.saved_tensors
            return gs[0] * 2.0 + gs[1] * 2.0 * x

    a = tg.tensor(3.0, requires_grad=True)
    with viz.trace():
        double, square = Both.apply(a)
        c = double * square
    page = open_page(viz.graph(c))
    assert len(page.cards()) == page.last + 1
    assert page.nodes()[0]["grad"] == f"{tg.autograd.grad(c, a)[0].item():g}"
    page.search("Both")
    page.press("\ue007")
    assert "Double and square." in page.text("#panel-body")
    assert "computed by a function of its own" in page.text("#panel-body")
