"""Histograms that can be brought onto the same bins exactly; they know numbers, not where those come from.

A bin is a power of two wide and begins at a multiple of its width. So two bins of one width are the same bin or apart,
and two neighbours that begin at an even multiple are one bin of twice the width. Counts therefore stay whole and right
when histograms of different steps or calls are compared or added up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["BINS", "Histogram", "bins_for", "on_same_bins"]

Array = np.ndarray[Any, Any]

BINS = 64  # at most; at least half as many are used, unless all values are (nearly) the same
_FINEST = 30  # a bin is at least 2**-30 of the largest magnitude wide: finer than that float32 does not tell apart
_SMALLEST = -1074  # the exponent of the smallest positive float64


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many values fell into each bin.

    Attributes
    ----------
    exponent : int
        A bin is ``2.0 ** exponent`` wide.
    first : int
        The first bin begins at ``first * 2.0 ** exponent``.
    counts : ndarray of unsigned integers, shape (n,)
        The number of values in each bin, ``n <= 64``; a bin holds its lower edge and not its upper one.
    """

    exponent: int
    first: int
    counts: Array

    @property
    def edges(self) -> Array:
        """The n + 1 edges of the bins, float64."""
        positions = np.arange(self.first, self.first + len(self.counts) + 1, dtype=np.float64)
        with np.errstate(over="ignore"):  # the last edge may lie beyond the largest float
            return np.ldexp(positions, self.exponent)

    def coarsened(self, exponent: int) -> Histogram:
        """Return the same values in bins of width ``2.0 ** exponent``, as wide as now or wider."""
        shift = exponent - self.exponent
        if shift == 0:
            return self
        places = (np.arange(len(self.counts)) + self.first) >> min(shift, 62)
        counts = np.zeros(int(places[-1] - places[0]) + 1, np.int64)
        np.add.at(counts, places - places[0], self.counts)
        return Histogram(exponent, int(places[0]), _small(counts))

    def merged(self, other: Histogram) -> Histogram:
        """Return the histogram of both one's values."""
        (exponent, first), (mine, its) = on_same_bins([self, other], BINS)
        return Histogram(exponent, first, _small(mine + its))


def bins_for(low: float, high: float) -> tuple[int, int, int]:
    """Choose at most :data:`BINS` bins that hold ``low`` and ``high``; return exponent, first and their number."""
    largest = max(abs(low), abs(high))
    if largest == 0.0:
        return _SMALLEST, 0, 1  # the narrowest bin: it widens to whatever it is compared with
    finest = max(math.frexp(largest)[1] - _FINEST, _SMALLEST)
    span = high / 2 - low / 2  # halves: the whole may overflow
    exponent = max(finest, math.frexp(span)[1] - BINS.bit_length()) if span else finest
    while (last := _place(high, exponent)) - (first := _place(low, exponent)) >= BINS:
        exponent += 1
    return exponent, first, last - first + 1


def _place(value: float, exponent: int) -> int:
    return math.floor(math.ldexp(value, -exponent))


def on_same_bins(histograms: Sequence[Histogram], most: int) -> tuple[tuple[int, int], Array]:
    """Bring histograms onto the finest bins that serve all of them and are at most ``most``.

    Returns
    -------
    bins : tuple of int
        The exponent and the first bin, as in :class:`Histogram`.
    counts : ndarray of int64, shape (len(histograms), n)
    """
    exponent = max(h.exponent for h in histograms)
    while True:
        low, high = _reach(histograms, exponent)
        if high - low < most:
            break
        exponent += 1
    counts = np.zeros((len(histograms), high - low + 1), np.int64)
    for row, histogram in zip(counts, histograms):
        coarse = histogram.coarsened(exponent)
        row[coarse.first - low :][: len(coarse.counts)] = coarse.counts
    return (exponent, low), counts


def _reach(histograms: Sequence[Histogram], exponent: int) -> tuple[int, int]:
    """Return the first and the last bin of that width that any of them uses."""
    firsts = [h.first >> (exponent - h.exponent) for h in histograms]
    lasts = [(h.first + len(h.counts) - 1) >> (exponent - h.exponent) for h in histograms]
    return min(firsts), max(lasts)


def _small(counts: Array) -> Array:
    """Store counts in the smallest unsigned integers that hold them."""
    return counts.astype(np.min_scalar_type(counts.max()))
