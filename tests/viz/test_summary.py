"""A summary says what NumPy says, is small, and does not change with the tensor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tinygrad_edu.viz.summary import BINS, FEW, SIDE, Summary

FLOATS = st.floats(-1e6, 1e6, width=32)


@given(arrays(np.float32, array_shapes(min_dims=0, max_dims=4, max_side=9), elements=FLOATS))
def test_statistics_are_numpys(array: np.ndarray) -> None:
    found, exact = Summary.of(array), array.astype(np.float64)
    assert (found.shape, found.dtype, found.size) == (array.shape, "float32", array.size)
    assert (found.minimum, found.maximum) == (exact.min(), exact.max())
    assert found.mean == pytest.approx(exact.mean(), rel=1e-5, abs=1e-6)
    assert found.std == pytest.approx(exact.std(), rel=1e-4, abs=1e-6)
    assert found.norm == pytest.approx(np.linalg.norm(exact), rel=1e-4, abs=1e-30)
    assert found.zeros == np.sum(array == 0)
    assert (found.nan, found.inf) == (0, 0)


@given(arrays(np.float64, st.tuples(st.integers(1, 70), st.integers(1, 70)), elements=st.floats(-9, 9)))
def test_the_thumbnail_is_of_means_of_equal_blocks(array: np.ndarray) -> None:
    heat = Summary.of(array).heat
    if array.size == 1:
        assert heat is None
        return
    rows, columns = (np.arange(min(n, SIDE)) * n // min(n, SIDE) for n in array.shape)
    parts = [np.split(band, columns[1:], axis=1) for band in np.split(array, rows[1:], axis=0)]
    assert np.allclose(heat, [[part.mean() for part in band] for band in parts])


@given(arrays(np.float64, st.integers(2, 200), elements=st.floats(-9, 9)))
def test_the_histogram_counts_every_number(array: np.ndarray) -> None:
    counts = Summary.of(array).counts
    if array.max() == array.min():
        assert counts is None
    else:
        assert counts is not None
        assert (len(counts), sum(counts)) == (BINS, array.size)
        assert counts[0] > 0
        assert counts[-1] > 0


def test_few_numbers_are_all_there_and_many_are_not() -> None:
    few = np.arange(FEW, dtype=np.float32).reshape(8, 8)
    assert Summary.of(few.T).values == [float(v) for v in few.T.ravel()]
    assert Summary.of(np.arange(FEW + 1.0)).values is None


def test_a_large_tensor_has_a_small_summary() -> None:
    found = Summary.of(np.random.default_rng(0).normal(size=(64, 512, 3, 3)))
    assert found.values is None
    assert np.shape(found.heat) == (3, 3)  # the last two axes, of the first of the others
    assert sum(found.counts or []) <= 1 << 14


def test_nan_and_infinities_are_counted_and_left_out_of_the_statistics() -> None:
    found = Summary.of(np.array([1.0, np.nan, np.inf, -np.inf, 3.0, 0.0]))
    assert (found.nan, found.inf, found.zeros) == (1, 2, 1)
    assert (found.minimum, found.maximum, found.mean) == (0.0, 3.0, pytest.approx(4 / 3))
    assert np.isnan(found.norm)
    assert Summary.of(np.array([np.inf, 1.0])).norm == np.inf


def test_nothing_but_nan() -> None:
    found = Summary.of(np.full(3, np.nan, np.float32))
    assert (found.nan, found.minimum, found.maximum, found.std, found.counts) == (3, 0.0, 0.0, 0.0, None)


@pytest.mark.parametrize("value", [2.5, -0.0, np.nan, np.inf, -np.inf])
def test_one_number(value: float) -> None:
    found = Summary.of(np.float64(value))
    assert found.heat is None
    assert found.counts is None
    assert np.array_equal(found.values, [value], equal_nan=True)
    assert (found.nan, found.inf, found.zeros) == (np.isnan(value), np.isinf(value), value == 0)


def test_no_numbers() -> None:
    found = Summary.of(np.zeros((2, 0)))
    assert (found.values, found.heat, found.counts, found.norm) == ([], None, None, 0.0)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_norm_of_numbers_whose_squares_do_not_fit(scale: float) -> None:
    array = np.array([3.0, 4.0], np.float32) * np.float32(scale)
    assert Summary.of(array).norm == pytest.approx(5 * scale, rel=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "int64", "uint8", "bool"])
def test_other_dtypes(dtype: str) -> None:
    found = Summary.of(np.array([[0, 1], [1, 1]], dtype))
    assert (found.dtype, found.values, found.mean, found.zeros) == (dtype, [0.0, 1.0, 1.0, 1.0], 0.75, 1)


def test_large_float16_does_not_overflow() -> None:
    assert Summary.of(np.full(1000, 60000, np.float16)).norm == pytest.approx(60000 * 1000**0.5, rel=1e-3)


def test_a_later_write_changes_nothing() -> None:
    array = np.ones((30, 30))
    found = Summary.of(array)
    array[:] = 7
    assert (found.mean, found.heat) == (1.0, [[1.0] * SIDE] * SIDE)
