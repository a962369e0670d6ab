"""Comparing backward with differences along a direction: many entries of an input at once, each with a weight.

An entry that is wrong shows in the sum whatever the other entries are, since no weight is small; how precise the
comparison was is measured with it, and decides whether it is good enough for so many entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .noise import attempt, measured, signed_weights
from .subject import Pullback, Subject

__all__ = ["Prober"]

Array = np.ndarray[Any, Any]
Points = Sequence[Array]
_ANSWERS = ("agrees", "unclear", "differs")
_ROUND_OFFS = 30  # so many units of round-off in the outputs may be in a derivative, however small it is
_NEARBY, _NEARBY_POINTS = 1e-8, 8  # the step of the slopes nearby, and at how many points they are taken
_LOUD = 1e9  # an output smaller than so many times its round-off is not made larger


class Prober:
    """A point at which a subject is probed.

    Attributes
    ----------
    points : list of ndarray
        Where.
    weights : ndarray, shape (2, M)
        Two random combinations of the M outputs: the derivatives of these are compared.
    gradients : list of list of ndarray
        What backward says: for each combination, one gradient for each input.
    absent : list of bool
        For each input, whether backward gave None.
    largest : list of list of float
        The largest finite entry of each gradient.
    here, noise, live : ndarray, shape (M,)
        The outputs, their round-off, and whether they are finite.
    floors : list of float
        For each combination, the round-off of a derivative by an entry of size 1, whatever that derivative is.
    largest_error : list of float
        For each input, the largest difference of a sum, divided by the largest entry of all gradients.
    """

    def __init__(self, subject: Subject, points: Points, rng: np.random.Generator) -> None:
        self.subject, self.points = subject, [np.asarray(p) for p in points]
        self.pullback: Pullback = subject.pullback(points)
        values = subject.vector(points)
        self.live = np.isfinite(values)  # what is not finite here is not judged
        self.here = np.where(self.live, values, 0.0)
        self.scales = [np.where(np.isfinite(p), np.maximum(1.0, np.abs(p)), 0.0) for p in self.points]
        noise = measured(self.at, self.points, self.here, subject.eps, rng, moves=subject.twin)
        self.noise = np.maximum(noise, subject.round_off(self.points))
        sizes = self._sizes()
        self.weights = np.stack([signed_weights(rng, self.here.shape) * self.live / sizes for _ in range(2)])
        self.gradients = [self.pullback(self.split(w)) for w in self.weights]
        self.absent = self.pullback.absent
        self.directions = [signed_weights(rng, p.shape) for p in points]
        self.largest = [[_largest(g) for g in gradients] for gradients in self.gradients]
        self.largest_error = [0.0] * len(self.points)
        self.floors = [self._floor(w) for w in self.weights]

    def slopes_nearby(self, i: int, j: int) -> Array:
        """Differentiate both combinations with respect to one entry at points very close by: shape (2, K).

        What is only round-off is rounded away. An entry that is equal to others asks for more points: in which order
        they come decides.
        """
        rng = np.random.default_rng(0)
        step = _NEARBY * float(self.scales[i].flat[j])
        slopes = []
        tied = np.count_nonzero(self.points[i] == self.points[i].flat[j]) > 1
        for _ in range(_NEARBY_POINTS * (8 if tied else 1)):
            points = [p + 100 * _NEARBY * signed_weights(rng, p.shape) * s for p, s in zip(self.points, self.scales)]
            points[i].flat[j] += step
            up = self.at(points)
            points[i].flat[j] -= 2 * step
            change = up - self.at(points)
            change = np.where(np.abs(change) < 1e3 * self.noise, 0.0, change)
            slopes.append(self.weights @ change / (2 * step))
        return np.stack(slopes, 1)

    def split(self, flat: Array) -> list[Array]:
        """Cut a vector of all outputs into the shapes of the outputs."""
        sizes = [int(np.prod(shape)) for shape in self.subject.sizes]
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self.subject.sizes)]

    def _sizes(self) -> Array:
        """Give every entry the size of its output, so that none of several is too small to be seen beside another.

        An output that is mostly round-off is not made larger by that; one that is nothing else has the size of the
        terms that cancel in it, since its derivatives have their round-off.
        """
        if len(self.subject.sizes) == 1:
            return np.ones_like(self.here)
        sizes = []
        for values, noises in zip(self.split(np.abs(self.here)), self.split(self.noise)):
            size, noise = float(values.max(initial=0.0)), float(noises.max(initial=0.0))
            sizes.append(max(size, _LOUD * noise if size > _ROUND_OFFS * noise else noise / self.subject.eps) or 1.0)
        return np.repeat(sizes, [int(np.prod(shape)) for shape in self.subject.sizes])

    def _floor(self, weights: Array) -> float:
        """Add up what round-off there is in a derivative: that of the outputs, and of what cancels in them."""
        independent = np.sqrt(np.square(weights * self.noise).sum())
        return float(_ROUND_OFFS * (self.subject.eps * (np.abs(weights) @ np.abs(self.here)) + independent))

    def at(self, points: Points) -> Array:
        """Return the outputs at other points: NaN outside of the function's domain, 0 for what is not judged."""
        values = attempt(self.subject, points, self.here.size)
        return values if self.live.all() else np.asarray(np.where(self.live, values, 0.0))

    def moved(self, i: int, entries: Any, step: float) -> Array:
        """Return the outputs after moving entries of input ``i`` along the direction, a single one by ``step``."""
        points = list(self.points)
        points[i] = moved = self.points[i].copy()
        if len(entries) == 1:
            moved.flat[entries[0]] += step
        else:
            moved.reshape(-1)[entries] += step * self._along(i, entries)
        return self.at(points)

    def _along(self, i: int, entries: Any) -> Array:
        along: Array = self.directions[i].reshape(-1)[entries] * self.scales[i].reshape(-1)[entries]
        return along

    def ask(self, i: int, entries: Array) -> str:
        """Compare backward with differences, as to the sum over some entries.

        Returns
        -------
        str
            "agrees", "differs", or "unclear" where that is not precise enough for so many entries, or at a kink.
        """
        along, unit = self._steps(i, entries)
        (up, down), (nearer_up, nearer_down) = (self._sides(i, entries, h) for h in (unit, unit / 2))
        if len(entries) == 1:
            if _bends(up + down - 2 * self.here, nearer_up + nearer_down - 2 * self.here, self.noise):
                return "unclear"
            along = np.ones(1)  # a single entry is moved by the step itself
        coarse, fine = (up - down) / (2 * unit), (nearer_up - nearer_down) / unit
        noise = np.where(coarse != 0, self.noise / unit, 0.0)
        answers = [self._compare(c, i, entries, along, coarse, fine, noise) for c in range(2)]
        return max(answers, key=_ANSWERS.index)

    def mismatch(self, i: int, entries: Array) -> Array:
        """Return how far backward and differences are apart on the sum over some entries, coarsely: shape (2,)."""
        along, unit = self._steps(i, entries)
        up, down = self._sides(i, entries, unit)
        numeric = self.weights @ (up - down) / (2 * unit) * (along[0] if len(entries) == 1 else 1.0)
        analytic = [float((g[i].reshape(-1)[entries] * along).sum()) for g in self.gradients]
        return np.asarray(np.array(analytic) - numeric)

    def _steps(self, i: int, entries: Array) -> tuple[Array, float]:
        """Give the direction, and the step along it: small for many entries, so that few of them meet a kink."""
        count = len(entries)
        step = max(1e-6, min(1e-3, 0.05 / count))
        scale = float(self.scales[i].flat[entries[0]]) if count == 1 else 1.0
        return self._along(i, entries), step * scale

    def _sides(self, i: int, entries: Array, step: float) -> tuple[Array, Array]:
        return self.moved(i, entries, step), self.moved(i, entries, -step)

    def _compare(self, c: int, i: int, entries: Array, along: Array, coarse: Array, fine: Array, noise: Array) -> str:
        w, g = self.weights[c], self.gradients[c][i].reshape(-1)[entries] * along
        largest = self.largest[c][i] * float(np.abs(along).max())
        first, second = float(w @ coarse), float(w @ fine)
        numeric, analytic, size = (4 * second - first) / 3, float(g.sum()), float(np.abs(g).sum())
        doubt = abs(numeric - second) + 3 * float(np.sqrt(((w * noise) ** 2).sum()))
        error = abs(analytic - numeric)
        hidden = self.floors[c] if size <= self.floors[c] else 0.0
        precise = doubt <= 1e-4 * max(size, abs(numeric)) / len(entries) + 1e-8 * largest + hidden
        allowed = doubt + 1e-9 * size + 1e-12 * largest + self.floors[c]
        if not np.isfinite(error):
            return "unclear"
        if not error <= allowed:
            return "differs"
        if precise:
            self.largest_error[i] = max(self.largest_error[i], self.relative(error, c))
        return "agrees" if precise else "unclear"

    def relative(self, error: float, c: int = 0) -> float:
        """Divide an error by the largest entry of all gradients."""
        return error / (max(self.largest[c], default=0.0) or 1.0)


def _bends(second: Array, nearer: Array, noise: Array) -> bool:
    """Tell whether second differences shrink with the step, as at a kink, and not with its square."""
    return bool((np.abs(nearer) > 0.4 * np.abs(second) + 20 * noise).any())


def _largest(gradient: Array) -> float:
    return float(_finite_sizes(gradient).max(initial=0.0))


def _finite_sizes(values: Array) -> Array:
    """Return the sizes of values, 0 for those that are not finite."""
    return np.where(np.isfinite(values), np.abs(values), 0.0)
