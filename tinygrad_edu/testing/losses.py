"""Mistakes that lose a part of the gradient: zeros, and overwriting where it should accumulate.

Each function takes a comparison and returns the sentence for it, or None where the mistake is another.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .alignment import spread_axes, subsets
from .evidence import Array, Comparison, Shape, columns_with, rows_with
from .wording import entries, listing

__all__ = ["overwrites", "zero", "zero_entries", "zero_outputs", "zero_rows"]


def zero(j: Comparison) -> str | None:
    """Backward gives zero for the whole input."""
    if not j.silent[j.used].all():
        return None
    return (
        f"{j.subject} is zero everywhere, but the output changes with {j.name}: is it forgotten, detached, or used as "
        "a plain number or array?"
    )


def zero_entries(j: Comparison) -> str | None:
    """Backward gives zero for some entries of the input, the others are right."""
    lost = columns_with(j.wrong) & ~columns_with(j.used & ~j.silent)
    if not lost.any() or not _is_lost(j, lost[None, :]):
        return None
    where, _ = _where(lost, columns_with(j.nonzero), j.places, j.shape)
    return f"{j.subject} is zero where it should not be: in {where} of {j.name}.{_sampled(j)}"


def zero_outputs(j: Comparison) -> str | None:
    """Backward ignores some entries of the output that depend on several of the input: no overwriting loses those."""
    ignored = ~rows_with(j.used & ~j.silent)
    return zero_rows(j) if (j.nonzero[ignored].sum(axis=1) > 1).any() else None


def zero_rows(j: Comparison) -> str | None:
    """Backward ignores some entries of the output, the others are right."""
    lost = rows_with(j.wrong) & ~rows_with(j.used & ~j.silent)
    if not lost.any() or not _is_lost(j, lost[:, None]):
        return None
    where, axis = _where(lost, rows_with(j.nonzero), j.output_places, j.output_shape)
    hint = f" Sum over axis {axis} of the output." if axis in spread_axes(j) else ""
    return f"{j.subject} misses what {where} of the output should send back.{hint}{_sampled(j)}"


def _is_lost(j: Comparison, lost: Array) -> bool:
    """Tell whether backward is right but for what is lost."""
    return j.fits(np.where(lost, 0.0, j.numeric), np.where(lost, 0.0, j.uncertainty))


def _sampled(j: Comparison) -> str:
    return "" if j.complete else " (Only a sample of the entries was looked at.)"


def _where(lost: Array, told: Array, places: tuple[Array, ...], shape: Shape | None) -> tuple[str, int | None]:
    """Name what is lost, of what has a derivative: as slices along an axis if it is such, else entry by entry."""
    if shape is None:
        return f"a part ({int(lost.sum())} entries)", None
    for axis, along in enumerate(places if len(shape) > 1 else ()):
        slices = np.unique(along[lost])
        whole = np.isin(along, slices) & told
        if (whole & ~lost).any() or len(slices) == lost.sum():
            continue
        rest = np.unique(along[told & ~lost])
        if len(rest) == 1 < len(slices):
            return f"everything but slice {rest[0]} along axis {axis}", axis
        return f"slice{'s' * (len(slices) > 1)} {listing(list(slices))} along axis {axis}", axis
    return entries([[along[k] for along in places] for k in np.flatnonzero(lost)]), None


def overwrites(j: Comparison) -> str | None:
    """Where an entry was read several times, backward keeps the gradient of one read and loses the others."""
    lost = j.nonzero & j.silent
    kept = j.nonzero & ~lost
    torn = columns_with(lost)
    if torn.any() and columns_with(kept)[torn].all() and _has_all_rows(j) and _is_lost(j, lost):
        for read in _reads(j):
            if (kept == _last(read, j.nonzero)).all() or (kept == _last(-read, j.nonzero)).all():
                return _overwriting(j, max(len(np.unique(read[column])) for column in j.nonzero[:, torn].T))
    return _counts(j)


def _has_all_rows(j: Comparison) -> bool:
    return len(j.rows) == sum(int(np.prod(shape, dtype=int)) for shape in j.output_shapes)


def _reads(j: Comparison) -> Iterator[Array]:
    """Give numbers of the reads by where they land in the output, with all of its axes, then with some.

    With some, one read lands in several places, as a pixel does in every channel of a convolution.
    """
    yield j.rows
    shape = j.output_shape or ()
    for axes in subsets(tuple(a for a, n in enumerate(shape) if n > 1)[-6:])[1:]:
        places = tuple(j.output_places[a] for a in axes)
        yield np.ravel_multi_index(places, tuple(shape[a] for a in axes)).astype(np.intp)


def _last(read: Array, nonzero: Array) -> Array:
    """Give what is left of each column when the read of the highest number stays."""
    winner = np.where(nonzero, read[:, None], np.iinfo(np.intp).min).max(axis=0)
    left: Array = nonzero & (read[:, None] == winner)
    return left


def _counts(j: Comparison) -> str | None:
    """Where the reads are added up in the output itself, what is left of 2 and 3 and 1 is 1 everywhere."""
    clear = j.nonzero & ~j.silent
    if not j.wrong.any() or not clear[j.wrong].all():
        return None
    left = j.analytic[clear]
    reads = np.where(clear, np.rint(j.numeric / np.where(clear, j.analytic, 1.0)), 1.0)
    alike = np.ptp(left) <= 1e-6 * abs(left[0]) and reads[clear].min() >= 1 and np.ptp(reads[clear]) > 0
    return _overwriting(j, int(reads.max())) if alike and j.fits(j.numeric / np.maximum(reads, 1)) else None


def _overwriting(j: Comparison, reads: int) -> str:
    return (
        f"{j.subject} overwrites where it should accumulate: an entry of {j.name} that is read {reads} times gets the "
        "gradient of one read only. Add the contributions up, with np.add.at, index_add or scatter_add."
    )
