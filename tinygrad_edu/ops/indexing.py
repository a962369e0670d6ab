"""Reading and writing what an index points at: ``x[...]``, ``x[...] = v``, copies and fills.

What an index means is decided in ``positions``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..dtypes import type_name
from ..op import fused, op
from .elements import add_to, placed, read, write
from .part import Part
from .positions import Index, is_basic, prepare_index, result_ndim
from .shape import reshape

__all__ = [
    "assignable",
    "check_number",
    "copy",
    "fill",
    "getitem",
    "index_put",
    "is_basic",
    "place",
    "prepare_index",
    "result_ndim",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

_MASK = np.array([[True, False, True], [False, False, True]])
_INDICES: list[tuple[Shape, Any]] = [
    ((4,), 1),
    ((4,), -1),
    ((2, 3), (1, 2)),
    ((2, 3), slice(1, None)),
    ((2, 3), (slice(None), slice(None, None, 2))),
    ((2, 3), (None, ..., 0)),
    ((2, 3), ...),
    ((2, 3), ()),
    ((), None),
    ((2, 3), (slice(5, None),)),
    ((0, 3), (slice(None), 1)),
    ((3,), np.array([2, 0, 2, -1])),
    ((3,), np.zeros(0, np.int64)),
    ((2, 3), np.array([[0, 1], [1, 1]])),
    ((2, 3), (slice(None), np.array([0, 0, 2]))),
    ((2, 3), (np.array([0, 1, 1]), np.array([2, 0, 0]))),
    ((2, 3), (np.array([[0], [1]]), np.array([2, 0]))),
    ((2, 3, 2), (np.array([0, 1]), slice(None), np.array([1, 1]))),
    ((2, 3, 2), (1, slice(None), np.array([1, 0, 1]))),
    ((2, 3, 2), (slice(None), np.array([1, 1]), 0)),
    ((2, 3, 2), (slice(None), np.array([1, 1]), None, np.array([0, 1]))),
    ((2, 3), _MASK),
    ((2, 3), np.array([False, True])),
    ((2, 3), (slice(None), np.array([True, False, True]))),
    ((2, 3, 2), (_MASK, np.array([0]))),
    ((2, 3), True),
    ((2, 3), (slice(None), False)),
]


def _as_torch(torch: Any, index: Any) -> Any:
    parts = index if isinstance(index, (tuple, list)) else (index,)
    return tuple(torch.tensor(p) if isinstance(p, np.ndarray) else p for p in parts)


def _getitem_kernel(g: Array, index: Any, shape: Shape) -> Any:
    ready = prepare_index(index, shape)
    return Part(g, ready.basic, shape) if is_basic(ready) else placed(g, ready, shape)


@op(
    vjps=(lambda g, _out, input_shape, index: _getitem_grad(g, index, input_shape),),
    view=True,
    cases=Cases(
        *[Case((Draw(shape),), {"index": index}) for shape, index in _INDICES],
        errors=[
            Error((Draw((2, 3)),), {"index": index}, kind, match)
            for index, kind, match in [
                (2, IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
                ((0, -4), IndexError, "index -4 is out of bounds for dimension 1 with size 3"),
                ((0, 0, 0), IndexError, "too many indices for tensor of dimension 2"),
                ([0, 5], IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
                (1.0, IndexError, r"only integers, slices .* \(got float\)"),
                (np.array([1.0]), IndexError, "must be long, int, byte or bool tensors"),
                (slice(None, None, -1), ValueError, "step must be greater than zero"),
                (_MASK.T, IndexError, r"The shape of the mask \[3, 2\] at index 0 does not"),
                (([0, 1], [0, 1, 2]), IndexError, r"broadcast together with shapes \[2\], \[3\]"),
            ]
        ],
        torch=lambda torch, inputs, params: inputs[0][_as_torch(torch, params["index"])],
    ),
    register=True,
)
def getitem(input: Array, index: Any) -> Array:
    """Return ``input[index]``: a view for integers, slices, None and Ellipsis, a copy for arrays.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    index : object
        What may stand in brackets; see :func:`prepare_index`. Arrays that stand side by side put
        their axes in their place, arrays with slices between them put them in front.

    Raises
    ------
    IndexError
        If a position is out of bounds, there are too many, or a mask does not fit.
    ValueError
        If a slice has a step that is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(6).reshape(2, 3)
    >>> getitem(x, (slice(None), [2, 0])).tolist()
    [[2, 0], [5, 3]]
    >>> getitem(x, x > 2).tolist()
    [3, 4, 5]
    """
    return read(input, prepare_index(index, input.shape))


@op(
    vjps=(lambda g, _out, _input, index, _shape: getitem(g, index),),
    cases=Cases(
        *[
            Case((Draw(np.empty(shape)[index].shape),), {"index": index, "shape": shape})
            for shape, index in _INDICES
            if shape != (2, 3, 2)  # NumPy places the axes of a mixed index otherwise
        ],
        Case((Draw((3, 2)),), {"index": (1, slice(None), [1, 0]), "shape": (2, 3, 2)}),
        Case((Draw((2, 3)),), {"index": ([1, 1], ..., [1, 1]), "shape": (2, 3, 2)}),
        torch=False,
    ),
    register=True,
)
def place(input: Array, index: Any, shape: Shape) -> Array:
    """Put values into zeros of a shape at an index, adding those that meet: getitem's derivative.

    Parameters
    ----------
    input : Tensor
        In the shape of ``zeros[index]``.
    index : object
        As in :func:`getitem`.
    shape : tuple of int
        Shape of the result.

    Examples
    --------
    >>> import numpy as np
    >>> place(np.array([1, 2, 3]), [0, 2, 2], (4,)).tolist()
    [1, 0, 5, 0]
    """
    return placed(input, prepare_index(index, shape), shape)


_getitem_grad = fused(_getitem_kernel)(place)


def _index_put_(array: Array, indices: Any, values: Any, accumulate: bool = False) -> None:
    index = prepare_index(indices if isinstance(indices, Index) else tuple(indices), array.shape)
    _check_put(array, index, values)
    (add_to if accumulate else write)(array, index, values)


def _check_put(array: Array, index: Index, values: Any) -> None:
    """Refuse values of another dtype, but for one value under a mask: that is a masked fill."""
    if not isinstance(values, np.ndarray) or values.dtype == array.dtype:
        return
    if index.flat is not None and not (index.unique and values.size == 1):
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{type_name(array.dtype)} for the destination and {type_name(values.dtype)} for the "
            "source: convert the values with .to(dtype)."
        )


@op(
    vjps=(
        lambda g, _out, _input, indices, _values, accumulate: g if accumulate else index_put(g, indices, 0.0),
        None,
        lambda g, _out, _input, indices, _values, _accumulate: getitem(g, _tuple(indices)),
    ),
    inplace=_index_put_,
    cases=Cases(
        *[
            Case((Draw((3, 2)), indices, values), {"accumulate": accumulate})
            for accumulate in (False, True)
            for indices, values in [
                ((np.array([2, 0]),), Draw((2, 2))),
                ((np.array([2, 0]),), Draw((2, 1))),
                ((np.array([2, 0]), np.array([1, 1])), Draw(())),
                ((np.array([True, False, True]),), Draw((2,))),
                ((np.zeros(0, np.int64),), Draw((2,))),
            ]
        ],
        Case((Draw((3, 2)), (np.array([2, 0, 2]),), Draw((3, 2))), {"accumulate": True}),
        Case((Draw((3, 2)), (np.array([1, 1, 1, 0]),), Draw(())), {"accumulate": True}),
        errors=[
            Error((Draw((3, 2)), ([0, 1],), Draw((3,))), {}, RuntimeError, r"value tensor of shape"),
            Error((Draw((3, 2)), ([0],), Draw((1, 1, 2))), {}, RuntimeError, r"shape \[1, 1, 2\]"),
            Error((Draw((3, 2)), ([3],), Draw(())), {}, IndexError, "out of bounds"),
            Error((Draw((3,)), ([0, 0],), np.array([1, 2])), {}, RuntimeError, "dtypes match, got"),
        ],
        torch=lambda torch, inputs, params: torch.index_put(
            inputs[0], _as_torch(torch, inputs[1]), inputs[2], **params
        ),
    ),
    register=True,
)
def index_put(input: Array, indices: Any, values: Any, accumulate: bool = False) -> Array:
    """Return a copy of the input with ``values`` at ``indices``; in place: ``x[indices] = values``.

    Parameters
    ----------
    input : Tensor
        Any shape.
    indices : tuple
        The parts of an index: arrays, and whatever else may stand in brackets.
    values : Tensor or number
        Broadcasts to the shape of ``input[indices]``; of the input's dtype.
    accumulate : bool
        Add instead of replacing. What falls on one position is then added too; without it, the
        last one stays.

    Raises
    ------
    RuntimeError
        If the values do not broadcast to what is indexed, or have another dtype.
    IndexError
        If an index is out of bounds.
    """
    out = np.array(input)
    _index_put_(out, indices, values, accumulate)
    return out


def _tuple(indices: Any) -> Any:
    """Give the parts of an index as getitem takes them: there, a list would be one array."""
    return indices if isinstance(indices, tuple) else tuple(indices)


def assignable(value: Any, ndim: int) -> Any:
    """Drop leading axes of size 1 for which the place that is assigned to has no axes."""
    extra = value.ndim - ndim
    if extra <= 0 or value.shape[:extra] != (1,) * extra:
        return value
    return reshape(value, value.shape[extra:])


def _copy_(array: Array, src: Any, non_blocking: bool = False) -> None:
    try:
        array[...] = _fitting(array.shape, src)
    except ValueError:
        raise RuntimeError(
            f"copy: a source of shape {list(np.shape(src))} does not broadcast to the shape "
            f"{list(array.shape)} that it is copied into: The size of tensor a must match the size "
            "of tensor b, axis by axis from the last, or be 1; use reshape or unsqueeze."
        ) from None


def _fitting(shape: Shape, src: Any) -> Any:
    """Refuse a source with more axes than the target (NumPy would drop leading axes of size 1)."""
    if np.ndim(src) > len(shape):
        raise RuntimeError(
            f"output with shape {list(shape)} doesn't match the broadcast shape "
            f"{list(np.shape(src))}: copy cannot drop axes; use squeeze or an index."
        )
    return src


@op(
    vjps=(
        lambda g, _out, _input, _src, _non_blocking: fill(g, 0.0),
        lambda g, _out, _input, _src, _non_blocking: g,
    ),
    inplace=_copy_,
    cases=Cases(
        *[
            Case((Draw(shape), Draw(src)))
            for shape, src in [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 3), ()), ((2, 3), (2, 1))]
        ],
        Case((Draw((0, 2)), Draw((2,)))),
        Case((Draw((2, 2)), np.array([1, 2]))),
        errors=[
            Error((Draw((2, 3)), Draw((2,))), {}, RuntimeError, r"\[2\] does not broadcast"),
            Error((Draw((3,)), Draw((1, 3))), {}, RuntimeError, "doesn't match the broadcast shape"),
        ],
        torch=lambda torch, inputs, params: inputs[0].clone().copy_(inputs[1]),
    ),
    register=True,
)
def copy(input: Array, src: Any, non_blocking: bool = False) -> Array:
    """Return ``src`` in the input's shape and dtype; in place: ``copy_``.

    Raises
    ------
    RuntimeError
        If ``src`` does not broadcast to the input's shape.
    """
    out = np.empty(input.shape, input.dtype)
    _copy_(out, src)
    return out


def _fill_(array: Array, value: Any) -> None:
    check_number("fill_", value)
    array[...] = value


def check_number(who: str, value: Any) -> None:
    """Refuse a value that is not a single one."""
    if np.ndim(value):
        raise RuntimeError(
            f"{who} only supports a 0-dimension value tensor but got tensor with {np.ndim(value)} "
            "dimensions: pass a number, or use where or copy_ for several values."
        )


@op(
    vjps=(
        lambda g, _out, _input, _value: fill(g, 0.0),
        lambda g, _out, _input, _value: g,
    ),
    inplace=_fill_,
    cases=Cases(
        Case((Draw((2, 3)), 2.5)),
        Case((Draw((2, 3)), Draw(()))),
        Case((Draw(()), Draw(()))),
        Case((Draw((0, 2)), 1)),
        Case((np.array([1, 2]), 3)),
        errors=[Error((Draw((2,)), Draw((2,))), {}, RuntimeError, "only supports a 0-dimension")],
    ),
    register=True,
)
def fill(input: Array, value: Any) -> Array:
    """Return one value in the input's shape and dtype; in place: ``fill_``."""
    out = np.empty(input.shape, input.dtype)
    _fill_(out, value)
    return out
