"""Why a tensor is not in the graph of a loss, or in no graph at all: where the way between them breaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...op import runtime
from ..graph import Node, topological
from ..leaf import Leaf
from ..tracing import Note, Outside, note_of, outside_of
from .places import Place, op_name, op_of, place_of

__all__ = ["Cause", "why_no_graph", "why_no_path", "why_no_requires_grad"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason: what happened, where (None: in no place), and the way out."""

    what: str
    way_out: str
    place: Place | None = None

    @property
    def said(self) -> str:
        """The place and what happened there."""
        what = self.what.rstrip(".")
        return f"{self.place}: {what}." if self.place is not None else f"{what}."

    def __str__(self) -> str:
        """Say all in a few sentences."""
        return f"{self.said} {self.way_out}".strip()


_TRACE = "Compute it again inside `with tinygrad_edu.viz.trace():` and ask again: explain then names the line."
_REQUIRE = "Call requires_grad_() on it before it is used, or make it with requires_grad=True."
_BREAKS = {
    "detach": ("detach() takes its result out of the graph", "Leave detach() out where a gradient shall pass."),
    "no_grad": (
        "it ran under no_grad() or inference_mode(), where nothing is recorded",
        "Move it out of the block: only what is recorded has a gradient.",
    ),
    "no derivative": (
        "its result has no derivative (a choice, a comparison or whole numbers)",
        "Use a smooth stand-in: softmax for argmax, sigmoid for a comparison, floats for integers.",
    ),
}


def why_no_requires_grad(t: Any) -> list[Cause]:
    """Say why a tensor outside the graph wants no gradient."""
    outside = outside_of(t)
    if outside is not None and outside.why in _BREAKS:
        return [_break(outside, "this tensor is its result")]
    if t.dtype.kind != "f":
        return [Cause(f"its dtype is {t.dtype}, and only floating point has gradients", "Convert it with .float().")]
    if t._frozen is not None:
        return [Cause("it was frozen: requires_grad was switched off", "Call requires_grad_() to switch it on again.")]
    if t.is_inference():
        return [Cause("it was made in inference_mode()", "clone() it outside, and call requires_grad_() on that.")]
    if outside is not None and outside.why == "constants":
        return [
            Cause(
                "nothing that it was computed from wants a gradient",
                "Call requires_grad_() on the input that shall get one.",
                _place(outside),
            )
        ]
    return [
        Cause(
            "requires_grad is False: nobody has asked for its gradient (or it was computed under no_grad(), detached, "
            "or made of numbers that had left the graph)",
            _REQUIRE,
        )
    ]


def why_no_graph(loss: Any) -> list[Cause]:
    """Say why a loss that does not require grad has no graph."""
    broken = _breaks_above(loss)
    if broken:
        return [_break(outside, "the loss comes from there") for outside in broken]
    causes = why_no_requires_grad(loss)
    return [Cause(f"of the loss: {cause.what}", cause.way_out, cause.place) for cause in causes]


def why_no_path(t: Any, loss: Any, name: str) -> list[Cause]:
    """Say where the way from a loss to a tensor breaks that is not in the loss's graph.

    Linear in the nodes and edges of both graphs.
    """
    order, target = topological([loss._edge]), t._edge
    return (
        _noted_breaks(order, t)
        or _changed_in_place(t, order)
        or _upside_down(target, loss)
        or _shared_memory(order, t)
        or _same_name(order, target, name)
        or [_nothing_found(order, t)]
    )


def _noted_breaks(order: Sequence[Node], t: Any) -> list[Cause]:
    """Follow what a trace has noted of values outside the graph, from the loss back to the tensor."""
    entered = [(outside, None) for node in order for outside in _noted_inputs(note_of(node))]
    came_from: dict[Any, Any] = dict(entered)
    stack = [outside for outside, _ in entered]
    seen = set(order)
    goals = [note_of(t._edge), t._edge]
    while stack:
        at = stack.pop()
        if at in goals:
            return [_break(outside, "the way from the loss breaks there") for outside in _cuts(at, came_from)]
        for below in _below(at):
            if below not in came_from and below not in seen:
                came_from[below] = at
                stack.append(below)
    return []


def _noted_inputs(note: Note | None) -> Iterator[Outside]:
    return (outside for outside in (note.inputs if note is not None else ()) if outside is not None)


def _below(at: Any) -> Iterator[Any]:
    """Return what a node or a value outside the graph was made from."""
    if isinstance(at, Outside):
        yield from at.notes
        yield from (source for source in at.sources if isinstance(source, Outside))
    elif isinstance(at, Note):
        yield from at.sources
        yield from _noted_inputs(at)
        node = None if at.node is None else at.node()
        yield from (edge for edge in (() if node is None else node.edges) if edge is not None)
    else:
        yield from (edge for edge in at.edges if edge is not None)
        note = note_of(at)
        yield from () if note is None else (note,)


def _cuts(at: Any, came_from: dict[Any, Any]) -> list[Outside]:
    """Collect the breaks between the loss and what was reached, the nearest to the tensor first."""
    cuts = []
    while at is not None:
        if isinstance(at, Outside) and at.why in _BREAKS:
            cuts.append(at)
        at = came_from[at]
    return cuts


def _breaks_above(loss: Any) -> list[Outside]:
    """Find the breaks closest to a loss that was not recorded."""
    start = outside_of(loss)
    stack, seen, found = [start] if start is not None else [], {id(start)}, []
    while stack:
        at = stack.pop()
        if at.why in _BREAKS:
            found.append(at)
            continue
        for source in at.sources:
            if isinstance(source, Outside) and id(source) not in seen:
                seen.add(id(source))
                stack.append(source)
    return found


def _break(outside: Outside, role: str) -> Cause:
    what, way = _BREAKS[outside.why or ""]
    return Cause(f"{what}; {role}", way, _place(outside))


def _place(outside: Outside) -> Place:
    return Place.at(outside.op, outside.line, outside.name)


def _changed_in_place(t: Any, order: Sequence[Node]) -> list[Cause]:
    """Notice a tensor that was written to after the loss was computed: it leads to a later node now."""
    target, counter = t._edge, t._counter
    in_loss, before, writes = set(order), t._edge, 0 if counter is None else counter[0]
    while writes and before not in in_loss and before is not None and before.edges:
        before, writes = before.edges[0], writes - 1
    if before is target or before not in in_loss or isinstance(before, Leaf):
        return []
    return [
        Cause(
            f"{counter[1]} wrote to this tensor in place after the loss was computed from it; it now stands for the "
            "new value, which the loss does not depend on",
            "Write to another tensor: use the out-of-place form, or clone() it first.",
            place_of(target),
        )
    ]


def _upside_down(target: Node, loss: Any) -> list[Cause]:
    if loss._edge not in topological([target]):
        return []
    return [
        Cause(
            "it is computed from the loss, and not the loss from it: gradients flow from the loss back to what it was "
            "made from",
            "Call backward() on what comes last.",
            place_of(target),
        )
    ]


def _shared_memory(order: Sequence[Node], t: Any) -> list[Cause]:
    """Recognise the tensor's own memory among the values that the graph keeps from outside it."""
    for node in order:
        for kept in _kept_from_outside(node):
            array = kept.array if isinstance(kept, runtime.Tensor) else kept
            if _overlap(array, t.array):
                return [_shared(node, kept, t)]
    return []


def _overlap(a: Any, b: Any) -> bool:
    """Tell whether two arrays surely share memory: they start at one place, or both fill their range."""
    if not (a.size and b.size and np.may_share_memory(a, b)):
        return False
    starts = {array.__array_interface__["data"][0] for array in (a, b)}
    return len(starts) == 1 or bool(a.flags.forc and b.flags.forc)


def _kept_from_outside(node: Node) -> Iterator[Any]:
    op = op_of(node)
    saved = None if op is None else node.saved  # type: ignore[attr-defined]
    if op is None or saved is None:
        return
    inputs = saved[0][0] if op.variadic else saved[0][: op.n_inputs]
    for value in inputs if isinstance(inputs, tuple) else ():
        if isinstance(value, np.ndarray) or (isinstance(value, runtime.Tensor) and value._node is None):
            yield value


def _shared(node: Node, kept: Any, t: Any) -> Cause:
    if isinstance(kept, np.ndarray):
        how = "the NumPy array on its memory, which left the graph (numpy())"
    elif kept._counter is t._counter:
        how = "a detached tensor on its memory (detach())"
    else:
        how = "a tensor on its memory that left the graph (.data, or a NumPy array)"
    return Cause(f"it was given {how}, and not this tensor itself", "Use the tensor itself there.", place_of(node))


def _same_name(order: Sequence[Node], target: Node, name: str) -> list[Cause]:
    """Notice another tensor in the graph that was called the same."""
    own = note_of(target)
    names = {name, own.name if own is not None else ""} - {"", "t"}
    for node in order:
        note = note_of(node)
        if note is not None and note.name in names and node is not target:
            return [
                Cause(
                    f"the loss was computed from another tensor that was called '{note.name}' then; this one is "
                    "another",
                    "Compute the loss again from this tensor, or change a tensor in place (under no_grad()) instead of "
                    "making a new one of the same name.",
                    place_of(node),
                )
            ]
    return []


def _nothing_found(order: Sequence[Node], t: Any) -> Cause:
    leaves = [node for node in order if isinstance(node, Leaf)]
    traced = any(note_of(node) is not None for node in order)
    found = f"the loss leads to {len(order)} nodes, {len(leaves)} of them leaves, and to none of this tensor"
    numbers = "Perhaps it became a NumPy array or a Python number on the way (.numpy(), .item(), float()), was copied "
    numbers += "with tensor(...), or was not used at all"
    way = (
        numbers + "; use the tensor itself." if traced else f"{numbers}, was detached, or ran under no_grad(). {_TRACE}"
    )
    return Cause(found, way)


def reasons_of_update(target: Node) -> Cause | None:
    """Recognise ``w = w - lr * w.grad``: a difference of a leaf and something is a computed tensor."""
    if op_of(target) is None or op_name(target) not in ("sub", "add", "mul", "addcmul", "addcdiv"):
        return None
    if not any(isinstance(edge, Leaf) and edge.shape == target.shape for edge in target.edges):
        return None
    return Cause(
        "if it was meant as an update such as w = w - lr * w.grad: that makes a new, computed tensor "
        "and leaves the leaf",
        "Update the leaf in place: with no_grad(): w -= lr * w.grad.",
        place_of(target),
    )
