"""On which inputs an op is exercised.

From these come the gradient checks, the dtype and layout tests and the comparison with PyTorch; nothing here knows
what is done with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

__all__ = ["Case", "Cases", "Draw", "Elementwise", "Error", "Reduction", "draw"]

Array = np.ndarray[Any, Any]
Params = Mapping[str, Any]
Spelling = str | bool | Callable[[Any, Sequence[Any], Params], Any] | None


@dataclass(frozen=True)
class Draw:
    """How one input is drawn.

    Attributes
    ----------
    shape : tuple of int
        Shape of the array.
    low, high : float
        Range of the values.
    kind : str
        "float": uniform. "distinct": no two values closer than 0.05, so that no maximum changes hands under a small
        step. "int": integers in [low, high). "bool": True or False.
    avoid : sequence of float
        Points (kinks, poles) from which every value keeps a distance of 0.1.
    """

    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    kind: str = "float"
    avoid: tuple[float, ...] = ()


@dataclass(frozen=True)
class Case:
    """One call: inputs in the op's order, and keyword parameters.

    An input is a :class:`Draw`, an array, a number, None, or a tuple of these for a variadic op.
    ``smooth=False`` marks a call at a kink or of an op whose derivative is not that of its forward: it is compared
    with PyTorch, but not with a numeric derivative. ``parity=False``: PyTorch has no such call.
    """

    inputs: tuple[Any, ...]
    params: Params = field(default_factory=dict)
    smooth: bool = True
    parity: bool = True


@dataclass(frozen=True)
class Error:
    """A call that must be refused: the inputs as in :class:`Case`, the exception's class, a regex of its sentence."""

    inputs: tuple[Any, ...]
    params: Params
    raises: type[Exception]
    match: str


class Cases:
    """The calls on which an op is exercised.

    Parameters
    ----------
    *calls : Case
        The calls.
    errors : sequence of Error
        The calls that are refused.
    torch : str or callable, optional
        PyTorch's function where its name is another: a dotted name below ``torch`` ("nn.functional.gelu"), or a
        function of ``(torch, inputs, params)`` that returns the result. None: ``torch.NAME`` or
        ``torch.nn.functional.NAME``. False: PyTorch has none.
    """

    def __init__(
        self,
        *calls: Case,
        errors: Sequence[Error] = (),
        torch: Spelling = None,
    ) -> None:
        self.calls, self.errors, self.torch = list(calls), list(errors), torch


class Elementwise(Cases):
    """Calls of an elementwise op with ``n`` inputs: 0-d, vectors, size-1 axes, empty, and every way to broadcast.

    Parameters
    ----------
    n : int
        Number of inputs.
    low, high : float
        The domain from which values are drawn.
    special : sequence of float
        Values tried in all combinations (0, 1, inf ...), compared with PyTorch only.
    avoid : sequence of float
        Kinks and poles inside the domain.
    distinct : bool
        Draw values without ties, over all inputs (maximum, minimum).
    params : sequence of dict
        Keyword parameters; every call is made with each.

    Attributes
    ----------
    n, params
        As given.
    value : Draw
        How an input of shape () is drawn.
    """

    def __init__(
        self,
        n: int,
        *,
        low: float = -2.0,
        high: float = 2.0,
        special: Sequence[float] = (),
        avoid: Sequence[float] = (),
        distinct: bool = False,
        params: Sequence[Params] = ({},),
        errors: Sequence[Error] = (),
        torch: Spelling = None,
    ) -> None:
        self.n, self.params = n, params
        self.value = Draw((), low, high, "distinct" if distinct else "float", tuple(avoid))
        calls = [
            Case(tuple(replace(self.value, shape=shape) for shape in shapes), given)
            for shapes in _SHAPES[n]
            for given in params
        ]
        if special:
            columns = np.array(list(product(special, repeat=n)), np.float64).T
            calls += [Case(tuple(np.array(c) for c in columns), given, smooth=False) for given in params]
        if n > 1:
            wrong = (Draw((2, 3)),) + (Draw((2, 4)),) * (n - 1)
            errors = [*errors, Error(wrong, params[0], RuntimeError, "must match")]
        super().__init__(*calls, errors=errors, torch=torch)


_SHAPES: dict[int, list[tuple[tuple[int, ...], ...]]] = {
    1: [((),), ((1,),), ((5,),), ((2, 3),), ((0,),), ((2, 0, 3),), ((2, 1, 4),)],
    2: [
        ((), ()),
        ((4,), (4,)),
        ((2, 3), (2, 3)),
        ((2, 3), (3,)),
        ((3,), (2, 3)),
        ((2, 1), (1, 3)),
        ((2, 3), ()),
        ((), (2, 3)),
        ((1,), ()),
        ((2, 1, 3), (4, 1)),
        ((0, 3), (3,)),
        ((2, 0), (1, 1)),
    ],
    3: [
        ((), (), ()),
        ((2, 3), (2, 3), (2, 3)),
        ((2, 1), (3,), ()),
        ((3,), (2, 1, 3), (1, 4, 1)),
        ((0, 2), (2,), (1, 1)),
    ],
}


class Reduction(Cases):
    """Calls of ``f(input, dim, keepdim)``: one axis, several, none, negative, with keepdim, 0-d, size-1, empty axes.

    Parameters
    ----------
    dims : sequence
        The kinds of ``dim`` that the op takes: any of "none", "one", "several".
    empty : bool
        Whether it is defined on an empty axis.
    kind, low, high, avoid
        As in :class:`Draw`.
    params : sequence of dict
        Further parameters; every call is made with each.

    Attributes
    ----------
    dims, empty, keepdim, params
        As given.
    value : Draw
        How an input of shape () is drawn.
    """

    def __init__(
        self,
        *,
        dims: Sequence[str] = ("none", "one", "several"),
        empty: bool = True,
        kind: str = "float",
        low: float = -2.0,
        high: float = 2.0,
        avoid: Sequence[float] = (),
        keepdim: bool = True,
        params: Sequence[Params] = ({},),
        extra: Sequence[Case] = (),
        errors: Sequence[Error] = (),
        torch: Spelling = None,
    ) -> None:
        self.dims, self.empty, self.keepdim, self.params = tuple(dims), empty, keepdim, params
        self.value = Draw((), low, high, kind, tuple(avoid))
        found: list[tuple[tuple[int, ...], Params]] = []
        if "none" in dims:
            found += [((), {}), ((4,), {}), ((2, 3), {})] + ([((0,), {})] if empty else [])
        if "one" in dims:
            for keep in ({}, {"keepdim": True}) if keepdim else ({},):
                found += [((4,), {"dim": 0} | keep), ((2, 3), {"dim": 1} | keep), ((2, 3, 2), {"dim": -2} | keep)]
                found += [((2, 1), {"dim": 1} | keep), ((), {"dim": 0} | keep), ((0, 3), {"dim": 1} | keep)]
            found += [((0, 3), {"dim": 0})] if empty else []
        if "several" in dims:
            found += [((2, 3, 2), {"dim": (0, 2)}), ((2, 3, 2), {"dim": (-1, 0), "keepdim": True})]
        calls = [
            Case((replace(self.value, shape=shape),), {**dim, **given}) for shape, dim in found for given in params
        ]
        if "one" in dims:
            errors = [*errors, Error((Draw((2, 3)),), {**params[0], "dim": 2}, IndexError, "out of range")]
        super().__init__(*calls, *extra, errors=errors, torch=torch)


def draw(inputs: Sequence[Any], seed: int, dtype: Any = np.float64) -> list[Any]:
    """Draw the inputs of a call; the same seed gives the same values.

    Floating arrays come in ``dtype``; integers, booleans, numbers and None stay what they are.
    """
    rng = np.random.default_rng(seed)
    return [_draw_one(item, rng, np.dtype(dtype)) for item in inputs]


def _draw_one(item: Any, rng: np.random.Generator, dtype: np.dtype[Any]) -> Any:
    if isinstance(item, (tuple, list)):
        return [_draw_one(part, rng, dtype) for part in item]
    if isinstance(item, Draw):
        values = _KINDS[item.kind](item, rng)
        return values.astype(dtype) if item.kind in ("float", "distinct") else values
    if isinstance(item, np.ndarray) and item.dtype.kind == "f":
        return item.astype(dtype)
    return item


def _floats(item: Draw, rng: np.random.Generator) -> Array:
    values = rng.uniform(item.low, item.high, item.shape)
    for point in item.avoid:
        near = np.abs(values - point) < 0.1
        values = np.where(near, point + np.where(values < point, -1, 1) * (0.1 + np.abs(values - point)), values)
    return np.asarray(values)


def _distinct(item: Draw, rng: np.random.Generator) -> Array:
    size = int(np.prod(item.shape))
    steps = rng.permutation(size) + rng.uniform(0.25, 0.75)
    values = (item.low + (item.high - item.low) * steps / max(size, 1)).reshape(item.shape)
    for point in item.avoid:
        values = values + np.where(np.abs(values - point) < 0.1, 0.13, 0.0)
    return np.asarray(values)


_KINDS: dict[str, Callable[[Draw, np.random.Generator], Array]] = {
    "float": _floats,
    "distinct": _distinct,
    "int": lambda item, rng: rng.integers(int(item.low), int(item.high), item.shape),
    "bool": lambda item, rng: rng.integers(0, 2, item.shape).astype(np.bool_),
}
