"""The numbers and histograms of a recording against NumPy's, for every dtype and for values that break squares."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tinygrad_edu.viz.recording.histograms import BINS, Histogram, bins_for, on_same_bins
from tinygrad_edu.viz.recording.statistics import Summary, summarize

FLOATS = arrays.arrays(
    st.sampled_from([np.float16, np.float32, np.float64]),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=7),
    elements=st.floats(width=16),
)


def check(summary: Summary, values: np.ndarray) -> None:
    """Compare a summary with what NumPy says of the values, in float64."""
    flat = np.asarray(values, np.float64).ravel()
    finite = flat[np.isfinite(flat)]
    assert (summary.size, summary.finite) == (flat.size, finite.size)
    counts = (finite == 0).sum(), np.isnan(flat).sum(), np.isinf(flat).sum()
    assert (summary.n_zero, summary.n_nan, summary.n_inf) == counts
    if not finite.size:
        assert math.isnan(summary.mean)
        assert summary.histogram is None
        return
    assert (summary.min, summary.max) == (finite.min(), finite.max())
    scale = np.abs(finite).max()
    expected = finite.mean(), finite.std(), np.linalg.norm(finite)
    assert (summary.mean, summary.std, summary.norm) == pytest.approx(expected, rel=1e-6, abs=1e-7 * scale)
    check_histogram(summary.histogram, finite)


def check_histogram(histogram: Histogram | None, finite: np.ndarray) -> None:
    assert histogram is not None
    edges = histogram.edges
    assert len(histogram.counts) == len(edges) - 1 <= BINS
    expected = [np.count_nonzero((finite >= a) & (finite < b)) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(histogram.counts, expected)
    assert sum(expected) == finite.size


@given(FLOATS)
def test_summary_is_what_numpy_says(values: np.ndarray) -> None:
    check(summarize(values), values)


@given(FLOATS, FLOATS)
def test_two_summaries_together_are_the_summary_of_both(one: np.ndarray, other: np.ndarray) -> None:
    both = np.concatenate([one.ravel().astype(np.float64), other.ravel().astype(np.float64)])
    check(summarize(one).merged(summarize(other)), both)


def test_large_arrays_are_walked_in_blocks() -> None:
    values = np.random.default_rng(0).normal(3.0, 0.5, 100_003).astype(np.float32)
    check(summarize(values), values)
    strided = values[:-3].reshape(-1, 8, order="F")[:, ::-3]
    check(summarize(strided), strided)


def test_array_is_only_read() -> None:
    values = np.array([3.0, -1.0, np.nan, np.inf], np.float32)
    before = values.copy()
    values.flags.writeable = False
    summarize(values)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("value", [1e300, -1e300, 1.7e308, 1e-300, 5e-324, 0.1, -0.1])
def test_squares_neither_overflow_nor_vanish(value: float) -> None:
    summary = summarize(np.array([value, value]))
    assert (summary.mean, summary.std) == (value, 0.0)
    assert summary.norm == pytest.approx(math.hypot(value, value))
    apart = summarize(np.array([value, -value]))
    assert apart.mean == 0.0
    assert apart.std == pytest.approx(abs(value))


def test_norm_beyond_the_floats_is_infinite() -> None:
    assert summarize(np.full(4, 1.7e308)).norm == math.inf


@pytest.mark.parametrize("values", [np.arange(-3, 5, dtype=np.int64), np.array([True, False, True])])
def test_whole_numbers_and_booleans_have_statistics_too(values: np.ndarray) -> None:
    check(summarize(values), values)


def test_equal_values_have_no_spread_and_one_bin() -> None:
    summary = summarize(np.full(1000, 0.1, np.float32))
    assert summary.std == 0.0
    assert summary.histogram is not None
    assert len(summary.histogram.counts) == 1


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_bins_hold_both_ends_and_are_not_much_too_wide(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    exponent, first, n = bins_for(low, high)
    assert 1 <= n <= BINS
    edges = Histogram(exponent, first, np.zeros(n, np.uint8)).edges
    assert edges[0] <= low
    assert high < edges[-1] or edges[-1] == math.inf
    if high - low > 1e-6 * max(abs(low), abs(high)):
        assert n > BINS // 2 - 1 or exponent == -1074


def test_histograms_come_onto_the_same_bins_without_losing_a_value() -> None:
    rng = np.random.default_rng(0)
    samples = [rng.normal(0, scale, 500) for scale in (1e-3, 0.2, 7.0)]
    samples += [np.zeros(500), np.full(500, 2.5)]
    histograms = [summarize(sample).histogram for sample in samples]
    (exponent, first), counts = on_same_bins([h for h in histograms if h is not None], 128)
    edges = np.ldexp(np.arange(first, first + counts.shape[1] + 1.0), exponent)
    for sample, row in zip(samples, counts):
        np.testing.assert_array_equal(row, np.histogram(sample, edges)[0])
        assert row.sum() == 500
