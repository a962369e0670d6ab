"""Round-off in the outputs of a function, measured at points so close by that only round-off differs.

A value that is small because large terms cancel has the round-off of these terms, and so have its derivatives. Nothing
of that can be read from the value itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .differences import roundoff

if TYPE_CHECKING:
    from .subject import Subject

__all__ = ["arriving_terms", "attempt", "measured", "signed_weights"]

Array = np.ndarray[Any, Any]
Points = Sequence[Array]

_STEP = 1e-7  # of the size of an entry; a zero stays, since it is where kinks are
_STEPS = range(1, 7)  # not 0: the point itself may be a kink
_WIDER = (60, 600, 6000)
_SMALL = 1e-9  # what changes a constant by less is round-off, beside a kink it is more


def measured(
    at: Callable[[Points], Array], points: Points, here: Array, eps: float, rng: np.random.Generator, *, moves: bool,
    limit: float = np.inf,
) -> Array:  # fmt: skip
    """Estimate the round-off of every output.

    Parameters
    ----------
    at : callable
        Gives the outputs at other points.
    points, here
        The point, and the outputs there.
    eps : float
        The relative round-off of one evaluation.
    rng : Generator
        Of the direction in which the other points lie.
    moves : bool
        Whether steps so small are seen in the dtype of the inputs.
    limit : float
        Where small steps change an output in no digit, it may lose so many, and larger ones are taken; a change by
        more than this is none of round-off then.
    """
    scale = _STEP if moves else 0.0
    scales = [np.where(np.isfinite(p), np.maximum(1.0, np.abs(p)), 0.0) for p in points]
    sizes = [np.where(np.abs(p) < 1e-3, np.abs(p), s) for p, s in zip(points, scales)]
    away = [signed_weights(rng, p.shape) * size * scale for p, size in zip(points, sizes)]
    rows = [at([p + k * d for p, d in zip(points, away)]) for k in _STEPS]
    noise: Array = roundoff(here, rows, eps)
    stuck = (np.stack(rows) == here).all(0)
    for factor in _WIDER:
        if stuck.any():
            change = np.abs(at([p + factor * d for p, d in zip(points, away)]) - here)
            noise = np.where(stuck & np.isfinite(change) & (change <= limit), np.maximum(noise, change), noise)
            stuck &= change == 0
    return noise


def arriving_terms(subject: Subject, points: Points, cotangents: Points) -> Array:
    """Tell how large the terms are that each output is the sum of, times the gradient that arrives there: shape (M,).

    The size of the terms is the round-off of the output, in units of round-off: at least that of the output itself.
    """
    values = subject.vector(points)
    live = np.isfinite(values)
    here = np.where(live, values, 0.0)

    def at(there: Points) -> Array:
        return np.where(live, attempt(subject, there, here.size), 0.0)

    noise = measured(at, points, here, subject.eps, np.random.default_rng(0), moves=subject.twin, limit=_SMALL)
    sizes = np.where(live, np.maximum(noise, subject.round_off(points)), 0.0) / subject.eps
    arriving = np.concatenate([np.zeros(0), *[np.ravel(u) for u in cotangents]])
    return np.asarray(np.nan_to_num(sizes * np.abs(arriving), posinf=0.0))


def attempt(subject: Subject, points: Points, count: int) -> Array:
    """Return the outputs at other points, NaN outside of the function's domain."""
    try:
        return subject.vector(points)
    except Exception:  # it was called at the point itself, and did not object
        return np.full(count, np.nan)


def signed_weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw weights of both signs between 0.5 and 1.5: none small, so none hides; all different, so none cancel."""
    return np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))
