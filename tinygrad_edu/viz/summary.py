"""What a picture shows of a tensor: all its numbers where they are few, else statistics, a thumbnail, a histogram.

A summary is small whatever the tensor's size, and does not change when the tensor is written to later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd.marks import norm_of

__all__ = ["FEW", "Summary"]

FEW = 64  # so many numbers are shown one by one
SIDE = 24  # rows and columns of a thumbnail
BINS = 24
SAMPLE = 1 << 14  # of so many numbers, evenly spaced, is the histogram of a larger tensor


@dataclass(frozen=True, slots=True)
class Summary:
    """A tensor in short.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
    minimum, maximum, mean, std, norm : float
        Of the finite numbers; ``norm`` is the Euclidean norm of all, NaN if one is. All 0.0 for an empty tensor.
    zeros, nan, inf : int
        How many there are.
    values : list of float or None
        All numbers in C order where there are at most 64.
    heat : list of list of float or None
        The last two axes at the first place of all others, in at most 24 by 24 means; one row for a vector. None for a
        single number and for an empty tensor.
    counts : list of int or None
        Histogram from ``minimum`` to ``maximum`` in 24 equal bins; of a large tensor, of a sample of it.
    """

    shape: tuple[int, ...]
    dtype: str
    minimum: float
    maximum: float
    mean: float
    std: float
    norm: float
    zeros: int
    nan: int
    inf: int
    values: list[float] | None
    heat: list[list[float]] | None
    counts: list[int] | None

    @classmethod
    def of(cls, array: Any) -> Summary:
        """Sum up an array of numbers or truth values."""
        array = np.asarray(array)
        if array.size == 1:
            return _of_one(array)
        if not array.size:
            return cls(array.shape, str(array.dtype), 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, [], None, None)
        with np.errstate(all="ignore"):
            return _of_many(array)

    @property
    def size(self) -> int:
        """How many numbers the tensor has."""
        return math.prod(self.shape)


def _of_one(array: Any) -> Summary:
    value = float(array.item())
    finite = np.isfinite(value)
    shown = value if finite else 0.0
    nan = value != value
    zeros, inf = int(value == 0), int(not finite and not nan)
    return Summary(
        array.shape, str(array.dtype), shown, shown, shown, 0.0, abs(value), zeros, int(nan), inf, [value], None, None
    )


def _of_many(array: Any) -> Summary:
    numbers = array if array.dtype.kind == "f" and array.itemsize >= 4 else array.astype(np.float64)
    norm = norm_of(numbers)
    finite, nan, inf = numbers, 0, 0
    if not np.isfinite(norm):
        finite = numbers[np.isfinite(numbers)]
        nan, inf = int(np.isnan(numbers).sum()), int(np.isinf(numbers).sum())
    stats = (0.0, 0.0, 0.0, 0.0) if not finite.size else _statistics(finite)
    values = [float(v) for v in array.ravel()] if array.size <= FEW else None
    counts = _histogram(finite, stats[0], stats[1])
    zeros = int(array.size - np.count_nonzero(array))
    return Summary(array.shape, str(array.dtype), *stats, norm, zeros, nan, inf, values, _heat(numbers), counts)


def _statistics(finite: Any) -> tuple[float, float, float, float]:
    low, high = float(finite.min()), float(finite.max())
    mean = float(finite.mean(dtype=np.float64))
    std = float(finite.std(dtype=np.float64)) if high > low else 0.0
    return low, high, mean, std


def _histogram(finite: Any, low: float, high: float) -> list[int] | None:
    if not finite.size or not high > low or not np.isfinite(high - low):
        return None
    flat = finite.ravel()
    sample = flat[:: -(-flat.size // SAMPLE)].astype(np.float64)
    place = ((sample - low) * (BINS / (high - low))).astype(np.intp)
    return [int(n) for n in np.bincount(np.clip(place, 0, BINS - 1), minlength=BINS)]


def _heat(numbers: Any) -> list[list[float]]:
    """Average blocks of the last two axes down to a thumbnail."""
    plane = numbers[(0,) * max(numbers.ndim - 2, 0)]
    plane = np.atleast_2d(plane).astype(np.float64)
    rows, columns = (_starts(n) for n in plane.shape)
    total = np.add.reduceat(np.add.reduceat(plane, rows, axis=0), columns, axis=1)
    heights, widths = np.diff([*rows, plane.shape[0]]), np.diff([*columns, plane.shape[1]])
    return [[float(v) for v in row] for row in total / np.outer(heights, widths)]


def _starts(n: int) -> list[int]:
    """Return where each of at most SIDE nearly equal blocks of ``range(n)`` starts."""
    blocks = min(n, SIDE)
    return [i * n // blocks for i in range(blocks)]
