"""Losses where the general tests do not look: extreme scores, weights, ignored labels, relations."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.ops.activation import sigmoid
from tinygrad_edu.ops.binary_cross_entropy import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
)
from tinygrad_edu.ops.cross_entropy import cross_entropy, nll_loss
from tinygrad_edu.ops.loss import (
    cosine_similarity,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from tinygrad_edu.ops.softmax import log_softmax, softmax
from tinygrad_edu.testing import check_gradients

Array = np.ndarray[Any, Any]

LABELS = np.array([2, 0, -100, 1])
WEIGHTS = np.array([0.5, 2.0, 1.5])


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def probabilities(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(0.05, 0.95, shape)


def gradients(function: Any, *arrays: Array) -> list[Array]:
    """Differentiate a loss with respect to every array."""
    tensors = [tg.from_numpy(a).requires_grad_() for a in arrays]
    return [g.numpy() for g in tg.autograd.grad(function(*tensors), tensors)]


def check_two_orders(function: Any, *arrays: Array) -> None:
    """Compare first and second derivatives with numeric ones."""
    check_gradients(function, arrays, order=2).raise_if_wrong()


# ---- classification


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weight", [None, WEIGHTS])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 1), (4, 3, 2, 5)])
def test_cross_entropy_is_nll_loss_of_log_softmax(shape: Any, weight: Any, reduction: str) -> None:
    x = tg.from_numpy(drawn(*shape)).requires_grad_()
    rest = shape[2:]
    target = np.broadcast_to(LABELS.reshape(4, *(1,) * len(rest)), (4, *rest)).copy()
    one = cross_entropy(x, tg.from_numpy(target), weight, reduction=reduction)
    two = nll_loss(log_softmax(x, 1), target, weight, reduction=reduction)
    np.testing.assert_allclose(one.detach().numpy(), two.detach().numpy(), rtol=1e-12)
    g = tg.from_numpy(np.asarray(drawn(*one.shape, seed=1)))
    (a,), (b,) = (tg.autograd.grad(loss, [x], g) for loss in (one, two))
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-14)


def test_gradient_of_cross_entropy_is_softmax_minus_one_hot() -> None:
    x, target = drawn(5, 3), np.array([0, 1, 2, 1, 0])
    (g,) = gradients(lambda t: cross_entropy(t, target), x)
    np.testing.assert_allclose(g, (softmax(x, 1) - np.eye(3)[target]) / 5, rtol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weighted_cross_entropy_to_second_order(reduction: str, smoothing: float) -> None:
    check_two_orders(
        lambda x: cross_entropy(x, LABELS, WEIGHTS, reduction=reduction, label_smoothing=smoothing),
        drawn(4, 3),
    )


def test_weighted_nll_loss_to_second_order() -> None:
    check_two_orders(lambda x: nll_loss(x * x, LABELS, WEIGHTS), drawn(4, 3))


def test_weighted_mean_divides_by_the_weights_of_what_is_kept() -> None:
    losses = cross_entropy(drawn(4, 3), LABELS, WEIGHTS, reduction="none")
    assert losses[2] == 0
    mean = cross_entropy(drawn(4, 3), LABELS, WEIGHTS)
    assert float(mean) == pytest.approx(losses.sum() / WEIGHTS[[2, 0, 1]].sum())


def test_scores_of_any_size_give_a_finite_loss() -> None:
    x = np.array([[1e4, 0.0], [-1e4, 0.0], [3e38, -3e38]], np.float32)
    losses = cross_entropy(x, np.array([0, 0, 0]), reduction="none")
    np.testing.assert_array_equal(losses, np.array([0, 1e4, 0], np.float32))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_mean_of_nothing_is_nan_and_its_gradient_zero(smoothing: float) -> None:
    x = tg.from_numpy(drawn(2, 3)).requires_grad_()
    loss = cross_entropy(x, np.array([-100, -100]), label_smoothing=smoothing)
    assert np.isnan(loss.item())
    np.testing.assert_array_equal(tg.autograd.grad(loss, [x])[0].numpy(), np.zeros((2, 3)))


def test_ignored_infinity_is_no_nan() -> None:
    x = np.array([[-np.inf, 0.0], [1.0, 2.0]])
    assert np.isfinite(cross_entropy(x, np.array([0, 1]), ignore_index=0))
    assert nll_loss(x, np.array([0, 1]), ignore_index=0) == -2


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_probabilities_of_one_class_are_a_label(reduction: str, smoothing: float) -> None:
    x, labels = drawn(4, 3), np.array([1, 0, 2, 1])
    loss = partial(cross_entropy, x, reduction=reduction, label_smoothing=smoothing)
    np.testing.assert_allclose(loss(np.eye(3)[labels]), loss(labels), rtol=1e-12)


def test_cross_entropy_with_probabilities_to_second_order() -> None:
    check_two_orders(
        lambda x, y: cross_entropy(x, y, WEIGHTS, label_smoothing=0.1),
        drawn(2, 3),
        probabilities(2, 3),
    )


@pytest.mark.parametrize("loss", [cross_entropy, nll_loss])
def test_write_to_the_target_before_backward_is_noticed(loss: Any) -> None:
    x, target = tg.from_numpy(drawn(2, 3)).requires_grad_(), tg.tensor([0, 1])
    result = loss(x, target)
    target[0] = 2
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.backward()


def test_no_gradient_flows_to_class_weights() -> None:
    x, weight = (tg.from_numpy(a).requires_grad_() for a in (drawn(4, 3), WEIGHTS))
    found = tg.autograd.grad(cross_entropy(x, LABELS, weight), [x, weight], allow_unused=True)
    assert found[0] is not None
    assert found[1] is None


# ---- pairs of one shape


@pytest.mark.parametrize("loss", [mse_loss, l1_loss, huber_loss, smooth_l1_loss])
def test_reductions_agree_and_the_gradients_of_both_sides_are_opposite(loss: Any) -> None:
    x, y = drawn(3, 4), drawn(3, 4, seed=1)
    each = loss(x, y, reduction="none")
    assert each.shape == (3, 4)
    assert float(loss(x, y)) == pytest.approx(each.mean())
    assert float(loss(x, y, reduction="sum")) == pytest.approx(each.sum())
    left, right = gradients(loss, x, y)
    np.testing.assert_allclose(left, -right, rtol=1e-12)


@pytest.mark.parametrize("loss", [mse_loss, l1_loss, huber_loss, smooth_l1_loss])
def test_another_shape_warns_and_broadcasts(loss: Any) -> None:
    x, y = drawn(3, 1), drawn(3, seed=1)
    with pytest.warns(UserWarning, match=r"target size \(\[3\]\).*input size \(\[3, 1\]\)"):
        result = loss(x, y)
    assert float(result) == pytest.approx(float(loss(*np.broadcast_arrays(x, y))))
    with pytest.warns(UserWarning, match="different to the input size"):
        left, right = gradients(loss, x, y)
    assert (left.shape, right.shape) == ((3, 1), (3,))
    assert left.sum() == pytest.approx(-right.sum())


def test_huber_loss_is_a_parabola_and_then_its_tangent() -> None:
    x = np.array([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    result = huber_loss(x, np.zeros(7), reduction="none", delta=2.0)
    np.testing.assert_allclose(result, [4, 2, 0.5, 0, 0.5, 2, 4])
    smooth = smooth_l1_loss(x, np.zeros(7), reduction="none", beta=2.0)
    np.testing.assert_allclose(smooth, result / 2)


@pytest.mark.parametrize("size", [4, 100_000])
def test_losses_of_large_arrays_are_those_of_their_parts(size: int) -> None:
    x, y = drawn(2, size), probabilities(2, size)
    for loss in (mse_loss, huber_loss, binary_cross_entropy_with_logits):
        parts = [loss(x[i], y[i]) for i in (0, 1)]
        assert float(loss(x, y)) == pytest.approx(np.mean(parts), rel=1e-10)


# ---- yes or no


@pytest.mark.parametrize("weight", [None, np.array([0.5, 1.0, 2.0])])
def test_binary_cross_entropy_with_logits_is_that_of_the_sigmoid(weight: Any) -> None:
    x, y = drawn(2, 3), probabilities(2, 3)
    one = binary_cross_entropy_with_logits(x, y, weight)
    np.testing.assert_allclose(one, binary_cross_entropy(sigmoid(x), y, weight), rtol=1e-10)


@pytest.mark.parametrize("pos_weight", [None, np.array([0.5, 1.0, 2.0])])
def test_weighted_binary_cross_entropy_to_second_order(pos_weight: Any) -> None:
    weight = np.array([[1.0], [0.3]])
    check_two_orders(
        lambda x, y: binary_cross_entropy_with_logits(x, y, weight, pos_weight),
        np.array([[0.0, -1.0, 2.0], [0.5, -3.0, 0.0]]),
        probabilities(2, 3),
    )
    check_two_orders(
        lambda x, y: binary_cross_entropy(x, y, weight, "sum"),
        probabilities(2, 3),
        probabilities(2, 3, seed=1),
    )


def test_logarithms_of_binary_cross_entropy_end_at_minus_100() -> None:
    x, y = np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(binary_cross_entropy(x, y, reduction="none"), [100, 100, 0, 0])


def test_positive_weight_counts_positive_targets_so_often() -> None:
    x, y = drawn(3), np.array([1.0, 0.0, 1.0])
    plain = binary_cross_entropy_with_logits(x, y, reduction="none")
    weighted = binary_cross_entropy_with_logits(x, y, None, np.array([3.0]), "none")
    np.testing.assert_allclose(weighted, plain * np.array([3.0, 1.0, 3.0]))


# ---- divergence and similarity


def test_divergence_of_a_distribution_from_itself_is_zero() -> None:
    p = softmax(drawn(4, 3), 1)
    assert float(kl_div(np.log(p), p, "batchmean")) == pytest.approx(0, abs=1e-15)
    q = softmax(drawn(4, 3, seed=1), 1)
    expected = (p * np.log(p / q)).sum() / 4
    assert float(kl_div(np.log(q), p, "batchmean")) == pytest.approx(expected)
    assert float(kl_div(np.log(q), np.log(p), "batchmean", True)) == pytest.approx(expected)


def test_divergence_at_probability_zero_is_zero() -> None:
    np.testing.assert_array_equal(kl_div(np.array([-1.0]), np.array([0.0]), "none"), [0.0])


def test_mean_of_the_divergence_warns() -> None:
    with pytest.warns(UserWarning, match="'batchmean' divides only by the batch size"):
        assert float(kl_div(np.array([-1.0, -2.0]), np.array([1.0, 1.0]))) == 1.5


def test_cosine_of_parallel_and_opposite_and_zero_vectors() -> None:
    x = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]])
    y = np.array([[2.0, 4.0], [-1.0, -2.0], [1.0, 1.0]])
    np.testing.assert_allclose(cosine_similarity(x, y), [1, -1, 0], atol=1e-15)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("n", [1, 17, 64, 1000])
def test_many_rows_are_close_to_float64(name: str, n: int) -> None:
    """Some rows need no shift, some do; all are too many for one block."""
    rows = np.random.default_rng(0).standard_normal((140_000 // n + 2, n)).astype(np.float32)
    rows[::3] *= 100
    rows[1] -= 200
    rows[2, 0] = -np.inf
    function = getattr(tg.nn.functional, name)
    single = tg.from_numpy(rows).requires_grad_()
    double = tg.from_numpy(rows.astype(np.float64)).requires_grad_()
    found, expected = function(single, -1), function(double, -1)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    g = np.random.default_rng(1).standard_normal(rows.shape)
    (slope,) = tg.autograd.grad(found, [single], tg.from_numpy(g.astype(np.float32)))
    (wanted,) = tg.autograd.grad(expected, [double], tg.from_numpy(g))
    np.testing.assert_allclose(slope.numpy(), wanted.numpy(), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("at", [0, 5, 16, 69])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_nan_or_an_infinity_makes_its_row_nan_and_no_other(bad: float, at: int) -> None:
    rows = np.random.default_rng(0).standard_normal((40, 70)).astype(np.float32)
    rows[1, at], rows[2] = bad, -np.inf
    for function in (tg.nn.functional.softmax, tg.nn.functional.log_softmax):
        is_nan = np.isnan(function(tg.from_numpy(rows), -1).numpy())
        assert is_nan[1:3].all()
        assert not is_nan[[0, *range(3, 40)]].any()


def test_loss_of_a_sure_and_right_answer_is_not_negative() -> None:
    scores = np.zeros((600, 10), np.float32)
    scores[:, 3] = np.linspace(1, 30, 600)
    losses = tg.nn.functional.cross_entropy(tg.from_numpy(scores), tg.full((600,), 3), reduction="none")
    assert losses.min().item() >= 0
