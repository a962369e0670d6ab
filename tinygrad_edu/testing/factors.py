"""Mistakes by a constant factor: everywhere, by the size of a broadcast axis, on one side of zero.

Each function takes a comparison and returns the sentence for it, or None where the mistake is another.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np

from .alignment import broadcast_axes, loose_axes, reduced_axes, subsets
from .evidence import Array, Comparison, columns_with
from .wording import is_nice, listing, spell

__all__ = ["Ratio", "factor", "half_line", "is_multiple", "mean_over_broadcast", "odd_factor", "ratio", "sign"]

_CLEAR = 30.0  # an entry tells a factor when it is so many times its uncertainty
_FEW = 3


@dataclass(frozen=True)
class Ratio:
    """How many times too large something is, how well that is known, and from how many entries."""

    value: float
    tolerance: float
    count: int

    def close_to(self, number: float) -> bool:
        """Tell whether it may be this number."""
        return abs(self.value - number) <= self.tolerance

    @property
    def text(self) -> str:
        """The number as a person would write it."""
        return spell(self.value, self.tolerance)

    @property
    def nice(self) -> bool:
        """Whether somebody may have written this number."""
        return is_nice(self.value, self.tolerance)

    @property
    def very_nice(self) -> bool:
        """The same, where so many things are tried that some number comes out nice by chance."""
        return is_nice(self.value, self.tolerance, tries=5)

    @property
    def convincing(self) -> bool:
        """Whether it says more than that one number is wrong: any number is some multiple of any other."""
        return self.count > 1 or self.nice


def ratio(found: Array, base: Array, uncertainty: Array, among: Array) -> Ratio | None:
    """Find the c of ``found = c * base`` that suits the best known entries; None if none is known well enough."""
    clear = among & (np.abs(base) > _CLEAR * uncertainty + 1e-9 * np.abs(base).max(initial=0.0))
    if not clear.any():
        return None
    a, b = found[clear], base[clear]
    spread = uncertainty[clear] / np.abs(b) + 1e-9
    weights = spread**-2.0
    value = float((weights * (a / b)).sum() / weights.sum())
    tolerance = (3 * float(spread.min()) + 1e-7) * abs(value)
    return Ratio(value, tolerance, len(a))


def sign(j: Comparison) -> str | None:
    """Backward is minus the derivative."""
    if not j.fits(-j.numeric):
        return None
    return (
        f"{j.subject} has the wrong sign in every entry and the right size: look for a minus that is missing, or one "
        "too many."
    )


def factor(j: Comparison) -> str | None:
    """Backward is a constant times the derivative, and somebody may have written that constant."""
    c = _constant(j)
    if c is None or not c.nice or c.close_to(-1):
        return None
    inverse = Ratio(1 / c.value, c.tolerance / c.value**2, c.count)
    if abs(c.value) < 1 and c.text.startswith(("1/", "-1/")):
        what = f"{c.text} of what it should be in every entry: a factor {inverse.text} is missing"
    else:
        what = f"{c.text} times what it should be in every entry: look for a constant factor {c.text} too much"
    return f"{j.subject} is {what}.{_size_hint(j, c, inverse)}"


def odd_factor(j: Comparison) -> str | None:
    """Backward is a constant times the derivative, in more than one entry, but not one that people write."""
    c = _constant(j)
    if c is None or c.nice or columns_with(j.tells).sum() < 2:
        return None
    return f"{j.subject} is {c.text} times what it should be in every entry: look for a constant factor."


def is_multiple(j: Comparison) -> bool:
    """Tell whether backward is any constant times the derivative."""
    c = ratio(j.analytic, j.numeric, j.uncertainty, j.used)
    return c is not None and j.fits(c.value * j.numeric, abs(c.value) * j.uncertainty)


def _constant(j: Comparison, among: Array | None = None) -> Ratio | None:
    """Find the factor that explains everything, neither 0 nor 1."""
    c = ratio(j.analytic, j.numeric, j.uncertainty, j.used if among is None else among & j.used)
    if c is None or c.value == 0 or not c.convincing:
        return None
    return c if j.fits(c.value * j.numeric, abs(c.value) * j.uncertainty, among) else None


def _size_hint(j: Comparison, c: Ratio, inverse: Ratio) -> str:
    """Say which size the factor is: many factors are one."""
    for n, what in _sizes(j):
        if inverse.close_to(n):
            return f" {n} is the size of {what}: a mean where a sum is right?"
        if c.close_to(n):
            return f" {n} is the size of {what}: a sum where a mean is right?"
    return ""


def _sizes(j: Comparison) -> list[tuple[int, str]]:
    """List the sizes that a factor may be, the likeliest first; a factor 2 has many other reasons."""
    shape = j.shape
    reduced = [
        (prod(shape[a] for a in axes), f"the reduced {_axes(axes)}") for axes in reduced_axes(shape, j.output_shape)
    ]
    found = [(n, f"{what} of {j.name}") for n, what in reduced if n > 1]
    others = [(prod(out), "the output") for out in j.output_shapes[:1]] + [(prod(shape), j.name)]
    for count in (1, 2):
        for axes in combinations(range(len(shape)), count):
            others.append((prod(shape[a] for a in axes), f"{_axes(axes)} of {j.name}"))
    others += [(n, f"axis {a} of the output") for out in j.output_shapes[:1] for a, n in enumerate(out)]
    return found + [(n, what) for n, what in others if n > 2]


def _axes(axes: tuple[int, ...]) -> str:
    return ("axis " if len(axes) == 1 else "axes ") + listing(axes)


def mean_over_broadcast(j: Comparison) -> str | None:
    """Backward takes the mean over axes along which the input was broadcast, where the sum is right."""
    c = _constant(j)
    if c is None or not 0 < c.value < 0.75:
        return None
    # A maximum picks from few places, so that an input does not reach all that it was broadcast to.
    for axes in (chosen for ways in (broadcast_axes(j), loose_axes(j)) for way in ways for chosen in subsets(way)):
        n = prod(j.output_shapes[0][a] for a in axes)
        if c.close_to(1 / n):
            return (
                f"{j.subject} is 1/{n} of what it should be: {n} is the size of the broadcast {_axes(axes)} of the "
                "output. Sum the gradient over the broadcast axes, do not take the mean."
            )
    return None


def half_line(j: Comparison) -> str | None:
    """Backward is right where the input is positive and wrong where it is negative, or the reverse."""
    positive, negative = j.x > 0, j.x < 0
    for good, bad, signs in ((positive, negative, "><"), (negative, positive, "<>")):
        right, wrong = _counts(j, good, bad)
        if min(right, wrong) == 0 or (wrong == 1 and right > _FEW):
            continue
        way = _below(j, np.broadcast_to(bad, j.wrong.shape))
        if way or min(right, wrong) > 2:
            return (
                f"{j.subject} is right where {j.name} {signs[0]} 0 and wrong where it is {signs[1]} 0{way}: look "
                "at the branch or the mask for that side."
            )
    return None


def _counts(j: Comparison, good: Array, bad: Array) -> tuple[int, int]:
    """Count the right entries on one side and the wrong ones on the other; none unless each side is one or the other.

    Where a derivative is zero, and backward says so, nothing can be told.
    """
    wrong, tells = columns_with(j.wrong), columns_with(j.tells)
    if (wrong & ~bad).any() or (bad & tells & ~wrong).any():
        return 0, 0
    return int((good & tells).sum()), int(wrong.sum())


def _below(j: Comparison, among: Array) -> str:
    """Say what is wrong on the wrong side, if it is one thing."""
    if j.silent[among & j.wrong].all():
        return ", where it is zero"
    if j.fits(-j.numeric, None, among):
        return ", where it has the wrong sign"
    c = _constant(j, among)
    return f", where it is {c.text} times what it should be" if c is not None and c.nice else ""
