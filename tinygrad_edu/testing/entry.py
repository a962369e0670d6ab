"""The verdict on the derivative with respect to one entry of one input: right, wrong, at a kink, or not to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .differences import STEPS, Slope, allowed_error, central, one_sided
from .probe import Prober

__all__ = ["Verdict", "judge"]

Array = np.ndarray[Any, Any]
_MANY_OUTPUTS = 20_000


@dataclass
class Verdict:
    """What differences say of one entry.

    Attributes
    ----------
    kind : str
        "right", "wrong", "kink" (accepted), "outside" (a kink, and no subgradient) or "unclear".
    analytic, numeric, error, low, high : float
        For the cotangent that shows it best; ``low`` and ``high`` at a kink only.
    """

    kind: str
    analytic: float
    numeric: float
    error: float
    low: float = np.nan
    high: float = np.nan

    @property
    def at_kink(self) -> bool:
        """Whether there are two derivatives, from the left and from the right."""
        return not np.isnan(self.low)


def judge(prober: Prober, i: int, j: int) -> Verdict:
    """Judge entry ``j`` of input ``i`` by steps of all sizes, from both sides."""
    x = abs(float(prober.points[i].flat[j]))
    verdict = _judge(prober, i, j, max(1.0, x))
    if verdict.kind != "right" and 0 < x < 0.1:
        finer = _judge(prober, i, j, x)  # a function whose own scale is that of a small x, like 1/x
        verdict = verdict if finer.kind == "unclear" else finer
    return _nearby(prober, i, j, verdict) if verdict.kind in ("wrong", "outside") else verdict


def _nearby(prober: Prober, i: int, j: int, verdict: Verdict) -> Verdict:
    """Accept, at a point where pieces of a function meet, what is between its derivatives at points close by.

    A tie that no single entry can break shows neither from the left nor from the right: the median of (1, 1, 1), say.
    """
    if not np.isfinite(verdict.analytic):
        return verdict
    for c, near in enumerate(prober.slopes_nearby(i, j)):
        analytic, largest = float(prober.gradients[c][i].flat[j]), prober.largest[c][i]
        spread, low, high = float(np.ptp(near)), float(near.min()), float(near.max())
        inside = low - 1e-3 * spread <= analytic <= high + 1e-3 * spread
        if not (spread > 1e-2 * max(abs(analytic), 1e-3 * largest) and inside):
            return verdict
    return Verdict("kink", analytic, analytic, 0.0, low, high)


def slope(prober: Prober, i: int, j: int) -> Slope:
    """Return the derivative of every output with respect to one entry, by steps of all sizes."""
    x = abs(float(prober.points[i].flat[j]))
    found: list[Slope] = []
    for scale in (max(1.0, x), x):
        if scale > 0:
            steps, up, down = _values(prober, i, j, scale)
            found.append(central(up, down, steps, prober.noise))
    if len(found) == 1:
        return found[0]
    finer = found[1].uncertainty < found[0].uncertainty
    return Slope(*[np.where(finer, getattr(found[1], f), getattr(found[0], f)) for f in ("value", "uncertainty")])


def _values(prober: Prober, i: int, j: int, scale: float) -> tuple[Array, Array, Array]:
    steps = STEPS * scale
    sides = [np.stack([prober.moved(i, [j], sign * h) for h in steps]) for sign in (1, -1)]
    return steps, sides[0], sides[1]


def _judge(prober: Prober, i: int, j: int, scale: float) -> Verdict:
    steps, up, down = _values(prober, i, j, scale)
    here, noise, weights = prober.here, prober.noise, prober.weights
    changed = (up != here).any(0) | (down != here).any(0)
    if changed.sum() > _MANY_OUTPUTS:  # then only their two weighted sums
        up, down, here = up @ weights.T, down @ weights.T, weights @ here
        noise, weights = np.sqrt(weights**2 @ noise**2), np.eye(len(weights))
    else:
        up, down, here, noise, weights = (a[..., changed] for a in (up, down, here, noise, weights))
    middle = central(up, down, steps, noise)
    right, left = (one_sided(a, here, h, noise) for a, h in ((up, steps), (down, -steps)))
    found = [_weighed(prober, i, j, c, w, middle, left, right) for c, w in enumerate(weights)]
    return max(found, key=lambda v: (_RANK[v.kind], v.error))


_RANK = {"right": 0, "unclear": 1, "kink": 2, "outside": 3, "wrong": 4}


def _weighed(prober: Prober, i: int, j: int, c: int, w: Array, middle: Slope, left: Slope, right: Slope) -> Verdict:
    """Judge the derivative of one weighted sum of the outputs."""
    analytic, largest = float(prober.gradients[c][i].flat[j]), prober.largest[c][i]
    numeric, doubt = float(_dot(w, middle.value)), float(_dot(np.abs(w), middle.uncertainty))
    error, size = abs(analytic - numeric), np.fmax(abs(analytic), abs(numeric))
    if not np.isfinite(analytic):
        size = float(np.nan_to_num(abs(numeric)))
    floor = prober.floors[c] / (abs(float(prober.points[i].flat[j])) or 1.0)
    allowed = float(allowed_error(doubt, size, largest)) + floor
    hidden = 1e3 * floor if abs(analytic) <= floor else 0.0
    resolved = doubt <= 1e-3 * size + 1e-7 * largest + hidden
    if (np.isnan(left.value) & np.isnan(right.value)).any():
        return Verdict("unclear", analytic, numeric, error)  # a jump to both sides, or no domain on any
    kinked = _kinked(left, right)
    if resolved and error <= allowed and not kinked.any():
        return Verdict("right", analytic, numeric, error)
    if kinked.any():
        return _at_kink(analytic, w, kinked, middle, left, right, allowed if resolved else 1e-4 * size)
    if not np.isfinite(analytic):
        excused = not prober.live.all() or (not np.isnan(analytic) and not resolved)
        return Verdict("unclear" if excused else "wrong", analytic, numeric, np.inf)
    if not resolved and not (error > 10 * doubt and doubt < 0.1 * error):
        return Verdict("unclear", analytic, numeric, error)
    return Verdict("right" if error <= allowed else "wrong", analytic, numeric, error)


def _kinked(left: Slope, right: Slope) -> Array:
    """Tell for which outputs the derivatives from the two sides differ."""
    gap = np.abs(right.value - left.value)
    doubt = 10 * (left.uncertainty + right.uncertainty)
    differ = gap > doubt + 1e-5 * np.fmax(np.abs(left.value), np.abs(right.value))
    lone = np.isfinite(left.value) != np.isfinite(right.value)  # the edge of the domain, or infinite on one side
    endless = np.isinf(left.value) | np.isinf(right.value)
    return np.asarray(differ | lone | endless)


def _at_kink(
    analytic: float, w: Array, kinked: Array, middle: Slope, left: Slope, right: Slope, allowed: float
) -> Verdict:
    """Accept what lies between the one-sided derivatives, both included."""
    sides = np.stack([_edge(left.value, right.value), _edge(right.value, left.value)]) * w
    beside = np.fmax(_or_zero(left.uncertainty), _or_zero(right.uncertainty))
    doubt = np.abs(w) * np.where(kinked, beside, _or_zero(middle.uncertainty))
    smooth = middle.value * w
    low = float(np.where(kinked, sides.min(0), smooth).sum())
    high = float(np.where(kinked, sides.max(0), smooth).sum())
    spread = float(doubt.sum())
    if not np.isfinite(analytic) and np.isfinite(low + high) and spread > 1e-3 * max(abs(low), abs(high)):
        return Verdict("unclear", analytic, low, np.inf)  # grows without end, but slowly, like log
    slack = allowed + 3 * spread
    kind = "kink" if low - slack <= analytic <= high + slack else "outside"
    error = 0.0 if kind == "kink" else float(np.fmax(low - analytic, analytic - high))
    if len(w) == 1:  # a single output: in its own terms
        analytic, (low, high) = analytic / w[0], sorted((low / w[0], high / w[0]))
    return Verdict(kind, analytic, low if kind == "kink" else float(np.clip(analytic, low, high)), error, low, high)


def _or_zero(values: Array) -> Array:
    """Put zeros in the places of NaN and infinity."""
    return np.where(np.isfinite(values), values, 0.0)


def _edge(value: Array, other: Array) -> Array:
    """Where there is no derivative on one side, the edge of the domain, take the other side's."""
    return np.where(np.isnan(value), other, value)


def _dot(weights: Array, values: Array) -> Any:
    return (weights * values).sum()
