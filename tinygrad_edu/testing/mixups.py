"""Mistakes with the inputs themselves: one multiplied or added once too often, or the derivative of another input.

Each function takes a comparison, and those of all inputs, and returns the sentence for it, or None where the mistake
is another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .alignment import embeddings, laid_along, landing, lies_on
from .evidence import Array, Comparison
from .factors import Ratio, is_multiple, ratio
from .wording import is_nice

__all__ = ["exchanged", "proportional", "swapped"]


@dataclass(frozen=True)
class _Field:
    """The values of an input laid along the rows and columns of a Jacobian."""

    name: str
    values: Array


def _fields(j: Comparison, everything: Sequence[Comparison]) -> Iterator[_Field]:
    """List the inputs, this one first, in the ways that they can meet the gradient of ``j`` element by element."""
    for other in sorted(everything, key=lambda other: other.name != j.name):
        if not np.isfinite(other.values).all() or not other.values.any():
            continue
        for laid in laid_along(other.values, j.shape):
            yield _Field(other.name, np.broadcast_to(laid.reshape(-1)[j.columns], j.numeric.shape))
        for laid in laid_along(other.values, j.output_shape) if j.output_shape is not None else ():
            yield _Field(other.name, np.broadcast_to(laid.reshape(-1)[j.rows][:, None], j.numeric.shape))


def proportional(j: Comparison, everything: Sequence[Comparison]) -> str | None:
    """Backward is multiplied or divided by an input once too often, or a multiple of an input is added."""
    fields = list(_fields(j, everything))
    for field in fields:
        if sentence := _multiplied(j, field):
            return sentence
    added = [found for field in fields for found in _added(j, field)]
    likeliest = min(added, key=lambda found: not found[0].nice, default=None)
    return likeliest[1] if likeliest else None


def _multiplied(j: Comparison, field: _Field) -> str | None:
    powers = [(field.values, "multiplied")]
    if field.values.all():
        powers.append((1 / field.values, "divided"))
    for weight, verb in powers:
        base, uncertainty = j.numeric * weight, j.uncertainty * np.abs(weight)
        c = ratio(j.analytic, base, uncertainty, j.used)
        if c is None or not (c.close_to(1) or (c.nice and _varies(j, field))):
            continue
        if j.fits(c.value * base, abs(c.value) * uncertainty):
            times = "" if c.close_to(1) else f" (and by {c.text})"
            return f"{j.subject} is {verb} by {field.name} once too often, element by element{times}."
    return None


def _varies(j: Comparison, field: _Field) -> bool:
    """Tell whether the input is not the same number everywhere: any number is some multiple of any other."""
    values = field.values[j.tells]
    return bool(np.ptp(values) > 1e-3 * np.abs(values).max())


def _added(j: Comparison, field: _Field) -> Iterator[tuple[Ratio, str]]:
    for where, term, how in _terms(j, field):
        # The difference is as uncertain as the numeric derivative; so is c, relative to it.
        spread = j.uncertainty * np.abs(term) / np.maximum(j.error, np.finfo(float).tiny)
        c = ratio(j.analytic - j.numeric, term, spread, j.wrong & where)
        if c is None or not j.fits(j.numeric + np.where(where, c.value * term, 0.0)):
            continue
        if _is_telling(j, field, c):
            yield (
                c,
                f"{j.subject} is right but for {_decimal(c)} times {field.name}, which is added {how}: look for a term "
                "that does not belong there, as a penalty.",
            )


def _decimal(c: Ratio) -> str:
    """Write 0.01, not 1/100."""
    short = f"{c.value:.3g}"
    return short if c.close_to(float(short)) else c.text


def _is_telling(j: Comparison, field: _Field, c: Ratio) -> bool:
    """Tell whether c times an input says more than that numbers are multiples of each other."""
    if _varies(j, field):
        # In one column a multiple of the right gradient is often a multiple of an input as well.
        return c.very_nice or not is_multiple(j)
    constant = c.value * float(field.values.flat[0])
    return c.very_nice and not is_nice(constant, c.tolerance * abs(constant / c.value))


def _terms(j: Comparison, field: _Field) -> Iterator[tuple[Array, Array, str]]:
    """Give what may have been added and where: to the gradient as a whole, or to what the incoming one meets."""
    yield j.used, field.values, "whatever the incoming gradient is"
    yield j.nonzero, field.values, "to the derivative, element by element"
    if (out := j.output_shape) is not None and j.complete:
        for way in embeddings(j.shape, out):
            met = np.zeros(j.wrong.shape, bool)
            met[np.arange(len(j.rows)), landing(j.shape, out, way)] = True
            yield met, field.values, "to the derivative, element by element"
    yield j.nonzero, j.numeric * field.values, "times the gradient itself"


def exchanged(j: Comparison, everything: Sequence[Comparison]) -> str | None:
    """Backward gives this input the derivative of another one, and that one the derivative of this."""
    for other in everything:
        if other.name != j.name and _has_that_of(j, other) and other.wrong.any() and _has_that_of(other, j):
            first, second = [c.name for c in everything if c.name in (j.name, other.name)]
            return (
                f"The gradients of {first} and {second} are exchanged: each has the derivative that belongs to the "
                "other. Return them in the order of the inputs."
            )
    return None


def swapped(j: Comparison, everything: Sequence[Comparison]) -> str | None:
    """Backward gives this input the derivative of another one."""
    for other in everything:
        if other.name != j.name and other.nonzero.any() and _has_that_of(j, other):
            return f"{j.subject} is the derivative with respect to {other.name}: each input needs its own."
    return None


def _has_that_of(j: Comparison, other: Comparison) -> bool:
    """Tell whether backward gives ``j`` what belongs to the other: the same matrix, or the same element by element."""
    if j.shape == other.shape and np.array_equal(j.rows, other.rows) and np.array_equal(j.columns, other.columns):
        return j.fits(other.numeric, other.uncertainty, other.used)
    mine, theirs = _elementwise(j), _elementwise(other)
    if mine is None or theirs is None:
        return False
    predicted, uncertainty = np.zeros_like(j.numeric), np.zeros_like(j.numeric)
    predicted[mine], uncertainty[mine] = other.numeric[theirs], other.uncertainty[theirs]
    return j.fits(predicted, uncertainty)


def _elementwise(j: Comparison) -> tuple[Array, Array] | None:
    """Give the places of the Jacobian where each entry of the output meets its entry of the input."""
    ways = embeddings(j.shape, j.output_shape) if j.output_shape is not None and j.complete else []
    for way in ways:
        columns = landing(j.shape, j.output_shape or (), way)
        if lies_on(j, columns):
            return np.arange(len(columns)), columns
    return None
