"""What is checked, as a function of float64 arrays: the interface, and the gradient of one as another.

It calls and differentiates; it judges nothing. The function that the user gave is in :mod:`primal`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import enable_grad, grad
from ..creation import from_numpy
from ..tensor import Tensor
from .noise import arriving_terms

__all__ = ["Derivative", "Pullback", "Subject", "name_of", "outputs_of"]

Array = np.ndarray[Any, Any]
Points = Sequence[Array]


class Subject(ABC):
    """A function of arrays that can be called, recorded and differentiated.

    Attributes
    ----------
    order : int
        Of the derivative that is checked: 1 for the function itself, 2 for its gradient.
    names : list of str
        What the checked inputs are called in the report.
    points : list of ndarray
        Their values in float64.
    dtypes : list of dtype
        The dtypes that they were given in.
    twin : bool
        Whether it is called in float64 whatever these are.
    judged : list of int
        Which of the outputs have a gradient; all floating ones where none has.
    sizes, precisions : list
        The shapes and the dtypes of these.
    """

    order: int
    names: list[str]
    points: list[Array]
    dtypes: list[np.dtype[Any]]
    twin: bool

    def __init__(self) -> None:
        self.judged: list[int] = []
        self.sizes: list[tuple[int, ...]] = []
        self.precisions: list[np.dtype[Any]] = []

    @property
    @abstractmethod
    def eps(self) -> float:
        """The relative round-off of one evaluation."""

    @abstractmethod
    def round_off(self, points: Points) -> Array:
        """Return what round-off there is at least in each output, however small its value is: shape (M,) or ()."""

    @abstractmethod
    def cast(self, points: Points) -> list[Array]:
        """Give the points in the dtypes in which the function is called, and in the memory layout of the inputs."""

    @abstractmethod
    def record(self, points: Points) -> tuple[list[Any], list[Any]]:
        """Call the function on leaves; return these and all outputs, recorded."""

    @abstractmethod
    def values(self, points: Points) -> list[Array]:
        """Call the function without recording; return the arrays of the outputs that are judged."""

    def vector(self, points: Points) -> Array:
        """Return the judged outputs laid end to end, in float64."""
        parts = [np.asarray(v, np.float64).ravel() for v in self.values(points)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0), *parts])

    def pullback(self, points: Points) -> Pullback:
        """Record a call, to ask it for gradients."""
        return Pullback(self, *self.record(points))


class Derivative(Subject):
    """The gradient of another subject as a function of its inputs and of the gradients that arrive at its outputs."""

    def __init__(self, inner: Subject, cotangents: Points) -> None:
        super().__init__()
        self.inner, self.order, self.twin = inner, inner.order + 1, inner.twin
        self.points = [*inner.points, *cotangents]
        self.names = [*inner.names, *["grad_" * inner.order + f"output {i}" for i in range(len(cotangents))]]
        self.dtypes = [*inner.dtypes, *[np.dtype(np.float64)] * len(cotangents)]

    def cast(self, points: Points) -> list[Array]:
        """Give the points in the dtypes and layouts of the function."""
        count = len(self.inner.points)
        return [*self.inner.cast(points[:count]), *[np.array(p) for p in points[count:]]]

    def record(self, points: Points) -> tuple[list[Any], list[Any]]:
        """Return the leaves and the gradients, computed by a recorded backward pass."""
        count = len(self.inner.points)
        with enable_grad():
            leaves, outputs = self.inner.record(points[:count])
            arriving = [from_numpy(np.array(p)).requires_grad_() for p in points[count:]]
            return [*leaves, *arriving], self._gradients(leaves, outputs, arriving, True)

    def values(self, points: Points) -> list[Array]:
        """Return the gradients by the ordinary backward pass."""
        count = len(self.inner.points)
        leaves, outputs = self.inner.record(points[:count])
        arriving = [from_numpy(np.array(p)) for p in points[count:]]
        found = self._gradients(leaves, outputs, arriving, False)
        return [found[i].array for i in self.judged]

    def _gradients(self, leaves: list[Any], outputs: list[Any], arriving: list[Any], create_graph: bool) -> list[Any]:
        roots = [(outputs[i], u) for i, u in zip(self.inner.judged, arriving) if outputs[i].requires_grad]
        if not roots:
            return [from_numpy(np.zeros(leaf.shape)) for leaf in leaves]
        tensors, given = [t for t, _ in roots], [u if u.dtype == t.dtype else u.to(t.dtype) for t, u in roots]
        return list(grad(tensors, leaves, given, create_graph=create_graph, materialize_grads=True))

    @property
    def eps(self) -> float:
        """The relative round-off of one evaluation."""
        return self.inner.eps

    def round_off(self, points: Points) -> Array:
        """Return that of the terms which the gradient comes from: where they cancel, it is small and they are not.

        A gradient has the size of such a term divided by the input. Small inputs are not divided by: there that says
        too much.
        """
        count = len(self.inner.points)
        largest = arriving_terms(self.inner, points[:count], points[count:]).max(initial=0.0)
        sizes = [np.fmax(np.abs(points[k]), 1.0).ravel() for k in self.judged]
        return np.asarray(2 * self.eps * largest / np.concatenate([np.zeros(0), *sizes]))


class Pullback:
    """A recorded call: give it what arrives at the outputs, get the gradients of the inputs."""

    def __init__(self, subject: Subject, leaves: list[Any], outputs: list[Any]) -> None:
        self.leaves = leaves
        self.outputs = [outputs[i] for i in subject.judged]
        self.arrived: list[tuple[Array, Array]] = []  # what was sent back last, as it was and as it is
        self.absent: list[bool] = []  # which gradients were None then

    def tensors(self, cotangents: Points) -> list[Any]:
        """Return the gradients as backward gives them: Tensors, or None."""
        roots = [(t, from_numpy(np.array(u, t.dtype))) for t, u in zip(self.outputs, cotangents) if t.requires_grad]
        if not roots:
            return [None] * len(self.leaves)
        outputs, given = [t for t, _ in roots], [u for _, u in roots]
        self.arrived = [(u.array.copy(), u.array) for u in given]
        return list(grad(outputs, self.leaves, given, retain_graph=True, allow_unused=True))

    def __call__(self, cotangents: Points) -> list[Array]:
        """Return the gradients in float64, zeros where backward says None."""
        found = self.tensors(cotangents)
        self.absent = [g is None for g in found]
        return [
            np.zeros(leaf.shape) if g is None else np.asarray(g.array, np.float64)
            for g, leaf in zip(found, self.leaves)
        ]


def name_of(fn: Any) -> str:
    """Return what a function is called in a report."""
    owner = getattr(fn, "__self__", None)
    if isinstance(owner, type) and getattr(fn, "__name__", "") == "apply":
        return owner.__name__  # Function.apply
    name = getattr(fn, "__name__", None)
    return name if isinstance(name, str) else type(fn).__name__


def outputs_of(result: Any) -> Iterator[Any]:
    """List the Tensors in what a function returned: one, or several in tuples, lists and dictionaries."""
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, Mapping):
        for value in result.values():
            yield from outputs_of(value)
    elif isinstance(result, (tuple, list)):
        for value in result:
            yield from outputs_of(value)
