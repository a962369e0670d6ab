"""What is special to single elementwise ops: dtypes, integers, ties, edges, what backward keeps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.calls import EVERYTHING
from tinygrad_edu.ops import (
    comparison,
    division,
    elementwise,
    powers,
    rounding,
    selection,
    special,
    trigonometry,
)
from tinygrad_edu.ops.blocks import BLOCK, blockwise

RNG = np.random.default_rng(5)


def leaf(values: Any, dtype: Any = np.float64) -> Any:
    return tg.from_numpy(np.array(values, dtype)).requires_grad_()


def grad_of(result: Any, *inputs: Any) -> list[np.ndarray]:
    return [g.numpy() for g in tg.autograd.grad(result, inputs, tg.ones_like(result))]


# ---- sums, products, quotients


def test_alpha_scales_the_second_term_and_its_gradient() -> None:
    x, y = leaf([1.0, 2.0]), leaf([10.0, 20.0])
    total = elementwise.add(x, y, alpha=3)
    np.testing.assert_array_equal(total.detach().numpy(), [31.0, 62.0])
    np.testing.assert_array_equal(grad_of(total, x, y), [[1.0, 1.0], [3.0, 3.0]])
    difference = elementwise.sub(x, y, alpha=3)
    np.testing.assert_array_equal(grad_of(difference, x, y), [[1.0, 1.0], [-3.0, -3.0]])


def test_in_place_add_takes_alpha() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    y.add_(x, alpha=-0.5)
    np.testing.assert_array_equal(y.detach().numpy(), [0.5, 1.0])
    np.testing.assert_array_equal(grad_of(y, x), [[0.5, 0.5]])


def test_alpha_does_not_widen_float32() -> None:
    ones = np.ones(2, np.float32)
    assert elementwise.add(ones, ones, alpha=0.1).dtype == np.float32
    assert elementwise.add(ones, 1, alpha=0.1).dtype == np.float32


@pytest.mark.parametrize("default", [tg.float32, tg.float64])
def test_integers_divide_to_the_default_dtype(default: Any) -> None:
    before = tg.get_default_dtype()
    tg.set_default_dtype(default)
    try:
        assert (tg.tensor([1, 2]) / tg.tensor([2, 4])).dtype == default
        assert (tg.tensor([1, 2]) / 2).dtype == default
        assert (1 / tg.tensor([True])).dtype == default
    finally:
        tg.set_default_dtype(before)


def test_unsigned_bytes_wrap_around() -> None:
    x = tg.tensor([250], dtype=tg.uint8)
    assert (x + tg.tensor([10], dtype=tg.uint8)).item() == 4
    assert (x + 300).item() == (250 + 300) % 256


def test_int8_divided_by_a_large_byte_does_not_wrap() -> None:
    quotient = tg.tensor([100], dtype=tg.int8) / tg.tensor(200, dtype=tg.uint8)
    assert quotient.item() == 0.5


def test_difference_of_booleans_is_refused_and_sum_is_or() -> None:
    x = tg.tensor([True, False])
    assert (x + x).tolist() == [True, False]
    for refused in (lambda: x - x, lambda: 1 - x, lambda: x - 1.0, lambda: tg.tensor([1]) - x):
        with pytest.raises(RuntimeError, match="with a bool tensor is not supported"):
            refused()


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.float32, np.float64])
def test_quotient_and_remainder_make_up_the_dividend(dtype: Any) -> None:
    x = np.repeat(np.arange(-9, 10), 6).astype(dtype)
    y = np.tile([-4, -3, -1, 1, 3, 4], 19).astype(dtype)
    down, toward_zero = division.div(x, y, "floor"), division.div(x, y, "trunc")
    assert down.dtype == toward_zero.dtype == dtype
    quotients = [a / b for a, b in zip(x.tolist(), y.tolist())]
    np.testing.assert_array_equal(down, [math.floor(q) for q in quotients])
    np.testing.assert_array_equal(toward_zero, [math.trunc(q) for q in quotients])
    np.testing.assert_array_equal(down * y + division.remainder(x, y), x)
    np.testing.assert_array_equal(toward_zero * y + division.fmod(x, y), x)


def test_floats_divided_by_zero_are_infinite_without_a_warning() -> None:
    x = tg.tensor([1.0, -1.0, 0.0])
    np.testing.assert_array_equal((x / 0).numpy(), [np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(tg.floor_divide(x, 0).numpy(), [np.inf, -np.inf, np.nan])


def test_lerp_ends_exactly_at_its_ends() -> None:
    x, y = (RNG.standard_normal(50).astype(np.float32) for _ in range(2))
    for weight in (1, np.float32(1), np.ones(50, np.float32)):
        np.testing.assert_array_equal(elementwise.lerp(x, y, weight), y)
        np.testing.assert_array_equal(elementwise.lerp(x, y, weight * 0), x)


# ---- powers


@pytest.mark.parametrize("exponent", [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 5, 1.5])
def test_short_cuts_of_pow_are_powers(exponent: float) -> None:
    x = RNG.uniform(0.5, 2, 100)
    np.testing.assert_allclose(powers.pow(x, exponent), np.power(x, exponent), rtol=1e-14)


def test_power_has_a_finite_gradient_at_zero() -> None:
    x, y = leaf([0.0, 0.0, 0.0, 2.0]), leaf([0.0, 1.0, 2.0, 0.0])
    by_base, by_exponent = grad_of(x**y, x, y)
    np.testing.assert_array_equal(by_base, [0.0, 1.0, 0.0, 0.0])
    np.testing.assert_allclose(by_exponent, [0.0, 0.0, 0.0, math.log(2)])
    for exponent, expected in ((0, 0.0), (1, 1.0), (2, 0.0), (3, 0.0)):
        np.testing.assert_array_equal(grad_of(x**exponent, x)[0][:3], [expected] * 3)


def test_number_to_the_power_of_float32_stays_float32() -> None:
    x = leaf([1.0, 2.0], np.float32)
    result = 3**x
    assert result.dtype == np.float32
    np.testing.assert_allclose(grad_of(result, x)[0], [3 * math.log(3), 9 * math.log(3)], rtol=1e-6)


def test_integers_to_negative_powers_are_whole_parts() -> None:
    bases, exponents = np.array([1, -1, -1, 2, 0, -3, 5]), np.array([-1, -1, -2, -1, -1, -3, 2])
    result = tg.from_numpy(bases) ** tg.from_numpy(exponents)
    assert result.tolist() == [1, -1, 1, 0, 0, 0, 25]


# ---- choices


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_masked_gives_zero_in_the_place_of_inf_and_nan(dtype: Any) -> None:
    x = np.array([[np.inf, np.nan, -np.inf], [1.5, -2.0, -0.0]], dtype)
    kept = selection.masked(x, np.array([False, False, True]))
    assert kept.dtype == dtype
    np.testing.assert_array_equal(kept, [[0, 0, -np.inf], [0, 0, 0]])
    np.testing.assert_array_equal(selection.masked(x.T[::-1], np.array([True, False])).T[1], [0] * 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("shapes", [((50, 100),) * 3, ((100,), (50, 100), (50, 1)), ((50, 1), (100,), (50, 100))])
def test_where_chooses_from_many_as_from_few(dtype: Any, shapes: Any) -> None:
    condition = RNG.random(shapes[0]) < 0.5
    x, y = (RNG.integers(-99, 99, shape).astype(dtype) for shape in shapes[1:])
    if dtype != np.int64:
        x.flat[::7], y.flat[::5] = np.nan, -np.inf
    chosen = selection.where(condition, x, y)
    assert chosen.dtype == dtype
    np.testing.assert_array_equal(chosen, np.where(condition, x, y))


def test_branch_that_is_not_taken_does_not_spoil_the_gradient_of_where() -> None:
    x = leaf([-1.0, 0.0, 4.0])
    root = selection.where(x > 0, powers.sqrt(x), 0.0)
    # sqrt's own derivative at 0 is inf, and its zero cotangent times inf is NaN, as in PyTorch
    assert grad_of(root, x)[0][2] == 0.25
    safe = selection.where(x > 0, powers.sqrt(selection.where(x > 0, x, 1.0)), 0.0)
    np.testing.assert_array_equal(grad_of(safe, x)[0], [0.0, 0.0, 0.25])


def test_ties_share_the_gradient_of_maximum_and_minimum() -> None:
    x, y = leaf([1.0, 2.0, 3.0]), leaf([1.0, 3.0, 2.0])
    np.testing.assert_array_equal(grad_of(tg.maximum(x, y), x, y), [[0.5, 0, 1], [0.5, 1, 0]])
    np.testing.assert_array_equal(grad_of(tg.minimum(x, y), x, y), [[0.5, 1, 0], [0.5, 0, 1]])
    np.testing.assert_array_equal(grad_of(tg.maximum(x, x), x), [[1.0, 1.0, 1.0]])


def test_nan_wins_in_maximum_and_loses_in_fmax() -> None:
    x, y = np.array([np.nan, 1.0]), np.array([1.0, np.nan])
    assert np.isnan(selection.maximum(x, y)).all()
    np.testing.assert_array_equal(selection.fmax(x, y), [1.0, 1.0])


def test_clamp_passes_the_gradient_on_its_bounds_and_gives_it_to_tensor_bounds() -> None:
    x, low, high = leaf([-2.0, 0.0, 0.5, 1.0, 2.0]), leaf(0.0), leaf(1.0)
    np.testing.assert_array_equal(grad_of(tg.clamp(x, 0.0, 1.0), x), [[0, 1, 1, 1, 0]])
    by_x, by_low, by_high = grad_of(tg.clamp(x, low, high), x, low, high)
    np.testing.assert_array_equal(by_x, [0, 1, 1, 1, 0])
    assert (by_low, by_high) == (1.0, 1.0)


def test_nan_to_num_gives_the_largest_numbers_of_the_dtype() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 2.0], np.float32)
    largest = np.finfo(np.float32).max
    np.testing.assert_array_equal(selection.nan_to_num(x), [0, largest, -largest, 2])


# ---- functions


def test_erf_of_float32_is_good_to_a_few_units_in_the_last_place() -> None:
    x = np.concatenate([np.linspace(-6, 6, 100_001), np.logspace(-30, 0, 1000)]).astype(np.float32)
    exact = np.array([math.erf(v) for v in x])
    found = special.erf(x)
    assert found.dtype == np.float32
    nonzero = exact != 0
    assert np.max(np.abs(found[nonzero] / exact[nonzero] - 1)) < 4e-7
    np.testing.assert_array_equal(special.erf(-x), -found)
    np.testing.assert_array_equal(special.erf(np.array([50, -1e30, np.inf], np.float32)), [1, -1, 1])


def test_rounding_of_halves_goes_to_the_even_neighbour() -> None:
    x = np.array([-1.5, -0.5, 0.5, 1.5, 2.5])
    np.testing.assert_array_equal(rounding.round(x), [-2, 0, 0, 2, 2])
    np.testing.assert_array_equal(rounding.round(np.array([25.0, 35.0]), -1), [20, 40])


def test_sign_of_nan_is_zero() -> None:
    np.testing.assert_array_equal(elementwise.sign(np.array([np.nan, -2.0, 0.0])), [0, -1, 0])


def test_angle_of_every_quadrant() -> None:
    y, x = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, -1.0, 1.0])
    np.testing.assert_allclose(trigonometry.atan2(y, x) / math.pi, [0.25, 0.75, -0.75, -0.25])


# ---- comparisons


def test_integers_are_compared_with_float32_as_float32() -> None:
    assert (tg.tensor([2**24 + 1]) == tg.tensor([2.0**24])).tolist() == [True]
    assert (tg.tensor([2**24 + 1]) == tg.tensor([2**24])).tolist() == [False]


def test_comparisons_want_no_gradient() -> None:
    x = leaf([1.0, 2.0])
    for result in (x < 2, x == x, tg.isnan(x), tg.logical_not(x), tg.isclose(x, x)):
        assert result.dtype == np.bool_
        assert not result.requires_grad


def test_allclose_and_equal_return_python_booleans() -> None:
    x = tg.tensor([1.0, np.nan])
    assert comparison.allclose(x, x) is False
    assert comparison.allclose(x, x, equal_nan=True) is True
    assert comparison.equal(x, x) is False
    assert comparison.equal(tg.tensor([1, 2]), tg.tensor([1.0, 2.0])) is True
    assert comparison.equal(tg.tensor([1]), tg.tensor([1, 1])) is False
    assert comparison.equal(np.ones((0, 2)), np.ones((0, 2))) is True


# ---- what the backward pass keeps


@pytest.mark.parametrize("name", ["exp", "sqrt", "reciprocal", "tanh", "sigmoid", "relu"])
def test_result_that_is_kept_must_not_be_written_to(name: str) -> None:
    x = leaf([0.5, 1.0])
    y = EVERYTHING[name](x)
    y.add_(1)
    with pytest.raises(RuntimeError, match=f"modified by an inplace operation.*{name}"):
        y.sum().backward()


@pytest.mark.parametrize("name", ["log", "sin", "abs", "square", "neg", "expm1", "silu", "gelu"])
def test_argument_that_is_kept_must_not_be_written_to(name: str) -> None:
    x = leaf([0.5, 1.0])
    y = x * 1
    z = EVERYTHING[name](y)
    y.mul_(2)
    if name in ("neg", "expm1"):  # one keeps nothing, the other its result
        z.sum().backward()
        return
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


@pytest.mark.parametrize("name", ["add", "sub", "div", "maximum"])
def test_result_of_arithmetic_may_be_written_to(name: str) -> None:
    x, y = leaf([3.0, 4.0]), leaf([1.0, 2.0])
    plain = grad_of(EVERYTHING[name](x, y), x, y)
    written = EVERYTHING[name](x, y)
    written.add_(1)
    np.testing.assert_array_equal(grad_of(written, x, y), plain)


# ---- block by block


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK - 5, 9 * BLOCK + 1])
def test_blocks_give_what_the_whole_gives(size: int) -> None:
    x, y = RNG.standard_normal(size), RNG.standard_normal(size)

    def formula(a: Any, b: Any, none: Any, factor: float) -> Any:
        assert none is None
        assert not isinstance(a, np.ndarray) or a.size <= 4 * BLOCK  # of two threads; else BLOCK
        return a * factor + b

    np.testing.assert_array_equal(blockwise(formula)(x, y, None, 2.0), 2 * x + y)


def test_blocks_keep_shape_and_dtype_of_any_layout() -> None:
    x = RNG.standard_normal((60, 50, 80)).astype(np.float32).transpose(2, 0, 1)[::2]
    result = blockwise(lambda a: a > 0)(x)
    assert result.dtype == np.bool_
    np.testing.assert_array_equal(result, x > 0)


def test_tensors_are_not_cut_into_blocks() -> None:
    x = tg.zeros(2 * BLOCK)
    assert blockwise(lambda a: a)(x) is x
