"""Recording of origins for pictures: values, source lines, variable names, and which module made what."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..autograd.tracing import Scope, Trace
from ..autograd.watching import state, unwatch, watch
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
        self._trace, self._steps = Trace(Summary.of), Steps(past)
        self._paths: dict[int, str] = {}
        self._held: list[Module] = []  # while they are held, their ids are theirs
        self._calls: dict[tuple[int, Scope | None], int] = {}
        if model is not None:
            self._name_all(model)

    def __enter__(self) -> trace:
        """Start."""
        self._outer = [w for w in state.watchers if isinstance(w, (Trace, Steps))]
        for other in self._outer:  # the innermost trace notes
            unwatch(other)
        self._call = Module.__call__
        Module.__call__ = self._scoped(self._call)  # type: ignore[method-assign]
        watch(self._trace)
        watch(self._steps)
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop; what was noted stays with the graph."""
        unwatch(self._trace)
        unwatch(self._steps)
        Module.__call__ = self._call  # type: ignore[method-assign]
        for other in self._outer:
            watch(other)
        self._held.clear()

    def _scoped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Open a scope around every call of a module."""
        scopes = self._trace.scopes

        @functools.wraps(call)
        def scoped(module: Module, *args: Any, **kwargs: Any) -> Any:
            self._trace.see([*args, *kwargs.values()])
            scopes.append(self._scope(module))
            try:
                return call(module, *args, **kwargs)
            finally:
                scopes.pop()

        return scoped

    def _scope(self, module: Module) -> Scope:
        if id(module) not in self._paths:
            self._name_all(module)
        parent = self._trace.scopes[-1] if self._trace.scopes else None
        key = (id(module), parent)
        self._calls[key] = self._calls.get(key, 0) + 1
        return Scope(self._paths[id(module)], type(module).__name__, parent, self._calls[key])

    def _name_all(self, root: Module) -> None:
        for path, module in root.named_modules():
            if id(module) not in self._paths:
                self._held.append(module)
                self._paths[id(module)] = path
        for path, parameter in root.named_parameters():
            self._trace.name(parameter, path)
