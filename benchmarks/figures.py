"""From samples to figures: medians, quartiles, ratios paired by round, geometric means."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Spread", "geometric_mean", "paired_ratio", "spread"]


@dataclass(frozen=True)
class Spread:
    """The middle of some samples: the median between the lower and the upper quartile."""

    low: float
    median: float
    high: float


def spread(samples: Sequence[float]) -> Spread:
    """Return the quartiles of the samples; one sample is all three.

    Examples
    --------
    >>> spread([4.0, 1.0, 3.0, 2.0, 5.0])
    Spread(low=2.0, median=3.0, high=4.0)
    """
    if len(samples) == 1:
        return Spread(samples[0], samples[0], samples[0])
    return Spread(*statistics.quantiles(samples, n=4, method="inclusive"))


def paired_ratio(theirs: Sequence[float], ours: Sequence[float]) -> Spread:
    """Return the quartiles of the ratios of each round, theirs divided by ours.

    What slows the machine down for a while falls on both samples of a round, and leaves their ratio as it is.

    Examples
    --------
    >>> paired_ratio([2.0, 20.0, 6.0], [1.0, 10.0, 2.0]).median
    2.0
    """
    if len(theirs) != len(ours):
        raise ValueError(f"paired_ratio: {len(theirs)} rounds of theirs beside {len(ours)} of ours; it takes pairs")
    return spread([t / o for t, o in zip(theirs, ours)])


def geometric_mean(ratios: Sequence[float]) -> float:
    """Return the geometric mean: twice as fast and half as fast make 1.

    Examples
    --------
    >>> geometric_mean([2.0, 0.5])
    1.0
    """
    return math.exp(sum(map(math.log, ratios)) / len(ratios))
