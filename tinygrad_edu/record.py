"""Running an op on Tensors and recording it: promote, run the forward, keep what its derivative names.

It knows the fields of a Tensor, not its methods; the Tensor class announces itself through ``connect``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .autograd import watching
from .autograd.graph import Node
from .autograd.modes import modes
from .op import Keep, Op, runtime

__all__ = ["OpNode", "apply", "connect", "is_tensor", "make_node", "node_of", "wrap"]

Counter = list[Any]
"""``[version, name of the op that wrote last]``, shared by all tensors on one memory."""

Versions = list[tuple[Counter, int]] | None
_ndarray = np.ndarray
_new = object.__new__
_watch = watching.state
_Tensor: Any = runtime.Tensor


def connect(tensor: type) -> None:
    """Let the Tensor class be the type of every recorded value."""
    global _Tensor
    _Tensor = runtime.Tensor = tensor
    runtime.apply, runtime.apply_unary, runtime.wrap = apply, apply_unary, wrap


def is_tensor(value: Any) -> bool:
    """Return True for a Tensor."""
    return isinstance(value, _Tensor)


def wrap(array: Any, node: Node | None = None, counter: Counter | None = None) -> Any:
    """Make a Tensor on an array's memory: nothing is copied or checked.

    In inference mode a new tensor has no counter; that is what marks it as unfit for any recorded graph.
    """
    tensor = _new(_Tensor)
    tensor.array = array if type(array) is _ndarray else np.asarray(array)
    tensor._node = node
    tensor._view = None
    tensor._counter = counter or (None if modes.inference else [0, None])
    return tensor


def node_of(value: Any) -> Node | None:
    """Return the node that made a value; None for what wants no gradient."""
    if not isinstance(value, _Tensor):
        return None
    node: Node | None = value._node if value._view is None else value._view.node_of(value)
    return node


def apply(op: Op, args: tuple[Any, ...]) -> Any:
    """Run an op that has a Tensor among its inputs, and record it where a gradient may be wanted."""
    if op.variadic:
        return _apply_variadic(op, args)
    arrays = list(args)
    n = op.n_inputs
    edges: list[Node | None] = [None] * n
    needed = 0
    for i in range(n):  # written out, not as calls: this loop is the cost of a small op
        value = args[i]
        if isinstance(value, _Tensor):
            arrays[i] = value.array
            node = value._node if value._view is None else value._view.node_of(value)
            if node is not None:
                edges[i] = node
                needed |= 1 << i
    if op.promote is not None:
        op.promote(arrays, n)
    out, residual = run_forward(op, arrays)
    result = wrap(out)
    if needed and modes.grad:
        result._node = make_node(op, args, edges, needed, result.array, result._counter, residual)
    if op.view:
        runtime.mark_view(op, args, result)
    if _watch.on and result._node is None:
        watching.unrecorded(op, args, result)
    return result


def apply_binary(op: Op, x: Any, y: Any) -> Any:
    """Do what ``apply(op, (x, y))`` does, for an elementwise op without parameters and a Tensor ``x``.

    Written out because arithmetic on small tensors is all overhead: it takes about half the time.
    """
    a = x.array
    dtype = a.dtype
    if dtype.kind != "f":
        return _apply_to_other(op, x, y)  # promotes: integers divide to floats
    edge_x = x._node if x._view is None else x._view.node_of(x)
    if isinstance(y, _Tensor):
        b = y.array
        if dtype is not b.dtype:
            return apply(op, (x, y))
        edge_y = y._node if y._view is None else y._view.node_of(y)
    elif type(y) is float or type(y) is int:
        b, edge_y = y, None
    else:
        return _apply_to_other(op, x, y)
    try:
        out = op.forward(a, b)
    except ValueError:
        return apply(op, (x, y))  # says what is wrong
    result = _new(_Tensor)
    result.array = out if type(out) is _ndarray else np.asarray(out)
    result._node = result._view = None
    result._counter = [0, None]
    if not modes.grad:
        if modes.inference:
            result._counter = None
        if _watch.on:
            watching.unrecorded(op, (x, y), result)
        return result
    needed = (edge_x is not None) + 2 * (edge_y is not None)
    if needed:
        keep = op.plans.get(needed) or op.plan(needed)
        if keep.special or _watch.on or out.dtype is not dtype:
            result._node = make_node(op, (x, y), (edge_x, edge_y), needed, result.array, result._counter)
            if _watch.on and result._node is None:
                watching.unrecorded(op, (x, y), result)
            return result
        node = _new(OpNode)
        node.op = op
        node.edges = (edge_x, edge_y)
        node.shape = out.shape
        node.dtype = dtype
        node.hooks = node.trace = None
        if keep.values:
            kept = (x if keep.first else None, y if keep.second else None)
            node.saved = (kept, _versions(kept), None, None)
        else:
            node.saved = _NOTHING_OF_TWO
        result._node = node
    elif _watch.on:
        watching.unrecorded(op, (x, y), result)
    return result


def apply_unary(op: Op, x: Any) -> Any:
    """Do what ``apply(op, (x,))`` does, for an op of one Tensor and nothing else: written out as ``apply_binary``."""
    a = x.array
    dtype = a.dtype
    if dtype.kind != "f":
        return apply(op, (x,))
    out = op.forward(a)
    result = _new(_Tensor)
    result.array = out if type(out) is _ndarray else np.asarray(out)
    result._node = result._view = None
    result._counter = counter = [0, None]
    if not modes.grad:
        if modes.inference:
            result._counter = None
        if _watch.on:
            watching.unrecorded(op, (x,), result)
        return result
    edge = x._node if x._view is None else x._view.node_of(x)
    if edge is not None:
        keep = op.plans.get(1) or op.plan(1)
        if keep.shapes or _watch.on or out.dtype is not dtype:
            result._node = make_node(op, (x,), (edge,), 1, result.array, counter)
            if _watch.on and result._node is None:
                watching.unrecorded(op, (x,), result)
            return result
        node = _new(OpNode)
        node.op = op
        node.edges = (edge,)
        node.shape = out.shape
        node.dtype = dtype
        node.hooks = node.trace = None
        kept_out = (result.array, counter, 0) if keep.out else None
        node.saved = ((x,), _versions((x,)), kept_out, None) if keep.first else ((None,), None, kept_out, None)
        result._node = node
    elif _watch.on:
        watching.unrecorded(op, (x,), result)
    return result


def _apply_to_other(op: Op, x: Any, y: Any) -> Any:
    """Apply an operator to a Tensor and whatever stands on its right; Python is told of what it cannot be."""
    if isinstance(y, (_Tensor, int, float, _ndarray)):
        return apply(op, (x, y))
    return apply(op, (x, y.item())) if isinstance(y, np.generic) else NotImplemented


_NOTHING_OF_TWO = ((None, None), None, None, None)


def _apply_variadic(op: Op, args: tuple[Any, ...]) -> Any:
    """Run an op whose one input is a sequence."""
    inputs = tuple(args[0])
    arrays = [t.array if isinstance(t, _Tensor) else t for t in inputs]
    edges = [node_of(t) for t in inputs]
    if op.promote is not None:
        op.promote(arrays, len(arrays))
    out, residual = run_forward(op, [arrays, *args[1:]])
    result = wrap(out)
    args = (inputs, *args[1:])
    if modes.grad and any(edge is not None for edge in edges):
        result._node = make_node(op, args, edges, 1, result.array, result._counter, residual)
    if _watch.on and result._node is None:
        watching.unrecorded(op, args, result)
    return result


def run_forward(op: Op, arrays: list[Any]) -> tuple[Any, Any]:
    """Run the forward, to ``(out, residual)``; NumPy's broadcast error becomes PyTorch's."""
    try:
        return op.forward(*arrays) if op.residual else (op.forward(*arrays), None)
    except ValueError as error:
        if not str(error).startswith(("operands could not be broadcast", "shape mismatch: objects")):
            raise
        shapes = [np.shape(a) for a in arrays[: op.n_inputs]]
        raise RuntimeError(_broadcast_message(op.__name__, shapes)) from None


def _broadcast_message(name: str, shapes: Sequence[tuple[int, ...]]) -> str:
    """Say at which axis two shapes do not broadcast."""
    for i, a in enumerate(shapes):
        for b in shapes[i + 1 :]:
            for axis in range(1, min(len(a), len(b)) + 1):
                if a[-axis] != b[-axis] and 1 not in (a[-axis], b[-axis]):
                    return (
                        f"The size of tensor a ({a[-axis]}) must match the size of tensor b ({b[-axis]}) at "
                        f"non-singleton dimension {max(len(a), len(b)) - axis}: {name} got shapes {list(a)} and "
                        f"{list(b)}. Sizes are compared from the last axis and must be equal or 1; use "
                        "unsqueeze, reshape or transpose."
                    )
    return f"{name}: the shapes {[list(s) for s in shapes]} do not broadcast."


def make_node(
    op: Op,
    args: tuple[Any, ...],
    edges: Sequence[Node | None],
    needed: int,
    out: Any,
    counter: Counter | None,
    residual: Any = None,
) -> OpNode | None:
    """Record one call: the edges, and of the values just what the needed derivatives name."""
    dtype = out.dtype
    if dtype.kind != "f":
        return None
    keep = op.plans.get(needed) or op.plan(needed)
    node = OpNode()
    node.op = op
    node.edges = tuple(edges)
    node.shape = out.shape
    node.dtype = dtype
    node.hooks = node.trace = None
    inputs, versions = _keep_inputs(op, keep, args)
    kept_out = (out, counter, counter and counter[0]) if keep.out else None
    node.saved = (inputs, versions, kept_out, residual if keep.residual else None)
    if _watch.on:
        watching.made(node, args, out)
    return node


def _keep_inputs(op: Op, keep: Keep, args: tuple[Any, ...]) -> tuple[tuple[Any, ...], Versions]:
    """Give the arguments as the vjps will receive them, and the versions of the Tensors among them."""
    n = op.n_inputs
    if not (keep.values or keep.shapes):
        return (None,) * n + args[n:], None
    if op.variadic:
        kept = tuple(args[0]) if keep.values else tuple([_shape(t) for t in args[0]])
        return (kept, *args[1:]), _versions(kept)
    inputs: list[Any] = [None] * n
    for i in keep.values:
        inputs[i] = args[i]
    for i in keep.shapes:
        inputs[i] = _shape(args[i])
    return (*inputs, *args[n:]), _versions(inputs)


def _shape(value: Any) -> tuple[int, ...]:
    return np.shape(value.array if isinstance(value, _Tensor) else value)


def _versions(values: Sequence[Any]) -> Versions:
    """Note the version of every Tensor that is being kept; None where there is none."""
    found = []
    for value in values:
        if isinstance(value, _Tensor):
            counter = value._counter
            if counter is None:
                raise RuntimeError(_INFERENCE_MESSAGE)
            found.append((counter, counter[0]))
    return found or None


_INFERENCE_MESSAGE = (
    "Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal tensor and "
    "use it in autograd."
)


class OpNode(Node):
    """A recorded call of an op.

    Attributes
    ----------
    saved : tuple or None
        ``(inputs, versions, out, residual)``. The call's arguments as the vjps receive them: kept Tensors, shapes,
        None for what is not needed; the version of every kept Tensor; the output as ``(array, counter, version)``;
        what the forward left for the derivative. None when it was released.
    """

    __slots__ = ("op", "saved")

    op: Op
    saved: tuple[Any, Versions, Any, Any] | None

    def name(self) -> str:
        """Return the op's name as PyTorch would print it: ``MulBackward0``."""
        return "".join(part.capitalize() for part in self.op.__name__.split("_")) + "Backward0"

    def backward(self, g: Any, needed: Sequence[Any], create_graph: bool) -> Sequence[Any]:
        """Call the vjp of every input that needs one."""
        if self.saved is None:
            raise RuntimeError(_FREED_MESSAGE.format(self.name()))
        inputs, versions, out, residual = self.saved
        if versions is not None:
            inputs = self._unpack(inputs, versions, create_graph)
        if out is not None:
            out = self._unpack_out(out, create_graph)
        op = self.op
        vjps = op.vjps
        if op.binary:  # written out: the backward half of a small op's cost
            first, second = needed
            return (
                None if first is None else vjps[0](g, out, *inputs),
                None if second is None else vjps[1](g, out, *inputs),
            )
        if op.residual:
            inputs = (residual, *inputs)
        if op.joint is not None and not create_graph:
            gradients: Sequence[Any] = op.joint(needed, g, out, *inputs)
            return gradients
        if op.variadic:
            at = 1 if op.residual else 0  # the position goes before the inputs
            lead, inputs = inputs[:at], inputs[at:]
            return [None if edge is None else vjps(g, out, *lead, i, *inputs) for i, edge in enumerate(needed)]
        return [None if edge is None or vjp is None else vjp(g, out, *inputs) for vjp, edge in zip(vjps, needed)]

    @property
    def freed(self) -> bool:
        """Whether the kept values are gone."""
        return self.saved is None

    def release(self) -> None:
        """Forget the kept values; a node that kept none can go backward again, as in PyTorch."""
        saved = self.saved
        if saved is not _NOTHING_OF_TWO and saved is not None:
            _, versions, out, residual = saved
            if versions is not None or out is not None or residual is not None:
                self.saved = None

    def keep_written(self, counter: Counter) -> None:
        """Take the present version of a kept output: an in-place op has just written it."""
        assert self.saved is not None
        inputs, versions, out, residual = self.saved
        if out is not None:
            self.saved = (inputs, versions, (out[0], counter, counter[0]), residual)

    def saved_arrays(self) -> list[Any]:
        """List the arrays that are kept for the backward pass."""
        if self.saved is None:
            return []
        inputs, _, out, _ = self.saved
        flat = [v for item in inputs for v in (item if isinstance(item, tuple) else (item,))]
        return [v.array for v in flat if isinstance(v, _Tensor)] + ([] if out is None else [out[0]])

    def _unpack(self, inputs: tuple[Any, ...], versions: Any, create_graph: bool) -> tuple[Any, ...]:
        """Check that nothing kept was written to; give arrays, or Tensors when the pass is recorded."""
        for counter, version in versions:
            if counter[0] != version:
                self._raise_modified(counter, version)
        if self.op.variadic:
            kept = [_give(value, edge, create_graph) for value, edge in zip(inputs[0], self.edges)]
            return (kept, *inputs[1:])
        if not create_graph:
            if len(inputs) == 2:  # written out for small ops
                x, y = inputs
                return (x.array if isinstance(x, _Tensor) else x, y.array if isinstance(y, _Tensor) else y)
            return tuple([v.array if isinstance(v, _Tensor) else v for v in inputs])
        kept = [_give(value, edge, True) for value, edge in zip(inputs, self.edges)]
        return (*kept, *inputs[self.op.n_inputs :])

    def _unpack_out(self, out: Any, create_graph: bool) -> Any:
        array, counter, version = out
        if counter is not None and counter[0] != version:
            self._raise_modified(counter, version)
        return wrap(array, self, counter) if create_graph else array

    def _raise_modified(self, counter: Counter, version: int) -> None:
        assert self.saved is not None
        kept = [v.array for v in self.saved[0] if isinstance(v, _Tensor) and v._counter is counter]
        shape = list((kept or [self.saved[2][0] if self.saved[2] else np.empty(0)])[0].shape)
        raise RuntimeError(
            "one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"{self.name()} ({self.op.__name__}) saved a tensor of shape {shape} at version {version}; it is at "
            f"version {counter[0]} since {counter[1]} wrote to it. Let {counter[1]} write to another tensor: clone() "
            "it before, or use an out-of-place form." + (f" The forward call:\n{self.trace}" if self.trace else "")
        )


def _give(value: Any, edge: Node | None, create_graph: bool) -> Any:
    """Give a kept input: its array, or a Tensor that leads to the node it had when the op was called."""
    if not isinstance(value, _Tensor):
        return value
    if not create_graph:
        return value.array
    return value if value._node is edge else wrap(value.array, edge, value._counter)


_FREED_MESSAGE = (
    "Trying to backward through the graph a second time ({} has already freed what it saved for the backward "
    "pass). Specify retain_graph=True when calling .backward() or autograd.grad() the first time."
)
