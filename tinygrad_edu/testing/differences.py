"""Numeric derivatives, each with its uncertainty.

Everything here is a function of values that were computed elsewhere, at steps h that shrink by a constant ratio. The
uncertainty has two parts: what is left of the Taylor series, read from how the quotients change as the step shrinks,
and round-off, which grows as the step shrinks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["RATIO", "STEPS", "Slope", "allowed_error", "central", "diverges", "extrapolate", "one_sided", "roundoff"]

Array = np.ndarray[Any, Any]

RATIO = 4.0
STEPS = 0.1 * RATIO ** -np.arange(15.0)
"""Steps of the careful derivative: from 0.1 to 4e-10, to see beside a pole as well as through round-off."""

_COLUMNS = 3
_LAST = 6


@dataclass
class Slope:
    """A derivative of each output and the uncertainty of it; infinite where no step gave a number."""

    value: Array
    uncertainty: Array


def extrapolate(quotients: Array, steps: Array, power: int, noise: Array) -> Slope:
    """Let difference quotients tend to the step zero, and choose for each output where that went best.

    Parameters
    ----------
    quotients : ndarray, shape (K, M)
        Of M outputs at K steps; NaN or inf where the function was not defined.
    steps : ndarray, shape (K,)
        Falling by :data:`RATIO`.
    power : int
        The error is a series in h^power: 2 for central quotients, 1 for one-sided ones.
    noise : ndarray, shape (M,)
        Round-off of one value of the function.

    References
    ----------
    L. F. Richardson, "The approximate arithmetical solution by finite differences", 1911. C. J. F. Ridders,
    "Accurate computation of F'(x) and F'(x) F''(x)", 1982: the tableau, and the choice of its best entry.
    """
    column, floor = quotients, noise / steps[:, None]
    low, high = _allowed_by_later(quotients, floor)
    values, errors = [column], [np.full(column.shape, np.inf)]
    for j in range(1, _COLUMNS + 1):
        gain = RATIO ** (power * j)
        finer, coarser = column[1:], column[:-1]
        better = (gain * finer - coarser) / (gain - 1)
        error = np.maximum(np.abs(better - finer), np.abs(better - coarser)) + floor[j:]
        error += np.maximum(low[j:] - better, 0) + np.maximum(better - high[j:], 0)
        error[:-1] = np.fmax(error[:-1], np.abs(np.diff(better, axis=0)))  # neighbours may meet by chance
        values.append(better)
        errors.append(np.where(np.isfinite(error), error, np.inf))
        column = better
    every, doubt = np.concatenate(values), np.concatenate(errors)
    best = np.argmin(doubt, axis=0)[None]
    value = np.take_along_axis(every, best, 0)[0]
    uncertainty = np.take_along_axis(doubt, best, 0)[0]
    return Slope(np.where(np.isfinite(uncertainty), value, np.nan), uncertainty)


def _allowed_by_later(quotients: Array, floor: Array) -> tuple[Array, Array]:
    """Bound what each step may say by the smaller steps: two quotients may be alike by chance, as those of a staircase.

    A quotient is off by less than four times what it changes by to the next, and round-off.
    """
    change = np.abs(np.diff(quotients, axis=0, append=quotients[-1:]))
    slack = 4 * change + 10 * floor
    low = np.nan_to_num(quotients - slack, nan=-np.inf, neginf=-np.inf, posinf=-np.inf)
    high = np.nan_to_num(quotients + slack, nan=np.inf, posinf=np.inf, neginf=np.inf)
    return np.maximum.accumulate(low[::-1])[::-1], np.minimum.accumulate(high[::-1])[::-1]


def central(up: Array, down: Array, steps: Array, noise: Array) -> Slope:
    """Differentiate from values at x + h and x - h, arrays of shape (K, M)."""
    return extrapolate((up - down) / (2 * steps[:, None]), steps, 2, noise)


def allowed_error(doubt: Any, size: Any, largest: Any) -> Any:
    """Say how far backward may be off: by the uncertainty, and by round-off of its own.

    ``size`` is that of the derivative itself, ``largest`` of the largest beside it.
    """
    return 3 * doubt + 1e-7 * size + 1e-10 * largest


def one_sided(there: Array, here: Array, steps: Array, noise: Array) -> Slope:
    """Differentiate from values at x + h (steps > 0) or x - h (steps < 0), and at x itself.

    The slope is infinite at a vertical tangent, and NaN at a jump.
    """
    change = there - here
    quotients = change / steps[:, None]
    slope = extrapolate(quotients, np.abs(steps), 1, 2 * noise)
    growing = diverges(quotients) & (np.abs(change[-1]) > 100 * noise)
    jump = growing & (np.abs(change[-1]) > 0.5 * np.abs(change[-4]))
    slope.value = np.where(growing, np.where(jump, np.nan, np.copysign(np.inf, quotients[-1])), slope.value)
    slope.uncertainty = np.where(jump, np.inf, slope.uncertainty)
    return slope


def diverges(quotients: Array) -> Array:
    """Tell which quotients grow without end as the step shrinks: beside a jump, or at a vertical tangent."""
    size = np.abs(quotients[-_LAST:])
    # A factor of 2 a step at the square root of 0, of 4 at a jump.
    return np.asarray(np.isfinite(size).all(0) & (size[1:] > 1.7 * size[:-1]).all(0))


def roundoff(here: Array, beside: Sequence[Array], eps: float) -> Array:
    """Estimate the round-off in each output from values at equidistant points so close that only round-off differs.

    Fourth differences cancel whatever is smooth; of independent round-off they keep sqrt(70) times its size. The points
    are ``beside`` the one of interest, on one side, so that a kink or a jump right there does not show.

    References
    ----------
    J. J. Moré and S. M. Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33, 2011.
    """
    fourth = np.abs(np.diff(np.stack(beside), 4, axis=0)).max(0) / np.sqrt(70)
    fourth = np.where(np.isfinite(fourth), fourth, 0.0)
    usual = np.median(fourth) if fourth.size else 0.0  # a few differences may be small by chance
    return np.asarray(eps * np.abs(here) + 2 * np.maximum(fourth, np.minimum(usual, 1e-9 * np.abs(here))))
