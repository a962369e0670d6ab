"""Strategies for arrays and tensors: any shape, any values, and any layout of their memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...creation import from_numpy
from ...tensor import Tensor
from .drawing import drawn, hypothesis, value_of
from .numbers import elements as floats
from .sizes import shapes

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["LAYOUTS", "arrays", "several_arrays", "tensors"]

Array = np.ndarray[Any, Any]


@drawn
def tensors(
    draw: DrawFn,
    shape: Any = None,
    dtype: Any = np.float64,
    elements: SearchStrategy[Any] | None = None,
    requires_grad: bool = True,
    layout: str = "any",
    distinct: bool = False,
) -> Tensor:
    """Draw a tensor.

    Parameters
    ----------
    shape : tuple of int, or strategy
        By default :func:`shapes`: 0 to 3 axes of sizes 1 to 4.
    dtype : dtype or type
        float64 unless the derivative of another floating dtype is to be checked.
    elements : strategy, optional
        By default :func:`elements`, whole numbers from -5 to 5, or booleans, as ``dtype`` says.
    requires_grad : bool
        Whether a tensor of a floating dtype wants a gradient.
    layout : str
        How it lies in memory: "contiguous", "transposed", "fortran", "strided", "reversed", or "any" of these.
    distinct : bool
        No two values are equal: for functions that sort or choose.

    Returns
    -------
    SearchStrategy of Tensor
        Shrinks to a small, contiguous tensor of ones.
    """
    array = draw(arrays(shape, dtype, elements, layout, distinct))
    return as_tensor(array, requires_grad)


@drawn
def arrays(
    draw: DrawFn,
    shape: Any = None,
    dtype: Any = np.float64,
    elements: SearchStrategy[Any] | None = None,
    layout: str = "any",
    distinct: bool = False,
) -> Array:
    """Draw a NumPy array; the arguments are those of :func:`tensors`."""
    wanted = draw(shapes()) if shape is None else value_of(draw, shape)
    wanted = (wanted,) if isinstance(wanted, int) else tuple(wanted)
    return draw(several_arrays([wanted], [elements], dtype, layout, distinct))[0]


@drawn
def several_arrays(
    draw: DrawFn,
    wanted: Sequence[tuple[int, ...]],
    elements: Sequence[SearchStrategy[Any] | None],
    dtype: Any = np.float64,
    layout: str = "any",
    distinct: bool = False,
) -> list[Array]:
    """Draw an array for each shape; ``distinct``: no value stands twice in all of them together."""
    kind = np.dtype(dtype)
    given = [_by_default(kind) if e is None else e for e in elements]
    counts = [math.prod(shape) for shape in wanted]
    if distinct:
        together = draw(_list(given[0], sum(counts), unique=True))
        parts = [[together.pop(0) for _ in range(count)] for count in counts]
    else:
        parts = [draw(_list(e, count)) for e, count in zip(given, counts)]
    made = [np.array(part, kind).reshape(shape) for part, shape in zip(parts, wanted)]
    return [_LAY[draw(_layouts(layout))](array) for array in made]


def as_tensor(array: Array, requires_grad: bool = True) -> Tensor:
    """Make a tensor on an array's memory, whatever its layout."""
    return from_numpy(array).requires_grad_(requires_grad and array.dtype.kind == "f")


def _list(values: SearchStrategy[Any], count: int, unique: bool = False) -> Any:
    return hypothesis().strategies.lists(values, min_size=count, max_size=count, unique=unique)


def _by_default(dtype: np.dtype[Any]) -> SearchStrategy[Any]:
    if dtype.kind == "f":
        return floats()
    st = hypothesis().strategies
    return st.booleans() if dtype.kind == "b" else st.integers(0 if dtype.kind == "u" else -5, 5)  # type: ignore[no-any-return]


# ---- how an array lies in memory: the same values at other addresses


def _strided(array: Array) -> Array:
    """Leave out every second place."""
    return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array


def _reversed(array: Array) -> Array:
    """Count backward along every axis."""
    return np.flip(np.flip(array).copy()) if array.ndim else array


def _fortran(array: Array) -> Array:
    """Store the first axis innermost."""
    return np.array(array, order="F")


def _transposed(array: Array) -> Array:
    """Store the two last axes in the other order."""
    return array.swapaxes(-1, -2).copy().swapaxes(-1, -2) if array.ndim > 1 else array


_LAY: dict[str, Callable[[Array], Array]] = {
    "contiguous": np.asarray,  # it is made so
    "transposed": _transposed,
    "fortran": _fortran,
    "strided": _strided,
    "reversed": _reversed,
}
LAYOUTS = tuple(_LAY)


def _layouts(layout: str) -> SearchStrategy[str]:
    if layout != "any" and layout not in _LAY:
        raise ValueError(f"layout={layout!r} is none of {['any', *LAYOUTS]}.")
    st = hypothesis().strategies
    return st.sampled_from(LAYOUTS) if layout == "any" else st.just(layout)  # type: ignore[no-any-return]
