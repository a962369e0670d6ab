"""Numbers and places, as messages spell them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_edu.testing.wording import entries, index, is_nice, listing, spell


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (2.0, "2"),
        (-2.0, "-2"),
        (0.5, "1/2"),
        (1 / 37, "1/37"),
        (2 / 3, "2/3"),
        (1.01, "1.01"),
        (0.999, "0.999"),
        (0.0125, "1/80"),
        (0.73, "0.73"),
        (math.pi, "pi"),
        (1 / math.log(10), "1/ln 10"),
        (-0.123456789, "-0.123457"),
        (1234567.8, "1.23457e+06"),
        (1e-9, "1e-09"),
    ],
)
def test_spell(number: float, text: str) -> None:
    assert spell(number, 1e-8 * abs(number)) == text
    assert spell(number + 4e-9 * number, 1e-8 * abs(number)) == text


@pytest.mark.parametrize(
    ("number", "tolerance"), [(2, 1e-3), (-0.5, 1e-4), (1.01, 1e-6), (1 / 300, 1e-8), (math.sqrt(2), 1e-6)]
)
def test_numbers_that_somebody_wrote(number: float, tolerance: float) -> None:
    assert is_nice(number + 0.9 * tolerance, tolerance)
    assert not is_nice(number, 0.1), "known so badly, anything looks like it"


def test_few_numbers_look_written_by_chance() -> None:
    drawn = np.random.default_rng(0).uniform(0.01, 20, 2000)
    for tolerance in (1e-3, 1e-5, 1e-7):
        assert np.mean([is_nice(x, tolerance * x) for x in drawn]) < 0.03


def test_listing() -> None:
    assert listing([3]) == "3"
    assert listing([1, 2]) == "1 and 2"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing(range(10)) == "0, 1, 2, 3 and 6 more"


def test_entries() -> None:
    assert index((np.int64(2), np.int64(1))) == "[2, 1]"
    assert entries([(2,)]) == "entry [2]"
    assert entries([(0, 1), (2, 2)]) == "entries [0, 1] and [2, 2]"
