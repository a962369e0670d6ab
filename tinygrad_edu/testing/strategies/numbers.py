"""Strategies for single numbers, and for arrays of positions; those for tensors are made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .drawing import drawn, hypothesis, value_of

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["elements", "integers_below", "simplest_first"]

_ENOUGH = 100  # numbers on the finest grid: so many that two of them are rarely equal by chance
_ROUND_OFF = 1e-9


def elements(
    low: float = -2.0, high: float = 2.0, avoid: Sequence[float] = (), distance: float = 0.1
) -> SearchStrategy[float]:
    """Draw floats of few digits between two bounds, such as 1.37; the simplest is 1.0.

    Parameters
    ----------
    low, high : float
        Bounds, both included.
    avoid : sequence of float
        Kinks and poles of the function: no number is closer to one of them than ``distance``. As they are never
        drawn, a failing example does not shrink onto one either, where any slope in between is accepted.
    distance : float
        How far from the points in ``avoid``.

    Returns
    -------
    SearchStrategy of float
        Shrinks to the first that fails of 1.0, -1.0, 2.0, -2.0 ..., halves, 0.0, tenths, hundredths. 0 comes late
        because it hides mistakes: a factor that is wrong, say. Never NaN or infinite.

    Raises
    ------
    ValueError
        If no number is left.

    Examples
    --------
    >>> import hypothesis
    >>> hypothesis.find(elements(), lambda x: True)
    1.0
    >>> hypothesis.find(elements(avoid=[0]), lambda x: x < 0)
    -1.0
    >>> hypothesis.find(elements(low=0.3, high=0.8), lambda x: True)
    0.5
    """
    numbers = simplest_first(float(low), float(high), tuple(map(float, avoid)), float(distance))
    if not numbers:
        raise ValueError(
            f"elements: no number from {low} to {high} keeps a distance of {distance} from {list(avoid)}; widen the "
            "bounds, or pass a smaller distance=."
        )
    return hypothesis().strategies.sampled_from(numbers)  # type: ignore[no-any-return]


@cache
def simplest_first(low: float, high: float, avoid: tuple[float, ...], distance: float) -> tuple[float, ...]:
    """List the numbers that :func:`elements` draws from."""
    numbers = {x for x in _candidates(low, high) if low <= x <= high}
    far = {x for x in numbers if all(abs(x - point) >= distance - _ROUND_OFF for point in avoid)}
    return tuple(sorted(far, key=_simplicity))


def _candidates(low: float, high: float) -> Iterator[float]:
    """Give the bounds, small whole numbers and halves, and a grid of powers of ten fine enough for the range."""
    yield from (low, high)
    yield from (k / 2 for k in range(-20, 21))
    if low < high:
        digits = math.ceil(math.log10(_ENOUGH / (high - low)))
        step = 10.0**-digits
        grid = range(math.floor(low / step), math.ceil(high / step) + 1)
        yield from (round(k * step, max(digits, 0)) + 0.0 for k in grid)


def _simplicity(x: float) -> tuple[Any, ...]:
    """Order numbers: whole ones, halves, zero, then by their digits; the small and positive first."""
    digits = next((d for d in range(17) if round(x, d) == x), 17)
    rank = 1.5 if x == 0 else 1 if x * 2 == int(x * 2) and digits else 2 * digits
    return rank, abs(x), x < 0


@drawn
def integers_below(draw: DrawFn, n: int, shape: Any = (), negative: bool = False) -> np.ndarray[Any, Any]:
    """Draw an int64 array of positions along an axis of size ``n``: for gather, index_select, an embedding, labels.

    Parameters
    ----------
    n : int
        The positions are 0 to n - 1.
    shape : tuple of int, or strategy
        Shape of the array. With more entries than ``n`` some position is repeated; with fewer, it often is.
    negative : bool
        Count some of them from the end: -n to n - 1.

    Returns
    -------
    SearchStrategy of ndarray of int64
        Shrinks to zeros: to one position, repeated.
    """
    drawn_shape = value_of(draw, shape)
    count = math.prod(drawn_shape)
    st = hypothesis().strategies
    positions = st.integers(-n if negative else 0, n - 1) if n else st.nothing()
    return np.array(draw(st.lists(positions, min_size=count, max_size=count)), np.int64).reshape(drawn_shape)
