"""Every call on which an op is exercised, and how to make it with arrays, with Tensors and with PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.cases import Case, Error, draw
from tinygrad_edu.op import FUNCTIONS, OPS

EVERYTHING: dict[str, Any] = {**OPS, **FUNCTIONS}


@dataclass(frozen=True)
class Call:
    """One op with one of its cases."""

    name: str
    number: int
    case: Case | Error

    @property
    def function(self) -> Callable[..., Any]:
        return EVERYTHING[self.name]

    def inputs(self, dtype: Any = np.float64) -> list[Any]:
        """Draw the inputs, always the same."""
        return draw(self.case.inputs, seed=self.number, dtype=dtype)

    def __str__(self) -> str:
        shapes = [list(np.shape(i)) if not isinstance(i, list) else "several" for i in self.inputs()]
        return f"{self.name}-{self.number}-{shapes}-{dict(self.case.params)}".replace(" ", "")[:100]


def calls(smooth: bool | None = None) -> list[Call]:
    """List the calls of every op; ``smooth=True``: those that a numeric derivative can judge."""
    return [
        Call(name, number, case)
        for name, function in EVERYTHING.items()
        if function.cases is not None
        for number, case in enumerate(function.cases.calls)
        if smooth is None or case.smooth == smooth
    ]


def error_calls() -> list[Call]:
    """List the calls that must be refused."""
    return [
        Call(name, number, error)
        for name, function in EVERYTHING.items()
        if function.cases is not None
        for number, error in enumerate(function.cases.errors)
    ]


def is_float(value: Any) -> bool:
    """Tell whether an input is one that a gradient can be asked of."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def each(change: Callable[[Any], Any], inputs: Sequence[Any]) -> list[Any]:
    """Apply ``change`` to every array, also inside the sequence of a variadic op."""
    return [[change(part) for part in value] if isinstance(value, list) else change(value) for value in inputs]


def flat(inputs: Sequence[Any]) -> list[Any]:
    """List the inputs, with the elements of a variadic op's sequence in their places."""
    return [part for value in inputs for part in (value if isinstance(value, list) else [value])]


def as_tensors(inputs: Sequence[Any], requires_grad: bool = True) -> list[Any]:
    """Make Tensors of the arrays; those of floating point want a gradient."""

    def convert(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        return tg.from_numpy(value).requires_grad_(requires_grad and is_float(value))

    return each(convert, inputs)


def leaves(tensors: Sequence[Any]) -> list[Any]:
    """List the tensors that want a gradient."""
    return [t for t in flat(tensors) if isinstance(t, tg.Tensor) and t.requires_grad]


def outputs(result: Any) -> list[Any]:
    """List the tensors (or arrays) that a call returned."""
    return list(result) if isinstance(result, (tuple, list)) else [result]


def torch_function(call: Call, torch: Any) -> Callable[[Sequence[Any]], Any] | None:
    """Find how PyTorch makes the same call; None when it has no such function."""
    spelled = call.function.cases.torch
    if spelled is False:
        return None
    params = dict(call.case.params)
    if callable(spelled):
        return lambda inputs: spelled(torch, inputs, params)
    names = [spelled] if spelled else [call.name, "nn.functional." + call.name]
    for name in names:
        try:
            function = reduce(getattr, name.split("."), torch)
        except AttributeError:
            continue
        return lambda inputs: function(*inputs, **params)
    raise LookupError(f"{call.name}: PyTorch has none of {names}; say torch=False or give its spelling in the cases")
