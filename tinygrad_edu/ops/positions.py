"""What an index means: from what stands in ``x[...]`` to plain, checked parts.

It knows arrays only. Reading and writing there stands in ``elements``, the ops in ``indexing``.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "Index",
    "check_integers",
    "check_positions",
    "is_basic",
    "plain",
    "prepare_index",
    "result_ndim",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Selected = list[tuple[int, Shape, Array]]
"""For each array: its first axis in the view, the sizes of its axes, the mask or the positions."""

_EVERYTHING = slice(None)
_LIMITS = (int, type(None))
_UNSIGNED = {4: np.uint32, 8: np.uint64}


class Index(NamedTuple):
    """An index in plain parts, checked against the shape that it was made for.

    Two steps, as in PyTorch: the basic parts give a view, then arrays select from axes of that
    view. Several integer arrays (or the axes of a mask) become positions along these axes taken as
    one, in C order: a single array whatever was given, and the fastest way to read and write there.

    Attributes
    ----------
    basic : tuple
        Integers, slices, None and Ellipsis.
    axes : tuple of int
        The axes of the view from which arrays select.
    flat : ndarray of int64 or None
        Positions along these axes taken as one. None: the index gives a view.
    unique : bool
        No position occurs twice, as in a mask.
    """

    basic: tuple[Any, ...] = (...,)
    axes: tuple[int, ...] = ()
    flat: Array | None = None
    unique: bool = False


def plain(value: Any) -> Any:
    """Return the array of a Tensor, and anything else as it is."""
    return getattr(value, "array", value)


def prepare_index(index: Any, shape: Shape) -> Index:
    """Turn what stands in ``x[index]`` into an :class:`Index`, with PyTorch's meaning and errors.

    Its arrays have memory of their own: a later change of an index tensor changes nothing.

    Parameters
    ----------
    index : object
        Integers, slices, None, Ellipsis, booleans, lists, arrays and Tensors of integers or
        booleans, or a tuple of these. A 0-d integer tensor counts as an integer.
    shape : tuple of int
        Shape of what is indexed.

    Raises
    ------
    IndexError
        If there are too many parts, a position is out of bounds, a mask has another shape, arrays
        do not broadcast, or a part (a float ...) is no index at all.
    ValueError
        If a slice has a step that is not positive.

    Notes
    -----
    A list counts as an array, as in NumPy 2; PyTorch still reads a nested list as a tuple, and
    warns that this will change.

    Examples
    --------
    >>> prepare_index((0, slice(1, 3)), (2, 4))
    Index(basic=(0, slice(1, 3, None), Ellipsis), axes=(), flat=None, unique=False)
    >>> prepare_index(([0, 1], [2, -1]), (2, 4))[1:]
    ((0, 1), array([2, 7]), False)
    """
    if type(index) is Index:
        return index
    quick = _quick(index, shape)
    if quick is not None:
        return quick
    if not shape and type(index) is int:
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a "
            f"number; it has no dimension that {index} could select from."
        )
    parts = [_plain_part(part) for part in (index if type(index) is tuple else (index,))]
    basic, selected = _walk(parts, shape)
    return Index((*basic, ...), *_flatten(selected)) if selected else Index((*basic, ...))


def _quick(index: Any, shape: Shape) -> Index | None:
    """Prepare an index of integers and plain slices in one pass; None: it takes a closer look."""
    parts = index if type(index) is tuple else (index,)
    if len(parts) > len(shape):
        return None
    for part, size in zip(parts, shape):
        if type(part) is int:
            if not -size <= part < size:
                return None
        elif type(part) is not slice or not _is_plain(part):
            return None
    return Index((*parts, ...))


def _is_plain(part: slice) -> bool:
    return part.step is None and type(part.start) in _LIMITS and type(part.stop) in _LIMITS


def is_basic(index: Index) -> bool:
    """Return whether a prepared index gives a view, not a copy."""
    return index.flat is None


def result_ndim(ndim: int, index: Index) -> int:
    """Count the axes of ``x[index]`` for an x with ``ndim`` axes."""
    parts = index.basic[:-1]  # the last one is Ellipsis
    view = ndim + sum(part is None for part in parts) - sum(type(part) is int for part in parts)
    return view if index.flat is None else view - len(index.axes) + index.flat.ndim


def check_positions(index: Array, size: int, refuse: type[Exception], message: str) -> None:
    """Refuse positions outside ``range(size)``; ``{0}`` in the message becomes the worst."""
    if _leaves_range(index, size):
        low, high = int(index.min()), int(index.max())
        raise refuse(message.format(low if low < 0 else high))


def _leaves_range(positions: Array, size: int) -> bool:
    """Tell whether one is not in ``range(size)``: without its sign, a negative one is large."""
    unsigned = positions.view(_UNSIGNED[positions.itemsize])
    return bool(positions.size and np.maximum.reduce(unsigned, axis=None) >= size)


def check_integers(message: str, index: Any) -> None:
    """Refuse an index tensor that is not of int64 or int32."""
    if getattr(index, "dtype", None) not in (np.dtype(np.int64), np.dtype(np.int32)):
        found = getattr(index, "dtype", type(index).__name__)
        raise RuntimeError(f"{message}: got {found}; convert it with .long().")


def _plain_part(part: Any) -> Any:
    """Give one part as an int, a slice, None, Ellipsis, or an array of integers or booleans."""
    kind = type(part)
    if kind is int or part is None or part is Ellipsis:
        return part
    if kind is slice:
        return _plain_slice(part)
    part = plain(part)
    if isinstance(part, (list, tuple, range)):
        part = np.asarray(part) if len(part) else np.empty(0, np.int64)
    if isinstance(part, (bool, np.bool_)):
        return np.array(part)
    if isinstance(part, np.ndarray):
        return _plain_array(part)
    try:
        return operator.index(part)
    except TypeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
            f"valid indices (got {type(part).__name__}): {part!r} is none of these."
        ) from None


def _plain_slice(part: slice) -> slice:
    try:
        start, stop, step = [None if p is None else operator.index(p) for p in (part.start, part.stop, part.step)]
    except TypeError:
        raise TypeError(f"slice indices must be integers or None or have an __index__ method: got {part}.") from None
    if step is not None and step <= 0:
        problem = "step must be greater than zero" if step else "slice step cannot be zero"
        raise ValueError(f"{problem}: got {step}; use flip to turn an axis around.")
    return slice(start, stop, step)


def _plain_array(part: Array) -> Any:
    if part.dtype == np.uint8:  # PyTorch's masks of old
        part = part.astype(np.bool_)
    if part.dtype not in (np.dtype(np.int64), np.dtype(np.int32), np.dtype(np.bool_)):
        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors: got {part.dtype}; "
            "convert it with .long(), or compare it to get a mask."
        )
    return int(part) if part.ndim == 0 and part.dtype != np.bool_ else part


def _walk(parts: Sequence[Any], shape: Shape) -> tuple[list[Any], Selected]:
    """Go through parts and axes together; give what makes the view, and what selects from it."""
    basic: list[Any] = []
    selected: Selected = []
    axis = seen = 0  # in the tensor, in the view
    for part in _fill_ellipsis(parts, shape):
        n = _axes_of(part)
        if not isinstance(part, np.ndarray):
            basic.append(_in_bounds(part, axis, shape) if type(part) is int else part)
            seen += type(part) is not int
        else:
            basic += [_EVERYTHING] * n if part.ndim else [None]
            selected.append((seen, *_select(part, axis, shape)))
            seen += len(selected[-1][1])
        axis += n
    return basic, selected


def _fill_ellipsis(parts: Sequence[Any], shape: Shape) -> list[Any]:
    """Write slices for the axes that the first Ellipsis stands for; another one stands for none."""
    free = len(shape) - sum(map(_axes_of, parts))
    if free < 0:
        raise IndexError(
            f"too many indices for tensor of dimension {len(shape)}: got {len(shape) - free}, "
            f"one for each axis of {list(shape)} is the most."
        )
    filled: list[Any] = []
    for part in parts:
        if part is Ellipsis:
            filled += [_EVERYTHING] * free
            free = 0
        else:
            filled.append(part)
    return filled


def _axes_of(part: Any) -> int:
    """Count the axes of the tensor that a part takes up."""
    if isinstance(part, np.ndarray):
        return part.ndim if part.dtype == np.bool_ else 1
    return 0 if part is None or part is Ellipsis else 1


def _in_bounds(position: int, axis: int, shape: Shape) -> int:
    if not -shape[axis] <= position < shape[axis]:
        raise IndexError(
            f"index {position} is out of bounds for dimension {axis} with size {shape[axis]}: the "
            "first is 0, the last is -1."
        )
    return position


def _select(part: Array, axis: int, shape: Shape) -> tuple[Shape, Array]:
    """Give the sizes of the axes that an array selects from, and the checked array."""
    if part.dtype != np.bool_:
        return shape[axis : axis + 1], _positions(part, axis, shape)
    if not part.ndim:  # True and False: a mask over a new axis of size 1
        return (1,), part.reshape(1)
    sizes = shape[axis : axis + part.ndim]
    for i, (n, size) in enumerate(zip(part.shape, sizes)):
        if n != size:
            raise IndexError(
                f"The shape of the mask {list(part.shape)} at index {i} does not match the shape "
                f"of the indexed tensor {list(shape)} at index {axis + i}."
            )
    return sizes, part


def _positions(part: Array, axis: int, shape: Shape) -> Array:
    """Give positions counted from the front, in memory of their own."""
    positions = np.array(part, np.int64)
    if _leaves_range(positions, shape[axis]):
        _in_bounds(int(positions.min()), axis, shape)
        _in_bounds(int(positions.max()), axis, shape)
        positions[positions < 0] += shape[axis]
    return positions


def _flatten(selected: Selected) -> tuple[tuple[int, ...], Array, bool]:
    """Join what selects to ``(axes, flat, unique)``."""
    axes = tuple(first + i for first, sizes, _ in selected for i in range(len(sizes)))
    if len(selected) == 1:
        part = selected[0][2]
        is_mask = part.dtype == np.bool_
        return axes, np.flatnonzero(part) if is_mask else part, is_mask
    sizes = [size for _, sizes, _ in selected for size in sizes]
    arrays = [p for _, _, part in selected for p in (part.nonzero() if part.dtype == np.bool_ else (part,))]
    try:
        np.broadcast(*arrays)
    except ValueError:
        shapes = ", ".join(str(list(a.shape)) for a in arrays)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}."
        ) from None
    flat = arrays[0]
    for size, positions in zip(sizes[1:], arrays[1:]):
        flat = flat * size + positions
    return axes, flat, False
