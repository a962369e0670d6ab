"""The function under check, as a function of float64 arrays: its values, and what backward says.

It calls and differentiates; it judges nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import enable_grad, grad, no_grad
from ..creation import from_numpy
from ..nn import Module, Parameter
from ..tensor import Tensor

__all__ = ["Derivative", "Pullback", "Subject", "name_of"]

Array = np.ndarray[Any, Any]
Points = Sequence[Array]


class Subject:
    """A function with its inputs, those to differentiate singled out.

    Attributes
    ----------
    names : list of str
        What the checked inputs are called in the report.
    points : list of ndarray
        Their values in float64.
    dtypes : list of dtype
        The dtypes that they were given in.
    judged : list of int
        Which of the outputs have a gradient; all floating ones where none has.
    sizes, precisions : list
        The shapes and the dtypes of these.
    evaluations : int
        How often the function was called.
    """

    order = 1

    def __init__(
        self,
        fn: Callable[..., Any],
        inputs: Any,
        kwargs: Mapping[str, Any],
        check_parameters: bool,
        names: Sequence[str] | None = None,
    ) -> None:
        self.fn, self.kwargs, self.evaluations = fn, dict(kwargs), 0
        self.given = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
        called = [*(names or ()), *[f"input {i}" for i in range(len(names or ()), len(self.given))]]
        leaves = [leaf for name, value in zip(called, self.given) for leaf in _leaves(value, name)]
        wanted = _wanted([value for _, value in leaves])
        self.names = [name for (name, _), checked in zip(leaves, wanted) if checked]
        self._checked = wanted
        self._values = [value for _, value in leaves]
        self._layouts = [_array(value) for (_, value), checked in zip(leaves, wanted) if checked]
        self._own: list[list[tuple[Module, str]]] = []  # for each checked parameter, the places it stands in
        if isinstance(fn, Module):
            self._adopt(fn, check_parameters)
        self.points: list[Array] = [np.array(a, np.float64) for a in self._layouts]
        self.dtypes = [a.dtype for a in self._layouts]
        self._strided = [_has_layout(a) for a in self._layouts]
        self.twin = True  # called in float64, whatever the dtypes of the inputs
        self.clones = False  # given clones of the leaves, because it writes to its inputs
        self.writes = True  # given copies of the points, because it may write to them
        self.records = False  # called with recording always, because it calls backward itself
        self.judged: list[int] = []
        self.sizes: list[tuple[int, ...]] = []
        self.precisions: list[np.dtype[Any]] = []

    def _adopt(self, module: Module, check_parameters: bool) -> None:
        """Work on a copy of a module, and check its parameters like inputs."""
        self.fn = copied = copy.deepcopy(module)
        dtype = next((p.dtype for p in module.parameters() if p.array.dtype.kind == "f"), None)
        if dtype is not None:  # arrays are float64 by nature; a module takes what its parameters are
            given = [value for value, checked in zip(self._values, self._checked) if checked]
            pairs = zip(self._layouts, given)
            self._layouts = [a.astype(dtype) if isinstance(v, np.ndarray) else a for a, v in pairs]
        for name, parameter in copied.named_parameters():
            if check_parameters and parameter.requires_grad:
                self.names.append(name)
                self._layouts.append(parameter.array)
                owners = [
                    (m, key) for m in copied.modules() for key, p in m.named_parameters(recurse=False) if p is parameter
                ]
                self._own.append(owners)

    def cast(self, points: Points) -> list[Array]:
        """Give the points in the dtype in which the function is called, and in the memory layout of the inputs."""
        dtypes = [np.dtype(np.float64)] * len(points) if self.twin else self.dtypes
        return [
            _in_layout(p, like, dtype) if strided else np.array(p, dtype, copy=self.writes or None)
            for p, like, dtype, strided in zip(points, self._layouts, dtypes, self._strided)
        ]

    def record(self, points: Points) -> tuple[list[Any], list[Any]]:
        """Call the function on leaves; return these and all outputs, recorded."""
        with enable_grad():
            tensors, parameters = self._tensors(points)
            leaves = [t.requires_grad_() for t in tensors]
            outputs = self._call([leaf.clone() for leaf in leaves] if self.clones else leaves)
        return leaves + parameters, outputs

    def values(self, points: Points) -> list[Array]:
        """Call the function without recording; return the arrays of the outputs that are judged."""
        if self.records:
            outputs = self.record(points)[1]
        else:
            with no_grad():
                outputs = self._call(self._tensors(points)[0])
        return [outputs[i].array for i in self.judged]

    def _tensors(self, points: Points) -> tuple[list[Any], list[Any]]:
        """Make the tensors of a call, and lend the module new parameters."""
        arrays = self.cast(points)
        count = len(arrays) - len(self._own)
        parameters = [Parameter(from_numpy(a)) for a in arrays[count:]]
        for places, parameter in zip(self._own, parameters):
            for module, key in places:
                setattr(module, key, parameter)
        return [from_numpy(a) for a in arrays[:count]], parameters

    def vector(self, points: Points) -> Array:
        """Return the judged outputs laid end to end, in float64."""
        parts = [np.asarray(v, np.float64).ravel() for v in self.values(points)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0), *parts])

    def _call(self, tensors: Sequence[Any]) -> list[Any]:
        self.evaluations += 1
        arguments = self.arguments(tensors)
        return list(outputs_of(self.fn(*arguments, **self.kwargs)))

    def arguments(self, tensors: Sequence[Any]) -> list[Any]:
        """Put tensors in the places of the checked inputs; the others are copied, so that no call changes the next."""
        rest, wanted = iter(tensors), iter(self._checked)

        def put(value: Any) -> Any:
            if isinstance(value, (tuple, list)) and any(True for _ in _leaves(value, "")):
                return type(value)(map(put, value)) if type(value) in (tuple, list) else [put(v) for v in value]
            if not isinstance(value, (Tensor, np.ndarray)):
                return value
            return next(rest) if next(wanted) else self._fixed(value)

        return [put(value) for value in self.given]

    def _fixed(self, value: Any) -> Any:
        """Copy an input that is not checked; floating ones follow the twin to float64."""
        array = np.array(_array(value))
        return from_numpy(array.astype(np.float64) if self.twin and array.dtype.kind == "f" else array)

    @property
    def eps(self) -> float:
        """The relative round-off of one evaluation."""
        used = [np.dtype(np.float64)] if self.twin else self.dtypes
        return max(float(np.finfo(d).eps) for d in [*used, *self.precisions])

    def round_off(self, points: Points) -> float:
        """Return what round-off there is at least, however small the values are."""
        return 0.0

    def widen(self) -> None:
        """Turn a module's own numbers to float64, where the inputs are."""
        if isinstance(self.fn, Module):
            self.fn.double()

    def pullback(self, points: Points) -> Pullback:
        """Record a call, to ask it for gradients."""
        return Pullback(self, *self.record(points))


class Derivative(Subject):
    """The gradient of another subject as a function of its inputs and of the gradients that arrive at its outputs."""

    def __init__(self, inner: Subject, cotangents: Points) -> None:
        self.inner, self.order = inner, inner.order + 1
        self.points = [*inner.points, *cotangents]
        self.names = [*inner.names, *["grad_" * inner.order + f"output {i}" for i in range(len(cotangents))]]
        self.dtypes = [*inner.dtypes, *[np.dtype(np.float64)] * len(cotangents)]
        self.twin, self.clones = inner.twin, inner.clones
        self.judged, self.sizes, self.precisions = [], [], []

    @property
    def evaluations(self) -> int:  # type: ignore[override]
        """How often the function at the bottom was called."""
        return self.inner.evaluations

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

    def round_off(self, points: Points) -> float:
        """Return that of the values which the gradient comes from: where terms cancel, it is small and they are not."""
        count = len(self.inner.points)
        pairs = zip(self.inner.values(points[:count]), points[count:])
        sizes = [np.abs(np.asarray(value, np.float64) * u).max(initial=0.0) for value, u in pairs]
        return 2 * self.eps * float(np.nan_to_num(max(sizes, default=0.0), posinf=0.0))


class Pullback:
    """A recorded call: give it what arrives at the outputs, get the gradients of the inputs."""

    def __init__(self, subject: Subject, leaves: list[Any], outputs: list[Any]) -> None:
        self.leaves = leaves
        self.outputs = [outputs[i] for i in subject.judged]
        self.arrived: list[tuple[Array, Array]] = []  # what was sent back last, as it was and as it is

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


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """List the tensors and arrays in an argument, each with its name."""
    if isinstance(value, (Tensor, np.ndarray)):
        yield name, value
    elif isinstance(value, (tuple, list)):
        for i, part in enumerate(value):
            yield from _leaves(part, f"{name}[{i}]")


def _wanted(values: Sequence[Any]) -> list[bool]:
    """Choose what is checked: arrays and the tensors that require grad; where there are none, every floating one."""
    floating = [_array(v).dtype.kind == "f" for v in values]
    wanted = [f and (isinstance(v, np.ndarray) or v.requires_grad) for f, v in zip(floating, values)]
    return wanted if any(wanted) else floating


def _array(value: Any) -> Array:
    array: Array = value.array if isinstance(value, Tensor) else value
    return array


def _has_layout(array: Array) -> bool:
    """Tell whether an array's memory is laid out in a way of its own that a copy can repeat."""
    if array.flags.c_contiguous or not array.size or 0 in array.strides:
        return False
    numbers = np.arange(array.size, dtype=np.float64).reshape(array.shape)
    return bool(np.array_equal(_in_layout(numbers, array, np.dtype(np.float64)), numbers))  # no two share memory


def _in_layout(values: Array, like: Array, dtype: np.dtype[Any]) -> Array:
    """Copy values into memory with the gaps, order and direction of ``like``."""
    steps = [abs(s) // like.itemsize for s in like.strides]
    memory = np.zeros(1 + sum(s * (n - 1) for s, n in zip(steps, like.shape)), dtype)
    spread = np.lib.stride_tricks.as_strided(memory, like.shape, [s * dtype.itemsize for s in steps])
    view: Array = spread[tuple(slice(None, None, -1 if s < 0 else 1) for s in like.strides)]
    view[...] = values
    return view
