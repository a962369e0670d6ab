"""Custom ops in PyTorch's form: a class with ``forward`` and ``backward``.

The shorter form, and the one that the package's own ops have, is ``@op``.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..op import runtime
from . import watching
from .graph import Node
from .modes import enable_grad, modes, no_grad

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What ``forward`` leaves for ``backward``; any attribute may be set on it too.

    Attributes
    ----------
    needs_input_grad : tuple of bool
        For each argument of ``forward``, whether a gradient is wanted.
    saved_tensors : tuple of Tensor
        What :meth:`save_for_backward` was given.
    """

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._not_differentiable: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._materialize = True
        self._node: Any = None  # a weak reference: the node holds the context

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (inputs, outputs or others) for ``backward``; a later write to one of them is noticed."""
        for i, tensor in enumerate(tensors):
            if tensor is not None and not isinstance(tensor, runtime.Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type {type(tensor).__name__}; "
                    "set other values as attributes of ctx."
                )
        self._to_save = tensors

    def mark_non_differentiable(self, *outputs: Any) -> None:
        """Say which outputs have no gradient, such as indices."""
        self._not_differentiable = outputs

    def mark_dirty(self, *inputs: Any) -> None:
        """Say which inputs ``forward`` wrote to; each must be returned."""
        self._dirty = inputs

    def set_materialize_grads(self, value: bool) -> None:
        """Give ``backward`` None (False) instead of zeros (True, the default) where no gradient arrived."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The kept tensors."""
        if self._node is None:
            return ()
        node = self._node()
        if node is None:
            raise RuntimeError(_FREED_MESSAGE)
        tensors: tuple[Any, ...] = node.saved_tensors()
        return tensors


class Function:
    """Base class of custom ops.

    Subclass it with two static methods, ``forward(ctx, *args)`` and ``backward(ctx, *grad_outputs)``, and call
    ``MyOp.apply(*args)``. ``backward`` returns one gradient for each argument of ``forward``, None for those
    without. Written with Tensor operations it can itself be differentiated; where it is not, decorate it with
    :func:`once_differentiable`. A ``forward(*args)`` without ctx goes with ``setup_context(ctx, inputs, output)``.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> class Cube(tg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x**2
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the result."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Keep what ``backward`` needs, when ``forward`` takes no ctx."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return the gradient of every argument of ``forward``."""
        raise NotImplementedError("You must implement the backward function for custom autograd.Function.")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` and record it; keywords are handed on, and have no gradient."""
        ctx = FunctionCtx()
        edges = tuple(a._edge if isinstance(a, runtime.Tensor) else None for a in args)
        ctx.needs_input_grad = tuple(edge is not None for edge in edges)
        with no_grad():
            result = cls._forward(ctx, args, kwargs)
        outputs: Sequence[Any] = result if isinstance(result, tuple) else (result,)
        if any(not _among(tensor, outputs) for tensor in ctx._dirty):
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as output. The inputs that "
                "are modified inplace must all be outputs of the Function."
            )
        if modes.grad and any(ctx.needs_input_grad):
            outputs = _record(cls, ctx, args, edges, outputs)
        else:
            ctx._to_save = ()
            outputs = [_returned(output, args, ctx._dirty) for output in outputs]
        return tuple(outputs) if isinstance(result, tuple) else outputs[0]

    @classmethod
    def _forward(cls, ctx: FunctionCtx, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if cls.setup_context is Function.setup_context:
            return cls.forward(ctx, *args, **kwargs)
        result = cls.forward(*args, **kwargs)
        cls.setup_context(ctx, args, result)
        return result


def _record(
    cls: type[Function],
    ctx: FunctionCtx,
    args: tuple[Any, ...],
    edges: tuple[Node | None, ...],
    outputs: Sequence[Any],
) -> list[Any]:
    """Give every differentiable output a place in the graph."""
    node = FunctionNode(cls, ctx, edges, len(outputs))
    single = len(outputs) == 1
    results = []
    for i, output in enumerate(outputs):
        results.append(_output(node, ctx, args, output, None if single else i))
    if watching.state.on:
        watching.made(node, args, results)
    node.keep(ctx._to_save, outputs, results)
    ctx._to_save = ctx._dirty = ctx._not_differentiable = ()  # an output there would make a cycle
    return results


def _output(node: FunctionNode, ctx: FunctionCtx, args: tuple[Any, ...], output: Any, number: int | None) -> Any:
    """Make one output lead to the node: itself, or a new tensor where ``forward`` returned one of its inputs."""
    if not isinstance(output, runtime.Tensor):
        return output
    differentiable = output.dtype.kind == "f" and not _among(output, ctx._not_differentiable)
    place = node.output(output, number, differentiable)
    if _among(output, ctx._dirty):
        return _written(output, place)
    if place is None:
        return output.detach() if _among(output, args) else output
    if _among(output, args):
        with no_grad():
            output = output.view_as(output)
    output._node = place
    if output._view is not None:
        output._view.made = "custom" if number is None else "several"
        output._view.version = output._counter[0]
    return output


def _returned(output: Any, args: tuple[Any, ...], dirty: Sequence[Any]) -> Any:
    """Give an output of a call that is not recorded: an input that was returned becomes a tensor of its own."""
    as_is = isinstance(output, runtime.Tensor) and _among(output, args) and not _among(output, dirty)
    return output.view_as(output) if as_is else output


def _written(tensor: Any, place: Node | None) -> Any:
    """Record that ``forward`` wrote to one of its inputs."""
    if tensor.requires_grad and tensor.is_leaf:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if tensor._counter is not None:
        tensor._counter[0] += 1
        tensor._counter[1] = "a custom Function"
    if place is not None:
        runtime.rebase(tensor, place)
    return tensor


def _among(tensor: Any, tensors: Sequence[Any]) -> bool:
    return any(tensor is other for other in tensors)


class FunctionNode(Node):
    """A recorded call of a custom Function; with several outputs, gradients arrive through :class:`OutputNode`."""

    __slots__ = ("count", "ctx", "function", "outputs", "released", "saved")

    def __init__(self, function: type[Function], ctx: FunctionCtx, edges: tuple[Node | None, ...], count: int) -> None:
        self.edges, self.function, self.ctx, self.count = edges, function, ctx, count
        self.shape = self.dtype = self.hooks = None
        self.trace = None
        self.outputs: dict[int, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        self.saved: list[Any] = []
        self.released = False
        ctx._node = weakref.ref(self)

    def name(self) -> str:
        """Return the class's name as PyTorch prints it."""
        return f"{self.function.__name__}Backward"

    def output(self, tensor: Any, number: int | None, differentiable: bool) -> Node | None:
        """Return the node that an output leads to; None where it has no gradient."""
        self.outputs[number or 0] = (tensor.array.shape, tensor.array.dtype)
        if not differentiable:
            return None
        if number is None:
            self.shape, self.dtype = tensor.array.shape, tensor.array.dtype
            return self
        return OutputNode(self, number, tensor)

    def keep(self, tensors: Sequence[Any], outputs: Sequence[Any], results: Sequence[Any]) -> None:
        """Keep tensors with their versions; an output by its array, as the tensor itself would make a cycle."""
        for tensor in tensors:
            place = [result for output, result in zip(outputs, results) if output is tensor or result is tensor]
            if tensor is None or not place:
                self.saved.append((tensor, None, None if tensor is None else tensor._version))
            else:
                edge = place[0]._node
                number = None if edge is self or edge is None else edge.number
                stand_in = place[0].detach()
                self.saved.append((stand_in, (edge is not None, number), stand_in._version))

    def saved_tensors(self) -> tuple[Any, ...]:
        """Return what was kept, after checking that it was not written to."""
        if self.released:
            raise RuntimeError(_FREED_MESSAGE)
        return tuple([self._unpack(*item) for item in self.saved])

    def _unpack(self, tensor: Any, place: tuple[bool, int | None] | None, version: int | None) -> Any:
        if tensor is None:
            return None
        if tensor._version != version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"{self.name()} saved a tensor of shape {list(tensor.shape)} at version {version}; it is at version "
                f"{tensor._counter[0]} since {tensor._counter[1]} wrote to it."
            )
        if place is None or not place[0]:
            return tensor
        edge = self if place[1] is None else OutputNode(self, place[1], tensor)
        return runtime.wrap(tensor.array, edge, tensor._counter)

    def backward(self, g: Any, needed: Sequence[Any], create_graph: bool) -> Sequence[Any]:
        """Call the user's ``backward`` with Tensors; recorded when the pass is."""
        arrived = g.parts if isinstance(g, Bundle) else {0: g}
        grads = [self._incoming(arrived, i) for i in range(self.count)]
        with enable_grad() if create_graph else no_grad():
            result = self.function.backward(self.ctx, *grads)
        found = list(result) if isinstance(result, tuple) else [result]
        found = self._check(found, needed)
        return found if create_graph else [None if r is None else r.array for r in found]

    def _incoming(self, arrived: dict[int, Any], number: int) -> Any:
        if number in arrived:
            g = arrived[number]
            return g if isinstance(g, runtime.Tensor) else runtime.wrap(g)
        if not self.ctx._materialize or number not in self.outputs:
            return None
        return runtime.wrap(np.zeros(*self.outputs[number]))

    def _check(self, found: list[Any], needed: Sequence[Any]) -> list[Any]:
        """Check how many gradients came back, and of which type."""
        extra = found[len(self.edges) :]
        if len(found) < len(self.edges) or any(g is not None for g in extra):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {len(self.edges)}, got "
                f"{len(found)}): a tuple with one for each argument of forward, None where there is none."
            )
        for i, g in enumerate(found[: len(self.edges)]):
            if g is not None and not isinstance(g, runtime.Tensor):
                raise RuntimeError(
                    f"expected Variable or None (got {type(g).__name__}): backward of {self.name()} returned it as "
                    f"gradient {i}; return a Tensor."
                )
        return [g if edge is not None else None for g, edge in zip(found, needed)]

    @property
    def freed(self) -> bool:
        """Whether the kept tensors are gone."""
        return self.released

    def release(self) -> None:
        """Forget the kept tensors."""
        if self.saved:
            self.saved, self.released = [], True


class OutputNode(Node):
    """One of several outputs: hands its gradient on, marked with the output's number."""

    __slots__ = ("number",)

    def __init__(self, function: FunctionNode, number: int, tensor: Any) -> None:
        self.edges = (function,)
        self.number = number
        self.shape, self.dtype = tensor.array.shape, tensor.array.dtype
        self.hooks = self.trace = None

    def name(self) -> str:
        """Return the function's name."""
        assert self.edges[0] is not None
        return self.edges[0].name()

    def backward(self, g: Any, needed: Sequence[Any], create_graph: bool) -> Sequence[Any]:
        """Wrap the gradient together with the number."""
        return [Bundle({self.number: g})]


class Bundle:
    """The gradients of several outputs of one call, on their way to it."""

    shape = dtype = None

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    def __add__(self, other: Bundle) -> Bundle:
        both = self.parts.keys() & other.parts.keys()
        added = {i: self.parts[i] + other.parts[i] for i in both}
        return Bundle({**self.parts, **other.parts, **added})


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a ``backward`` that is not made of Tensor operations: differentiating it raises, instead of being wrong."""

    @functools.wraps(backward)
    def wrapped(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            result = backward(ctx, *grads)
        if not modes.grad:
            return result
        # Stand-ins that lead to what the result really depends on: the inputs, and the gradients that arrived.
        edges = [edge for edge in ctx._node().edges if edge is not None]
        sources = [runtime.wrap(np.zeros(0, edge.dtype), edge) for edge in edges] + [g for g in grads if g is not None]
        found = result if isinstance(result, (tuple, list)) else (result,)
        return tuple([None if g is None else _Refuse.apply(g, *sources) for g in found])

    return wrapped


_FREED_MESSAGE = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Specify retain_graph=True the first time."
)


class _Refuse(Function):
    """Passes a value on, and raises when somebody differentiates it."""

    @staticmethod
    def forward(ctx: Any, value: Any, *_: Any) -> Any:
        return value.detach()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")
