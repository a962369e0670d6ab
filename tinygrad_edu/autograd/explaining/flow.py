"""The backward pass from a loss to one tensor, gone through once more: no ``.grad`` is touched, nothing is freed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..differentiate import walk
from ..graph import Node, topological
from ..hooks import RETAIN
from ..marks import Marks, Step, array_of, marks_of, step_of
from ..tracing import note_of
from ..watching import Watcher, only

__all__ = ["Flow", "flow_to", "ways_to"]

_BEFORE_HOOKS = -2

Judge = Callable[[Node, int, Any, Any, Step], tuple[str, str] | None]


@dataclass
class Flow:
    """What flowed from a loss to a tensor.

    Attributes
    ----------
    order : list of Node
        The nodes that lead to the tensor, each before its inputs.
    steps : dict of Node to Step
        What arrived at each and what it sent towards the tensor.
    gradient : array or None
        What arrived at the tensor; also None where only notes are left.
    before : dict of Node to Marks
        What arrived at nodes with hooks, before the hooks saw it.
    judged : dict of (Node, int) to (str, str)
        For sendings that are remarkable, what ``judge`` said.
    noted : bool
        The graph was freed: the steps are those that a trace has noted.
    """

    order: list[Node]
    target: Node
    steps: dict[Node, Step] = field(default_factory=dict)
    gradient: Any = None
    before: dict[Node, Marks] = field(default_factory=dict)
    judged: dict[tuple[Node, int], tuple[str, str]] = field(default_factory=dict)
    noted: bool = False

    def sendings(self) -> Iterator[tuple[Node, int, Marks, Marks | None]]:
        """Go through what was sent towards the tensor, in the engine's direction: node, edge, arrived, sent."""
        useful = set(self.order)
        for node in self.order:
            step = self.steps.get(node)
            for i, edge in enumerate(node.edges if step is not None and node is not self.target else ()):
                if edge in useful and step is not None:
                    yield node, i, step.arrived, step.sent[i]

    def incoming(self) -> dict[Node, list[Marks]]:
        """Return what each node was sent, from every node that uses its value."""
        found: dict[Node, list[Marks]] = {node: [] for node in self.order}
        for node, i, _, sent in self.sendings():
            edge = node.edges[i]
            if sent is not None and edge is not None:
                found[edge].append(sent)
        return found

    def arrived(self, node: Node) -> Marks | None:
        """Return what arrived at a node, after its hooks."""
        return self.steps[node].arrived if node in self.steps else None


def ways_to(target: Node, root: Node) -> list[Node]:
    """List the nodes below the root from which the target can be reached, each before its inputs."""
    order = topological([root])
    useful = {target}
    for node in reversed(order):
        if any(edge in useful for edge in node.edges):
            useful.add(node)
    return [node for node in order if node in useful]


def flow_to(target: Node, loss: Any, order: list[Node], judge: Judge) -> Flow:
    """Go through the backward pass towards one node; where the graph was freed, take what a trace has noted.

    The user's tensor hooks run, as they do in backward. What backward raises is raised.
    """
    flow = Flow(order, target)
    if any(node.freed for node in order if node is not target):
        _take_notes(flow, loss._edge)
        return flow
    watcher = _Watcher(flow, judge)
    with _hooks_set(order, flow.before), only(watcher):
        found = walk([(loss._edge, np.ones_like(loss.array))], [target], True, False)
    flow.gradient = array_of(found[target])
    if flow.gradient is not None:
        flow.steps[target] = Step(marks_of(flow.gradient), ())
    return flow


def _take_notes(flow: Flow, root: Node) -> None:
    """Take the steps that a trace has noted; a leaf's may be of another loss, so what it was sent goes before it."""
    flow.noted = True
    noted = {node: note.step for node in flow.order if (note := note_of(node)) is not None and note.step is not None}
    if root not in noted:
        return
    flow.steps = noted
    sent = flow.incoming()[flow.target]
    if len(sent) == 1 and not flow.target.hooks:
        flow.steps[flow.target] = Step(sent[0], ())


class _Watcher(Watcher):
    def __init__(self, flow: Flow, judge: Judge) -> None:
        self._flow, self._judge, self._useful = flow, judge, set(flow.order)

    def went_back(self, node: Any, g: Any, results: Sequence[Any]) -> None:
        flow = self._flow
        step = flow.steps[node] = step_of(node, g, results, self._useful)
        for i, sent in enumerate(step.sent):
            if sent is not None and _is_remarkable(step.arrived, sent):
                said = self._judge(node, i, g, results[i], step)
                if said is not None:
                    flow.judged[node, i] = said


def _is_remarkable(arrived: Marks, sent: Marks) -> bool:
    more_zeros = sent.zeros * arrived.size > arrived.zeros * sent.size or (sent.is_zero and not arrived.size)
    return more_zeros or (arrived.is_finite and not sent.is_finite) or sent.nan > arrived.nan == 0


@contextmanager
def _hooks_set(nodes: Sequence[Node], before: dict[Node, Marks]) -> Iterator[None]:
    """Keep the walk from writing ``.grad`` of computed tensors, and note what the user's hooks are given."""
    kept = [(node, node.hooks) for node in nodes if node.hooks]
    for node, hooks in kept:
        users = {key: hook for key, hook in hooks.items() if key != RETAIN}
        node.hooks = {_BEFORE_HOOKS: _noting(node, before), **users} if users else None
    try:
        yield
    finally:
        for node, hooks in kept:
            node.hooks = hooks


def _noting(node: Node, before: dict[Node, Marks]) -> Callable[[Any], Any]:
    def note(g: Any) -> Any:
        before[node] = marks_of(g)
        return g

    return note
