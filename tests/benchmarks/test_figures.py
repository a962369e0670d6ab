"""Statistics of the samples, and how figures are written."""

from __future__ import annotations

import doctest

import pytest

from benchmarks import figures, tables
from benchmarks.figures import Spread, geometric_mean, paired_ratio, spread


@pytest.mark.parametrize("module", [figures, tables])
def test_examples_in_the_docstrings(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted > 0
    assert found.failed == 0


def test_one_sample_is_its_own_quartiles() -> None:
    assert spread([3.0]) == Spread(3.0, 3.0, 3.0)


def test_one_slow_round_does_not_move_the_median() -> None:
    assert spread([1.0, 1.0, 1.0, 1.0, 50.0]).median == 1.0


def test_a_ratio_is_taken_within_its_round() -> None:
    # The machine is ten times slower in the second round: the ratio of the medians would be 20 / 10.
    assert paired_ratio([3.0, 30.0, 20.0], [1.0, 10.0, 10.0]) == Spread(2.5, 3.0, 3.0)


def test_samples_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2 rounds of theirs beside 1 of ours"):
        paired_ratio([1.0, 2.0], [1.0])


def test_geometric_mean_of_opposite_factors_is_one() -> None:
    assert geometric_mean([4.0, 0.25, 1.0]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("value", "measure", "text"),
    [
        (2.5, "time", "2.50 s"),
        (0.9999, "time", "1.00 s"),
        (0.0123, "time", "12.3 ms"),
        (456e-6, "import", "456 µs"),
        (7.89e-9, "time", "7.89 ns"),
        (6e-12, "time", "0.01 ns"),
        (45.6e6, "peak", "45.6 MB"),
        (368.0, "graph", "368 B"),
    ],
)
def test_figure_has_three_digits_and_a_unit(value: float, measure: str, text: str) -> None:
    assert tables.figure(value, measure) == text
