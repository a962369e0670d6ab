"""Recording of origins for pictures: values, source lines, variable names, and which module made what."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import ReferenceType, ref

from ..autograd.tracing import Scope, Trace
from ..autograd.watching import unwatch, watch
from ..nn import Module
from .stepping import Steps, past
from .summary import Summary

__all__ = ["trace"]


class trace:
    """Note where every value comes from, for the drawings of what is recorded inside.

    Without it a picture shows the graph, its shapes and its gradients. With it also the value of every operation,
    the line of the program that made it, the names of variables, constants such as the data, and the modules as boxes.
    :func:`tinygrad_edu.autograd.explain` names lines by it. A backward pass inside is noted too, and can be drawn after
    it has freed the graph. It slows the program down: for looking, not for training.

    Parameters
    ----------
    model : Module, optional
        Modules are then called by their dotted names in it. Else by their place in the module that is called first.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import viz
    >>> w = tg.tensor(2.0, requires_grad=True)
    >>> with viz.trace():
    ...     loss = (w * 3.0).exp()
    >>> '"name":"w"' in viz.graph(loss).json
    True
    """

    def __init__(self, model: Module | None = None) -> None:
        if model is not None and not isinstance(model, Module):
            raise TypeError(f"trace: model must be an nn.Module, got {type(model).__name__}; or leave it out.")
        self._model = model
        self._trace, self._steps = Trace(Summary.of), Steps(past)
        self._paths: dict[int, tuple[ReferenceType[Module], str]] = {}  # gone with the module, whose id it was
        self._calls: list[dict[int, int]] = [{}]  # how often each module was called, in each open call

    def __enter__(self) -> trace:
        """Start."""
        if self not in _open.traces:
            self._begin()
        if _open.traces:  # the innermost trace notes
            _open.traces[-1]._pause()
        _open.traces = (*_open.traces, self)
        self._go_on()
        _see_calls(1)
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop; what was noted stays with the graph."""
        _see_calls(-1)
        self._pause()
        last = len(_open.traces) - 1 - _open.traces[::-1].index(self)
        _open.traces = _open.traces[:last] + _open.traces[last + 1 :]
        if _open.traces:
            _open.traces[-1]._go_on()

    def _begin(self) -> None:
        self._trace.begin()
        self._calls = [{}]
        if self._model is not None:
            self._name_all(self._model)

    def _go_on(self) -> None:
        watch(self._trace)
        watch(self._steps)

    def _pause(self) -> None:
        unwatch(self._trace)
        unwatch(self._steps)

    def _run(self, call: Callable[..., Any], module: Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a module in a scope of its own."""
        self._trace.see([*args, *kwargs.values()])
        self._trace.scopes.append(self._scope(module))
        self._calls.append({})
        try:
            return call(module, *args, **kwargs)
        finally:
            self._trace.scopes.pop()
            self._calls.pop()

    def _scope(self, module: Module) -> Scope:
        if id(module) not in self._paths:
            self._name_all(module)
        parent = self._trace.scopes[-1] if self._trace.scopes else None
        calls = self._calls[-1]
        calls[id(module)] = calls.get(id(module), 0) + 1
        return Scope(self._paths[id(module)][1], type(module).__name__, parent, calls[id(module)])

    def _name_all(self, root: Module) -> None:
        for path, module in root.named_modules():
            if id(module) not in self._paths:
                self._paths[id(module)] = ref(module, functools.partial(_forget, self._paths, id(module))), path
        for path, parameter in root.named_parameters():
            self._trace.name(parameter, path)


def _forget(paths: dict[int, Any], key: int, _: object) -> None:
    paths.pop(key, None)


class _Open(threading.local):
    """The traces that run in this thread, outermost first."""

    traces: tuple[trace, ...] = ()


_open = _Open()
_lock = threading.Lock()
_seen: list[Callable[..., Any]] = []  # Module.__call__ as it was, once for each open trace of any thread


def _see_calls(more: int) -> None:
    """Open a scope around every call of a module, as long as any trace runs."""
    with _lock:
        if more > 0:
            _seen.append(_seen[0] if _seen else Module.__call__)
            if len(_seen) == 1:
                Module.__call__ = _scoped(_seen[0])  # type: ignore[method-assign]
        else:
            call = _seen.pop()
            if not _seen:
                Module.__call__ = call  # type: ignore[method-assign]


def _scoped(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def scoped(module: Module, *args: Any, **kwargs: Any) -> Any:
        if not _open.traces:  # of another thread
            return call(module, *args, **kwargs)
        return _open.traces[-1]._run(call, module, args, kwargs)

    return scoped
