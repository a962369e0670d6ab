"""The gradients in a picture are those that ``autograd.grad`` gives, for every node of random graphs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from support.dot_reader import read_dot
from tinygrad_edu import viz
from tinygrad_edu.viz.reading import in_order

UNARY = (tg.Tensor.sin, tg.Tensor.exp, tg.Tensor.tanh, tg.Tensor.relu, lambda t: t * 0.5, lambda t: -t)
BINARY = (tg.Tensor.add, tg.Tensor.mul, tg.Tensor.sub)


@st.composite
def graphs(draw: st.DrawFn) -> list[tg.Tensor]:
    """Draw the tensors of a graph: leaves, operations on any that are there, at last a sum."""
    shapes = st.sampled_from([(), (3,), (2, 3), (2, 1), (9, 9)])
    tensors = []
    for shape in draw(st.lists(shapes, min_size=1, max_size=3)):
        values = np.linspace(-1.0, 1.0, int(np.prod(shape))) + 0.1
        tensors.append(tg.tensor(values.reshape(shape), requires_grad=True))
    for _ in range(draw(st.integers(1, 8))):
        first, second = draw(st.sampled_from(tensors)), draw(st.sampled_from(tensors))
        op = draw(st.sampled_from([*UNARY, *BINARY]))
        fits = _fit(first.shape, second.shape)
        tensors.append(op(first) if op in UNARY else op(first, second if fits else first))
    return [*tensors, tensors[-1].sum()]


def _fit(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(a), reversed(b)))


@given(graphs(), st.booleans())
def test_gradients_shown_are_those_of_autograd_grad(tensors: list[tg.Tensor], twice: bool) -> None:
    output = tensors[-1]
    made = {tensor._edge: tensor for tensor in tensors}
    views = [viz.graph(output) for _ in range(1 + twice)]  # looking changes nothing
    nodes = in_order(output._edge)
    items = [item for item in views[-1].data.items if item.kind in ("operation", "leaf")]
    assert len(items) == len(nodes)
    for node, item in zip(nodes, items):
        (expected,) = tg.autograd.grad(output, [made[node]], retain_graph=True)
        grad = item.grad
        assert grad is not None
        assert grad.shape == expected.shape
        assert grad.norm == pytest.approx(np.linalg.norm(expected.array.ravel()), rel=1e-6, abs=1e-12)
        if grad.size <= 64:
            np.testing.assert_allclose(np.reshape(grad.values, grad.shape), expected.array, rtol=1e-6, atol=1e-12)
    assert all(tensor.grad is None for tensor in tensors if tensor.is_leaf)


@given(graphs())
def test_what_arrives_on_the_arrows_adds_up_to_the_gradient(tensors: list[tg.Tensor]) -> None:
    data = viz.graph(tensors[-1]).data
    sums: dict[int, object] = {}
    for step in data.steps:
        for sent in step.sent:
            source = data.items[step.item].sources[sent.source].item
            if source is not None and sent.product.values is not None:
                sums[source] = sums.get(source, 0.0) + np.array(sent.product.values)
    for number, total in sums.items():
        grad = data.items[number].grad
        assert grad is not None
        np.testing.assert_allclose(total, grad.values, rtol=1e-5, atol=1e-12)


def test_numbers_of_a_scalar_expression_stand_on_its_nodes_and_arrows() -> None:
    a, b, c, f = (tg.tensor(v, requires_grad=True) for v in (2.0, -3.0, 10.0, -2.0))
    with viz.trace():
        e = a * b
        d = e + c
        L = d * f
    drawing = read_dot(viz.graph(L, show=("value", "grad"), direction="both").dot)
    assert drawing.label(drawing.called("e = mul")) == "e = mul\nvalue -6\ngrad -2"
    assert drawing.label(drawing.called("a")) == "a\nvalue 2\ngrad 6"
    assert drawing.label(drawing.called("L = mul")) == "L = mul\nvalue -8\ngrad 1"
    back = {arrow.tail: arrow.text for arrow in drawing.arrows if arrow.attributes.get("dir") == "back"}
    names = ("a", "b", "c", "f", "e = mul", "d = add")
    assert [back[drawing.called(name)] for name in names] == ["6", "-4", "-2", "4", "-2", "-2"]


def test_gradient_of_a_sum_over_two_uses_is_sent_in_parts() -> None:
    x = tg.tensor(3.0, requires_grad=True)
    drawing = read_dot(viz.graph(x * x + x, params={"x": x}, show=("grad",), direction="backward").dot)
    parts = sorted(arrow.text for arrow in drawing.arrows if arrow.head == drawing.called("x"))
    assert parts == ["1", "3", "3"]
    assert drawing.label(drawing.called("x")).endswith("grad 7")


def test_large_gradient_stands_on_its_arrow_as_root_mean_square() -> None:
    x = tg.zeros(100, 100, requires_grad=True)
    drawing = read_dot(viz.graph((x * 3.0).sum(), direction="backward").dot)
    assert [arrow.text for arrow in drawing.arrows] == ["rms 3", "rms 1"]
