"""What is special to single reductions: the empty, the infinite, the tied, zeros in a product."""

from __future__ import annotations

import pickle
from itertools import product
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.ops.cumulative import cumprod, cumsum, prod, recurrence
from tinygrad_edu.ops.extremes import amax, argmax, max, min
from tinygrad_edu.ops.norms import norm, vector_norm
from tinygrad_edu.ops.reduction import all, any, logsumexp, mean, nansum, sum
from tinygrad_edu.ops.sorting import median, sort, topk, unique
from tinygrad_edu.ops.statistics import std, std_mean, var, var_mean


def leaf(values: Any, dtype: Any = np.float64) -> tg.Tensor:
    return tg.tensor(np.array(values, dtype), requires_grad=True)


def slope(result: tg.Tensor, x: tg.Tensor) -> list[Any]:
    """The gradient of the sum of the results."""
    return tg.autograd.grad(sum(result), x)[0].tolist()


# ---- sums, means, variances


def test_sum_of_nothing_is_zero_and_mean_of_nothing_is_nan() -> None:
    assert sum(tg.zeros(0)).item() == 0
    assert np.isnan(mean(tg.zeros(0)).item())
    assert mean(tg.zeros(3, 0), 1).shape == (3,)
    assert prod(tg.zeros(0)).item() == 1
    assert logsumexp(tg.zeros(0), 0).item() == -np.inf


def test_dim_true_is_refused() -> None:
    with pytest.raises(TypeError, match="must be int, not bool"):
        sum(tg.ones(2, 3), True)


def test_dtype_says_how_to_add_up() -> None:
    assert sum(tg.tensor([1.7, 1.7]), dtype=tg.int64).item() == 2
    assert sum(tg.tensor([1, 2]), dtype=tg.float32).dtype == tg.float32
    assert sum(tg.tensor([1, 2], dtype=tg.int8), dtype=tg.int8).dtype == tg.int8
    assert mean(tg.tensor([1, 2]), dtype=tg.float64).item() == 1.5
    assert cumsum(tg.tensor([1, 2], dtype=tg.int8), 0).dtype == tg.int64
    assert prod(tg.tensor([100, 100], dtype=tg.int8)).item() == 10_000


def test_mean_of_float16_does_not_overflow() -> None:
    assert mean(tg.full((8,), 60000.0, dtype=tg.float16)).item() == 60000.0


def test_variance_of_large_numbers_keeps_its_digits() -> None:
    x = tg.tensor([1e8, 1e8 + 1, 1e8 + 2], dtype=tg.float64)
    assert var(x).item() == 1.0
    narrow = 4096 + np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    assert abs(var(tg.from_numpy(narrow)).item() / narrow.astype(np.float64).var(ddof=1) - 1) < 1e-4


@pytest.mark.parametrize("function", [var, std])
def test_unbiased_is_correction_one(function: Any) -> None:
    x = tg.tensor([[1.0, 2.0, 4.0], [0.0, 1.0, 5.0]])
    assert function(x, False).item() == function(x, correction=0).item()
    assert function(x, 1, True).tolist() == function(x, 1).tolist() == function(x, 1, correction=1).tolist()
    assert function(x, 1, False, True).shape == (2, 1)


@pytest.mark.parametrize("function", [var, std])
def test_no_degrees_of_freedom_warns_and_gives_nan(function: Any) -> None:
    with pytest.warns(UserWarning, match=r"degrees of freedom is <= 0.*1 elements, correction 1"):
        assert np.isnan(function(tg.tensor([2.0])).item())


def test_pairs_are_variance_and_mean() -> None:
    x = tg.tensor([[1.0, 2.0, 6.0]])
    variance, average = var_mean(x, 1, keepdim=True)
    assert (variance.tolist(), average.tolist()) == ([[7.0]], [[3.0]])
    assert [part.shape for part in std_mean(x, False)] == [(), ()]


def test_std_of_equal_numbers_has_slope_zero_twice() -> None:
    x = leaf([2.0, 2.0, 2.0])
    (first,) = tg.autograd.grad(std(x), x, create_graph=True)
    assert first.tolist() == [0, 0, 0]
    assert slope(first, x) == [0, 0, 0]


def test_overflow_gives_inf_and_no_warning() -> None:
    huge = tg.full((4,), 3e38)
    assert sum(huge).item() == mean(huge).item() == np.inf
    assert var(tg.tensor([3e38, -3e38])).item() == np.inf
    assert norm(huge).item() == np.inf
    assert prod(huge).item() == np.inf
    assert np.isinf(cumsum(huge, 0)[3].item())
    assert np.isnan(sum(tg.tensor([np.inf, -np.inf])).item())


def test_logsumexp_of_integers_is_of_the_default_dtype() -> None:
    out = logsumexp(tg.tensor([1, 2, 3]), 0)
    assert out.dtype == tg.float32
    assert abs(out.item() - 3.4076059) < 1e-6
    assert logsumexp(np.array([1, 2, 3]), 0).dtype == np.float32


def test_logsumexp_of_minus_infinities_is_minus_infinity() -> None:
    x = tg.tensor([[-np.inf, -np.inf], [-np.inf, 2.0], [np.inf, 1.0]])
    assert logsumexp(x, 1).tolist() == [-np.inf, 2.0, np.inf]


def test_nansum_gives_missing_values_no_gradient() -> None:
    x = leaf([1.0, np.nan, 3.0])
    assert nansum(x).item() == 4.0
    assert slope(nansum(x), x) == [1, 0, 1]


def test_any_and_all_of_no_dims_reduce_nothing() -> None:
    x = tg.tensor([[0.0, 2.0]])
    assert any(x, ()).tolist() == all(x, ()).tolist() == [[False, True]]
    assert any(tg.tensor([0, 3], dtype=tg.uint8)).dtype == tg.uint8
    assert not any(tg.zeros(0)).item()
    assert all(tg.zeros(0)).item()


# ---- products

ZEROS = [[1.5, -2.0, 0.5], [1.5, 0.0, 0.5], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0], [0.0], [3.0]]


def others(x: list[float], *without: int) -> float:
    """Multiply all but some, one by one."""
    result = 1.0
    for i, value in enumerate(x):
        result *= 1.0 if i in without else value
    return result


@pytest.mark.parametrize("values", ZEROS, ids=str)
@pytest.mark.parametrize("dim", [None, 0])
def test_prod_has_first_and_second_derivative_at_zeros(values: list[float], dim: int | None) -> None:
    x = leaf(values)
    (first,) = tg.autograd.grad(prod(x, dim), x, create_graph=True)
    assert first.tolist() == pytest.approx([others(values, i) for i in range(len(values))])
    for i in range(len(values)):
        row = tg.autograd.grad(first[i], x, retain_graph=True)[0].tolist()
        assert row == pytest.approx([others(values, i, j) if i != j else 0.0 for j in range(len(values))])


@pytest.mark.parametrize("values", ZEROS, ids=str)
def test_cumprod_has_first_and_second_derivative_at_zeros(values: list[float]) -> None:
    n = len(values)
    x = leaf(values)
    for k in range(n):
        (first,) = tg.autograd.grad(cumprod(x, 0)[k], x, create_graph=True)
        upto = values[: k + 1]
        assert first.tolist() == pytest.approx([others(upto, i) if i <= k else 0.0 for i in range(n)])
        for i in range(k + 1):
            row = tg.autograd.grad(first[i], x, retain_graph=True)[0].tolist()
            assert row == pytest.approx([others(upto, i, j) if i != j and j <= k else 0.0 for j in range(n)])


def test_recurrence_is_the_loop() -> None:
    rng = np.random.default_rng(1)
    factors, terms = rng.standard_normal((2, 3, 5)), rng.standard_normal((2, 3, 5))
    wanted = np.zeros((2, 3, 5))
    for i, t, k in product(range(2), range(3), range(5)):
        wanted[i, t, k] = terms[i, t, k] + (factors[i, t, k] * wanted[i, t - 1, k] if t else 0)
    np.testing.assert_allclose(recurrence(factors, terms, 1), wanted)


# ---- the largest and the smallest


def test_max_over_all_shares_the_gradient_and_max_along_an_axis_gives_it_to_the_first() -> None:
    x = leaf([[1.0, 3.0, 3.0], [3.0, 0.0, 3.0]])
    assert slope(max(x), x) == [[0, 0.25, 0.25], [0.25, 0, 0.25]]
    assert slope(amax(x, 1), x) == [[0, 0.5, 0.5], [0.5, 0, 0.5]]
    assert slope(max(x, 1).values, x) == [[0, 1, 0], [1, 0, 0]]
    assert slope(min(x, 0).values, x) == [[1, 0, 1], [0, 1, 0]]


def test_a_missing_value_is_the_largest_and_the_smallest() -> None:
    x = tg.tensor([1.0, np.nan, 3.0, np.nan])
    assert np.isnan(max(x).item())
    assert np.isnan(min(x).item())
    assert argmax(x).item() == max(x, 0).indices.item() == min(x, 0).indices.item() == 1


def test_max_takes_a_second_tensor_as_other() -> None:
    a, b = tg.tensor([1.0, 5.0]), tg.tensor([3.0, 2.0])
    assert max(a, b).tolist() == max(a, other=b).tolist() == [3, 5]
    assert min(a, b).tolist() == [1, 2]


def test_named_results_print_unpack_and_pickle() -> None:
    result = max(tg.tensor([[1.0, 5.0], [7.0, 3.0]]), dim=1)
    values, indices = result
    assert values is result.values is result[0]
    assert indices is result.indices is result[1]
    assert repr(result) == "tinygrad_edu.return_types.max(\nvalues=tensor([5., 7.]),\nindices=tensor([1, 0]))"
    again = pickle.loads(pickle.dumps(result))
    assert type(again) is type(result)
    assert again.values.tolist() == [5, 7]
    assert isinstance(result, tuple)


def test_max_along_an_empty_axis_is_refused_but_beside_one_is_empty() -> None:
    with pytest.raises(IndexError, match="Expected reduction dim 0 to have non-zero size"):
        max(tg.zeros(0, 3), 0)
    assert max(tg.zeros(0, 3), 1).values.shape == (0,)
    assert argmax(tg.zeros(0, 3), 1, keepdim=True).shape == (0, 1)


# ---- the order of all


def test_equal_elements_keep_their_order_both_ways() -> None:
    x = tg.tensor([2.0, 1.0, 2.0, 1.0])
    assert sort(x).indices.tolist() == [1, 3, 0, 2]
    assert sort(x, descending=True).indices.tolist() == [0, 2, 1, 3]


def test_sorting_sends_gradients_back_to_where_the_values_stood() -> None:
    x = leaf([3.0, 1.0, 2.0])
    weights = tg.tensor([1.0, 10.0, 100.0], dtype=tg.float64)
    assert slope(sort(x).values * weights, x) == [100, 1, 10]
    assert slope(topk(x, 2).values, x) == [1, 0, 1]
    assert slope(topk(x, 2, largest=False).values, x) == [0, 1, 1]


def test_topk_is_sorted_and_counts_missing_values_as_largest() -> None:
    x = tg.tensor([[5.0, np.nan, 1.0, 4.0]])
    values, places = topk(x, 3)
    assert places.tolist() == [[1, 0, 3]]
    assert values[0, 1:].tolist() == [5, 4]


def test_median_is_the_lower_of_the_middle_two() -> None:
    x = leaf([4.0, 1.0, 3.0, 2.0])
    assert median(x).item() == median(x, 0).values.item() == 2.0
    assert slope(median(x), x) == [0, 0, 0, 1]
    assert median(x, 0).indices.item() == 3
    assert np.isnan(median(tg.tensor([1.0, np.nan])).item())
    assert np.isnan(median(tg.zeros(0)).item())


def test_unique_values_rebuild_the_input() -> None:
    x = tg.tensor([[3, 1], [3, 2]])
    values, inverse, counts = unique(x, return_inverse=True, return_counts=True)
    assert values.tolist() == [1, 2, 3]
    assert values[inverse].tolist() == x.tolist()
    assert counts.tolist() == [1, 1, 2]


# ---- norms


@pytest.mark.parametrize("order", [2, 1, 3, 1.5, 0.5, np.inf, -np.inf])
def test_norm_of_zeros_has_slope_zero(order: float) -> None:
    x = leaf([[0.0, 0.0], [3.0, 4.0]])
    assert slope(vector_norm(x, order, 1), x)[0] == [0, 0]


def test_norm_of_zeros_can_be_differentiated_twice() -> None:
    x = leaf([0.0, 0.0])
    (first,) = tg.autograd.grad(norm(x), x, create_graph=True)
    assert slope(first, x) == [0, 0]


def test_zero_norm_counts_and_has_no_gradient() -> None:
    x = leaf([0.0, 2.0, -3.0])
    assert vector_norm(x, 0).item() == 2
    assert tg.autograd.grad(vector_norm(x, 0), x, allow_unused=True) == (None,)
