"""How messages spell numbers, entries and lists of them; it knows nothing of what they are about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

__all__ = ["entries", "index", "is_nice", "listing", "spell"]

_SHOWN = 4
_CONSTANTS = {
    "pi": math.pi,
    "2 pi": 2 * math.pi,
    "sqrt(pi)": math.sqrt(math.pi),
    "sqrt(2 pi)": math.sqrt(2 * math.pi),
    "sqrt(2)": math.sqrt(2),
    "sqrt(3)": math.sqrt(3),
    "ln 2": math.log(2),
    "ln 10": math.log(10),
    "e": math.e,
}
# What share of the numbers may be taken by chance for one that people write: of common ones, and of rarer ones.
_CHANCE, _SMALL_CHANCE = 5e-3, 1e-3


def spell(number: float, tolerance: float) -> str:
    """Write a number as a person would who meant it: "2", "1/3", "1.01", "1/ln 2", else with six digits."""
    size = abs(number)
    text = next((text for text, value, _ in _readings(size) if abs(value - size) <= tolerance), f"{size:.6g}")
    return f"-{text}" if number < 0 else text


def is_nice(number: float, tolerance: float, tries: int = 1) -> bool:
    """Tell whether a number looks as if somebody wrote it: known so well that hitting one by chance is unlikely.

    ``tries``: among how many numbers it was found.
    """
    size = abs(number)
    return any(abs(value - size) <= tolerance <= allowed / tries for _, value, allowed in _readings(size))


def _readings(size: float) -> Iterable[tuple[str, float, float]]:
    """Give the numbers nearby that people write: text, value, and the largest tolerance at which that is no chance."""
    if not 1e-6 < size < 1e6:
        return
    yield f"{size:.0f}", round(size), _CHANCE * min(1.0, size / 5)
    whole = max(round(1 / size), 1)
    yield f"1/{whole}", 1 / whole, _CHANCE / whole * min(1 / whole, 1 / 5)
    simple = Fraction(size).limit_denominator(12)
    yield str(simple), float(simple), _CHANCE / 46  # there are 46 of them between two whole numbers
    decade = 10.0 ** math.floor(math.log10(size))
    for digits, chance in ((2, _CHANCE), (3, _SMALL_CHANCE)):
        yield (text := f"{size:.{digits}f}"), float(text), chance * 10.0**-digits
        yield (text := f"{size:.{digits}g}"), float(text), chance * decade * 10.0 ** (1 - digits)
    for name, value in _CONSTANTS.items():
        yield name, value, _SMALL_CHANCE * value / 50
        yield f"1/{name}", 1 / value, _SMALL_CHANCE / value / 50


def listing(items: Sequence[object]) -> str:
    """Write "1", "1 and 2", "1, 2 and 3", and only the first of many."""
    texts = [str(item) for item in items]
    if len(texts) > _SHOWN:
        return ", ".join(texts[:_SHOWN]) + f" and {len(texts) - _SHOWN} more"
    return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))


def index(place: Iterable[int]) -> str:
    """Write an index: "[2, 1]"."""
    return str([int(i) for i in place])


def entries(places: Sequence[Iterable[int]]) -> str:
    """Write which entries are meant: "entry [2]", "entries [2] and [5]"."""
    return ("entry " if len(places) == 1 else "entries ") + listing([index(place) for place in places])
