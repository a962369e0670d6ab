"""The recorded graph and the walk that sends gradients through it, from the outputs to the leaves.

It knows nodes, not Tensors. The gradients that travel are arrays in the ordinary backward pass and Tensors under
``create_graph=True``; all that the walk asks of them is ``+``, ``.shape`` and ``.dtype``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..ops.part import Part
from ..ops.shape import fit, to
from .watching import state, went_back

__all__ = ["Node", "as_added", "run", "topological"]

_references: Callable[[Any], int] = getattr(sys, "getrefcount", lambda value: 0)  # a Python without counts copies


class Node:
    """One recorded operation (or, in a subclass, one leaf).

    Attributes
    ----------
    edges : tuple of Node or None
        The node that made each input; None where no gradient is wanted.
    shape, dtype
        Of the output, and so of the gradient that arrives. None when there are several outputs.
    hooks : dict or None
        Functions of the arriving gradient; each may replace it.
    trace : str or None
        The line that made the node, recorded in anomaly mode.
    """

    __slots__ = ("__weakref__", "dtype", "edges", "hooks", "shape", "trace")

    edges: tuple[Node | None, ...]
    shape: tuple[int, ...] | None
    dtype: np.dtype[Any] | None
    hooks: dict[int, Callable[[Any], Any]] | None
    trace: str | None

    def name(self) -> str:
        """Return the name that a Tensor prints as its ``grad_fn``."""
        raise NotImplementedError(f"{type(self).__name__} is abstract: a kind of node says its name.")

    def backward(self, g: Any, needed: Sequence[Node | None], create_graph: bool) -> Sequence[Any]:
        """Return the gradient of each input whose edge is in ``needed``, None where that holds None."""
        raise NotImplementedError(f"{type(self).__name__} is abstract: a kind of node says how to go back.")

    def release(self) -> None:
        """Forget what was kept for the backward pass."""

    @property
    def freed(self) -> bool:
        """Whether what was kept is gone."""
        return False

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes of the inputs, in PyTorch's form."""
        return tuple((edge, 0) for edge in self.edges)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


def run(
    roots: Iterable[tuple[Node, Any]],
    *,
    targets: Sequence[Node] | None = None,
    accumulate: bool = False,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Node, Any]:
    """Send gradients from the roots towards the leaves, each node once, after all that use its output.

    Linear in nodes and edges, and iterative: a chain of a million nodes is no deeper than one of ten.

    Parameters
    ----------
    roots : iterable of (Node, gradient)
        Where to start, and the gradient that arrives there.
    targets : sequence of Node, optional
        Only what leads to these nodes is computed, and their gradients are returned; nodes that accumulate
        (leaves) are then left alone. None: every leaf accumulates.
    accumulate : bool
        With targets: those that are leaves accumulate, and nothing is returned.
    retain_graph, create_graph : bool
        Keep the saved values; record the backward pass itself.

    Returns
    -------
    dict
        The gradient of each target that was reached.
    """
    grads: dict[Node, Any] = {}
    ours: set[Node] = set()  # whose buffer this walk allocated: only those may be added to in place
    for node, g in roots:
        _accumulate(grads, ours, node, g, create_graph)
    waiting = _count_uses(grads)
    useful = None if targets is None else _on_the_way(waiting, targets)
    captured = {} if targets is None or accumulate else dict.fromkeys(targets)
    ready = [node for node in grads if not waiting[node]]
    while ready:
        node = ready.pop()
        g = grads.pop(node, None)
        if g is not None and (node.hooks or node in captured):
            g = _run_hooks(node, g)
            if node in captured:
                captured[node] = g
        edges = node.edges
        if not edges:
            if g is not None:
                if state.on:
                    went_back(node, g, ())
                if useful is None or (accumulate and node in useful):
                    node.backward(g, (), create_graph)
            continue
        needed = edges if useful is None else [e if e in useful else None for e in edges]
        if g is None or (useful is not None and not any(needed)):
            results: Sequence[Any] = (None,) * len(edges)
        else:
            results = node.backward(g, needed, create_graph)
            if state.on:
                went_back(node, g, results)
            if not retain_graph:
                node.release()
        g = None  # a buffer that nobody else holds may become a leaf's .grad without a copy
        for edge, result in zip(edges, results):
            if edge is None:
                continue
            if result is not None:
                if result.dtype is not edge.dtype or result.shape != edge.shape:
                    is_part = type(result) is Part
                    result = _join(grads, ours, edge, result) if is_part else _conform(result, edge, node)
                if edge in grads:
                    _accumulate(grads, ours, edge, result, create_graph)
                else:
                    grads[edge] = result
            left = waiting[edge] - 1
            if left:
                waiting[edge] = left
            else:
                ready.append(edge)
        results = result = None  # type: ignore[assignment]
    return captured


def _run_hooks(node: Node, g: Any) -> Any:
    for hook in tuple((node.hooks or {}).values()):
        g = hook(g)
    return g


def _accumulate(grads: dict[Node, Any], ours: set[Node], node: Node, g: Any, create_graph: bool) -> None:
    """Add a gradient to what has arrived: the first is stored, the second makes a buffer, later ones reuse it.

    No buffer is made where the first one is an array that nobody else holds.
    """
    if node not in grads:
        grads[node] = g
    elif node in ours or (not create_graph and _is_only_here(grads, node)):
        total = grads[node]
        total += g  # in place for an array; a 0-d result is a NumPy number, which is replaced
        grads[node] = total
    else:
        grads[node] = grads[node] + g
        if not create_graph and node.shape is not None:
            ours.add(node)


def _is_only_here(grads: dict[Node, Any], node: Node) -> bool:
    """Tell whether ``grads`` alone holds this array and its memory: one reference there, one for the question."""
    if _references(grads[node]) != 2 or type(grads[node]) is not np.ndarray:
        return False
    flags = grads[node].flags
    return bool(flags.owndata and flags.writeable)


def _join(grads: dict[Node, Any], ours: set[Node], node: Node, part: Part) -> Any:
    """Take what has arrived out of ``grads`` and give it back with a part added; the first part pads itself."""
    if node not in grads:
        whole = part.padded(node.dtype)
    else:
        writable = node in ours or _is_only_here(grads, node)
        before = grads.pop(node)
        whole = part.add_to(before if writable else np.array(before))
    if node.shape is not None:
        ours.add(node)
    return whole


def _count_uses(roots: Iterable[Node]) -> dict[Node, int]:
    """Count for every node how many edges of the graph below the roots lead to it: so many gradients it awaits."""
    waiting = dict.fromkeys(roots, 0)
    stack = list(waiting)
    while stack:
        for edge in stack.pop().edges:
            if edge in waiting:
                waiting[edge] += 1
            elif edge is not None:
                waiting[edge] = 1
                stack.append(edge)
    return waiting


def topological(roots: Iterable[Node]) -> list[Node]:
    """List the graph below the roots so that every node comes before its inputs (Kahn, 1962)."""
    return _order(_count_uses(roots))


def _order(waiting: dict[Node, int]) -> list[Node]:
    left = dict(waiting)
    order = [node for node, uses in left.items() if not uses]
    for node in order:  # grows while it is read
        for edge in node.edges:
            if edge is not None:
                left[edge] -= 1
                if not left[edge]:
                    order.append(edge)
    return order


def _on_the_way(waiting: dict[Node, int], targets: Sequence[Node]) -> set[Node]:
    """Return the nodes from which a target can be reached, the targets included."""
    useful = set(targets)
    for node in reversed(_order(waiting)):
        if any(edge in useful for edge in node.edges):
            useful.add(node)
    return useful


def as_added(result: Any, edge: Node, node: Node) -> Any:
    """Return what ``node`` sent back along an edge as it is added there: whole, in the edge's shape and dtype."""
    return result.padded(edge.dtype) if type(result) is Part else _conform(result, edge, node)


def _conform(g: Any, edge: Node, node: Node) -> Any:
    """Give a gradient the shape and dtype of the value it belongs to: sum what was broadcast, cast."""
    if edge.shape is None:
        return g
    try:
        g = fit(g, edge.shape)
    except ValueError:
        raise RuntimeError(
            f"Function {node.name()} returned an invalid gradient: got {list(g.shape)} but expected shape "
            f"compatible with {list(edge.shape)}; a vjp returns the gradient of its input, in the input's shape."
        ) from None
    return g if g.dtype == edge.dtype else to(g, edge.dtype)
