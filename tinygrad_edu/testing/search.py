"""Finding the entries of the inputs whose derivative is wrong: blocks first, then halves of those that disagree.

k wrong entries among n cost O(k log n) evaluations. An entry that is found is judged by :mod:`entry`, and left out;
then its block is asked again. A block that cannot be told about precisely enough is cut in two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .entry import Verdict, judge
from .probe import Prober

__all__ = ["Found", "search"]

Array = np.ndarray[Any, Any]

_MOST_WRONG = 24
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
        return len(self.wrong) >= _MOST_WRONG or len(self.kinks) + len(self.unclear) >= _MOST_KINKS


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
    waiting = [block for block in np.array_split(entries, min(count, size) or 1) if block.size][::-1]
    while waiting:
        block = waiting.pop()
        answer = prober.ask(i, block)
        if answer == "agrees":
            continue
        if found.enough:
            found.finished = False
            break
        if answer == "unclear" and block.size > 1:
            waiting += np.array_split(block, 2)[::-1]
            continue
        place = _descend(prober, i, block)
        found.add(int(block[place]), judge(prober, i, int(block[place])))
        if block.size > 1:
            waiting.append(np.delete(block, place))
    return found


def _descend(prober: Prober, i: int, block: Array) -> int:
    """Go to where a disagreement comes from, from half to half; return the entry's place in the block."""
    low, high = 0, block.size
    total = prober.mismatch(i, block) if high > 1 else np.zeros(2)
    while high - low > 1:
        middle = (low + high) // 2
        first = prober.mismatch(i, block[low:middle])
        second = total - first
        if np.abs(second).max() > np.abs(first).max():  # not where the first is NaN
            low, total = middle, second
        else:
            high, total = middle, first
    return low
