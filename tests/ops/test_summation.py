"""Adding up fast must give what adding up slowly gives."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.ops.summation import add_squares, add_up

SHAPES = [
    (),
    (5,),
    (0,),
    (3, 0, 2),
    (7, 5),
    (5000,),
    (64, 65),
    (3, 1700),
    (4, 3, 9, 30),
    (600, 2, 4),
    (5, 1, 900, 1),
]


def layouts(array: np.ndarray) -> list[np.ndarray]:
    """Give the same values in other orders of memory, and with gaps."""
    if not array.ndim:
        return [array]
    last_first = np.ascontiguousarray(np.moveaxis(array, 0, -1))
    spread = np.zeros([2 * n for n in array.shape], array.dtype)
    gaps = spread[tuple(slice(None, None, 2) for _ in array.shape)]
    gaps[...] = array
    return [
        array,
        np.asfortranarray(array),
        np.moveaxis(last_first, -1, 0),
        gaps,
        np.flip(np.flip(array).copy()),
    ]


def every_axes(ndim: int) -> list[tuple[int, ...] | None]:
    found = [axes for k in range(ndim + 1) for axes in combinations(range(ndim), k)]
    return [None, *found, tuple(range(ndim))[::-1]]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("function", [add_up, add_squares])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_numpy_for_every_axes_and_layout(function, shape, dtype) -> None:
    values = np.random.default_rng(0).uniform(-1, 2, shape).astype(dtype)
    exact = values.astype(np.float64) ** (2 if function is add_squares else 1)
    for array in layouts(values):
        for axes in every_axes(len(shape)):
            for keepdims in (False, True):
                found = function(array, axes, keepdims)
                wanted = np.sum(exact, axis=axes, keepdims=keepdims)
                assert np.shape(found) == np.shape(wanted)
                assert found.dtype == dtype
                tolerance = 2e-5 if dtype == np.float32 else 1e-12
                np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * 100)


def test_integers_are_added_as_int64_and_float16_in_float32() -> None:
    assert add_up(np.full(300, 100, np.int8)) == 30000
    assert add_up(np.ones(3, np.bool_)).dtype == np.int64
    halves = np.full(4096, 0.1, np.float16)
    assert add_up(halves).dtype == np.float16
    assert abs(float(add_up(halves)) - 4096 * float(halves[0])) < 0.2


def test_a_million_float32_are_added_without_losing_digits() -> None:
    values = np.full(1_000_000, 0.1, np.float32)
    exact = 1_000_000 * float(values[0])
    assert abs(float(add_up(values)) - exact) / exact < 1e-6
    for shape, axis in [((1000, 1000), 0), ((1000, 1000), 1), ((2, 500_000), 1)]:
        parts = add_up(values.reshape(shape), (axis,))
        assert abs(float(parts.astype(np.float64).sum()) - exact) / exact < 2e-6
    assert abs(float(add_squares(values)) / (exact * float(values[0])) - 1) < 1e-6


def test_infinite_and_missing_values_pass_without_a_warning() -> None:
    values = np.ones((60, 60), np.float32)
    values[1, 2], values[3, 4], values[5, 6], values[5, 7] = np.inf, np.nan, np.inf, -np.inf
    rows = add_up(values, (1,))
    assert np.isposinf(rows[1])
    assert np.isnan(rows[3])
    assert np.isnan(rows[5])
    assert rows[0] == 60
    assert np.isinf(add_up(np.full(10, 3e38, np.float32)))


def test_the_input_is_not_written_to() -> None:
    values = np.ones((70, 70))
    values.flags.writeable = False
    assert add_up(values, (0,)).sum() == add_squares(values, (1,)).sum() == 4900


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "dim"), [((5000,), 0), ((3, 700), 1), ((700, 300), 0), ((2, 50, 300), 1)])
def test_running_sums_and_their_gradient_along_long_axes(shape: tuple[int, ...], dim: int, dtype: Any) -> None:
    values = np.random.default_rng(0).integers(-9, 9, shape).astype(dtype)
    x = tg.from_numpy(values).requires_grad_()
    out = x.cumsum(dim)
    np.testing.assert_array_equal(out.detach().numpy(), np.cumsum(values, dim))
    (slope,) = tg.autograd.grad(out, [x], tg.from_numpy(values))
    np.testing.assert_array_equal(slope.numpy(), np.flip(np.cumsum(np.flip(values, dim), dim), dim))
