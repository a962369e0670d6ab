"""Which known mistake explains the wrong entries of a Jacobian; arithmetic on what was found, nothing is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .arrangements import one_slice, transposed, wrong_axis
from .evidence import Comparison, Evidence
from .factors import factor, half_line, mean_over_broadcast, odd_factor, sign
from .losses import overwrites, zero, zero_entries, zero_outputs, zero_rows
from .mixups import exchanged, proportional, swapped
from .report import Diagnosis

__all__ = ["Evidence", "diagnose"]

Pattern = Callable[[Comparison], str | None]
Guess = tuple[str, str]  # kind and sentence

# The simpler explanation comes first, and where several fit at most two are told.
_MOST = 2
_EVERYWHERE: list[tuple[str, Pattern]] = [
    ("sign", sign),
    ("zero", zero),
    ("broadcast", mean_over_broadcast),
    ("factor", factor),
]
_IN_PLACES: list[tuple[str, Pattern]] = [
    ("broadcast", one_slice),
    ("half-line", half_line),
    ("broadcast", wrong_axis),
    ("transposed", transposed),
    ("zero", zero_outputs),
    ("overwrites", overwrites),
    ("zero", zero_entries),
    ("zero", zero_rows),
]


def diagnose(evidence: Sequence[Evidence], order: int) -> list[Diagnosis]:
    """Name the mistakes that explain the wrong derivatives.

    A mistake is named only if it explains every wrong entry of an input and leaves the right ones right.

    Parameters
    ----------
    evidence : sequence of Evidence
        What is known about each input that was checked, the right ones included.
    order : int
        Of the derivative.

    Returns
    -------
    list of Diagnosis
        At most two for each input, the likelier first; none where no known mistake fits.
    """
    with np.errstate(all="ignore"):
        everything = [Comparison.of(e) for e in evidence]
        found: dict[str, Diagnosis] = {}
        for e, j in zip(evidence, everything):
            if j.sharp and not _is_broken(e):
                for kind, message in _explain(j, everything):
                    found.setdefault(message, Diagnosis(kind, message, j.name, order))
    return list(found.values())


def _is_broken(evidence: Evidence) -> bool:
    """Tell whether backward gave NaN or infinity where there is a derivative: then the numbers explain nothing."""
    return bool((~np.isfinite(evidence.analytic) & np.isfinite(evidence.numeric) & evidence.smooth).any())


def _explain(j: Comparison, everything: Sequence[Comparison]) -> list[Guess]:
    """Look at all outputs together, and when that says nothing at each alone: they should tell the same."""
    guesses = _guesses(j, everything)
    if guesses or len(j.output_shapes) == 1:
        return guesses
    parts = [_guesses(j.of_output(n), [other.of_output(n) for other in everything]) for n in j.wrong_outputs]
    kinds = [[kind for kind, _ in part] for part in parts]
    return parts[0] if all(k == kinds[0] for k in kinds) else []


def _guesses(j: Comparison, everything: Sequence[Comparison]) -> list[Guess]:
    found: dict[str, str] = {}
    for kind, sentence in _fitting(j, everything):
        found.setdefault(kind, sentence)
        if len(found) == _MOST:
            break
    return list(found.items())


def _fitting(j: Comparison, everything: Sequence[Comparison]) -> Iterator[Guess]:
    """Give the kinds that fit, as far as needed: a complicated one only where no simpler one does."""
    simple: set[str] = set()
    for patterns in (_EVERYWHERE, _IN_PLACES):
        for kind, pattern in patterns if not simple else ():
            if sentence := pattern(j):
                simple.add(kind)
                yield kind, sentence
    if sentence := exchanged(j, everything) or swapped(j, everything):
        simple.add("swapped")
        yield "swapped", sentence
    # One number that is 3 times what it should be may as well be multiplied by an input that is 3.
    if simple and (simple != {"factor"} or j.tells.sum() > 1):
        return
    if sentence := proportional(j, everything):
        yield "proportional", sentence
    if sentence := odd_factor(j):
        yield "factor", sentence
