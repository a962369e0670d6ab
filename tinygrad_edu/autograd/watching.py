"""Who is told of every recorded node and of every step back: anomaly mode, traces of a graph.

The engine asks one flag and says what it did; what a watcher makes of it is the watcher's business.
"""

from __future__ import annotations

import threading
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
    """Whether anybody listens, in any thread: the one question that the engine asks."""

    on = False
    listeners = 0
    everywhere: tuple[Watcher, ...] = ()  # as anomaly mode is in PyTorch


class _Here(threading.local):
    """Who is told of what this thread does; ``alone`` silences all others."""

    watchers: tuple[Watcher, ...] = ()
    alone: tuple[Watcher, ...] = ()


state = _State
_here = _Here()
_lock = threading.Lock()


def watch(watcher: Watcher, everywhere: bool = False) -> None:
    """Start telling a watcher of this thread, or of all; one that is told already stays where it is."""
    if watcher in (state.everywhere if everywhere else _here.watchers):
        return
    if everywhere:
        state.everywhere = (*state.everywhere, watcher)
    else:
        _here.watchers = (*_here.watchers, watcher)
    _count(1)


def unwatch(watcher: Watcher) -> None:
    """Stop telling a watcher."""
    told = len(state.everywhere) + len(_here.watchers)
    state.everywhere = tuple([w for w in state.everywhere if w is not watcher])
    _here.watchers = tuple([w for w in _here.watchers if w is not watcher])
    _count(len(state.everywhere) + len(_here.watchers) - told)


@contextmanager
def only(watcher: Watcher) -> Iterator[None]:
    """Tell nobody but this watcher of what this thread does, until the end."""
    before, _here.alone = _here.alone, (watcher,)
    _count(1)
    try:
        yield
    finally:
        _here.alone = before
        _count(-1)


def _count(more: int) -> None:
    with _lock:
        state.listeners += more
        state.on = state.listeners > 0


def _told() -> tuple[Watcher, ...]:
    return _here.alone or (*state.everywhere, *_here.watchers)


def made(node: Any, args: Sequence[Any], out: Any) -> None:
    """Tell everybody of a recorded node."""
    for watcher in _told():
        watcher.made(node, args, out)


def unrecorded(op: Any, args: Sequence[Any], result: Any) -> None:
    """Tell everybody of a call that was not recorded."""
    for watcher in _told():
        watcher.unrecorded(op, args, result)


def cut(source: Any, result: Any) -> None:
    """Tell everybody of a detached tensor."""
    for watcher in _told():
        watcher.cut(source, result)


def went_back(node: Any, g: Any, results: Sequence[Any]) -> None:
    """Tell everybody of a step of the backward pass."""
    for watcher in _told():
        watcher.went_back(node, g, results)
