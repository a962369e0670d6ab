"""Selecting and collecting along one axis with a position for every element: gather and scatter.

Whole slices at once are ``slices``. An index tensor is an input without a derivative.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import composite, op
from .dims import normalize_dim
from .elements import add_to, read, write
from .indexing import getitem, place
from .positions import Index, check_integers, check_positions, plain
from .shape import broadcast_to, reshape

__all__ = ["gather", "scatter", "scatter_add", "take", "take_along_dim"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def _along(who: str, shape: Shape, dim: int, index: Any) -> Index:
    """Return where ``index`` points along ``dim``, all other positions being its element's own."""
    check_integers(f"{who}(): Expected dtype int32/int64 for index", index)
    sizes, picked = shape or (1,), index.reshape(index.shape or (1,))
    dim = normalize_dim(dim, len(sizes), who)
    if picked.size == 0 and picked.ndim != len(sizes):
        return Index((...,), tuple(range(len(shape))), np.zeros(index.shape, np.int64))
    _check_smaller(who, picked.shape, sizes, dim)
    check_positions(
        picked,
        sizes[dim],
        RuntimeError,
        f"index {{0}} is out of bounds for dimension {dim} with size {sizes[dim]}: {who} counts "
        "from 0, and takes no negative index.",
    )
    stride = math.prod(sizes[dim + 1 :])
    flat = picked if stride == 1 else picked.astype(np.int64, copy=False) * stride
    if len(sizes) > 1:
        flat = flat + _own_places(picked.shape, sizes, dim)
    basic = (...,) if shape else (None, ...)
    return Index(basic, tuple(range(len(sizes))), flat.reshape(index.shape))


def _own_places(picked: Shape, sizes: Shape, dim: int) -> Array | int:
    """Return the part of an element's place in C order that its other axes give."""
    places: Array | int = 0
    stride = 1
    for axis in reversed(range(len(sizes))):
        if axis != dim and picked[axis] != 1:
            own = np.arange(picked[axis]).reshape([-1] + [1] * (len(sizes) - axis - 1))
            places = places + own * stride
        stride *= sizes[axis]
    return places


def _check_smaller(who: str, picked: Shape, sizes: Shape, dim: int) -> None:
    if len(picked) != len(sizes):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as input tensor: {who} got an "
            f"index with {len(picked)} and an input with {len(sizes)}; use unsqueeze or expand."
        )
    if picked[:dim] == sizes[:dim] and picked[dim + 1 :] == sizes[dim + 1 :]:
        return  # nearly always
    if any(n > size for axis, (n, size) in enumerate(zip(picked, sizes)) if axis != dim):
        raise RuntimeError(
            f"Expected index {list(picked)} to be no larger than self {list(sizes)} apart from "
            f"dimension {dim}: {who} leaves the other axes as they are."
        )


_ROWS = np.array([[0, 2, 2], [1, 0, 2]])
_COLUMNS = np.array([[0, 1], [2, 2]])


@op(
    vjps=(
        lambda g, _out, input_shape, dim, index, _sparse_grad: place(
            g, _along("gather", input_shape, dim, plain(index)), input_shape
        ),
        None,
        None,
    ),
    cases=Cases(
        Case((Draw((3, 3)), 0, _ROWS)),
        Case((Draw((2, 3)), 1, _COLUMNS)),
        Case((Draw((2, 3)), -1, np.array([[0]]))),
        Case((Draw((2, 3, 2)), 1, np.array([[[1], [0], [0], [2]]]))),
        Case((Draw((4,)), 0, np.array([3, 3, 0], np.int32))),
        Case((Draw(()), 0, np.array([0, 0]))),
        Case((Draw((3,)), 0, np.array(1))),
        Case((Draw((2, 3)), 1, np.zeros((2, 0), np.int64))),
        Case((Draw((2, 3)), 1, np.zeros(0, np.int64))),
        Case((Draw((2, 0)), 1, np.zeros((2, 0), np.int64))),
        errors=[
            Error((Draw((2, 3)), dim, index), {}, kind, match)
            for dim, index, kind, match in [
                (1, np.array([[3]]), RuntimeError, "index 3 is out of bounds for dimension 1 with"),
                (1, np.array([[-1]]), RuntimeError, "index -1 is out of bounds for dimension 1"),
                (1, np.array([0]), RuntimeError, "same number of dimensions as input tensor"),
                (1, np.array([[0], [0], [0]]), RuntimeError, r"index \[3, 1\] to be no larger"),
                (1, np.array([[0.0]]), RuntimeError, "Expected dtype int32/int64 for index"),
                (2, np.array([[0]]), IndexError, "Dimension out of range"),
            ]
        ],
    ),
    register=True,
)
def gather(input: Array, dim: int, index: Array, sparse_grad: bool = False) -> Array:
    """Pick one element along an axis for each element of an index.

    Parameters
    ----------
    input : Tensor
        Any shape.
    dim : int
        The axis along which to pick.
    index : Tensor of int64 or int32
        As many axes as the input, and along the others no longer than it.
    sparse_grad : bool
        Gradients are dense here whatever it says.

    Returns
    -------
    Tensor
        In the index's shape; for ``dim=1``, ``out[i, j, k] = input[i, index[i, j, k], k]``.

    Raises
    ------
    RuntimeError
        If the index has another number of axes, is too large, out of bounds, or not of integers.

    Examples
    --------
    >>> import numpy as np
    >>> gather(np.array([[1, 2], [3, 4]]), 1, np.array([[0, 0], [1, 0]])).tolist()
    [[1, 1], [4, 3]]
    """
    return read(input, _along("gather", input.shape, dim, index))


def _source(who: str, array: Array, index: Any, src: Any) -> Any:
    """Return the part of the source that the index reaches, or the number that stands for it."""
    if not isinstance(src, np.ndarray):
        return src
    if src.dtype != array.dtype:
        raise RuntimeError(
            f"{who}(): Expected self.dtype to be equal to src.dtype: got {array.dtype} and "
            f"{src.dtype}; convert the source with .to(dtype)."
        )
    if max(src.ndim, 1) != max(index.ndim, 1):
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as src tensor: "
            f"{who} got {index.ndim} and {src.ndim}."
        )
    if any(n > size for n, size in zip(index.shape, src.shape)):
        raise RuntimeError(
            f"Expected index {list(index.shape)} to be no larger size than src {list(src.shape)}: "
            f"{who} needs an element of the source for each element of the index."
        )
    return src[tuple(slice(n) for n in index.shape)].reshape(index.shape)


def _grad_source(g: Any, dim: int, index: Any, shape: Shape) -> Any:
    """Gather the source's gradient; what the index did not reach has none."""
    picked = gather(g, dim, index)
    if picked.shape == shape or index.ndim != len(shape):
        return reshape(picked, shape) if picked.shape != shape else picked
    return place(picked, tuple(slice(n) for n in picked.shape), shape)


def _scatter_(array: Array, dim: int, index: Any, src: Any = None, value: Any = None) -> None:
    src = value if src is None else src
    where = _along("scatter", array.shape, dim, index)
    write(array, where, _source("scatter", array, index, src))


@op(
    vjps=(
        lambda g, _out, _input, dim, index, _src, _value: scatter(g, dim, index, 0.0),
        None,
        None,
        lambda g, _out, _input, dim, index, src_shape, _value: _grad_source(g, dim, index, src_shape),
    ),
    inplace=_scatter_,
    cases=Cases(
        Case((Draw((3, 3)), 0, np.array([[0, 2, 2], [1, 0, 1]]), Draw((2, 3)))),
        Case((Draw((2, 3)), 1, np.array([[0, 1], [2, 0]]), Draw((2, 2)))),
        Case((Draw((2, 3)), 1, np.array([[2]]), Draw((2, 2))), parity=False),
        Case((Draw((2, 3)), -1, np.array([[0, 1], [2, 0]]), 1.5)),
        Case((Draw((2, 3)), 1, _COLUMNS), {"value": -1.0}),
        Case((Draw(()), 0, np.array([0]), Draw((1,)))),
        Case((Draw((3,)), 0, np.zeros(0, np.int64), Draw((2,))), parity=False),
        errors=[
            Error((Draw((2, 3)), 1, index, src), {}, RuntimeError, match)
            for index, src, match in [
                (np.array([[3]]), 1.0, "index 3 is out of bounds for dimension 1 with size 3"),
                (np.array([[0]]), Draw((1,)), "same number of dimensions as src tensor"),
                (np.array([[0, 1]]), Draw((1, 1)), r"no larger size than src \[1, 1\]"),
                (np.array([[0], [0], [0]]), 1.0, r"to be no larger than self \[2, 3\]"),
                (np.array([[0]]), np.array([[1]]), "self.dtype to be equal to src.dtype"),
                (np.array([[0.0]]), 1.0, "Expected dtype int32/int64 for index"),
            ]
        ],
        torch=lambda torch, inputs, params: torch.scatter(*inputs, **params),
    ),
    register=True,
)
def scatter(input: Array, dim: int, index: Array, src: Any = None, value: Any = None) -> Array:
    """Write along an axis where an index points: gather's counterpart.

    Parameters
    ----------
    input : Tensor
        What is written into (a copy of it; in place: ``scatter_``).
    dim : int
        The axis along which the index points.
    index : Tensor of int64 or int32
        As for :func:`gather`. Where it names a position twice, the last one stays.
    src : Tensor or number
        At least as large as the index; for ``dim=1``, ``out[i, index[i, j]] = src[i, j]``.
    value : number, optional
        Another name for a ``src`` that is a number.

    Raises
    ------
    RuntimeError
        If shapes or dtypes do not fit, or an index is out of bounds.
    """
    out = np.array(input)
    _scatter_(out, dim, index, src, value)
    return out


def _scatter_add_(array: Array, dim: int, index: Any, src: Any) -> None:
    if not isinstance(src, np.ndarray):
        raise TypeError(
            f"scatter_add(): argument 'src' must be Tensor, not {type(src).__name__}: expand the "
            "number to the index's shape."
        )
    where = _along("scatter_add", array.shape, dim, index)
    add_to(array, where, _source("scatter_add", array, index, src))


@op(
    vjps=(
        lambda g, _out, _input, _dim, _index, _src: g,
        None,
        None,
        lambda g, _out, _input, dim, index, src_shape: _grad_source(g, dim, index, src_shape),
    ),
    inplace=_scatter_add_,
    cases=Cases(
        Case((Draw((3, 3)), 0, _ROWS, Draw((2, 3)))),
        Case((Draw((2, 3)), 1, _COLUMNS, Draw((2, 2)))),
        Case((Draw((2, 3)), -1, np.array([[1, 1]]), Draw((2, 2))), parity=False),
        Case((Draw(()), 0, np.array(0), Draw(()))),
        Case((Draw((3,)), 0, np.array([2, 2, 2, 0]), Draw((4,)))),
        errors=[
            Error((Draw((2, 3)), 1, index, src), {}, RuntimeError, match)
            for index, src, match in [
                (np.array([[-1]]), Draw((1, 1)), "index -1 is out of bounds for dimension 1"),
                (np.array([[0, 1]]), Draw((1, 1)), r"no larger size than src \[1, 1\]"),
                (np.array([[0]]), np.array([[1]]), "self.dtype to be equal to src.dtype"),
            ]
        ]
        + [Error((Draw((2,)), 0, np.array([0]), 1.0), {}, TypeError, "must be Tensor, not float")],
    ),
    register=True,
)
def scatter_add(input: Array, dim: int, index: Array, src: Array) -> Array:
    """Add along an axis where an index points; what meets is added up.

    Parameters, errors and shapes are :func:`scatter`'s; for ``dim=1``,
    ``out[i, index[i, j]] += src[i, j]``.

    Examples
    --------
    >>> import numpy as np
    >>> scatter_add(np.zeros(3), 0, np.array([0, 2, 2]), np.array([1.0, 2, 3])).tolist()
    [1.0, 0.0, 5.0]
    """
    out = np.array(input)
    _scatter_add_(out, dim, index, src)
    return out


@composite(
    cases=Cases(
        Case((Draw((2, 3)), np.array([5, 0, 5]))),
        Case((Draw((2, 3)), np.array([[-1], [1]]))),
        Case((Draw((3,)), np.array(2))),
        errors=[
            Error((Draw((2, 3)), np.array([6])), {}, IndexError, "tried to access index 6 on a"),
            Error((Draw((2, 3)), np.array([0.0])), {}, RuntimeError, "Expected a long tensor"),
        ],
    )
)
def take(input: Any, index: Any) -> Any:
    """Pick elements by their number in C order; the result has the index's shape."""
    chosen, size = plain(index), plain(input).size
    if chosen.dtype != np.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {chosen.dtype}.")
    chosen = np.where(chosen < 0, chosen + size, chosen)
    check_positions(
        chosen,
        size,
        IndexError,
        f"out of range: tried to access index {{0}} on a tensor of {size} elements.",
    )
    return getitem(reshape(input, (-1,)), Index((...,), (0,), chosen, False))


@composite(
    cases=Cases(
        Case((Draw((2, 3)), np.array([[2], [0]])), {"dim": 1}),
        Case((Draw((2, 3)), np.array([[1, -1]])), {"dim": 1}),
        Case((Draw((2, 3)), np.array([[5], [0]]))),
        Case((Draw((1, 3)), np.array([[0, 1], [2, 2]])), {"dim": -1}),
        errors=[
            Error((Draw((2, 3)), np.array([0])), {"dim": 1}, RuntimeError, "same number of"),
            Error((Draw((2,)), np.array([0.0])), {"dim": 0}, RuntimeError, "indices should be Long"),
            Error((Draw((2,)), np.array([2])), {"dim": 0}, RuntimeError, "is out of bounds"),
            Error((Draw((2, 3)), _ROWS.T), {"dim": 1}, RuntimeError, "do not broadcast"),
        ],
    )
)
def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """Pick along an axis like :func:`gather`; the other axes broadcast, -1 is the last.

    Without ``dim``, input and indices count as flat: what :func:`argsort` gave sorts.
    """
    if dim is None:
        input, indices, dim = reshape(input, (-1,)), reshape(indices, (-1,)), 0
    chosen = plain(indices)
    if chosen.dtype != np.int64:
        raise RuntimeError(f"torch.take_along_dim(): dtype of indices should be Long but got {chosen.dtype}.")
    if chosen.ndim != input.ndim:
        raise RuntimeError(
            "take_along_dim(): input and indices should have the same number of dimensions, but "
            f"got {input.ndim} dimensions for input, and {chosen.ndim} dimensions for indices."
        )
    dim = normalize_dim(dim, input.ndim, "take_along_dim")
    size = input.shape[dim]
    shape = _common_shape(_with(input.shape, dim, 1), _with(chosen.shape, dim, 1))
    chosen = np.broadcast_to(chosen, _with(shape, dim, chosen.shape[dim]))
    chosen = np.where(chosen < 0, chosen + size, chosen)
    return gather(broadcast_to(input, _with(shape, dim, size)), dim, chosen)


def _common_shape(a: Shape, b: Shape) -> Shape:
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        raise RuntimeError(
            f"take_along_dim: the shapes {list(a)} and {list(b)}, taken without the axis of the "
            "indices, do not broadcast; sizes must be equal or 1."
        ) from None


def _with(shape: Shape, dim: int, size: int) -> Shape:
    """Return the shape with another size at one axis."""
    return (*shape[:dim], size, *shape[dim + 1 :])
