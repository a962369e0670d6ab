"""Finding the entries of the inputs whose derivative is wrong: sums over blocks first, then halves of what disagrees.

k wrong entries among n cost O(k log n) evaluations. What a block's sum cannot tell precisely enough, its halves are
asked; single entries are judged by :mod:`entry`.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .entry import Verdict, judge
from .probe import Prober

__all__ = ["MOST_WRONG", "Found", "search"]

Array = np.ndarray[Any, Any]

MOST_WRONG = 24
_MOST_KINKS = 40
_EACH = 64  # inputs of so many entries are judged entry by entry
_BLOCKS, _FEW_BLOCKS, _BIG = 32, 8, 100_000  # larger ones begin with blocks, big ones with a few


@dataclass
class Found:
    """What a search found for one input.

    Attributes
    ----------
    wrong, kinks, unclear : dict
        The verdicts by the entry's flat index; ``wrong`` has those at kinks that are no subgradients too.
    finished : bool
        False when it stopped because it had seen enough.
    """

    wrong: dict[int, Verdict] = field(default_factory=dict)
    kinks: dict[int, Verdict] = field(default_factory=dict)
    unclear: dict[int, Verdict] = field(default_factory=dict)
    finished: bool = True

    def add(self, entry: int, verdict: Verdict) -> None:
        """Keep a verdict that is not simply right."""
        places = {"wrong": self.wrong, "outside": self.wrong, "kink": self.kinks, "unclear": self.unclear}
        if verdict.kind in places:
            places[verdict.kind][entry] = verdict

    @property
    def enough(self) -> bool:
        """Whether there is no need to look on."""
        return len(self.wrong) >= MOST_WRONG or len(self.kinks) + len(self.unclear) >= _MOST_KINKS


def search(prober: Prober, i: int, blocks: int | None = None) -> Found:
    """Search input ``i`` for entries with a wrong derivative.

    Parameters
    ----------
    prober : Prober
        The point, and what backward says there.
    i : int
        Which input.
    blocks : int, optional
        Into how many blocks it is cut at first; by default every entry of a small input is a block.
    """
    entries = np.flatnonzero(np.isfinite(prober.points[i])) if prober.here.size else np.arange(0)
    size = entries.size
    count = blocks or (size if size <= _EACH else _BLOCKS if size < _BIG else _FEW_BLOCKS)
    found = Found()
    # Fewest entries first: the search goes down to single entries before it opens the next block.
    waiting: list[tuple[int, int, Array]] = []
    for block in np.array_split(entries, min(count, size) or 1):
        if block.size and not prober.agrees(i, block):
            _put_by(prober, i, block, found, waiting)
    while waiting and not found.enough:
        _, _, block = heapq.heappop(waiting)
        first, second = np.array_split(block, 2)
        agrees = prober.agrees(i, first)
        if not agrees:
            _put_by(prober, i, first, found, waiting)
        if agrees or not prober.agrees(i, second):  # where the whole disagrees and one half agrees, the other does not
            _put_by(prober, i, second, found, waiting)
    found.finished = found.finished and not waiting
    return found


def _put_by(prober: Prober, i: int, block: Array, found: Found, waiting: list[tuple[int, int, Array]]) -> None:
    """Judge a block's only entry, or keep the block to halve it."""
    if block.size > 1:
        heapq.heappush(waiting, (block.size, int(block[0]), block))
    elif found.enough:
        found.finished = False
    else:
        found.add(int(block[0]), judge(prober, i, int(block[0])))
