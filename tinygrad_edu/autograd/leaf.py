"""The end of the graph: where the gradient of a leaf tensor is accumulated.

The gradient lies here and not in the tensor, so the graph needs no reference to the tensor and there is no cycle.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..op import runtime
from .graph import Node, run

__all__ = ["GradStore", "Leaf"]


class GradStore:
    """Holds a tensor's ``.grad``."""

    __slots__ = ("grad",)

    def __init__(self) -> None:
        self.grad: Any = None

    def add(self, g: Any) -> None:
        """Add an arriving gradient, array or Tensor; an array that nobody else holds is kept without a copy."""
        before = self.grad
        if isinstance(g, runtime.Tensor):
            self.grad = g.clone() if before is None else before + g
        elif before is None:
            self.grad = runtime.wrap(g if _is_ours(g) else np.array(g))
        else:
            _add_to(before, g)


class Leaf(Node):
    """The node of a tensor that was not computed and wants a gradient (PyTorch's AccumulateGrad).

    ``frozen``: ``requires_grad`` was switched off since; what arrives is then dropped.
    """

    __slots__ = ("after", "frozen", "owner", "store")

    def __init__(self, owner: Any, store: GradStore) -> None:
        self.edges = ()
        self.shape, self.dtype = owner.array.shape, owner.array.dtype
        self.hooks = self.trace = None
        self.after: dict[int, Callable[[Any], None]] | None = None
        self.owner, self.store, self.frozen = weakref.ref(owner), store, False

    def name(self) -> str:
        """Return PyTorch's name for a leaf's node."""
        return "AccumulateGrad"

    @property
    def variable(self) -> Any:
        """The leaf tensor; None when it is gone."""
        return self.owner()

    def backward(self, g: Any, needed: Sequence[Any], create_graph: bool) -> Sequence[Any]:
        """Accumulate, then call the post-accumulate hooks."""
        if self.frozen:
            return ()
        self.store.add(g)
        for hook in tuple((self.after or {}).values()):
            hook(self.owner())
        return ()


def _add_to(tensor: Any, g: Any) -> None:
    """Add an array to a kept gradient, in its own memory: optimizers and users hold on to it."""
    array, counter = tensor.array, tensor._counter
    if not array.flags.forc and 0 in array.strides and array.size > 1:
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location: .grad was set to an expanded tensor, which backward cannot add to; please clone() it."
        )
    np.add(array, g, out=array)
    if counter is not None:
        counter[0] += 1
        counter[1] = "backward"


def _is_ours(g: Any) -> bool:
    """Tell whether nobody but the walk holds this array's memory (PyTorch's AccumulateGrad asks the same)."""
    if type(g) is not np.ndarray or not (g.flags.forc and g.flags.writeable):
        return False
    if g.base is None:
        return sys.getrefcount(g) <= _limits[0]
    return sys.getrefcount(g) <= _limits[1] and sys.getrefcount(g.base) <= _limits[2]


def _references(g: Any) -> tuple[int, int]:
    return sys.getrefcount(g), sys.getrefcount(g.base)


class _Probe(GradStore):
    """Counts the references that a fresh array has when it arrives."""

    __slots__ = ("seen",)

    def add(self, g: Any) -> None:
        self.seen = _references(g)


class _Fresh(Node):
    """A node whose gradient is an array (or a view of one) that nobody else holds."""

    __slots__ = ("make",)

    make: Callable[[], Any]

    def backward(self, g: Any, needed: Sequence[Any], create_graph: bool) -> Sequence[Any]:
        return [self.make()]


def _count_for_fresh(make: Callable[[], Any]) -> tuple[int, int]:
    """Send a fresh array down the real walk and count (it differs between versions of Python)."""
    owner = runtime.wrap(np.zeros(1))
    probe = _Probe()
    node = _Fresh()
    node.edges, node.shape, node.dtype, node.make = (Leaf(owner, probe),), (1,), owner.array.dtype, make
    node.hooks = node.trace = None
    run([(node, np.zeros(1))])
    return probe.seen


def calibrate() -> None:
    """Measure, once, how many references mean that an array is ours."""
    if hasattr(sys, "getrefcount"):
        _limits[0] = _count_for_fresh(lambda: np.zeros(1))[0]
        _limits[1:] = _count_for_fresh(lambda: np.zeros(2)[:1])


_limits = [0, 0, 0]  # references to an array, to a view, to a view's base; 0: never ours, always copy
