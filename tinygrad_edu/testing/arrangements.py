"""Mistakes of arrangement: the right numbers in the wrong places, or only one slice of them.

Each function takes a comparison and returns the sentence for it, or None where the mistake is another.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations, product
from math import prod

import numpy as np

from .alignment import broadcast_axes, embeddings, landing, lies_on
from .evidence import Array, Comparison, Shape
from .wording import listing

__all__ = ["one_slice", "transposed", "wrong_axis"]

_MOST_AXES = 4


def transposed(j: Comparison) -> str | None:
    """Backward has two axes exchanged: of this gradient, of the incoming one, or of another operand."""
    if not j.complete or not j.used.all() or j.numeric.size == 0:
        return None
    for order, sentence in _rearranged_input(j):
        if _is_taken(j, j.numeric[:, order], j.uncertainty[:, order]):
            return sentence
    for order, sentence in _rearranged_output(j):
        if _is_taken(j, j.numeric[order], j.uncertainty[order]):
            return sentence
    return _exchanged(j)


def _is_taken(j: Comparison, predicted: Array, uncertainty: Array) -> bool:
    return j.fits(predicted, uncertainty + j.uncertainty)


def _rearranged_input(j: Comparison) -> Iterator[tuple[Array, str]]:
    for axes, order in _rearrangements(j.shape):
        yield order, f"{j.subject} is transposed: {_how(j.shape, axes)}. Transpose it back."


def _rearranged_output(j: Comparison) -> Iterator[tuple[Array, str]]:
    if j.output_shape is not None:
        for axes, order in _rearrangements(j.output_shape):
            how = _how(j.output_shape, axes)
            yield order, f"{j.subject} takes the incoming gradient transposed: {how}. Transpose it before it is used."


def _how(shape: Shape, axes: tuple[int, ...]) -> str:
    """Say which axes were moved, and how the shape was made to fit again."""
    moved = [a for a, b in enumerate(axes) if a != b]
    text = f"axes {listing(moved)} are exchanged" if len(moved) == 2 else f"its axes are permuted by {axes}"
    reshaped = [shape[a] for a in axes] != list(shape)
    return text + (f", and the result is reshaped to {list(shape)}" if reshaped else "")


def _rearrangements(shape: Shape) -> Iterator[tuple[tuple[int, ...], Array]]:
    """Give every permutation of the axes with the order it brings the flat entries into, exchanges first.

    When the axes have different lengths the result is reshaped to the old shape, or the array was reshaped before.
    """
    numbers = np.arange(prod(shape)).reshape(shape)
    seen = {numbers.tobytes()}
    for axes in _moves(len(shape)):
        there = numbers.transpose(axes)
        back = numbers.reshape(there.shape).transpose(np.argsort(axes))
        for order in (there.reshape(-1), back.reshape(-1)):
            if order.tobytes() not in seen:
                seen.add(order.tobytes())
                yield axes, order


def _moves(count: int) -> Iterator[tuple[int, ...]]:
    """Give the exchanges of two axes, then the other permutations where there are few."""
    for a, b in combinations(range(count), 2):
        yield tuple({a: b, b: a}.get(axis, axis) for axis in range(count))
    yield from permutations(range(count)) if count <= _MOST_AXES else ()


def _exchanged(j: Comparison) -> str | None:
    """Look for a transposed factor, ``g @ y`` for ``g @ y.T``, and for the transposed Jacobian as a whole."""
    only_moved = j.nonzero.sum(axis=1).max() < 2  # then there is no other operand
    for a, b in () if only_moved else _equal_axes(j):
        both = (*j.output_shapes[0], *j.shape)
        predicted, uncertainty = (
            part.reshape(both).swapaxes(a, b).reshape(part.shape) for part in (j.numeric, j.uncertainty)
        )
        if _is_taken(j, predicted, uncertainty):
            return (
                f"{j.subject} is computed with something transposed: axis {a} of the output and axis "
                f"{b - len(both) + len(j.shape)} of {j.name} have changed places. Look for a transpose (.T) of the "
                "other operand that is missing, or one too many."
            )
    if j.numeric.shape[0] == j.numeric.shape[1] and _is_taken(j, j.numeric.T, j.uncertainty.T):
        return (
            f"{j.subject} goes through the transposed Jacobian: backward does to the incoming gradient what forward "
            "does to its input, in place of the reverse (the transposed matrix, the inverse permutation)."
        )
    return None


def _equal_axes(j: Comparison) -> Iterator[tuple[int, int]]:
    """Give the pairs of an axis of the output and one of the input that are as long, numbered one after the other.

    Vectors are left out: there the pair is all there is.
    """
    out = j.output_shape or ()
    if 2 < len(out) + len(j.shape) <= 2 * _MOST_AXES:
        for a, b in product(range(len(out)), range(len(j.shape))):
            if out[a] == j.shape[b] > 1:
                yield a, len(out) + b


def one_slice(j: Comparison) -> str | None:
    """Backward counts one slice only of an axis along which the input was broadcast."""
    kept = ~(j.silent | ~j.used).all(axis=1)
    if not kept.any():
        return None
    for axes in broadcast_axes(j):
        pinned = [a for a in axes if np.ptp(j.output_places[a][kept]) == 0]
        where = [int(j.output_places[a][kept][0]) for a in pinned]
        same = np.logical_and.reduce([j.output_places[a] == at for a, at in zip(pinned, where)] or [kept])
        if pinned and not same.all() and j.fits(j.numeric * same[:, None]):
            slices = listing([f"slice {at} of broadcast axis {a}" for a, at in zip(pinned, where)])
            return (
                f"In the gradient of {j.name} only {slices} of the output is counted: {j.name} was broadcast, so sum "
                f"the gradient over {'that axis' if len(pinned) == 1 else 'these axes'}."
            )
    return None


def wrong_axis(j: Comparison) -> str | None:
    """Backward sums over one axis of the output where the input was broadcast along another."""
    if j.output_shape is None or not j.complete:
        return None
    ways = embeddings(j.shape, j.output_shape)
    landed = [(way, landing(j.shape, j.output_shape, way)) for way in ways]
    for right, columns in landed:
        if len(ways) == 1 or not lies_on(j, columns):
            continue
        every = np.arange(len(j.rows))
        values, uncertainty = j.numeric[every, columns], j.uncertainty[every, columns]
        for wrong, others in landed:
            predicted, spread = np.zeros_like(j.numeric), np.zeros_like(j.numeric)
            predicted[every, others], spread[every, others] = values, uncertainty
            if wrong != right and j.fits(predicted, spread):
                axes = [[a for a in range(len(j.output_shape)) if a not in way] for way in (right, wrong)]
                return (
                    f"The gradient of {j.name} is summed over axis {listing(axes[1])} of the output, but {j.name} was "
                    f"broadcast along axis {listing(axes[0])}: sum over that axis."
                )
    return None
