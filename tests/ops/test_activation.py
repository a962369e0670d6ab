"""What is special to single activation functions: their tails, kinks, limits and large inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.calls import EVERYTHING
from tinygrad_edu.ops import activation, powers, rectifiers
from tinygrad_edu.ops.blocks import BLOCK

SMOOTH = ["sigmoid", "softplus", "logsigmoid", "silu", "gelu", "mish", "tanh", "elu", "leaky_relu"]


def leaf(values: Any, dtype: Any = np.float64) -> Any:
    return tg.from_numpy(np.array(values, dtype)).requires_grad_()


def grad_of(result: Any, x: Any, create_graph: bool = False) -> Any:
    return tg.autograd.grad(result, x, tg.ones_like(result), create_graph=create_graph)[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_is_precise_in_both_tails(dtype: Any) -> None:
    x = np.array([-1000.0, -80.0, -20.0, 0.0, 20.0, 1000.0], dtype)
    found = activation.sigmoid(x)
    exact = [0.0, math.exp(-80), 1 / (1 + math.exp(20)), 0.5, 1 / (1 + math.exp(-20)), 1.0]
    np.testing.assert_allclose(found, exact, rtol=1e-6)
    assert np.isfinite(np.log(found[1:])).all()


def test_logsigmoid_and_softplus_do_not_overflow() -> None:
    x = np.array([-1000.0, 0.0, 1000.0])
    np.testing.assert_allclose(activation.logsigmoid(x), [-1000, -math.log(2), 0])
    np.testing.assert_allclose(activation.softplus(x), [0, math.log(2), 1000])


def test_softplus_is_the_identity_above_its_threshold() -> None:
    x = leaf([1.9, 2.1])
    y = activation.softplus(x, 1.0, 2.0)
    assert y.tolist() == [math.log1p(math.exp(1.9)), 2.1]
    np.testing.assert_allclose(grad_of(y, x).numpy(), [1 / (1 + math.exp(-1.9)), 1.0])


def test_infinite_gradient_does_not_pass_through_a_dead_relu() -> None:
    x = leaf([-1.0, 4.0])
    np.testing.assert_array_equal(grad_of(powers.sqrt(rectifiers.relu(x)), x).numpy(), [0.0, 0.25])


def test_relu_takes_integers_and_passes_nan() -> None:
    assert rectifiers.relu(tg.tensor([-1, 2])).tolist() == [0, 2]
    x = leaf([np.nan])
    y = rectifiers.relu(x)
    assert math.isnan(y.item())
    assert grad_of(y, x).item() == 1.0


def test_hardtanh_and_clamp_differ_on_the_ends_only() -> None:
    x = leaf([-2.0, -1.0, 0.0, 1.0, 2.0])
    assert grad_of(tg.clamp(x, -1.0, 1.0), x).tolist() == [0, 1, 1, 1, 0]
    assert grad_of(rectifiers.hardtanh(x), x).tolist() == [0, 0, 1, 0, 0]


def test_gelu_is_x_times_the_normal_distribution() -> None:
    x = np.linspace(-4, 4, 81)
    exact = [v * 0.5 * math.erfc(-v / math.sqrt(2)) for v in x]
    np.testing.assert_allclose(activation.gelu(x), exact, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(activation.gelu(x.astype(np.float32)), exact, rtol=2e-6, atol=5e-7)
    np.testing.assert_allclose(activation.gelu(x, "tanh"), exact, atol=5e-4)


def test_selu_keeps_mean_zero_and_variance_one() -> None:
    x = np.random.default_rng(0).standard_normal(1_000_000)
    y = rectifiers.selu(x)
    assert abs(y.mean()) < 0.005
    assert abs(y.var() - 1) < 0.005


@pytest.mark.parametrize("name", ["elu", "softplus", "gelu", "silu", "mish", "sigmoid"])
def test_second_derivative_is_finite_far_out(name: str) -> None:
    x = leaf([-700.0, -50.0, 50.0, 700.0])
    slope = grad_of(EVERYTHING[name](x), x, create_graph=True)
    assert np.isfinite(grad_of(slope, x).numpy()).all()


@pytest.mark.parametrize("name", SMOOTH)
def test_large_inputs_are_differentiated_like_small_ones(name: str) -> None:
    function = EVERYTHING[name]
    values = np.random.default_rng(3).uniform(-4, 4, (2, BLOCK // 2 + 700))
    x = leaf(values)
    y = function(x)
    plain, recorded = grad_of(y, x), grad_of(function(x), x, create_graph=True)
    np.testing.assert_allclose(plain.numpy(), recorded.detach().numpy(), rtol=1e-12, atol=1e-15)
    for rows in (slice(0, 1), slice(1, 2)):
        part = leaf(values[rows])
        z = function(part)
        np.testing.assert_allclose(y.detach().numpy()[rows], z.detach().numpy(), rtol=1e-14)
        np.testing.assert_allclose(plain.numpy()[rows], grad_of(z, part).numpy(), rtol=1e-14)


def test_logit_undoes_sigmoid() -> None:
    x = np.linspace(-5, 5, 21)
    np.testing.assert_allclose(activation.logit(activation.sigmoid(x)), x, atol=1e-12)


def test_hard_forms_are_near_the_soft_ones() -> None:
    x = np.linspace(-6, 6, 121)
    assert np.max(np.abs(activation.hardsigmoid(x) - activation.sigmoid(x))) < 0.07
    assert np.max(np.abs(activation.hardswish(x) - activation.silu(x))) < 0.15


@pytest.mark.parametrize("name", ["relu", "sigmoid", "silu", "gelu", "tanh", "leaky_relu", "elu", "softplus", "exp"])
def test_large_float32_array_is_close_to_float64(name: str) -> None:
    """So large that it is cut into blocks, split over threads, or left to a compiled kernel."""
    values = np.random.default_rng(0).standard_normal(5 * BLOCK + 7) * 3
    values[[0, 1, BLOCK, -1]] = [-100.0, 80.0, 0.0, -3.0]
    function = EVERYTHING[name]
    single, double = leaf(values, np.float32), leaf(values.astype(np.float32))
    found, expected = function(single), function(double)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=2e-6, atol=1e-6)
    slopes = grad_of(found, single).numpy(), grad_of(expected, double).numpy()
    np.testing.assert_allclose(*slopes, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "silu", "gelu", "tanh", "leaky_relu"])
def test_infinities_and_nan_come_out_of_a_large_array_as_out_of_a_small_one(name: str) -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 1e-30, -1e-30], np.float32)
    function = EVERYTHING[name]
    small, large = leaf(odd, np.float32), leaf(np.tile(odd, BLOCK // 2), np.float32)
    few, many = function(small), function(large)
    np.testing.assert_allclose(many.detach().numpy().reshape(-1, 8)[::1000], [few.detach().numpy()] * 33, rtol=1e-6)
    slopes = grad_of(few, small).numpy(), grad_of(many, large).numpy()
    np.testing.assert_allclose(slopes[1].reshape(-1, 8)[::1000], [slopes[0]] * 33, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_relu_stops_an_infinite_gradient_where_it_is_flat(bad: float) -> None:
    x = leaf(np.tile([-1.0, 1.0], BLOCK), np.float32)
    g = tg.from_numpy(np.full(2 * BLOCK, bad, np.float32))
    found = tg.autograd.grad(rectifiers.relu(x), x, g)[0].numpy()
    np.testing.assert_array_equal(found[:2], [0.0, bad])
