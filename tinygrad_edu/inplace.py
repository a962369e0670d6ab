"""In-place writes and views: one mechanism for both.

A view remembers its base and the ops that lead from the base to it. A write to a view is recorded as: the base with
the region replaced (``paste``) by what was written. Every other view of that memory notices by the shared version
counter that its node is out of date, and makes a new one by replaying its path on the base.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .autograd import watching
from .autograd.modes import enable_grad, modes
from .dtypes import type_name
from .op import Op, runtime
from .ops.shape import paste
from .record import is_tensor, make_node, node_of, run_forward, wrap

__all__ = ["View", "apply_inplace"]

_RANK = {"b": 0, "u": 1, "i": 1, "f": 2}


class Path:
    """The ops that lead from a base to a view of it. It does not hold the base: the graph holds paths."""

    __slots__ = ("before", "op", "params")

    def __init__(self, before: Path | None, op: Op, params: tuple[Any, ...]) -> None:
        self.before, self.op, self.params = before, op, params

    def __call__(self, value: Any) -> Any:
        """Apply the ops to a base, or to a gradient of its shape."""
        steps: list[Path] = []
        step: Path | None = self
        while step is not None:
            steps.append(step)
            step = step.before
        for step in reversed(steps):
            value = step.op(value, *step.params)
        return value


class View:
    """How a tensor is seen in its base.

    Attributes
    ----------
    base : Tensor
        The tensor whose memory it is, itself no view.
    path : Path
        The ops that lead there.
    version : int
        At which version of the memory the tensor's node was right.
    made : str
        "" | "no_grad" | "several" | "custom": all but the first refuse to be written to, as in PyTorch.
    """

    __slots__ = ("base", "made", "path", "version")

    def __init__(self, source: Any, op: Op, params: tuple[Any, ...]) -> None:
        parent = source._view
        self.base = source if parent is None else parent.base
        self.path = Path(None if parent is None else parent.path, op, params)
        self.version = source._counter[0]
        self.made = "" if modes.grad else "no_grad"
        if parent is not None and not self.made:
            self.made = parent.made

    def node_of(self, tensor: Any) -> Any:
        """Return the view's node, made anew when the memory was written to since."""
        if self.version != tensor._counter[0] and node_of(self.base) is not None:
            if self.made and modes.grad:
                raise RuntimeError(_STALE[self.made])
            if not self.made:  # another way of making it is refused when recording, and followed by nobody otherwise
                with enable_grad():
                    tensor._node = node_of(self.path(self.base))
                self.version = tensor._counter[0]
        return tensor._node


def mark_view(op: Op, args: tuple[Any, ...], result: Any) -> None:
    """Make the result a view of the first input where both lie in one memory."""
    source, array = args[0], result.array
    # An empty array shares no memory with any, but counts as a view all the same.
    shared = np.may_share_memory(source.array, array) or (not array.size and array.base is not None)
    if shared:
        result._counter = source._counter  # a view of an inference tensor is one, too
        if source._counter is not None:
            result._view = View(source, op, args[1:])


def apply_inplace(op: Op, args: tuple[Any, ...]) -> Any:
    """Run an op and write its result into the first input, as ``x.add_(y)`` does.

    Raises
    ------
    RuntimeError
        If the target is a leaf that requires grad (or a view of one), a view made under ``no_grad`` or one of
        several views of one call, if its memory overlaps, or if the result's shape or dtype do not fit.
    """
    target = args[0]
    edges = [node_of(value) for value in args[: op.n_inputs]]
    needed = sum(1 << i for i, edge in enumerate(edges) if edge is not None)
    recorded = modes.grad and (bool(needed) or _hidden_view(target))
    _check_target(target, recorded, op)
    _check_overlap(op, target, args[1 : op.n_inputs])
    arrays = [value.array if is_tensor(value) else value for value in args]
    if op.inplace is None:
        out, residual = _run(op, arrays, target)
    node = None
    if recorded:
        kept = (_before(op, needed, target), *[_alias(value, target) for value in args[1:]])
        node = make_node(op, kept, edges, needed, target.array, target._counter, None if op.inplace else residual)
    if op.inplace is None:
        target.array[...] = out
    else:
        op.inplace(*arrays)
    _bump(target, op.__name__ + "_")
    if node is not None:
        node.keep_written(target._counter)
        if watching.state.on:
            watching.made(node, args, target.array)  # again: now with what was written
        rebase(target, node)
    return target


def _run(op: Op, arrays: list[Any], target: Any) -> tuple[Any, Any]:
    """Run the forward and check that its result may be written into the target."""
    if op.promote is not None:
        op.promote(arrays, op.n_inputs)
    out, residual = run_forward(op, arrays)
    dtype, shape = target.array.dtype, target.array.shape
    if _RANK[out.dtype.kind] > _RANK[dtype.kind]:
        raise RuntimeError(
            f"result type {type_name(out.dtype)} can't be cast to the desired output type {type_name(dtype)}: "
            f"{op.__name__}_ writes into its first tensor; use {op.__name__}, or convert the tensor first."
        )
    if out.shape != shape:
        raise RuntimeError(
            f"output with shape {list(shape)} doesn't match the broadcast shape {list(out.shape)}: "
            f"{op.__name__}_ writes into its first tensor, which cannot grow; use {op.__name__}."
        )
    return out, residual


def _before(op: Op, needed: int, target: Any) -> Any:
    """Give the target as it was, a copy where a derivative names it: the write is about to destroy its value."""
    array = target.array.copy() if 0 in op.plan(needed).values else target.array
    return wrap(array, node_of(target))


def _alias(value: Any, target: Any) -> Any:
    """Give a stand-in for a kept tensor on the target's memory: keeping the tensor itself would make a cycle."""
    if is_tensor(value) and value._counter is target._counter:
        return wrap(value.array, node_of(value), value._counter)
    return value


def _bump(target: Any, name: str) -> None:
    if target._counter is not None:
        target._counter[0] += 1
        target._counter[1] = name


def rebase(target: Any, node: Any) -> None:
    """Make ``node`` the one that made the target; for a view, make the base lead to it."""
    view = target._view
    if view is None:
        target._move_to(node)
        return
    base = view.base
    edges = (node_of(base), node)
    needed = 2 | (edges[0] is not None)
    base._move_to(make_node(paste, (None, None, view.path), edges, needed, base.array, base._counter))
    view.version = -1  # its own node is made anew from the base's when it is asked for


def _hidden_view(target: Any) -> bool:
    """Tell whether the target was made under no_grad as a view of something that wants a gradient."""
    view = target._view
    return view is not None and view.made == "no_grad" and node_of(view.base) is not None


def _check_target(target: Any, recorded: bool, op: Op) -> None:
    """Refuse what autograd cannot follow."""
    if target._counter is None and not modes.inference:
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get "
            "a normal tensor before doing inplace update."
        )
    if not recorded:
        return
    view = target._view
    if view is not None and view.made == "no_grad":
        raise RuntimeError(
            "A view was created in no_grad mode and is being modified inplace with grad mode enabled. Move both "
            "the view and the inplace operation either inside the no_grad block or outside of it."
        )
    if view is not None and view.made == "custom":
        raise RuntimeError(
            f"Output of a custom Function is a view and is being modified inplace by {op.__name__}_. This view was "
            "created inside a custom Function (or because an input was returned as-is), whose backward knows nothing "
            "of the write: clone() the output before, or in forward."
        )
    if view is not None and view.made == "several":
        raise RuntimeError(
            f"Output of {view.path.op.__name__} is a view and is being modified inplace by {op.__name__}_. This view "
            "is the output of a function that returns multiple views. Such functions do not allow the output views to "
            "be modified inplace. You should replace the inplace operation by an out-of-place one."
        )
    if any(owner.requires_grad and owner.is_leaf for owner in (target, target if view is None else view.base)):
        what = "a leaf Variable" if view is None else "a view of a leaf Variable"
        raise RuntimeError(
            f"{what} that requires grad is being used in an in-place operation: {op.__name__}_. Use no_grad() for "
            "an update that is not recorded, or the out-of-place form."
        )


def _check_overlap(op: Op, target: Any, others: tuple[Any, ...]) -> None:
    """Refuse to write to memory that the target shows twice, or that an input shows differently."""
    array = target.array
    if array.size and 0 in array.strides and any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            f"location. {op.__name__}_ got an expanded tensor; please clone() it before performing the operation."
        )
    for other in () if op.__name__ == "fill" else others:  # one value is read before it is written
        if is_tensor(other) and other._counter is target._counter and _partly_overlap(array, other.array):
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to tensor refer to a "
                f"single memory location. {op.__name__}_ reads and writes them; please clone() the input."
            )


def _partly_overlap(a: Any, b: Any) -> bool:
    """Tell whether two dense arrays share some memory without being the same (PyTorch's rule)."""
    if not (_dense(a) and _dense(b)) or not np.may_share_memory(a, b):
        return False
    same = a.__array_interface__["data"] == b.__array_interface__["data"] and a.nbytes == b.nbytes
    return not (same and _steps(a) == _steps(b))


def _steps(array: Any) -> list[int]:
    """Return the strides; along an axis of size 1 nobody steps, so there all are alike."""
    return [step if n > 1 else 0 for step, n in zip(array.strides, array.shape)]


def _dense(array: Any) -> bool:
    """Tell whether the elements fill their memory range without gaps, in any order of axes."""
    order = sorted((i for i in range(array.ndim) if array.shape[i] != 1), key=lambda i: array.strides[i])
    step = array.itemsize
    for i in order:
        if array.strides[i] != step:
            return False
        step *= array.shape[i]
    return True


def mark_several(tensors: Iterable[Any]) -> None:
    """Mark views that one call returned together."""
    for tensor in tensors:
        if tensor._view is not None and not tensor._view.made:
            tensor._view.made = "several"


_STALE = {
    "no_grad": (
        "A view was created in no_grad mode and its base or another view of its base has been modified inplace with "
        "grad mode enabled. Move both the view and the inplace operation either inside the no_grad block or outside."
    ),
    "several": (
        "A view that was returned together with others (split, chunk, unbind) is used after its base or another view "
        "of its base has been modified inplace. Replace the inplace operation by an out-of-place one."
    ),
    "custom": (
        "Output of a custom Function is a view and its base or another view of its base has been modified inplace. "
        "The Function's backward knows nothing of the write: clone() the output before, or in forward."
    ),
}

runtime.mark_view, runtime.rebase, runtime.mark_several = mark_view, rebase, mark_several
