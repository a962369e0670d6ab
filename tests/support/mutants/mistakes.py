"""Mistakes in a derivative that can be made in any op, and what a report should call each.

Those of the recorded pass stand in ``second_order``, those of one op in ``specific``.
"""

from __future__ import annotations

from dataclasses import dataclass

import tinygrad_edu as tg
from tinygrad_edu.ops.rearranging import flip, roll

from . import changes as wrong
from .building import Change

__all__ = ["FIRST_ORDER", "Mistake"]


@dataclass(frozen=True)
class Mistake:
    """A kind of mistake.

    Attributes
    ----------
    name : str
        What was done.
    change : callable
        Returns the wrong gradient of one call of a derivative.
    named : tuple of str
        What a report may call it: kinds of a Diagnosis or a Finding. Empty: no word is asked for.
    order : int
        1: the derivative is wrong; 2: only the derivative of the derivative is.
    stateful : bool
        It shows only when the op is called at two points.
    also : tuple of str
        Names that are true as well, but are not asked for.
    swaps : bool
        It takes two inputs; what is returned is decided where the mistake is planted.
    """

    name: str
    change: Change
    named: tuple[str, ...] = ()
    order: int = 1
    stateful: bool = False
    swaps: bool = False
    also: tuple[str, ...] = ()


_HALF_LINE = ("half-line",)

FIRST_ORDER: list[Mistake] = [
    Mistake("sign", lambda d: -d.right(), ("sign",)),
    Mistake("factor 1.01", wrong.times(1.01), ("factor",)),
    Mistake("factor 2", wrong.times(2.0), ("factor",)),
    Mistake("factor 1/2", wrong.times(0.5), ("factor",)),
    Mistake("divided by the batch", wrong.per_row, ("factor",)),
    Mistake("one entry 2 % off", wrong.one_entry(1.02)),
    Mistake("one entry zero", wrong.one_entry(0.0)),
    Mistake("transposed", wrong.transposed, ("transposed",)),
    Mistake("flipped", wrong.along_last(lambda g: flip(g, (-1,)))),
    Mistake("shifted by one", wrong.along_last(lambda g: roll(g, 1, -1))),
    Mistake("broadcast: a slice for the sum", wrong.first_of_broadcast, ("broadcast",)),
    Mistake("broadcast: the mean for the sum", wrong.mean_of_broadcast, ("broadcast", "factor")),
    Mistake("inputs swapped", wrong.swapped_with(1), ("swapped",), swaps=True),
    Mistake("zero below zero", wrong.below_zero(0.0), _HALF_LINE),
    Mistake("doubled below zero", wrong.below_zero(2.0), _HALF_LINE),
    Mistake("zero beyond 1", wrong.far_out),
    Mistake("stale: of the first call", wrong.stale("first"), ("stale",), stateful=True),
    Mistake("stale: of the last call", wrong.stale("last"), ("stale",), stateful=True),
    Mistake("overwrites", wrong.overwrites, ("overwrites",)),
    Mistake("zero", wrong.zero, ("zero",)),
    Mistake("None", lambda d: None, ("none", "zero")),
    Mistake("0.1 x added", wrong.proportional, ("proportional",)),
    Mistake("times 1 + 0.1 x", wrong.relative, ("proportional",)),
    Mistake("times x", wrong.times_input, ("proportional",)),
    Mistake("result for input", wrong.result_for_input),
    Mistake("other input for input", wrong.other_for_input),
    Mistake("constant added", wrong.constant),
    Mistake("ignores g", lambda d: d.with_g(lambda g: g * 0.0 + 1.0)),
    Mistake("g squared", lambda d: d.with_g(lambda g: g * g)),
    Mistake("g clipped to 1", lambda d: d.with_g(lambda g: tg.clamp(g, -1.0, 1.0))),
    Mistake("rounded to float32", wrong.rounded),
    Mistake("random: noise", wrong.noise, ("backward-random",)),
    Mistake("random: a new mask", wrong.dropped, ("backward-random",)),
    Mistake("writes to g", wrong.writes_g, ("mutated",)),
    Mistake("writes to the input", wrong.writes_input, ("mutated", "backward-random")),
]
