"""The independent oracle of the gradient tests: central differences in float64, extrapolated (Richardson, 1911)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
STEP = 1e-3


def gradient(function: Callable[[Sequence[Array]], float], inputs: Sequence[Array]) -> list[Array]:
    """Differentiate a number with respect to every entry of every array.

    The difference quotient at h and at h/2 are combined so that the h^2 term of the error cancels; what is left is
    of the order of h^4 = 1e-12 and of round-off divided by h = 1e-13.
    """
    values = [np.array(a, np.float64) for a in inputs]
    result = [np.zeros_like(a) for a in values]
    for value, slopes in zip(values, result):
        for index in np.ndindex(value.shape):
            coarse = _quotient(function, values, value, index, STEP)
            fine = _quotient(function, values, value, index, STEP / 2)
            slopes[index] = (4 * fine - coarse) / 3
    return result


def _quotient(
    function: Callable[[Sequence[Array]], float],
    values: Sequence[Array],
    value: Array,
    index: Any,
    step: float,
) -> float:
    kept = value[index]
    value[index] = kept + step
    above = function(values)
    value[index] = kept - step
    below = function(values)
    value[index] = kept
    return (above - below) / (2 * step)


def assert_close(analytic: Any, numeric: Array, what: str, tolerance: float = 1e-6) -> None:
    """Compare, and say which entry is worst."""
    analytic = np.asarray(analytic)
    assert analytic.shape == numeric.shape, f"{what}: shape {analytic.shape} instead of {numeric.shape}"
    if not analytic.size:
        return
    error = np.abs(analytic - numeric) / (1 + np.abs(numeric))
    worst = np.unravel_index(np.argmax(error), error.shape)
    assert error[worst] < tolerance, (
        f"{what} at {tuple(map(int, worst))}: analytic {analytic[worst]:.9g}, numeric {numeric[worst]:.9g}"
    )
