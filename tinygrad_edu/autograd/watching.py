"""Who is told of every recorded node and of every step back: anomaly mode, traces of a graph.

The engine asks one flag and says what it did; what a watcher makes of it is the watcher's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["Watcher", "cut", "made", "only", "state", "unrecorded", "unwatch", "watch", "went_back"]


class Watcher:
    """Is told what the engine does. Every event does nothing unless a subclass says otherwise."""

    def made(self, node: Any, args: Sequence[Any], out: Any) -> None:
        """Hear of a node that was recorded: the call's arguments, and its result as an array (or Tensors)."""

    def unrecorded(self, op: Any, args: Sequence[Any], result: Any) -> None:
        """Hear of a call on Tensors that leaves no node: nothing wants a gradient, or nothing has one."""

    def cut(self, source: Any, result: Any) -> None:
        """Hear of ``result = source.detach()``."""

    def went_back(self, node: Any, g: Any, results: Sequence[Any]) -> None:
        """Hear of a step of the backward pass, before what the node keeps is released.

        ``g`` is what arrived, the sum of all that was sent there; ``results`` is what goes on to each edge, before it
        is summed to the edge's shape. A leaf sends on nothing.
        """


class _State:
    """Process-wide, as anomaly mode is in PyTorch."""

    on = False
    watchers: tuple[Watcher, ...] = ()


state = _State


def watch(watcher: Watcher) -> None:
    """Start telling a watcher; one that is told already stays where it is."""
    if watcher not in state.watchers:
        state.watchers = (*state.watchers, watcher)
    state.on = True


def unwatch(watcher: Watcher) -> None:
    """Stop telling a watcher."""
    state.watchers = tuple([w for w in state.watchers if w is not watcher])
    state.on = bool(state.watchers)


@contextmanager
def only(watcher: Watcher) -> Iterator[None]:
    """Tell nobody but this watcher until the end."""
    before, state.watchers, state.on = state.watchers, (watcher,), True
    try:
        yield
    finally:
        state.watchers, state.on = before, bool(before)


def made(node: Any, args: Sequence[Any], out: Any) -> None:
    """Tell everybody of a recorded node."""
    for watcher in state.watchers:
        watcher.made(node, args, out)


def unrecorded(op: Any, args: Sequence[Any], result: Any) -> None:
    """Tell everybody of a call that was not recorded."""
    for watcher in state.watchers:
        watcher.unrecorded(op, args, result)


def cut(source: Any, result: Any) -> None:
    """Tell everybody of a detached tensor."""
    for watcher in state.watchers:
        watcher.cut(source, result)


def went_back(node: Any, g: Any, results: Sequence[Any]) -> None:
    """Tell everybody of a step of the backward pass."""
    for watcher in state.watchers:
        watcher.went_back(node, g, results)
