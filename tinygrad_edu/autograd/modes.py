"""Grad modes: whether operations are recorded. Thread-local; it does not know what recording means."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeVar

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
]

F = TypeVar("F", bound=Callable[..., Any])


class _Modes(threading.local):
    grad = True  # never together with inference
    inference = False


modes = _Modes()


def is_grad_enabled() -> bool:
    """Return True when operations of this thread are recorded."""
    return modes.grad


def is_inference_mode_enabled() -> bool:
    """Return True inside :class:`inference_mode`."""
    return modes.inference


class _Switch:
    """A context manager and decorator that sets the two switches and puts them back."""

    grad: bool
    inference: bool | None = None  # None leaves it as it is

    def __enter__(self) -> None:
        self._stack().append((modes.grad, modes.inference))
        self._set()

    def _set(self) -> None:
        if self.inference is not None:
            modes.inference = self.inference
        modes.grad = self.grad and not modes.inference

    def __exit__(self, *exc: object) -> None:
        modes.grad, modes.inference = self._stack().pop()

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            return self._around_steps(function)  # type: ignore[return-value]

        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return switched  # type: ignore[return-value]

    def _around_steps(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Switch while a generator runs, and not while it waits."""

        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            generator = function(*args, **kwargs)
            step = functools.partial(next, generator)
            try:
                while True:
                    with self:
                        value = step()
                    try:
                        step = functools.partial(generator.send, (yield value))
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step = functools.partial(generator.throw, error)
            except StopIteration as end:
                return end.value
            finally:
                generator.close()

        return switched

    def _stack(self) -> list[tuple[bool, bool]]:
        stack: list[tuple[bool, bool]] = self.__dict__.setdefault("_saved", [])
        return stack


class no_grad(_Switch):
    """Do not record operations: ``with no_grad(): ...`` or ``@no_grad()``."""

    grad = False

    def __new__(cls, function: Any = None) -> Any:
        """Allow ``@no_grad`` without parentheses, as PyTorch does."""
        switch = super().__new__(cls)
        return switch if function is None else switch(function)


class enable_grad(no_grad):
    """Record operations again, inside :class:`no_grad`."""

    grad = True


class inference_mode(_Switch):
    """Like :class:`no_grad`, and the tensors made inside can never be part of a recorded graph later.

    They keep no version counter, so nothing can be saved of them for a backward pass. ``inference_mode(False)``
    switches back to the normal state, in which operations are recorded.
    """

    def __new__(cls, mode: Any = True) -> Any:
        """Allow ``@inference_mode`` without parentheses, as PyTorch does."""
        switch = super().__new__(cls)
        if callable(mode):
            switch.__init__()  # type: ignore[misc]
            return switch(mode)
        return switch

    def __init__(self, mode: bool = True) -> None:
        self.grad = not mode
        self.inference = mode


class set_grad_enabled(_Switch):
    """Switch recording on or off; as a function at once, as a context manager until its end."""

    def __init__(self, mode: bool) -> None:
        self.grad = mode
        self._stack().append((modes.grad, modes.inference))
        self._set()

    def __enter__(self) -> None:
        self._set()

    def __call__(self, function: F) -> F:
        """Switch inside a function only: undo what the constructor did."""
        self.__exit__()

        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.grad):
                return function(*args, **kwargs)

        return switched  # type: ignore[return-value]
