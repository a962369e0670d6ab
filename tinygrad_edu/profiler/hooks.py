"""What a profile puts in the place of what: so that it costs nothing when none runs.

While one runs, attributes of a few classes are replaced by timed ones; afterwards the classes are as they were. Nothing
in the engine asks whether a profile runs.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd import Function, differentiate
from ..autograd.function import Bundle, FunctionNode
from ..autograd.leaf import Leaf
from ..nn import Module
from ..op import OPS, Op
from ..optim import Optimizer
from ..record import OpNode
from .memory import arrays_in
from .recorder import Recorder

__all__ = ["Hooks"]

Timed = Callable[..., Any]
_NOT_THERE = object()


class Hooks:
    """The replaced attributes, put in by :meth:`install` and taken out by :meth:`remove`."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._before: list[tuple[Any, str, Any]] = []

    def install(self) -> None:
        """Replace everything, or nothing where one fails."""
        try:
            for owner, name, replacement in list(self._replacements()):
                self._before.append((owner, name, vars(owner).get(name, _NOT_THERE)))
                setattr(owner, name, replacement)
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        """Put back what was there."""
        while self._before:
            owner, name, before = self._before.pop()
            if before is not _NOT_THERE:
                setattr(owner, name, before)
            elif name in vars(owner):
                delattr(owner, name)

    def _replacements(self) -> Iterator[tuple[Any, str, Any]]:
        recorder = self._recorder
        yield Op, "forward", TimedKernel(recorder, "forward", "")
        yield Op, "inplace", TimedKernel(recorder, "inplace", "_")
        yield OpNode, "backward", _timed_backward(recorder, OpNode.backward)
        yield FunctionNode, "backward", _timed_backward(recorder, FunctionNode.backward)
        yield Leaf, "backward", _timed_leaf(recorder, Leaf.backward)
        yield Function, "_forward", classmethod(_timed_function(recorder, vars(Function)["_forward"].__func__))
        walk = _timed(recorder, vars(differentiate)["run"], lambda *_: "autograd::engine", "engine", "backward")
        yield differentiate, "run", walk
        yield from self._of_optimizers()
        if recorder.modules:
            yield Module, "__call__", _timed_module(recorder, Module.__call__)
        if recorder.modules or recorder.stack or recorder.ledger is not None:
            yield OpNode, "saved", WatchedSlot(recorder, vars(OpNode)["saved"])
            yield FunctionNode, "keep", _watched_keep(recorder, FunctionNode.keep)
            yield FunctionNode, "release", _watched_release(recorder, FunctionNode.release)

    def _of_optimizers(self) -> Iterator[tuple[Any, str, Any]]:
        kinds: list[type[Optimizer]] = [Optimizer]
        for kind in kinds:  # grows while it is read
            kinds += kind.__subclasses__()
        for kind in kinds:
            for method in {"step", "zero_grad"} & set(vars(kind)):
                name = _optimizer_name(method)
                yield kind, method, _timed(self._recorder, vars(kind)[method], name, "optimizer", "optimizer")


def _optimizer_name(method: str) -> Callable[..., str]:
    return lambda optimizer, *_: f"Optimizer.{method}#{type(optimizer).__name__}.{method}"


class TimedKernel:
    """Stands for an attribute of every op, ``forward`` or ``inplace``, and gives it out with a timer around it.

    A descriptor on the class, so that custom ops and those made while the profile runs are timed too, and a kernel that
    is exchanged meanwhile stays exchanged.
    """

    def __init__(self, recorder: Recorder, attribute: str, suffix: str) -> None:
        self._recorder, self._attribute, self._suffix = recorder, attribute, suffix
        # Read here, before the class hides them: reading op.__dict__ would make every later look-up slower.
        self._timed = {op: self._around(op, getattr(op, attribute)) for op in OPS.values()}

    def __get__(self, op: Op | None, owner: Any = None) -> Any:
        if op is None:
            return self
        if op not in self._timed:
            self._timed[op] = self._around(op, op.__dict__[self._attribute])
        return self._timed[op]

    def __set__(self, op: Op, kernel: Timed | None) -> None:
        kernel = getattr(kernel, "_without_timer", kernel)
        op.__dict__[self._attribute] = kernel
        self._timed.pop(op, None)  # made when it is read: an op under construction has no name yet

    def _around(self, op: Op, kernel: Timed | None) -> Timed | None:
        if kernel is None:
            return None
        recorder, name, n = self._recorder, op.__name__ + self._suffix, op.n_inputs

        def timed(*args: Any) -> Any:
            event = recorder.begin(name, "op")
            try:
                result = kernel(*args)
            finally:
                recorder.finish(event)
            if recorder.shapes:
                event.input_shapes = [_shape(value) for value in args[:n]]
            if recorder.ledger is not None:
                recorder.ledger.made(event, result, args)
            recorder.called(op, event)
            return result

        timed._without_timer = kernel  # type: ignore[attr-defined]
        return timed


class WatchedSlot:
    """Stands for the slot ``saved`` of recorded calls, and notes what is put there."""

    def __init__(self, recorder: Recorder, slot: Any) -> None:
        self._recorder, self._slot = recorder, slot

    def __get__(self, node: OpNode | None, owner: Any = None) -> Any:
        return self if node is None else self._slot.__get__(node, owner)

    def __set__(self, node: OpNode, value: Any) -> None:
        ledger = self._recorder.ledger
        if value is not None:
            event = self._recorder.link(node, node.op)
            if ledger is not None:
                inputs, _, out, residual = value
                ledger.keeps(node, (inputs, out and out[0], residual), event)
        elif ledger is not None:
            ledger.releases(node)
        self._slot.__set__(node, value)


def _timed(recorder: Recorder, function: Timed, name: Callable[..., str], kind: str, phase: str) -> Timed:
    """Put a timer around a function, under the name that is made of its arguments."""

    @functools.wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:
        event = recorder.begin(name(*args), kind, phase)
        try:
            return function(*args, **kwargs)
        finally:
            recorder.finish(event)

    return timed


def _timed_backward(recorder: Recorder, backward: Timed) -> Timed:
    def timed(node: Any, g: Any, needed: Any, create_graph: bool) -> Any:
        event = recorder.begin(node.name(), "op", "backward", recorder.origins.get(node))
        try:
            result = backward(node, g, needed, create_graph)
        finally:
            recorder.finish(event)
        arrived = list(g.parts.values()) if isinstance(g, Bundle) else [g]
        if recorder.shapes:
            event.input_shapes = [_shape(part) for part in arrived]
        if recorder.ledger is not None:
            recorder.ledger.made(event, result, arrived)
        return result

    return timed


def _timed_leaf(recorder: Recorder, backward: Timed) -> Timed:
    def timed(leaf: Leaf, g: Any, needed: Any, create_graph: bool) -> Any:
        before, shape = leaf.store.grad, _shape(g)
        box = [g]
        del g  # a leaf takes over an array that nobody else holds: this function must not be somebody
        event = recorder.begin("AccumulateGrad", "op", "backward")
        try:
            result = backward(leaf, box.pop(), needed, create_graph)
        finally:
            recorder.finish(event)
        if recorder.shapes:
            event.input_shapes = [shape]
        if recorder.ledger is not None and before is None:
            recorder.ledger.made(event, leaf.store.grad)
        return result

    return timed


def _timed_function(recorder: Recorder, forward: Timed) -> Timed:
    def timed(cls: type[Function], ctx: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        event = recorder.begin(cls.__name__, "op")
        try:
            result = forward(cls, ctx, args, kwargs)
        finally:
            recorder.finish(event)
        if recorder.shapes:
            event.input_shapes = [_shape(value) for value in args]
        if recorder.ledger is not None:
            recorder.ledger.made(event, result, args)
        recorder.called(cls, event)
        return result

    return timed


def _watched_keep(recorder: Recorder, keep: Timed) -> Timed:
    def watched(node: FunctionNode, *args: Any) -> None:
        keep(node, *args)
        event = recorder.link(node, node.function)
        if recorder.ledger is not None:
            recorder.ledger.keeps(node, [tensor for tensor, *_ in node.saved], event)

    return watched


def _watched_release(recorder: Recorder, release: Timed) -> Timed:
    def watched(node: FunctionNode) -> None:
        if recorder.ledger is not None:
            recorder.ledger.releases(node)
        release(node)

    return watched


def _timed_module(recorder: Recorder, call: Timed) -> Timed:
    names = ModuleNames()

    @functools.wraps(call)
    def timed(module: Module, *args: Any, **kwargs: Any) -> Any:
        name = names.of(module)
        event = recorder.begin(f"nn.Module: {name}", "module")
        event.module_hierarchy = name
        try:
            return call(module, *args, **kwargs)
        finally:
            recorder.finish(event)

    return timed


class ModuleNames:
    """What to call each module: its class where it was called by itself, else its path from the module above it."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._held: list[Module] = []  # while they are held, their ids are theirs

    def of(self, module: Module) -> str:
        """Return a module's name; a module that was not met yet gives names to all below it."""
        if id(module) not in self._names:
            kind = type(module).__name__
            taken = set(self._names.values())
            root = next(name for i in itertools.count() if (name := f"{kind}_{i}" if i else kind) not in taken)
            for path, part in module.named_modules():
                self._held.append(part)
                self._names[id(part)] = f"{root}.{path}" if path else root
        return self._names[id(module)]


def _shape(value: Any) -> list[Any]:
    """Return the shape of an input as a list, and of a sequence of inputs a list of these."""
    if isinstance(value, (tuple, list)):
        return [_shape(part) for part in value]
    return list(np.shape(next(arrays_in(value), 0)))
