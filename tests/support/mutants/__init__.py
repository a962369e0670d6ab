"""Ops with a planted mistake in their derivative, and an independent judge of whether it is one.

A checker of gradients is worth what it finds: ``mutants()`` lists the ops that it should refuse, ``judge`` says, by
comparing with the right op and not by differences, at which inputs the derivative is wrong at all.
"""

from .judge import Verdict, judge, true_names
from .listing import COMPOSITES, Mutant, find, mutants
from .mistakes import FIRST_ORDER, Mistake
from .second_order import SECOND_ORDER
from .specific import SPECIFIC

__all__ = [
    "COMPOSITES",
    "FIRST_ORDER",
    "SECOND_ORDER",
    "SPECIFIC",
    "Mistake",
    "Mutant",
    "Verdict",
    "find",
    "judge",
    "mutants",
    "true_names",
]
