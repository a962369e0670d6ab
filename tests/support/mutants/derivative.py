"""One call of a derivative, as a planted mistake sees it: what arrives, what is right, and what was kept.

Everything works on arrays (the ordinary backward pass) and on Tensors (the recorded one) alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.ops.shape import fit

__all__ = ["Derivative", "Memory", "Remembered", "array_of", "is_broadcast", "plain", "with_part"]

Formula = Callable[[Any, Sequence[Any], Any], Any]


@dataclass
class Remembered:
    """What one call of the forward left lying around: the formula bound to that call's values."""

    shapes: list[tuple[int, ...]]
    formulas: Mapping[int, Callable[[Any], Any]]


@dataclass
class Memory:
    """What a mutant knows of its earlier calls, as if it kept values on the class and not on ``ctx``."""

    first: Remembered | None = None
    last: Remembered | None = None
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))

    def note(self, call: Remembered) -> None:
        """Take a call of the forward down."""
        self.first = self.first or call
        self.last = call


@dataclass
class Derivative:
    """One call of the derivative with respect to one input.

    Attributes
    ----------
    g : array, Tensor, or tuple of these
        What arrives; a tuple for a function of several outputs.
    inputs : sequence
        The differentiable inputs of the call.
    out : array, Tensor or None
        The result, where the derivative is an op's.
    position : int
        Which input.
    formula : callable
        ``formula(g, inputs, out)`` is the right gradient, before broadcast axes are summed.
    others : dict
        The right formulas of the other inputs, by position.
    params, residual
        The op's parameters, and what its forward left for the derivative.
    """

    g: Any
    inputs: Sequence[Any]
    out: Any
    position: int
    formula: Formula
    others: dict[int, Formula]
    memory: Memory
    params: Sequence[Any] = ()
    residual: Any = None

    @property
    def x(self) -> Any:
        """The input."""
        return self.inputs[self.position]

    @property
    def recorded(self) -> bool:
        """Whether this is the recorded pass (``create_graph=True``)."""
        return tg.is_grad_enabled()

    def raw(self, g: Any = None, inputs: Sequence[Any] | None = None, out: Any = None) -> Any:
        """Give the right gradient for other values, before broadcast axes are summed."""
        return self.formula(
            self.g if g is None else g,
            self.inputs if inputs is None else inputs,
            self.out if out is None else out,
        )

    def right(self, g: Any = None, inputs: Sequence[Any] | None = None, out: Any = None) -> Any:
        """Give the right gradient for other values, in the input's shape."""
        return fit(self.raw(g, inputs, out), np.shape(array_of(self.x)))

    def with_g(self, change: Callable[[Any], Any]) -> Any:
        """Give the right gradient for a changed ``g``."""
        return self.right(tuple(change(part) for part in self.g) if isinstance(self.g, tuple) else change(self.g))

    def jacobian(self) -> np.ndarray[Any, Any]:
        """Give all derivatives, (entries of the outputs, entries of the input), as plain numbers."""
        parts = [np.zeros(np.shape(array_of(part))) for part in (self.g if isinstance(self.g, tuple) else (self.g,))]
        inputs = [array_of(value) for value in self.inputs]
        rows = []
        with tg.no_grad():
            for part in parts:
                for index in np.ndindex(part.shape):
                    part[index] = 1.0
                    given = tuple(p.copy() for p in parts) if isinstance(self.g, tuple) else part.copy()
                    rows.append(array_of(self.right(given, inputs, array_of(self.out))).reshape(-1))
                    part[index] = 0.0
        return np.array(rows).reshape(len(rows), np.size(array_of(self.x)))


def array_of(value: Any) -> Any:
    """Give the array of a Tensor, and anything else as it is."""
    return value.array if isinstance(value, tg.Tensor) else value


def plain(value: Any) -> Any:
    """Cut a Tensor from the graph; an array stays what it is."""
    return value.detach() if isinstance(value, tg.Tensor) else value


def is_broadcast(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    """Tell whether a shape broadcasts to another, larger one."""
    try:
        return small != large and np.broadcast_shapes(small, large) == large
    except ValueError:
        return False


def with_part(values: Sequence[Any], position: int, value: Any) -> list[Any]:
    """Give the values with one of them replaced."""
    return [value if i == position else other for i, other in enumerate(values)]
