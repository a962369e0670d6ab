"""The function under check: how it is called, on which tensors, in which dtype and memory layout.

It judges nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import enable_grad, no_grad
from ..creation import from_numpy
from ..nn import Module, Parameter
from ..tensor import Tensor
from .subject import Subject, outputs_of

__all__ = ["Primal", "dtype_of"]

Array = np.ndarray[Any, Any]
Points = Sequence[Array]


class Primal(Subject):
    """The function under check with its inputs, those to differentiate singled out.

    Attributes
    ----------
    evaluations : int
        How often the function was called.
    clones, writes, records : bool
        How it is called: on clones of the leaves, because it writes to its inputs; on copies of the points, because it
        may; with recording always, because it calls backward itself.
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
        super().__init__()
        self.fn, self.kwargs, self.evaluations = fn, dict(kwargs), 0
        self.given = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
        called = [*(names or ()), *[f"input {i}" for i in range(len(names or ()), len(self.given))]]
        leaves = [leaf for name, value in zip(called, self.given) for leaf in _leaves(value, name)]
        self._checked = _wanted([value for _, value in leaves])
        checked = [leaf for leaf, wanted in zip(leaves, self._checked) if wanted]
        self.names = [name for name, _ in checked]
        self._layouts = [_array(value) for _, value in checked]
        self._own: list[list[tuple[Module, str]]] = []  # for each checked parameter, the places it stands in
        if isinstance(fn, Module):
            self._adopt(fn, [value for _, value in checked], check_parameters)
        self.points = [np.array(a, np.float64) for a in self._layouts]
        self.dtypes = [a.dtype for a in self._layouts]
        self._strided = [_has_layout(a) for a in self._layouts]
        self.twin, self.clones, self.writes, self.records = True, False, True, False

    def _adopt(self, module: Module, values: Sequence[Any], check_parameters: bool) -> None:
        """Work on a copy of a module, and check its parameters like inputs."""
        self.fn = copied = copy.deepcopy(module)
        dtype = dtype_of(module)
        if dtype is not None:  # arrays are float64 by nature; a module takes what its parameters are
            self._layouts = [v.astype(dtype) if isinstance(v, np.ndarray) else v.array for v in values]
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

    def round_off(self, points: Points) -> Array:
        """Nothing is known but the values themselves."""
        return np.zeros(())

    def widen(self) -> None:
        """Turn a module's own numbers to float64, where the inputs are."""
        if isinstance(self.fn, Module):
            self.fn.double()


def dtype_of(module: Module) -> np.dtype[Any] | None:
    """Return the dtype of a module's floating parameters; None where there are none."""
    return next((p.dtype for p in module.parameters() if p.array.dtype.kind == "f"), None)


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
