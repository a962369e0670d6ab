"""Ops that put tensors together along an axis; taking them apart stands in ``splitting``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..dtypes import promote
from ..op import composite, op
from .dims import normalize_dim
from .shape import reshape
from .splitting import narrow, select

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "cat",
    "concat",
    "concatenate",
    "dstack",
    "hstack",
    "stack",
    "vstack",
]

Array = np.ndarray[Any, Any]


@op(
    vjps=lambda g, _out, offsets, i, tensors_shape, dim: _piece(g, offsets, i, tensors_shape, dim),
    promote=promote,
    residual=True,
    cases=Cases(
        Case(((Draw((2, 3)), Draw((1, 3))),)),
        Case(((Draw((2, 3)), Draw((2, 1)), Draw((2, 2))),), {"dim": -1}),
        Case(((Draw((4,)),),)),
        Case(((Draw((2, 3)), Draw((0, 3))),)),
        Case(((Draw((0,)), Draw((2, 3)), Draw((0,))),), {"dim": 1}),
        Case(((Draw((0,)), Draw((0,))),)),
        errors=[
            Error(((),), {}, ValueError, "expected a non-empty list"),
            Error(
                ((Draw((2, 3)), Draw((3,))),),
                {},
                RuntimeError,
                "same number of dimensions: got 2 and 1",
            ),
            Error(
                ((Draw((2, 3)), Draw((2, 2))),),
                {},
                RuntimeError,
                "Expected size 3 but got size 2 for tensor number 1",
            ),
            Error(
                ((Draw((2,)), Draw(())),),
                {},
                RuntimeError,
                r"zero-dimensional tensor \(at position 1\)",
            ),
            Error(((Draw((2, 3)),),), {"dim": 2}, IndexError, "out of range"),
        ],
    ),
    register=True,
)
def cat(tensors: Sequence[Array], dim: int = 0) -> tuple[Array, list[int]]:
    """Join tensors along an axis that they have.

    Parameters
    ----------
    tensors : sequence of Tensor
        Equal in all sizes but that of ``dim``; empty tensors of shape ``(0,)`` are skipped.
        Different dtypes are promoted.
    dim : int
        The axis to join along.

    Raises
    ------
    ValueError
        If there is no tensor.
    RuntimeError
        If another size differs, or a tensor has no axes.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.cat([tg.tensor([1, 2]), tg.tensor([3])])
    tensor([1, 2, 3])
    """
    if not len(tensors):
        raise ValueError("cat(): expected a non-empty list of Tensors, got an empty one.")
    joined = [a for a in tensors if a.shape != (0,)] or tensors[:1]
    axis = normalize_dim(dim, joined[0].ndim, "cat")
    try:
        out = np.ascontiguousarray(np.concatenate(joined, axis=axis))
    except ValueError:
        raise _cat_error(tensors, joined[0], axis) from None
    sizes = [0 if a.shape == (0,) else a.shape[axis] for a in tensors]
    return out, [0, *accumulate(sizes)]


def _piece(g: Any, offsets: list[int], i: int, shapes: Sequence[tuple[int, ...]], dim: int) -> Any:
    """Cut out the gradient of tensor ``i``; a skipped one gets its empty shape back."""
    piece = narrow(g, dim, offsets[i], offsets[i + 1] - offsets[i])
    return piece if piece.shape == shapes[i] else reshape(piece, shapes[i])


def _cat_error(tensors: Sequence[Array], first: Array, axis: int) -> RuntimeError:
    for i, a in enumerate(tensors):
        if not a.ndim:
            return RuntimeError(
                f"zero-dimensional tensor (at position {i}) cannot be concatenated: cat joins along an axis; use stack."
            )
        if a.ndim != first.ndim and a.shape != (0,):
            return RuntimeError(
                f"Tensors must have same number of dimensions: got {first.ndim} and {a.ndim} (cat: "
                f"tensor number {i} in the list has shape {list(a.shape)}, the first "
                f"{list(first.shape)}); use unsqueeze or stack."
            )
        for j, (n, m) in enumerate(zip(first.shape, a.shape)):
            if j != axis and n != m and a.shape != (0,):
                return RuntimeError(
                    f"Sizes of tensors must match except in dimension {axis}. Expected size {n} "
                    f"but got size {m} for tensor number {i} in the list: cat got shapes "
                    f"{list(first.shape)} and {list(a.shape)}."
                )
    return RuntimeError(f"cat: the shapes {[list(a.shape) for a in tensors]} do not fit together.")


concat = concatenate = cat


@op(
    vjps=lambda g, _out, i, _tensors, dim: select(g, dim, i),
    promote=promote,
    cases=Cases(
        Case(((Draw((2, 3)), Draw((2, 3))),)),
        Case(((Draw((2, 3)), Draw((2, 3)), Draw((2, 3))),), {"dim": -1}),
        Case(((Draw(()), Draw(())),)),
        Case(((Draw((0, 2)),),), {"dim": 1}),
        errors=[
            Error(((),), {}, RuntimeError, "expects a non-empty TensorList"),
            Error(
                ((Draw((2,)), Draw((3,))),),
                {},
                RuntimeError,
                r"got \[2\] at entry 0 and \[3\] at entry 1",
            ),
            Error(((Draw((2,)),),), {"dim": 2}, IndexError, "out of range"),
        ],
    ),
    register=True,
)
def stack(tensors: Sequence[Array], dim: int = 0) -> Array:
    """Join tensors of one shape along a new axis at position ``dim``.

    Raises
    ------
    RuntimeError
        If there is no tensor, or the shapes differ.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.stack([tg.tensor([1, 2]), tg.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    if not len(tensors):
        raise RuntimeError("stack expects a non-empty TensorList, got none.")
    axis = normalize_dim(dim, tensors[0].ndim + 1, "stack")
    for i, a in enumerate(tensors):
        if a.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at "
                f"entry 0 and {list(a.shape)} at entry {i}; use cat to join along an axis that "
                "they have."
            )
    return np.ascontiguousarray(np.stack(tensors, axis))


@composite(cases=Cases(Case((Draw(()),)), Case((Draw((2, 3)),)), Case((Draw(()), Draw((2,))))))
def atleast_1d(*tensors: Any) -> Any:
    """Give numbers one axis; several tensors give a tuple."""
    return _each(tensors, lambda x: reshape(x, (1,)) if not x.ndim else x)


@composite(cases=Cases(Case((Draw(()),)), Case((Draw((3,)),)), Case((Draw((0,)), Draw((2, 3))))))
def atleast_2d(*tensors: Any) -> Any:
    """Give numbers and vectors two axes, new ones first; several tensors give a tuple."""
    return _each(tensors, lambda x: reshape(x, (1, -1) if x.size else (1, 0)) if len(x.shape) < 2 else x)


@composite(cases=Cases(Case((Draw(()),)), Case((Draw((3,)), Draw((2, 3)), Draw((1, 2, 2))))))
def atleast_3d(*tensors: Any) -> Any:
    """Give three axes: a vector ``(1, N, 1)``, a matrix ``(M, N, 1)``; several give a tuple."""

    def grow(x: Any) -> Any:
        shape = x.shape
        if len(shape) > 2:
            return x
        return reshape(x, (*shape, 1) if len(shape) == 2 else (1, *(shape or (1,)), 1))

    return _each(tensors, grow)


def _each(tensors: tuple[Any, ...], change: Any) -> Any:
    if len(tensors) == 1:
        only = tensors[0]
        return tuple(map(change, only)) if isinstance(only, (tuple, list)) else change(only)
    return tuple(map(change, tensors))


@composite(
    cases=Cases(
        Case(((Draw((2, 3)), Draw((2, 1))),)),
        Case(((Draw((2,)), Draw((3,))),)),
        Case(((Draw(()), Draw((2,))),)),
    )
)
def hstack(tensors: Sequence[Any]) -> Any:
    """Join side by side: along the second axis, vectors along their only one."""
    grown = [atleast_1d(x) for x in tensors]
    return cat(grown, 0 if len(grown[0].shape) == 1 else 1)


@composite(cases=Cases(Case(((Draw((2, 3)), Draw((3,))),)), Case(((Draw(()), Draw(())),))))
def vstack(tensors: Sequence[Any]) -> Any:
    """Join one below the other: along the first axis, vectors as rows."""
    return cat([atleast_2d(x) for x in tensors], 0)


@composite(cases=Cases(Case(((Draw((2, 3)), Draw((2, 3))),)), Case(((Draw((3,)), Draw((3,))),))))
def dstack(tensors: Sequence[Any]) -> Any:
    """Join along the third axis."""
    return cat([atleast_3d(x) for x in tensors], 2)
