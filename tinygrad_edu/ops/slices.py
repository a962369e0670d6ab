"""Selecting and changing whole slices along one axis by a vector of positions.

One position for every element is ``gathering``; rows of a table of vectors are ``lookup``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import op
from .dims import normalize_dim
from .elements import add_to, read, write
from .indexing import place
from .positions import Index, check_integers, check_positions, plain, prepare_index

__all__ = ["index_add", "index_copy", "index_fill", "index_select"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def _slices(who: str, shape: Shape, dim: int, index: Any, negative: bool = False) -> Index:
    """Return the index of whole slices along an axis; a 0-d input counts as one of 1 axis."""
    index = plain(index)
    check_integers(f"{who}(): Expected dtype int32 or int64 for index", index)
    if index.ndim > 1:
        raise IndexError(f"{who}(): Index is supposed to be a vector: got shape {list(index.shape)}; flatten it.")
    dim = normalize_dim(dim, len(shape), who)
    if negative:
        return prepare_index((slice(None),) * dim + (index.reshape(-1),), shape)
    sizes = shape or (1,)
    check_positions(
        index,
        sizes[dim],
        IndexError,
        f"index out of range in self: {who} got {{0}} for dimension {dim} with size {sizes[dim]}.",
    )
    flat = np.array(index, np.int64).reshape(-1)
    return Index((...,) if shape else (None, ...), (dim,), flat)


_PICK = np.array([2, 0, 2])


@op(
    vjps=(
        lambda g, _out, input_shape, dim, index: place(
            g if input_shape else g[None],
            _slices("index_select", input_shape, dim, index),
            input_shape,
        ),
        None,
        None,
    ),
    cases=Cases(
        Case((Draw((3, 2)), 0, _PICK)),
        Case((Draw((2, 3)), -1, _PICK.astype(np.int32))),
        Case((Draw((2, 3, 2)), 1, np.array([1]))),
        Case((Draw((3,)), 0, _PICK)),
        Case((Draw((3, 2)), 0, np.array(1))),
        Case((Draw((3, 2)), 0, np.zeros(0, np.int64))),
        Case((Draw(()), 0, np.array([0]))),
        errors=[
            Error((Draw(()), 0, np.array([0, 0])), {}, RuntimeError, "can have only 1 value, got 2"),
            Error((Draw((2, 3)), 0, np.array([2])), {}, IndexError, "index out of range in self"),
            Error((Draw((2, 3)), 0, np.array([-1])), {}, IndexError, "index out of range in self"),
            Error((Draw((2, 3)), 0, np.array([[0]])), {}, IndexError, "supposed to be a vector"),
            Error((Draw((2, 3)), 0, np.array([0.0])), {}, RuntimeError, "dtype int32 or int64"),
            Error((Draw((2, 3)), 2, np.array([0])), {}, IndexError, "Dimension out of range"),
        ],
    ),
    register=True,
)
def index_select(input: Array, dim: int, index: Array) -> Array:
    """Pick whole slices along an axis: ``input[:, index]`` for ``dim=1``.

    Raises
    ------
    IndexError
        If the index is out of bounds or not a vector, or there is no such axis.
    RuntimeError
        If the index is not of integers.
    """
    picked: Array = read(input, _slices("index_select", input.shape, dim, index))
    if input.ndim:
        return picked
    if picked.size != 1:
        raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {picked.size} value(s).")
    return picked.reshape(())


def _index_add_(array: Array, dim: int, index: Any, source: Any, alpha: float = 1) -> None:
    where = _slices("index_add", array.shape, dim, index)
    _check_slices("index_add", array, where, source)
    add_to(array, where, source if alpha == 1 else alpha * source)


def _check_slices(who: str, array: Array, where: Index, source: Array) -> None:
    """Refuse a source that is not one slice for each index."""
    assert where.flat is not None
    wanted = list(array.shape)
    wanted[where.axes[0]] = where.flat.size
    if list(source.shape) != wanted:
        raise RuntimeError(
            f"{who}: source tensor shape must match self tensor shape, excluding the specified "
            f"dimension, with one slice for each of the {where.flat.size} indices: expected "
            f"{wanted}, got {list(source.shape)}."
        )
    if source.dtype != array.dtype:
        raise RuntimeError(
            f"{who}: self ({array.dtype}) and source ({source.dtype}) must have the same scalar "
            "type; convert the source with .to(dtype)."
        )


_SLICE_ERRORS = [
    Error((Draw((2, 3)), 0, np.array([0, 1]), Draw((3, 3))), {}, RuntimeError, "must match self"),
    Error((Draw((2, 3)), 0, np.array([2]), Draw((1, 3))), {}, IndexError, "index out of range"),
    Error((Draw((2,)), 0, np.array([0]), np.array([1])), {}, RuntimeError, "same scalar type"),
]


@op(
    vjps=(
        lambda g, _out, _input, _dim, _index, _source, _alpha: g,
        None,
        None,
        lambda g, _out, _input, dim, index, _source, alpha: (
            index_select(g, dim, index) if alpha == 1 else index_select(g, dim, index) * alpha
        ),
    ),
    inplace=_index_add_,
    cases=Cases(
        Case((Draw((3, 2)), 0, _PICK, Draw((3, 2)))),
        Case((Draw((2, 3)), -1, _PICK, Draw((2, 3))), {"alpha": 2.5}),
        Case((Draw((3,)), 0, np.array([1]), Draw((1,)))),
        errors=_SLICE_ERRORS,
    ),
    register=True,
)
def index_add(input: Array, dim: int, index: Array, source: Array, alpha: float = 1) -> Array:
    """Add slices of a source to the slices that an index names; what meets is added up.

    ``out[:, index[j]] += alpha * source[:, j]`` for ``dim=1``.
    """
    out = np.array(input)
    _index_add_(out, dim, index, source, alpha)
    return out


def _index_copy_(array: Array, dim: int, index: Any, source: Any) -> None:
    where = _slices("index_copy", array.shape, dim, index)
    _check_slices("index_copy", array, where, source)
    write(array, where, source)


@op(
    vjps=(
        lambda g, _out, _input, dim, index, _source: index_fill(g, dim, index, 0.0),
        None,
        None,
        lambda g, _out, _input, dim, index, _source: index_select(g, dim, index),
    ),
    inplace=_index_copy_,
    cases=Cases(
        Case((Draw((3, 2)), 0, np.array([2, 0]), Draw((2, 2)))),
        Case((Draw((2, 3)), 1, np.array([1]), Draw((2, 1)))),
        errors=_SLICE_ERRORS,
    ),
    register=True,
)
def index_copy(input: Array, dim: int, index: Array, source: Array) -> Array:
    """Replace the slices that an index names: ``out[:, index] = source`` for ``dim=1``."""
    out = np.array(input)
    _index_copy_(out, dim, index, source)
    return out


def _index_fill_(array: Array, dim: int, index: Any, value: Any) -> None:
    if np.ndim(value):
        raise RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{np.ndim(value)} dimension(s): use index_copy for several values."
        )
    write(array, _slices("index_fill", array.shape, dim, index, negative=True), value)


@op(
    vjps=(
        lambda g, _out, _input, dim, index, _value: index_fill(g, dim, index, 0.0),
        None,
        None,
        # not index_select: a slice that is named twice is filled once
        lambda g, _out, _input, dim, index, _value: g - index_fill(g, dim, index, 0.0),
    ),
    inplace=_index_fill_,
    cases=Cases(
        Case((Draw((3, 2)), 0, np.array([2, 0]), -1.5)),
        Case((Draw((2, 3)), 1, np.array([2, 2]), Draw(()))),
        errors=[
            Error((Draw((2,)), 0, np.array([2]), 1.0), {}, IndexError, "index 2 is out of bounds"),
            Error((Draw((2,)), 0, np.array([0]), Draw((1,))), {}, RuntimeError, "0-dimensional"),
        ],
    ),
    register=True,
)
def index_fill(input: Array, dim: int, index: Array, value: Any) -> Array:
    """Fill the slices that an index names with one value: ``out[:, index] = value`` for dim 1."""
    out = np.array(input)
    _index_fill_(out, dim, index, value)
    return out
