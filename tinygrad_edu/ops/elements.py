"""Reading, writing and adding at an :class:`Index`; it knows arrays only.

The ops that use it stand in ``indexing``, ``gathering`` and ``slices``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .positions import Index

__all__ = ["add_to", "placed", "read", "result_shape", "write"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

_EVERYTHING = slice(None)
_FEW = 1024  # so many numbers NumPy adds faster than SciPy needs to make a matrix


def read(array: Array, index: Index) -> Array:
    """Return ``array[index]``: a view when the index is basic, else a copy in C order."""
    view: Array = array[index.basic]
    if index.flat is None:
        return view
    target, key = _locate(view, index)
    if target.flags.c_contiguous and len(key) == index.axes[0] + 1:
        picked: Array = target.take(key[-1], axis=index.axes[0], mode="clip")  # checked before
        return picked
    return np.asarray(target[key], order="C")


def write(array: Array, index: Index, value: Any) -> None:
    """Do ``array[index] = value``.

    Raises
    ------
    RuntimeError
        If the value does not broadcast to the shape of ``array[index]``.
    """
    view = array[index.basic]
    shape = result_shape(view.shape, index)
    target, key = (view, (...,)) if index.flat is None else _locate(view, index)
    if np.ndim(value) > len(shape):  # NumPy would drop leading axes of size 1
        raise _misfit(value, shape)
    try:
        target[key] = value
    except ValueError:
        raise _misfit(value, shape) from None


def add_to(array: Array, index: Index, value: Any) -> None:
    """Do ``array[index] += value``, and add all that falls on one position."""
    view = array[index.basic]
    shape = result_shape(view.shape, index)
    if getattr(value, "shape", None) != shape:
        try:
            value = np.broadcast_to(value, shape)
        except ValueError:
            raise _misfit(value, shape) from None
    if index.flat is None:
        view += value
        return
    target, key = _locate(view, index)
    if index.unique:
        target[key] += value
    elif value.size <= _FEW or value.dtype.kind == "b":
        np.add.at(target, key, value)
    else:
        view += _sums(value, index, view.shape)


def _misfit(value: Any, shape: Shape) -> RuntimeError:
    return RuntimeError(
        f"shape mismatch: value tensor of shape {list(np.shape(value))} cannot be broadcast to "
        f"indexing result of shape {list(shape)}: sizes are compared from the last axis and must "
        "be equal or 1."
    )


def placed(values: Array, index: Index, shape: Shape) -> Array:
    """Return zeros of a shape with the values added at an index."""
    out = np.zeros(shape, values.dtype)
    if index.flat is None or index.unique:
        write(out, index, values)
    elif values.size > _FEW and out[index.basic].size == out.size:  # the view is everything
        return _sums(values, index, out[index.basic].shape).reshape(shape)
    else:
        add_to(out, index, values)
    return out


def result_shape(shape: Shape, index: Index) -> Shape:
    """Return the shape of ``view[index]`` for the shape of the view that the basic parts give."""
    if index.flat is None:
        return shape
    first = _first(index.axes)
    rest = [size for axis, size in enumerate(shape) if axis not in index.axes]
    return (*rest[:first], *index.flat.shape, *rest[first:])


def _first(axes: tuple[int, ...]) -> int:
    """Return where the selected axes go: to their place, or in front when others lie between."""
    return axes[0] if axes[-1] - axes[0] == len(axes) - 1 else 0


def _locate(view: Array, index: Index) -> tuple[Array, tuple[Any, ...]]:
    """Return a target on the view's memory and a key, so that ``target[key]`` is meant."""
    axes, flat = index.axes, index.flat
    assert flat is not None
    first, n = axes[0], len(axes)
    before = (_EVERYTHING,) * first
    if n == 1:
        return view, (*before, flat)
    shape = view.shape
    sizes = tuple(shape[axis] for axis in axes)
    if axes[-1] - first == n - 1 and view.flags.c_contiguous:
        # (..., S1, S2, ...) -> (..., S1*S2, ...): several times faster than an array for each axis
        merged = (*shape[:first], math.prod(sizes), *shape[first + n :])
        return view.reshape(merged), (*before, flat)
    key: list[Any] = [_EVERYTHING] * view.ndim
    for axis, positions in zip(axes, np.unravel_index(flat, sizes)):
        key[axis] = positions
    return view, tuple(key)


def _sums(values: Array, index: Index, shape: Shape) -> Array:
    """Return zeros of the view's shape with the values added: a sparse matrix of ones times them.

    It goes once through the values; ``np.add.at`` and sorting take ten times as long for rows.
    """
    from scipy.sparse import csc_array

    axes, flat = index.axes, index.flat
    assert flat is not None
    first, n = axes[0], math.prod([shape[axis] for axis in axes])
    rows = _rows_first(values, _first(axes), flat)
    wide = np.dtype(np.float32) if values.dtype == np.float16 else values.dtype
    ends = np.arange(flat.size + 1)
    ones = csc_array((np.ones(flat.size, wide), flat.reshape(-1), ends), shape=(n, flat.size))
    sums: Array = (ones @ rows.astype(wide, copy=False)).astype(values.dtype, copy=False)
    if first == 0 and axes[-1] == len(axes) - 1:
        return sums.reshape(shape)
    rest = [size for axis, size in enumerate(shape) if axis not in axes]
    return np.moveaxis(sums.reshape([shape[axis] for axis in axes] + rest), range(len(axes)), axes)


def _rows_first(values: Array, first: int, flat: Array) -> Array:
    """Bring the selected axes to the front, the others together: (..., *B, ...) -> (B, rest)."""
    if first:
        values = np.moveaxis(values, range(first, first + flat.ndim), range(flat.ndim))
    return values.reshape(flat.size, -1)
