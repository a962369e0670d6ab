"""What is special to products: folding, layouts, what is kept, half precision, equations."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import parallel
from tinygrad_edu.ops import linalg
from tinygrad_edu.ops.einsum import einsum
from tinygrad_edu.ops.linalg import linear, matmul
from tinygrad_edu.ops.products import tensordot


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def calls_of_blas(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """Note the shapes of every product that NumPy is asked for."""
    made: list[tuple[Any, Any]] = []
    plain = np.matmul

    def noted(x: Any, y: Any, **kwargs: Any) -> Any:
        made.append((x.shape, y.shape))
        return plain(x, y, **kwargs)

    monkeypatch.setattr(linalg.np, "matmul", noted)
    return made


@pytest.mark.parametrize("function", [matmul, linear])
def test_one_matrix_times_a_batch_is_one_product_each_way(function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = tg.randn(4, 5, 3, requires_grad=True), tg.randn(3, 3, requires_grad=True)
    made = calls_of_blas(monkeypatch)
    function(x, weight).sum().backward()
    assert made == [((20, 3), (3, 3)), ((20, 3), (3, 3)), ((3, 20), (20, 3))]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_products_of_permuted_arrays(order: tuple[int, ...]) -> None:
    x = random(3, 4, 5).transpose(order)
    y = random(x.shape[0], x.shape[2], 2)
    expected = np.stack([a @ b for a, b in zip(x.copy(), y)])
    np.testing.assert_allclose(matmul(x, y), expected, rtol=1e-12)
    np.testing.assert_allclose(matmul(x, y[0]), x.copy() @ y[0], rtol=1e-12)
    np.testing.assert_allclose(einsum("bij,bjk->bik", x, y), expected, rtol=1e-12)


def test_only_what_a_derivative_needs_is_kept() -> None:
    x, y = tg.ones(2, 3), tg.ones(3, 2, requires_grad=True) * 1
    out = x @ y
    y.mul_(5)  # the gradient of y is made from x
    out.sum().backward()
    for function in (matmul, linear):
        x, y = tg.ones(2, 3), tg.ones(3, 3, requires_grad=True)
        out = function(x, y)
        x.add_(1)
        with pytest.raises(RuntimeError, match=rf"\({function.__name__}\) saved a tensor"):
            out.sum().backward()


def test_half_precision_adds_up_in_single_precision() -> None:
    ones = np.full((1, 4096), 0.125, np.float16)
    for product in (matmul(ones, ones.T), matmul(ones[None], ones.T), linear(ones, ones)):
        assert product.dtype == np.float16
        assert product.item() == 64.0


def test_integers_multiply_exactly() -> None:
    big = np.array([[2**53 + 1, 1]])
    assert matmul(big, np.array([[1], [1]])).tolist() == [[2**53 + 2]]


def test_vectors_lose_their_axis() -> None:
    x, v = tg.ones(2, 4, 3, requires_grad=True), tg.arange(3.0).requires_grad_()
    out = x @ v
    assert out.shape == (2, 4)
    out.sum().backward()
    assert v.grad.tolist() == [8, 8, 8]
    assert x.grad[1, 3].tolist() == [0, 1, 2]
    assert (v @ v).shape == ()


def test_linear_is_its_formula() -> None:
    x, weight, bias = (tg.randn(*s, requires_grad=True) for s in ((6, 4), (3, 4), (3,)))
    g = tg.randn(6, 3)
    fused = tg.autograd.grad(linear(x, weight, bias), [x, weight, bias], g)
    plain = tg.autograd.grad(x @ weight.T + bias, [x, weight, bias], g)
    for a, b in zip(fused, plain):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_linear_leaves_its_bias_alone() -> None:
    x, weight, bias = np.ones((1, 2)), np.eye(2), np.array([1.0, 2.0])
    linear(x, weight, bias)
    assert bias.tolist() == [1, 2]


@st.composite
def equations(draw: Any) -> tuple[str, list[np.ndarray]]:
    """Draw an equation of one to three operands with up to four letters, and operands that fit."""
    letters = string.ascii_letters[:4]
    sizes = {c: draw(st.integers(1, 3)) for c in letters}
    term = st.lists(st.sampled_from(letters), max_size=3).map("".join)
    terms = draw(st.lists(term, min_size=1, max_size=3))
    seen = sorted(set("".join(terms)))
    out = "".join(draw(st.permutations(seen)))[: draw(st.integers(0, len(seen)))]
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    operands = [rng.integers(-4, 5, [sizes[c] for c in term]).astype(float) for term in terms]
    return ",".join(terms) + "->" + out, operands


@given(equations())
def test_einsum_is_numpys(drawn: tuple[str, list[np.ndarray]]) -> None:
    equation, operands = drawn
    np.testing.assert_array_equal(einsum(equation, *operands), np.einsum(equation, *operands))


@given(equations())
def test_gradient_of_einsum_is_that_of_the_plain_sum(drawn: tuple[str, list[np.ndarray]]) -> None:
    equation, operands = drawn
    tensors = [tg.tensor(x).requires_grad_() for x in operands]
    out = einsum(equation, *tensors)
    g = np.random.default_rng(0).integers(-4, 5, out.shape).astype(float)
    found = tg.autograd.grad(out, tensors, tg.tensor(g), allow_unused=True)
    for i, (x, gradient) in enumerate(zip(operands, found)):
        for place in np.ndindex(x.shape):  # the product is linear in each operand
            unit = np.zeros_like(x)
            unit[place] = 1
            change = np.einsum(equation, *operands[:i], unit, *operands[i + 1 :])
            assert gradient.numpy()[place] == np.sum(change * g)


def test_einsum_multiplies_the_cheap_pair_first(monkeypatch: pytest.MonkeyPatch) -> None:
    made = calls_of_blas(monkeypatch)
    a, b, c = np.ones((50, 50)), np.ones((50, 50)), np.ones((50, 2))
    assert einsum("ij,jk,kl->il", a, b, c).shape == (50, 2)
    assert all(2 in x + y for x, y in made)  # (bc) first: never 50 x 50 by 50 x 50


def test_einsum_of_two_is_one_node() -> None:
    q, k = tg.randn(2, 3, 4, requires_grad=True), tg.randn(2, 5, 4, requires_grad=True)
    node = einsum("bqd,bkd->bqk", q, k).grad_fn
    assert node.name() == "ContractBackward0"
    assert [edge.name() for edge in node.edges] == ["AccumulateGrad", "AccumulateGrad"]


def test_tensordot_of_no_axes_is_the_outer_product() -> None:
    x, y = random(2, 3), random(4)
    np.testing.assert_allclose(tensordot(x, y, 0), np.multiply.outer(x, y))


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((300, 40), (40, 200)),
        ((40, 300), (300, 500)),
        ((3, 200, 64), (3, 64, 90)),
        ((1, 200, 64), (1, 64, 90)),
        ((2, 1, 200, 64), (3, 64, 90)),
        ((3, 200, 64), (64, 90)),
        ((600, 600), (600,)),
    ],
)
def test_product_in_parts_is_the_product(
    x: tuple[int, ...], y: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "GRAIN", 1)
    monkeypatch.setattr(linalg, "rather_own_threads", lambda: True)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=x), rng.normal(size=y)
    for left in (a, np.asfortranarray(a), np.repeat(a, 2, axis=-1)[..., ::2]):
        np.testing.assert_allclose((tg.from_numpy(left) @ tg.from_numpy(b)).numpy(), a @ b, rtol=1e-10, atol=1e-10)
