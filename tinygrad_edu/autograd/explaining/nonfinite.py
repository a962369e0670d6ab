"""Where NaN and infinities come from, on the way back and on the way forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..graph import Node
from ..leaf import Leaf
from ..marks import Marks, array_of, marks_of
from ..tracing import note_of
from .places import op_name, op_of, values_of

__all__ = ["ALREADY", "first_in_forward", "why_not_finite"]

ALREADY = "already in the forward pass"

Values = dict[str, Any]
Said = tuple[str, str]

_SAFE = "Keep it away from there: add a small number such as 1e-12 inside, or clamp(min=...) before."
_SMALLER = "Keep the numbers smaller: subtract the largest first, use log_softmax or logsumexp, or scale down."


Singular = tuple[Callable[[Values], Any], str, str]


def _one(condition: Callable[[Values], Any], what: str) -> Singular:
    return condition, what, _SAFE


# For each op: at which entries its derivative is not finite, what its input is there, the way out.
_SINGULAR: dict[str, Singular] = {
    "sqrt": _one(lambda v: v["out"] == 0, "its input is 0, where the slope of sqrt is infinite"),
    "rsqrt": _one(lambda v: np.isinf(v["out"]), "its input is 0"),
    "reciprocal": _one(lambda v: np.isinf(v["out"]), "its input is 0: it divides by 0"),
    "log": _one(lambda v: v["input"] == 0, "its input is 0, where the slope of log is infinite"),
    "log2": _one(lambda v: v["input"] == 0, "its input is 0, where the slope of log2 is infinite"),
    "log10": _one(lambda v: v["input"] == 0, "its input is 0, where the slope of log10 is infinite"),
    "log1p": _one(lambda v: v["input"] == -1, "its input is -1, where the slope of log1p is infinite"),
    "div": _one(lambda v: np.asarray(v["other"]) == 0, "its divisor is 0"),
    "pow": _one(lambda v: v["input"] == 0, "its base is 0, where the slope of this power is infinite"),
    "asin": _one(lambda v: np.abs(v["input"]) == 1, "its input is -1 or 1, where its slope is infinite"),
    "acos": _one(lambda v: np.abs(v["input"]) == 1, "its input is -1 or 1, where its slope is infinite"),
    "atanh": _one(lambda v: np.abs(v["input"]) == 1, "its input is -1 or 1, where its slope is infinite"),
    "acosh": _one(lambda v: v["input"] == 1, "its input is 1, where its slope is infinite"),
    "hypot": _one(lambda v: (v["input"] == 0) & (v["other"] == 0), "both its inputs are 0, where it has a corner"),
    "vector_norm": _one(lambda v: v["out"] == 0, "the norm is 0, where it has a corner"),
    "std": _one(lambda v: v["out"] == 0, "all its inputs are equal: the deviation is 0, where it has a corner"),
}

# Where the forward makes a NaN or an infinity of finite inputs; read from the inputs and the result.
_IN_FORWARD = {
    "sqrt": "the square root of a negative number",
    "rsqrt": "a root of 0 or of a negative number",
    "log": "the logarithm of 0 or of a negative number",
    "log2": "the logarithm of 0 or of a negative number",
    "log10": "the logarithm of 0 or of a negative number",
    "log1p": "the logarithm of 0 or of a negative number",
    "div": "a division by 0",
    "reciprocal": "a division by 0",
    "remainder": "a remainder of a division by 0",
    "pow": "a power that is not a finite number",
    "exp": "exp of a number that is too large for the dtype (overflow)",
    "exp2": "exp2 of a number that is too large for the dtype (overflow)",
    "expm1": "expm1 of a number that is too large for the dtype (overflow)",
    "sinh": "sinh of a number that is too large for the dtype (overflow)",
    "cosh": "cosh of a number that is too large for the dtype (overflow)",
    "asin": "an angle of a number outside of -1 to 1",
    "acos": "an angle of a number outside of -1 to 1",
    "mean": "a mean of no numbers, or of numbers too large for the dtype",
}
_OF_INFINITIES = {
    "sub": "inf - inf",
    "add": "inf - inf",
    "mul": "0 * inf",
    "div": "inf / inf",
    "softmax": "softmax of inf, or of -inf only (every entry masked)",
    "log_softmax": "log_softmax of inf, or of -inf only (every entry masked)",
    "sum": "inf - inf in a sum",
    "matmul": "0 * inf or inf - inf in a product of matrices",
    "linear": "0 * inf or inf - inf in a product of matrices",
}
_REPLAYED = ("add", "sub", "mul", "div", "neg", "log", "log2", "log10", "log1p", "abs", "pow", "sum", "mean", "reshape")
_MEANT = ("masked_fill", "where", "fill", "masked", "constant_pad_nd")  # an infinity there was put in on purpose


def why_not_finite(node: Node, i: int, g: Any, sent: Any) -> Said:
    """Say why ``node`` sends NaN or infinities to its input ``i`` when what arrives is finite."""
    values = values_of(node)
    broken = {name: marks for name, marks in _marked(values) if not marks.is_finite}
    said = None if any(marks.nan for marks in broken.values()) else _singular(op_name(node), values)
    what, way = said or _of_broken(broken) or _of_rest(node, i, g)
    if not _arrives_where(g, sent):
        what += "; what arrives there is 0, and 0 times infinity is NaN: what a mask or where() leaves out still counts"
        way = "Make the input safe in the branch itself: where(ok, x, 1.0), and only then this operation."
    return what, way


def _singular(name: str, values: Values) -> Said | None:
    if name not in _SINGULAR:
        return None
    condition, what, way = _SINGULAR[name]
    try:
        at = np.asarray(condition(values))
    except KeyError:  # it was not kept
        return None
    if not at.any():
        return None
    return (f"at {int(np.count_nonzero(at))} of {at.size} entries {what}" if at.size > 1 else what), way


def _of_broken(broken: dict[str, Marks]) -> Said | None:
    for name, marks in broken.items():
        where = "its result" if name == "out" else f"its '{name}'"
        return f"{where} holds {_kinds(marks)} {ALREADY}", ""
    return None


def _of_rest(node: Node, i: int, g: Any) -> Said:
    if op_of(node) is None:
        return f"the backward of this custom Function makes it for its input {i}", "Check it with autograd.gradcheck."
    arrived = np.asarray(array_of(g))
    limit = float(np.sqrt(np.finfo(arrived.dtype).max))
    if arrived.size and float(np.abs(arrived).max()) > limit:
        return "the product is larger than the largest number of the dtype (overflow)", _SMALLER
    return "its derivative is infinite, or too large for the dtype, at these inputs", _SAFE


def _arrives_where(g: Any, sent: Any) -> bool:
    """Tell whether a gradient arrives at any of the entries that are not finite; yes where that is not known."""
    arrived, sent = array_of(g), array_of(sent)
    if not isinstance(arrived, np.ndarray) or not isinstance(sent, np.ndarray) or arrived.shape != sent.shape:
        return True
    return bool(np.any(arrived[~np.isfinite(sent)]))


def _marked(values: Values) -> Iterator[tuple[str, Marks]]:
    for name, value in values.items():
        if isinstance(value, (np.ndarray, np.floating)):
            yield name, marks_of(value)


def _kinds(marks: Marks) -> str:
    if marks.nan and marks.inf:
        return "NaN and infinities"
    return "NaN" if marks.nan else "infinities"


def first_in_forward(order: Sequence[Node]) -> list[tuple[Node, str, str]]:
    """Find the operations that made the first NaN of a graph, and the infinities that it came from.

    Parameters
    ----------
    order : sequence of Node
        The graph, each node before its inputs.

    Returns
    -------
    list of (Node, str, str)
        The node, what happened there, the way out. Empty where no value that is still known holds any.
    """
    known = _known(order)
    found = {kind: next(_makers(order, known, kind), None) for kind in ("nan", "inf")}
    first, source = found["nan"] or found["inf"], found["inf"]
    if first is None:
        return []
    came_from_inf = any(e is not None and e in known and known[e].inf for e in first.edges)
    nodes = [first] if source is None or source is first or not came_from_inf else [first, source]
    return [(node, *_made_in_forward(node, known)) for node in nodes]


def _makers(order: Sequence[Node], known: dict[Node, Marks], kind: str) -> Iterator[Node]:
    for node in reversed(order):
        if node in known and getattr(known[node], kind) and op_name(node) not in _MEANT:
            before = [known[e] for e in node.edges if e is not None and e in known]
            if not any(getattr(marks, kind) for marks in before):
                yield node


def _outside(node: Node) -> list[Marks]:
    """Return the marks of the inputs that are not in the graph, as far as they are known."""
    note, op = note_of(node), op_of(node)
    if note is not None:
        return [outside.marks for outside in note.inputs if outside is not None and outside.marks is not None]
    kept = values_of(node)
    names = () if op is None else op.names[: len(node.edges)]
    return [
        marks_of(kept[name])
        for name, edge in zip(names, node.edges)
        if edge is None and isinstance(kept.get(name), (np.ndarray, float, int))
    ]


def _made_in_forward(node: Node, known: dict[Node, Marks]) -> Said:
    kinds, name = _kinds(known[node]), op_name(node)
    if isinstance(node, Leaf):
        return f"it holds {kinds} itself", "Look where its numbers come from."
    inputs = [known[e] for e in node.edges if e is not None and e in known] + _outside(node)
    if any(marks.nan for marks in inputs):
        return f"data that enters there holds NaN: {kinds} in its result", "Clean the data first."
    if any(marks.inf for marks in inputs):
        what = _OF_INFINITIES.get(name)
        return f"{kinds} in the forward pass" + (f": {what}" if what else ""), "Keep the infinities out before."
    what = _IN_FORWARD.get(name, "a number that the dtype cannot hold" if known[node].inf else "")
    return f"{kinds} in the forward pass" + (f": {what}" if what else "") + _example(node), (
        _SMALLER if "overflow" in what or not what else _SAFE
    )


def _example(node: Node) -> str:
    """Show the worst of a kept input."""
    x = values_of(node).get("other" if op_name(node) == "div" else "input")
    if not isinstance(x, np.ndarray) or not x.size:
        return ""
    return (
        f"; its input goes from {float(x.min()):.6g} to {float(x.max()):.6g}"
        if x.size > 1
        else f" (input {float(x.item()):.6g})"
    )


def _known(order: Sequence[Node]) -> dict[Node, Marks]:
    """Sum up every value of a graph that is kept somewhere, was noted, or is quickly computed again."""
    arrays: dict[Node, Any] = {}
    for node in order:
        if isinstance(node, Leaf) and node.variable is not None:
            arrays[node] = node.variable.array
        arrays |= dict(_kept_values(node))
    known = {node: note.marks for node in order if (note := note_of(node)) is not None and note.marks is not None}
    for node in reversed(order):
        if node not in arrays and node not in known:
            again = _computed_again(node, arrays)
            if again is not None:
                arrays[node] = again
        if node in arrays and node not in known:
            known[node] = marks_of(arrays[node])
    return known


def _kept_values(node: Node) -> Iterator[tuple[Node, Any]]:
    op, kept = op_of(node), values_of(node)
    if op is None:
        return
    for name, edge in zip(op.names, node.edges):
        if edge is not None and isinstance(kept.get(name), np.ndarray):
            yield edge, kept[name]
    if "out" in kept:
        yield node, kept["out"]


def _computed_again(node: Node, arrays: dict[Node, Any]) -> Any:
    """Compute the value of a simple op from values that are known; None where one is missing."""
    op = op_of(node)
    if op is None or op.__name__ not in _REPLAYED or node.saved is None:  # type: ignore[attr-defined]
        return None
    saved, args = node.saved[0], []  # type: ignore[attr-defined]
    for value, edge in zip(saved, node.edges):
        value = arrays.get(edge) if edge is not None else array_of(value)
        if value is None or isinstance(value, tuple):
            return None
        args.append(value)
    with np.errstate(all="ignore"):
        return np.asarray(op.forward(*args, *saved[op.n_inputs :]), node.dtype)
