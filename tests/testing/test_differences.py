"""Numeric derivatives and their uncertainty: close to the true one, and never surer than right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_edu.testing.differences import STEPS, central, one_sided, roundoff

EPS = 2.0**-52
Function = Callable[[np.ndarray], Any]


def both_sides(f: Function, x: float, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    steps = STEPS * scale
    with np.errstate(all="ignore"):
        return f(x + steps)[:, None], f(x - steps)[:, None], steps


def noise(f: Function, x: float) -> np.ndarray:
    with np.errstate(all="ignore"):
        return EPS * np.abs(np.atleast_1d(f(np.array(x))))


SMOOTH = [
    (np.sin, np.cos, 1.3),
    (np.exp, np.exp, -2.0),
    (lambda x: x**5, lambda x: 5 * x**4, 1.7),
    (lambda x: 1 / x, lambda x: -1 / x**2, 0.3),
    (lambda x: np.sin(100 * x), lambda x: 100 * np.cos(100 * x), 0.4),
    (lambda x: np.maximum(x, 0), lambda x: 1.0, 1e-6),  # beside a kink
    (lambda x: x * 0 + 3, lambda x: 0.0, 2.0),
    (lambda x: x**2, lambda x: 2 * x, 0.0),
    (lambda x: 1e8 + x, lambda x: 1.0, 1.0),  # mostly round-off
]


@pytest.mark.parametrize(("f", "derivative", "x"), SMOOTH)
def test_central_difference_is_within_its_uncertainty(f: Function, derivative: Function, x: float) -> None:
    up, down, steps = both_sides(f, x)
    with np.errstate(all="ignore"):
        slope = central(up, down, steps, noise(f, x))
    error = abs(float(slope.value[0]) - float(derivative(np.array(x))))
    assert error <= 3 * slope.uncertainty[0]
    assert slope.uncertainty[0] <= 1e-5 * max(1.0, abs(float(derivative(np.array(x)))))


def test_a_staircase_is_flat_although_large_steps_agree_on_a_slope() -> None:
    # With steps in the ratio 4, (127 - 123) / 3.0864 equals (124 - 123) / 0.7716 to the last digit.
    x = 123.456
    up, down, steps = both_sides(np.round, x, scale=x)
    assert one_sided(up, np.round(np.array([x])), steps, noise(np.round, x)).value[0] == 0
    assert central(up, down, steps, noise(np.round, x)).value[0] == 0


def test_steps_outside_of_the_domain_are_left_out() -> None:
    up, down, steps = both_sides(np.log, 1e-3)
    slope = central(up, down, steps, noise(np.log, 1e-3))
    assert abs(slope.value[0] - 1000) <= 3 * slope.uncertainty[0]


@pytest.mark.parametrize(
    ("f", "x", "left", "right"),
    [
        (np.abs, 0.0, -1, 1),
        (lambda x: np.maximum(x, 0), 0.0, 0, 1),
        (lambda x: np.abs(x) + x**2, 0.0, -1, 1),
        (np.cbrt, 0.0, np.inf, np.inf),
        (np.sqrt, 0.0, np.nan, np.inf),
        (np.floor, 2.0, np.nan, 0),  # a jump on the left
        (np.sign, 0.0, np.nan, np.nan),
        (np.exp, 0.0, 1, 1),
    ],
)
def test_derivatives_from_the_left_and_from_the_right(f: Function, x: float, left: float, right: float) -> None:
    up, down, steps = both_sides(f, x)
    here = np.atleast_1d(f(np.array(x)))
    with np.errstate(all="ignore"):
        found = [one_sided(down, here, -steps, noise(f, x)), one_sided(up, here, steps, noise(f, x))]
    np.testing.assert_allclose([slope.value[0] for slope in found], [left, right], atol=1e-8)


def test_roundoff_is_seen_where_the_function_loses_digits() -> None:
    x = 1 + 1.3e-7 * np.arange(1, 7)
    exact = roundoff(np.sin(x[:1]), list(np.sin(x)[:, None]), EPS)
    lossy = roundoff(np.sin(x[:1]), list((np.sin(x) + 1e6 - 1e6)[:, None]), EPS)
    assert exact[0] < 1e-15
    assert 1e-11 < lossy[0] < 1e-8


def test_roundoff_does_not_see_a_kink_at_the_point_itself() -> None:
    beside = [np.abs(np.array([k * 1e-7])) for k in range(1, 7)]
    assert roundoff(np.zeros(1), beside, EPS)[0] < 1e-20
