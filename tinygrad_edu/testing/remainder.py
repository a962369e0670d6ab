"""Two verdicts that need no tolerance: the order of the Taylor remainder, and the derivative by a complex step."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..nn import Module
from .primal import Primal
from .probe import Prober
from .subject import outputs_of

__all__ = ["complex_step", "remainder_order"]

Array = np.ndarray[Any, Any]
_STEPS = 0.01 * 4.0 ** -np.arange(5)
_COMPLEX_STEP = 1e-30


def remainder_order(prober: Prober, i: int, entries: Array) -> float | None:
    """Measure how the remainder |f(x + h v) - f(x) - h <g, v>| shrinks: like h^2 if g is the gradient, like h if not.

    Parameters
    ----------
    prober : Prober
        The point, and what backward says there.
    i : int
        Which input.
    entries : ndarray of int
        Which of its entries are moved; not those at kinks, which have no such formula.

    Returns
    -------
    float or None
        The exponent between the two smallest steps whose remainder stands out of round-off; None where there are none.
    """
    if entries.size < 2:  # a single entry is moved by the step itself
        direction = np.ones(entries.size)
    else:
        direction = prober.directions[i].reshape(-1)[entries] * prober.scales[i].reshape(-1)[entries]
    slope = float(prober.gradients[0][i].reshape(-1)[entries] @ direction)
    weights = prober.weights[0]
    floor = 20 * float(np.abs(weights) @ prober.noise) + 1e-14 * abs(slope) * _STEPS[0]
    there = [prober.moved(i, entries, h) for h in (_STEPS if entries.size else [])]
    left = np.array([abs(float(weights @ (f - prober.here)) - h * slope) for f, h in zip(there, _STEPS)])
    seen = np.nonzero(left > floor)[0]
    if len(seen) < 2 or seen[-1] - seen[-2] != 1 or not np.isfinite(left[seen[-2:]]).all():
        return None
    return float(np.log(left[seen[-2]] / left[seen[-1]]) / np.log(4.0))


def complex_step(prober: Prober, i: int) -> float | None:
    """Compare with the derivative Im f(x + i h v) / h, which has no round-off to speak of however small h is.

    Returns
    -------
    float or None
        The difference, divided by the sum of the sizes; None where the function does not take complex arrays, or is
        not analytic: that shows, since the result is then far from the central difference too.

    References
    ----------
    W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40, 1998.
    """
    subject = prober.subject
    if not isinstance(subject, Primal) or isinstance(subject.fn, Module) or not prober.points[i].size:
        return None
    along = prober.directions[i] * prober.scales[i]
    try:
        found = _imaginary(subject, prober, i, along)
    except Exception:  # whatever a function says that was not made for complex numbers
        return None
    terms = prober.gradients[0][i] * along
    analytic, size = float(terms.sum()), float(np.abs(terms).sum())
    if found is None or not 0 < size < np.inf:
        return None
    numeric = _central(prober, i, along)
    if not abs(found - numeric) <= 1e-5 * size:
        return None
    return abs(analytic - found) / size


def _central(prober: Prober, i: int, along: Array, h: float = 1e-6) -> float:
    up, down = (prober.moved(i, np.arange(along.size), sign * h) for sign in (1, -1))
    scale = float(along.flat[0]) if along.size == 1 else 1.0  # a single entry is moved by the step itself
    return float(prober.weights[0] @ (up - down)) / (2 * h) * scale


def _imaginary(subject: Primal, prober: Prober, i: int, along: Array) -> float | None:
    """Call the function on arrays, one of them with a small imaginary part."""
    arrays: list[Any] = [p.copy() for p in prober.points]
    arrays[i] = arrays[i] + 1j * _COMPLEX_STEP * along
    arguments = subject.arguments(arrays)
    with warnings.catch_warnings(action="error"):
        result = subject.fn(*arguments, **subject.kwargs)
    results = result if isinstance(result, (tuple, list)) else [result]
    if any(True for _ in outputs_of(result)) or len(results) <= max(subject.judged):
        return None
    parts = [np.asarray(results[k]).imag.ravel() for k in subject.judged]
    return float(prober.weights[0] @ np.concatenate(parts)) / _COMPLEX_STEP
