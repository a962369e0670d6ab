"""Which results are alive, and which of them the graph keeps for the backward pass.

A ledger: it writes down what appears and disappears, and adds up afterwards. So nothing has to be counted while
arrays die, which may happen at any moment and in any thread.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..tensor import Tensor
from .events import FunctionEvent

__all__ = ["Ledger", "arrays_in"]

Array = np.ndarray[Any, Any]


def arrays_in(value: Any) -> Iterator[Any]:
    """Yield the arrays of a value: of a Tensor, an array, a NumPy number, or a tuple or list with such in it."""
    if isinstance(value, Tensor):
        yield value.array
    elif isinstance(value, (np.ndarray, np.generic)):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from arrays_in(part)


def owner_of(array: Any) -> Any:
    """Return the array that owns the memory which ``array`` shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


class Ledger:
    """What happened to memory during a profile.

    A *result* is an array that an op, a backward call or a custom Function returned, and that is no view of what
    it got. Arrays that were made in another way (data, parameters) are not counted: they are there anyway.

    Attributes
    ----------
    results, kept : list of (int, int)
        After :meth:`close`: when the bytes of living results, and of kept ones, changed, and to how many.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._alive: dict[int, weakref.ref[Array]] = {}
        self._nodes: dict[int, tuple[weakref.ref[Any], dict[int, int]]] = {}
        self._results: list[tuple[int, int]] = []  # (when, bytes that came or went)
        self._kept: list[tuple[int, int, int, FunctionEvent | None]] = []  # (when, owner, ±bytes, who keeps it)
        self.results: list[tuple[int, int]] = []
        self.kept: list[tuple[int, int]] = []

    def made(self, event: FunctionEvent, results: Any, inputs: Iterable[Any] = ()) -> None:
        """Note what an event returned, as far as it is no view of its inputs and was not noted before."""
        given = {id(owner_of(array)) for value in inputs for array in arrays_in(value)}
        for array in arrays_in(results):
            owner = owner_of(array)
            if id(owner) in self._alive or id(owner) in given:
                continue
            event.self_cpu_memory_usage += owner.nbytes
            if isinstance(owner, np.ndarray):  # a NumPy number cannot be watched; the few bytes are let go
                self._watch(owner, id(owner), owner.nbytes)

    def _watch(self, owner: Array, key: int, size: int) -> None:
        def gone(_: Any) -> None:
            self._alive.pop(key, None)
            self._results.append((self._clock(), -size))

        self._alive[key] = weakref.ref(owner, gone)
        self._results.append((self._clock(), size))

    def keeps(self, node: Any, values: Any, event: FunctionEvent | None) -> None:
        """Note which results a node keeps from now on; ``event``: the call that made the node."""
        owners = {id(owner): owner.nbytes for owner in map(owner_of, arrays_in(values)) if id(owner) in self._alive}
        owners = {key: size for key, size in owners.items() if size}
        key, now = id(node), self._clock()
        self._kept += [(now, owner, size, event) for owner, size in owners.items()]
        self.releases(node)  # what it kept before: afterwards, so that what it keeps on keeping is never let go
        if owners:
            self._nodes[key] = (weakref.ref(node, lambda _: self._forget(key)), owners)

    def releases(self, node: Any) -> None:
        """Note that a node keeps nothing any more."""
        self._forget(id(node))

    def _forget(self, key: int) -> None:
        _, owners = self._nodes.pop(key, (None, {}))
        if owners:
            now = self._clock()
            self._kept += [(now, owner, -size, None) for owner, size in owners.items()]

    def close(self) -> None:
        """Stop watching, and charge what was kept to the events that kept it first."""
        self._alive.clear()
        self._nodes.clear()
        self.results = _running(list(self._results))  # copies: other threads may be about to add
        self.kept = _running(list(self._kept_once()))

    @staticmethod
    def peak(amounts: list[tuple[int, int]]) -> int:
        """Return the largest number of bytes that ``results`` or ``kept`` came to; 0 while the profile runs."""
        return max((amount for _, amount in amounts), default=0)

    def _kept_once(self) -> Iterator[tuple[int, int]]:
        """Yield what the kept bytes change by: memory that several nodes keep counts once, for the first of them."""
        holders: dict[int, int] = {}
        charged: set[int] = set()
        for when, owner, size, event in list(self._kept):
            before = holders.get(owner, 0)
            holders[owner] = after = before + (1 if size > 0 else -1)
            if event is not None and owner not in charged:
                event.kept_memory_usage += size
                charged.add(owner)
            if after == 0:
                charged.discard(owner)
            if before == 0 or after == 0:
                yield when, size


def _running(changes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Add up changes to the amount after each."""
    total, amounts = 0, []
    for when, change in changes:
        total += change
        amounts.append((when, total))
    return amounts
