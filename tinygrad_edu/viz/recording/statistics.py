"""What is noted of an array: a few numbers and a histogram, in one walk over it, and of several arrays together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .histograms import Histogram, bins_for

__all__ = ["Summary", "summarize"]

Array = np.ndarray[Any, Any]

_BLOCK = 16_384  # entries at a time: what is computed of them stays in a core's cache


@dataclass(frozen=True, slots=True)
class Summary:
    """The statistics of an array's entries.

    ``mean``, ``std``, ``min``, ``max``, ``norm`` and ``histogram`` are of the finite entries (NaN, and None for the
    histogram, where there is none); the shares are of all entries.

    Attributes
    ----------
    size : int
        The number of entries.
    finite : int
        How many are neither NaN nor infinite.
    mean, std, min, max : float
        ``std`` is that of the entries themselves: divided by n, not n - 1.
    norm : float
        The L2 norm: the square root of the sum of the squares.
    n_zero, n_nan, n_inf : int
        How many are exactly zero, NaN, and infinite.
    histogram : Histogram or None
    """

    size: int
    finite: int
    mean: float
    std: float
    min: float
    max: float
    norm: float
    n_zero: int
    n_nan: int
    n_inf: int
    histogram: Histogram | None

    @property
    def zeros(self) -> float:
        """The share of entries that are exactly zero."""
        return self.n_zero / self.size if self.size else math.nan

    @property
    def nan(self) -> float:
        """The share of entries that are NaN."""
        return self.n_nan / self.size if self.size else math.nan

    @property
    def inf(self) -> float:
        """The share of entries that are infinite."""
        return self.n_inf / self.size if self.size else math.nan

    def merged(self, other: Summary) -> Summary:
        """Return the summary of both one's entries together.

        Notes
        -----
        Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979; written
        with ``hypot``, so that no square overflows.
        """
        mean, std, low, high, norm = self._moments_with(other)
        histograms = [h for h in (self.histogram, other.histogram) if h is not None]
        return Summary(
            self.size + other.size,
            self.finite + other.finite,
            mean,
            std,
            low,
            high,
            norm,
            self.n_zero + other.n_zero,
            self.n_nan + other.n_nan,
            self.n_inf + other.n_inf,
            histograms[0].merged(histograms[1]) if len(histograms) == 2 else next(iter(histograms), None),
        )

    def _moments_with(self, other: Summary) -> tuple[float, float, float, float, float]:
        n, m = self.finite, other.finite
        if not (n and m):
            some = self if n else other
            return some.mean, some.std, some.min, some.max, some.norm
        mine, its = n / (n + m), m / (n + m)
        apart = other.mean - self.mean
        std = math.hypot(self.std * math.sqrt(mine), other.std * math.sqrt(its), apart * math.sqrt(mine * its))
        low, high = min(self.min, other.min), max(self.max, other.max)
        return self.mean + apart * its, std, low, high, math.hypot(self.norm, other.norm)


def summarize(array: Array) -> Summary:
    """Return the statistics of an array of real numbers, of any shape and dtype; it is only read."""
    flat = array.ravel(order="K")  # without a copy where the memory is in one piece, in whichever order
    finite, n_nan, n_inf = flat, 0, 0
    if flat.size and not (math.isfinite(flat.min()) and math.isfinite(flat.max())):  # both tell of a NaN
        n_nan = int(np.count_nonzero(np.isnan(flat)))
        n_inf = int(np.count_nonzero(np.isinf(flat)))
        finite = flat[np.isfinite(flat)]
    if not finite.size:
        nan = math.nan
        return Summary(flat.size, 0, nan, nan, nan, nan, 0.0, 0, n_nan, n_inf, None)
    low, high = float(finite.min()), float(finite.max())
    exponent, first, bins = bins_for(low, high)
    mean, std, norm = _moments(finite, exponent)
    counts, n_zero = _counted(finite, exponent, first, bins)
    histogram = Histogram(exponent, first, counts.astype(np.min_scalar_type(counts.max())))
    return Summary(flat.size, finite.size, mean, std, low, high, norm, n_zero, n_nan, n_inf, histogram)


def _moments(values: Array, exponent: int) -> tuple[float, float, float]:
    """Return mean, standard deviation and norm, in float64.

    From the deviations from the first entry, so that equal entries have a standard deviation of 0. Entries of float64
    are measured in bin widths, a power of two: then their squares neither overflow nor vanish. Those of narrower
    dtypes have squares that float64 holds anyway.
    """
    n, unit = values.size, exponent if values.dtype.itemsize > 4 else 0
    shift = math.ldexp(float(values[0]), -unit)
    moved, squares = 0.0, 0.0
    room = np.empty(min(n, _BLOCK))
    for block in _blocks(values):
        apart = np.subtract(_scaled(block, -unit) if unit else block, shift, out=room[: block.size])
        moved += float(apart.sum())
        squares += float(apart @ apart)
    std = math.sqrt(max(squares - moved * moved / n, 0.0) / n)
    norm = math.sqrt(max(squares + 2 * shift * moved + n * shift * shift, 0.0))
    return _scaled_up(shift + moved / n, unit), _scaled_up(std, unit), _scaled_up(norm, unit)


def _counted(values: Array, exponent: int, first: int, bins: int) -> tuple[Array, int]:
    """Return how many values are in each bin, and how many are zero."""
    # In their own dtype where it has the factor 2**-exponent: dividing by a power of two is exact.
    narrow = values.dtype == np.float32 and abs(exponent) < 100
    dtype = np.float32 if narrow else np.float64
    places = np.empty(values.size, np.uint8)
    n_zero = 0
    for start, block in zip(range(0, values.size, _BLOCK), _blocks(values)):
        n_zero += int(np.count_nonzero(block == 0))
        scaled = _scaled(block.astype(dtype, copy=False), -exponent)
        np.floor(scaled, out=scaled)
        scaled -= first  # exact: whole numbers that are near each other
        places[start : start + block.size] = scaled
    return _tally(places, bins), n_zero


def _tally(places: Array, bins: int) -> Array:
    """Count how often each number below ``bins`` (at most 64) comes up; of many numbers, two at a time."""
    if places.size < 2 * _BLOCK:
        return np.bincount(places, minlength=bins)
    counts = np.bincount(places[places.size & ~1 :], minlength=bins)  # the one that has no partner
    pairs = places[: places.size & ~1].view(np.uint16)
    for block in _blocks(pairs, 16 * _BLOCK):
        table = np.bincount(block, minlength=64 * 256).reshape(64, 256)[:, :64]
        counts += (table.sum(axis=0) + table.sum(axis=1))[:bins]
    return counts


def _blocks(values: Array, size: int = _BLOCK) -> Iterator[Array]:
    return (values[start : start + size] for start in range(0, values.size, size))


def _scaled(values: Array, exponent: int) -> Array:
    """Return values times ``2**exponent``, a new array; floats keep their dtype, others become float64."""
    if abs(exponent) < (100 if values.dtype.itemsize < 8 else 1000):
        return values * np.float32(2.0**exponent) if values.dtype == np.float32 else values * 2.0**exponent
    return np.ldexp(values, exponent)  # the factor is no float


def _scaled_up(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:  # the norm of many of the largest floats
        return math.inf
