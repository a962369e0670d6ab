"""What is remembered of an array that is too large to keep: counts of zeros, NaN and infinities, and the norm."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..op import runtime
from ..ops.part import Part
from .function import Bundle
from .graph import Node, as_added

__all__ = ["Marks", "Step", "array_of", "marks_of", "norm_of", "step_of"]


@dataclass(frozen=True, slots=True)
class Marks:
    """Counts of an array's numbers, and the Euclidean norm (NaN or infinite where a number is)."""

    size: int
    zeros: int
    nan: int
    inf: int
    norm: float

    @property
    def is_zero(self) -> bool:
        """Whether there are numbers, and all are 0."""
        return self.zeros == self.size > 0

    @property
    def is_finite(self) -> bool:
        """Whether there is no NaN and no infinity."""
        return not self.nan and not self.inf


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a backward pass: what arrived, and what went on to each edge (None: nothing)."""

    arrived: Marks
    sent: tuple[Marks | None, ...]


def array_of(value: Any) -> Any:
    """Return the array of a Tensor, and an array as it is."""
    return value.array if isinstance(value, runtime.Tensor) else value


def marks_of(value: Any) -> Marks:
    """Sum up a Tensor, an array, a piece of a gradient, or the gradients of several outputs."""
    if isinstance(value, Bundle):
        return _joined([marks_of(part) for part in value.parts.values()])
    if isinstance(value, Part):
        piece, size = _marks(np.asarray(value.array)), math.prod(value.shape)
        return Marks(size, size - piece.size + piece.zeros, piece.nan, piece.inf, piece.norm)
    return _marks(np.asarray(array_of(value)))


def step_of(node: Node, g: Any, results: Sequence[Any], wanted: Iterable[Node | None] | None = None) -> Step:
    """Sum up a step as a watcher hears of it; only edges in ``wanted``, if that is given."""
    sent = [
        None
        if edge is None or result is None or (wanted is not None and edge not in wanted)
        else marks_of(result if type(result) is Part else as_added(result, edge, node))
        for edge, result in zip(node.edges, results)
    ]
    return Step(marks_of(g), tuple(sent))


def _marks(array: Any) -> Marks:
    zeros = array.size - int(np.count_nonzero(array))
    if array.dtype.kind != "f":
        return Marks(array.size, zeros, 0, 0, 0.0 if zeros == array.size else math.nan)
    with np.errstate(all="ignore"):
        flat = np.asarray(array, np.promote_types(array.dtype, np.float32)).ravel()
        norm = 0.0 if zeros == array.size else norm_of(flat)
        if math.isfinite(norm):
            return Marks(array.size, zeros, 0, 0, norm)
        nan, inf = int(np.count_nonzero(np.isnan(flat))), int(np.count_nonzero(np.isinf(flat)))
    return Marks(array.size, zeros, nan, inf, norm)


def norm_of(numbers: Any) -> float:
    """Return the Euclidean norm of a float array that is not empty, scaled where the squares do not fit."""
    flat = numbers.ravel()
    norm = float(np.sqrt(np.dot(flat, flat)))
    if 0.0 < norm < math.inf:
        return norm
    largest = float(np.abs(flat).max())
    if not 0.0 < largest < math.inf:
        return largest
    scaled = flat.astype(np.float64) / largest
    return largest * float(np.sqrt(np.dot(scaled, scaled)))


def _joined(parts: Sequence[Marks]) -> Marks:
    size, zeros = sum(part.size for part in parts), sum(part.zeros for part in parts)
    nan, inf = sum(part.nan for part in parts), sum(part.inf for part in parts)
    return Marks(size, zeros, nan, inf, math.hypot(*[part.norm for part in parts]))
