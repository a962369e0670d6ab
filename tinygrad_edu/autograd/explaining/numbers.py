"""Which steps of a backward pass make a gradient zero, tiny or not finite on its way to a tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..graph import Node, topological
from ..known_as import known_as
from ..marks import Marks, Step
from ..tracing import note_of
from .flow import Flow
from .nonfinite import ALREADY, first_in_forward, why_not_finite
from .paths import Cause
from .places import op_name, place_of
from .zeros import DEAD, usual_zero, why_zero

__all__ = ["causes_of_notes", "causes_of_numbers", "judge", "said_of_norm", "verdict_of"]

TINY = 1e-6
_SUMMED = "zeros that arrive meet in a sum or a product, or gradients of several uses cancel at these entries"
_SHOWN = 4  # so many causes are named one by one


def verdict_of(marks: Marks) -> str:
    """Say in a word what a gradient is like."""
    if marks.nan:
        return "nan"
    if marks.inf:
        return "inf"
    if marks.is_zero:
        return "zero"
    if marks.norm < TINY and marks.size:
        return "tiny"
    return "partly zero" if marks.zeros else "fine"


def judge(node: Node, i: int, g: Any, sent: Any, step: Step) -> tuple[str, str] | None:
    """Say why a node sends on something worse than it was given, while what it keeps is still there."""
    marks = step.sent[i]
    assert marks is not None
    if not marks.is_finite:
        return why_not_finite(node, i, g, sent)
    return why_zero(node, i, g, sent, marks.is_zero)


def causes_of_numbers(flow: Flow, verdict: str) -> list[Cause]:
    """Name the steps that made the gradient what it is."""
    if verdict in ("nan", "inf"):
        return _shortened([*_not_finite(flow)])
    if verdict == "zero":
        return _shortened([*_lost(flow), *_cancelled(flow), *_hooked(flow, "is_zero")])
    return _shortened(_partly(flow)) if verdict == "partly zero" else []


def said_of_norm(flow: Flow, verdict: str) -> tuple[str, ...]:
    """Say how the norm changes on the way, where the gradient is tiny."""
    if verdict not in ("tiny", "fine", "partly zero"):
        return ()
    users = [node for node in flow.order if flow.target in node.edges]
    if verdict != "tiny":
        names = ", ".join(dict.fromkeys(str(place_of(node)) for node in users[:_SHOWN]))
        return (f"It comes from {names}.",) if names else ("It is the loss itself.",)
    falls = [
        (sent.norm / arrived.norm, node) for node, _, arrived, sent in flow.sendings() if sent and arrived.norm > 0
    ]
    worst = sorted(falls, key=lambda fall: fall[0])[:3]
    steps = "; ".join(f"{place_of(node)} (times {ratio:.2g})" for ratio, node in worst)
    number = sum(ratio < 0.5 for ratio, _ in falls)
    return (f"The gradient shrinks step by step: {number} steps halve it or worse. The steepest: {steps}.",)


def _shortened(causes: Sequence[Cause]) -> list[Cause]:
    """Count equal causes (of places that nothing tells apart), and name only the first."""
    counted = Counter(causes).items()
    causes = [cause if n == 1 else replace(cause, what=f"{cause.what} (so {n} times)") for cause, n in counted]
    if len(causes) <= _SHOWN:
        return causes
    return [*causes[:_SHOWN], Cause(f"and so in other places: {len(causes) - _SHOWN} more", "")]


def _cause(flow: Flow, node: Node, i: int, otherwise: tuple[str, str]) -> Cause:
    what, way = flow.judged.get((node, i)) or otherwise
    return Cause(what, way, place_of(node))


def _lost(flow: Flow) -> Iterator[Cause]:
    """Find the steps that send zeros although more than zeros arrives."""
    for node, i, arrived, sent in flow.sendings():
        if sent is not None and sent.is_zero and not arrived.is_zero:
            yield _cause(flow, node, i, usual_zero(node))


def _cancelled(flow: Flow) -> Iterator[Cause]:
    """Find the values whose gradients from several uses add up to zero."""
    for node, parts in flow.incoming().items():
        arrived = flow.before.get(node) or flow.arrived(node)
        if arrived is not None and arrived.is_zero and any(not part.is_zero for part in parts):
            what = f"gradients from {len(parts)} uses arrive here and cancel: their sum is exactly 0"
            yield Cause(what, "Check the formula: the loss does not change with this value.", place_of(node))


def _too_large_together(flow: Flow) -> Iterator[Cause]:
    """Find the values whose gradients from several uses are finite, and their sum is not."""
    for node, parts in flow.incoming().items():
        arrived = flow.before.get(node) or flow.arrived(node)
        if arrived is not None and not arrived.is_finite and len(parts) > 1 and all(part.is_finite for part in parts):
            what = f"gradients from {len(parts)} uses arrive here, and their sum is too large for the dtype (overflow)"
            yield Cause(what, "Scale the loss down, or use a larger dtype.", place_of(node))


def _hooked(flow: Flow, what: str) -> Iterator[Cause]:
    for node, before in flow.before.items():
        after = flow.arrived(node)
        if after is not None and getattr(after, what) != getattr(before, what):
            made = "zeros" if what == "is_zero" else "NaN or infinities"
            yield Cause(f"a hook on this value replaces the gradient by {made}", "Look at the hook.", place_of(node))


def _partly(flow: Flow) -> list[Cause]:
    """Find the steps that add zeros, the nearest to the tensor first."""
    found = [
        _cause(flow, node, i, ("", ""))
        for node, i, arrived, sent in flow.sendings()
        if sent is not None and (node, i) in flow.judged and not sent.is_zero
    ]
    return found[::-1][:3] or list(_more_zeros(flow))[-1:] or [Cause(_SUMMED, "")]


def _more_zeros(flow: Flow) -> Iterator[Cause]:
    for node, _, arrived, sent in flow.sendings():
        if sent is not None and sent.zeros * arrived.size > arrived.zeros * sent.size:
            what = f"it passes 0 back at {sent.zeros} of {sent.size} entries"
            yield Cause(what, "Look at its inputs there.", place_of(node))


def _not_finite(flow: Flow) -> Iterator[Cause]:
    """Find the steps that made it, then, where a value was broken before, the operation that broke it."""
    reach = _reaching(flow)
    origins = [
        (node, i)
        for node, i, arrived, sent in flow.sendings()
        if sent is not None and (node, i) in reach and arrived.is_finite and not sent.is_finite
    ]
    first = dict(reversed(origins))  # one input of each node
    for node, i in list(first.items())[::-1][:2]:
        yield _cause(flow, node, i, ("what arrives is finite, and what it passes on is not", ""))
    yield from _too_large_together(flow)
    yield from _hooked(flow, "is_finite")
    yield from _first_nan(flow, reach)
    broken = [node for node, i in origins if flow.noted or ALREADY in flow.judged.get((node, i), ("", ""))[0]]
    yield from _broken_in_forward(topological(broken), flow.target)


def _broken_in_forward(order: Sequence[Node], target: Node) -> Iterator[Cause]:
    for node, what, way in first_in_forward(order):
        if node is target and not node.edges:  # of a leaf that is asked about it is said before
            continue
        yield Cause(what, way, place_of(node))


def causes_of_notes(order: Sequence[Node], target: Node, verdict: str) -> list[Cause]:
    """Say what the values that a trace has noted tell of a graph that was freed."""
    if verdict in ("nan", "inf"):
        return _shortened([*_broken_in_forward(order, target)])
    if verdict != "zero":
        return []
    dead = [node for node in order if op_name(node) == "relu" and (note := note_of(node)) and note.marks]
    dead = [node for node in dead if note_of(node).marks.is_zero]  # type: ignore[union-attr]
    return _shortened([Cause("all its results are 0, so nothing passes back", DEAD, place_of(node)) for node in dead])


def _reaching(flow: Flow) -> set[tuple[Node, int]]:
    """Return the sendings that are not finite and go on to the tensor without becoming finite."""
    reach: set[tuple[Node, int]] = set()
    nodes = {flow.target}
    for node, i, _, sent in reversed(list(flow.sendings())):
        if sent is not None and not sent.is_finite and node.edges[i] in nodes:
            reach.add((node, i))
            nodes.add(node)
    return reach


def _first_nan(flow: Flow, reach: set[tuple[Node, int]]) -> Iterator[Cause]:
    """Find where an infinity on its way becomes a NaN."""
    for node, i, arrived, sent in flow.sendings():
        if (node, i) in reach and sent is not None and sent.nan and not arrived.nan and not arrived.is_finite:
            yield Cause(
                f"the infinity that arrives becomes NaN in {known_as(op_name(node))} (0 times infinity)",
                "",
                place_of(node),
            )
            return
