"""Going through the real backward pass of a graph and noting every step; no ``.grad`` is touched, nothing is freed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..autograd.differentiate import walk
from ..autograd.graph import Node, as_added
from ..autograd.hooks import RETAIN
from ..autograd.marks import array_of
from ..autograd.watching import Watcher, only
from ..cases import Elementwise
from ..record import OpNode
from ..tensor import Tensor
from .items import Sent
from .summary import Summary

__all__ = ["Steps", "Taken", "go_back", "past"]


@dataclass(slots=True)
class Taken:
    """One step back: the gradient that arrived (None where it belongs to several outputs), and what was sent on."""

    grad: Summary | None
    sent: list[Sent]


past: WeakKeyDictionary[Node, Taken] = WeakKeyDictionary()
"""The steps of backward passes that ran inside a trace: what is left when the graph is freed."""


class Steps(Watcher):
    """Notes the steps of a backward pass into ``taken``, in the engine's order."""

    def __init__(self, taken: MutableMapping[Node, Taken], local: bool = True) -> None:
        self.taken, self.local = taken, local

    def went_back(self, node: Any, g: Any, results: Sequence[Any]) -> None:
        """Note a step; a node that is reached again stands at its later place."""
        alone = _local_derivatives(node, results) if self.local else (None,) * len(results)
        sent = [
            Sent(i, None if own is None else _summary(own), _summary(as_added(result, edge, node)))
            for i, (edge, result, own) in enumerate(zip(node.edges, results, alone))
            if edge is not None and edge.shape is not None and result is not None
        ]
        self.taken.pop(node, None)
        self.taken[node] = Taken(None if node.shape is None else _summary(g), sent)


def _summary(value: Any) -> Summary:
    return Summary.of(array_of(value))


def go_back(nodes: Sequence[Node], output: Tensor, local: bool = True) -> tuple[Mapping[Node, Taken], str]:
    """Run the backward pass from ``output`` with ones arriving there; ``nodes`` is its whole graph.

    Returns
    -------
    taken : mapping of Node to Taken
        In the engine's order. Of a graph that an earlier backward pass has freed, the steps that a trace has seen.
    stopped : str
        The error that ended the pass, such as that of a value changed in place; "" for none.
    """
    mine = set(nodes)
    if any(node.freed for node in nodes):
        return {node: taken for node, taken in past.items() if node in mine}, ""
    steps: dict[Node, Taken] = {}
    root = output._edge
    assert root is not None
    leaves = [node for node in nodes if not node.edges]
    stopped = ""
    with _without_retained(nodes), only(Steps(steps, local)):
        try:
            walk([(root, np.ones_like(output.array))], leaves, True, False)
        except Exception as error:  # also of a custom backward: what failed is what one wants to see
            stopped = f"{type(error).__name__}: {error}"
    # Not of graphs that a backward makes for itself and goes back through, as that of a checkpoint does.
    return {node: taken for node, taken in steps.items() if node in mine}, stopped


@contextmanager
def _without_retained(nodes: Sequence[Node]) -> Iterator[None]:
    """Keep the walk from writing ``.grad`` of computed tensors; the user's own hooks run as they do in backward."""
    kept = [(node.hooks, node.hooks.pop(RETAIN)) for node in nodes if node.hooks and RETAIN in node.hooks]
    try:
        yield
    finally:
        for hooks, keep in kept:
            hooks[RETAIN] = keep


def _local_derivatives(node: Any, results: Sequence[Any]) -> Sequence[Any]:
    """Return the derivative with respect to each input, None where it is not one number for each entry of the input.

    Sent back alone, as what comes of a gradient of ones.
    """
    nothing = (None,) * len(results)
    if not isinstance(node, OpNode) or node.shape is None:
        return nothing
    if math.prod(node.shape) != 1 and not isinstance(node.op.cases, Elementwise):
        return nothing
    alone = node.backward(np.ones(node.shape, node.dtype), node.edges, False)
    return [r if edge is None or r is None else as_added(r, edge, node) for r, edge in zip(alone, node.edges)]
