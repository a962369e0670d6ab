"""Ops that move values to other places: flip, roll, repeat, triangles, diagonals, windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import composite, op
from .axes import movedim
from .dims import normalize_dim, normalize_dims
from .shape import broadcast_to, clone, reshape, sum_to

__all__ = [
    "diag",
    "diag_embed",
    "diagonal",
    "diagonal_backward",
    "flip",
    "fliplr",
    "flipud",
    "meshgrid",
    "repeat",
    "repeat_interleave",
    "roll",
    "tile",
    "tril",
    "triu",
    "unfold",
    "unfold_backward",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


# ---- flip and roll


@op(
    vjps=(lambda g, _out, _input, dims: flip(g, dims),),
    cases=Cases(
        *[Case((Draw((2, 3)),), {"dims": dims}) for dims in [(0,), (-1,), (0, 1), ()]],
        Case((Draw(()),), {"dims": (0,)}),
        Case((Draw((0, 2)),), {"dims": (0,)}),
        errors=[
            Error((Draw((2, 3)),), {"dims": (2,)}, IndexError, "out of range"),
            Error((Draw((2, 3)),), {"dims": (0, -2)}, RuntimeError, "appears multiple times"),
        ],
    ),
    register=True,
)
def flip(input: Array, dims: Sequence[int]) -> Array:
    """Reverse the order along the axes ``dims``."""
    axes = normalize_dims(dims, input.ndim, "flip") if dims != () else ()
    return np.flip(input, axes).copy()  # a copy, as in PyTorch: a write to it must not reach the input


@composite(cases=Cases(Case((Draw((2, 3)),))))
def fliplr(input: Any) -> Any:
    """Reverse the order of the columns."""
    return flip(input, (1,))


@composite(cases=Cases(Case((Draw((2, 3)),))))
def flipud(input: Any) -> Any:
    """Reverse the order of the rows."""
    return flip(input, (0,))


@op(
    vjps=(lambda g, _out, _input, shifts, dims: roll(g, _negated(shifts), dims),),
    cases=Cases(
        Case((Draw((2, 3)),), {"shifts": 1}),
        Case((Draw((2, 3)),), {"shifts": -2, "dims": 1}),
        Case((Draw((2, 3)),), {"shifts": (1, 5), "dims": (0, -1)}),
        Case((Draw(()),), {"shifts": 1}),
        Case((Draw((0, 2)),), {"shifts": 1, "dims": 0}),
        errors=[
            Error(
                (Draw((2, 3)),),
                {"shifts": (1, 2), "dims": 0},
                RuntimeError,
                "must align. shifts: 2, dims:1",
            ),
            Error((Draw((2, 3)),), {"shifts": 1, "dims": 2}, IndexError, "out of range"),
        ],
    ),
    register=True,
)
def roll(input: Array, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Array:
    """Shift along the axes (without ``dims``, in flat order); what leaves comes in again."""
    n_shifts, n_dims = _count(shifts), 0 if dims is None else _count(dims)
    if n_shifts != n_dims and (n_dims or n_shifts > 1):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {n_shifts}, dims:{n_dims}: roll needs one each.")
    if not input.ndim:
        return input.copy()
    named = (dims,) if isinstance(dims, int) else dims
    axes = None if named is None else tuple([normalize_dim(dim, input.ndim, "roll") for dim in named])
    return np.roll(input, shifts, axes)


def _count(value: int | Sequence[int]) -> int:
    return len(value) if isinstance(value, Sequence) else 1


def _negated(shifts: int | Sequence[int]) -> int | tuple[int, ...]:
    return tuple([-n for n in shifts]) if isinstance(shifts, Sequence) else -shifts


# ---- repeat


@op(
    vjps=(lambda g, _out, input_shape, repeats: _add_repeats(g, input_shape, repeats),),
    cases=Cases(
        Case((Draw((2, 3)),), {"repeats": (2, 2)}),
        Case((Draw((2,)),), {"repeats": (2, 1, 3)}),
        Case((Draw((2, 1)),), {"repeats": (1, 1)}),
        Case((Draw(()),), {"repeats": (3,)}),
        Case((Draw((2, 3)),), {"repeats": (0, 1)}),
        errors=[
            Error(
                (Draw((2, 3)),),
                {"repeats": (2,)},
                RuntimeError,
                "can not be smaller than number of dimensions",
            ),
            Error((Draw((2, 3)),), {"repeats": (-1, 1)}, RuntimeError, "negative dimension"),
        ],
        torch=lambda torch, inputs, params: inputs[0].repeat(params["repeats"]),
    ),
    register=True,
)
def repeat(input: Array, repeats: Sequence[int]) -> Array:
    """Copy the whole tensor along each axis so many times; more numbers than axes add axes."""
    if len(repeats) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            f"tensor: repeat got {tuple(repeats)} for shape {list(input.shape)}; give one number "
            "for every axis (or use tile)."
        )
    if min(repeats, default=0) < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension: repeat got {tuple(repeats)}.")
    return np.tile(input, tuple(repeats))


def _add_repeats(g: Any, shape: Shape, repeats: Sequence[int]) -> Any:
    """Add the gradients of all copies: ``(r0*n0, r1*n1) -> (r0, n0, r1, n1) -> (1, n0, 1, n1)``."""
    full = (1,) * (len(repeats) - len(shape)) + tuple(shape)
    copies = [size for pair in zip(repeats, full) for size in pair]
    once = [size for n in full for size in (1, n)]
    return reshape(sum_to(reshape(g, tuple(copies)), tuple(once)), tuple(shape))


@composite(
    cases=Cases(
        Case((Draw((2, 3)),), {"dims": (2,)}),
        Case((Draw((2,)),), {"dims": (2, 2)}),
        Case((Draw(()),), {"dims": ()}),
    )
)
def tile(input: Any, dims: Sequence[int]) -> Any:
    """Repeat as :func:`repeat` does; fewer numbers than axes stand for the last ones."""
    return repeat(input, (1,) * (len(input.shape) - len(dims)) + tuple(dims))


@composite(
    cases=Cases(
        Case((Draw((2, 3)),), {"repeats": 2}),
        Case((Draw((2, 3)),), {"repeats": 2, "dim": 1}),
        Case((Draw((0, 3)),), {"repeats": 2, "dim": 0}),
        errors=[Error((Draw((2, 3)),), {"repeats": -1, "dim": 0}, RuntimeError, "must be non-negative")],
    )
)
def repeat_interleave(input: Any, repeats: int, dim: int | None = None) -> Any:
    """Repeat every entry of an axis right after itself; without ``dim``, in flat order."""
    if repeats < 0:
        raise RuntimeError(f"repeat_interleave: repeats must be non-negative, got {repeats}.")
    if dim is None:
        return repeat_interleave(reshape(input, (_size(input.shape),)), repeats, 0)
    shape = tuple(input.shape)
    axis = normalize_dim(dim, len(shape), "repeat_interleave")
    head, tail = shape[: axis + 1], shape[axis + 1 :]
    copies = broadcast_to(reshape(input, (*head, 1, *tail)), (*head, repeats, *tail))
    return clone(reshape(copies, (*head[:-1], head[-1] * repeats, *tail)))


def _size(shape: Shape) -> int:
    return int(np.prod(shape, dtype=np.int64))


# ---- triangles and diagonals

_TRIANGLES = [
    Case((Draw(shape),), params)
    for shape, params in [
        ((3, 3), {}),
        ((2, 3), {"diagonal": 1}),
        ((2, 3, 2), {"diagonal": -1}),
        ((0, 2), {}),
        ((2, 3), {"diagonal": 5}),
    ]
]


@op(
    vjps=(lambda g, _out, _input, diagonal: tril(g, diagonal),),
    cases=Cases(
        *_TRIANGLES,
        errors=[Error((Draw((3,)),), {}, RuntimeError, "tril: input tensor must have at least 2")],
    ),
    register=True,
)
def tril(input: Array, diagonal: int = 0) -> Array:
    """Keep the entries on and below a diagonal of each matrix; the others become 0."""
    return np.tril(_matrices(input, "tril"), diagonal)


@op(
    vjps=(lambda g, _out, _input, diagonal: triu(g, diagonal),),
    cases=Cases(
        *_TRIANGLES,
        errors=[Error((Draw((3,)),), {}, RuntimeError, "triu: input tensor must have at least 2")],
    ),
    register=True,
)
def triu(input: Array, diagonal: int = 0) -> Array:
    """Keep the entries on and above a diagonal of each matrix; the others become 0."""
    return np.triu(_matrices(input, "triu"), diagonal)


def _matrices(input: Array, who: str) -> Array:
    if input.ndim < 2:
        raise RuntimeError(f"{who}: input tensor must have at least 2 dimensions, got shape {list(input.shape)}.")
    return input


@op(
    vjps=(lambda g, _out, input_shape, offset, dim1, dim2: diagonal_backward(g, input_shape, offset, dim1, dim2),),
    view=True,
    cases=Cases(
        *[Case((Draw((2, 3)),), {"offset": offset}) for offset in (0, 1, -1, 4)],
        Case((Draw((2, 3, 3)),), {"offset": 1, "dim1": -1, "dim2": 0}),
        Case((Draw((0, 0)),)),
        errors=[
            Error(
                (Draw((2, 3)),),
                {"dim1": 0, "dim2": -2},
                RuntimeError,
                "diagonal dimensions cannot be identical",
            ),
            Error((Draw((3,)),), {}, IndexError, "out of range"),
        ],
    ),
    register=True,
)
def diagonal(input: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """View the diagonal of two axes, as a new last axis; ``offset`` > 0 lies above the main one."""
    a = normalize_dim(dim1, input.ndim, "diagonal")
    b = normalize_dim(dim2, input.ndim, "diagonal")
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}: a diagonal runs through two axes.")
    out = input.diagonal(offset, a, b)
    out.flags.writeable = input.flags.writeable  # NumPy's own caution, from the time when it was a copy
    return out


@op(
    vjps=(lambda g, _out, _input, _shape, offset, dim1, dim2: diagonal(g, offset, dim1, dim2),),
    cases=Cases(
        Case((Draw((2,)),), {"shape": (2, 3), "offset": 0, "dim1": 0, "dim2": 1}),
        Case((Draw((2, 2)),), {"shape": (3, 2, 2), "offset": -1, "dim1": 0, "dim2": -1}),
        Case((Draw((0,)),), {"shape": (2, 2), "offset": 3, "dim1": 0, "dim2": 1}),
        torch=lambda torch, inputs, params: torch.diagonal_scatter(
            torch.zeros(params["shape"], dtype=inputs[0].dtype),
            inputs[0],
            params["offset"],
            params["dim1"],
            params["dim2"],
        ),
    ),
    register=True,
)
def diagonal_backward(input: Array, shape: Shape, offset: int, dim1: int, dim2: int) -> Array:
    """Put the entries on a diagonal of zeros: the derivative of :func:`diagonal`."""
    out = np.zeros(shape, input.dtype)
    diagonal.forward(out, offset, dim1, dim2)[...] = input
    return out


@composite(
    cases=Cases(
        Case((Draw((2,)),)),
        Case((Draw((2, 3)),), {"offset": 1}),
        Case((Draw((2, 2)),), {"offset": -1, "dim1": 0, "dim2": 2}),
    )
)
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Make the last axis the diagonal of matrices of zeros, with the axes ``dim1`` and ``dim2``."""
    ndim = len(input.shape) + 1
    axes = normalize_dims((dim1, dim2), ndim, "diag_embed")
    shape = list(input.shape[:-1])
    for axis in sorted(axes):
        shape.insert(axis, input.shape[-1] + abs(offset))
    return diagonal_backward(input, tuple(shape), offset, *axes)


@composite(
    cases=Cases(
        Case((Draw((3,)),)),
        Case((Draw((2,)),), {"diagonal": -1}),
        Case((Draw((2, 3)),), {"diagonal": 1}),
        errors=[Error((Draw((2, 2, 2)),), {}, RuntimeError, "Supports 1D or 2D tensors. Got 3D")],
    )
)
def diag(input: Any, diagonal: int = 0) -> Any:
    """Make a matrix with a vector as its diagonal, or copy the diagonal of a matrix."""
    ndim = len(input.shape)
    if ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D; use diagonal or diag_embed for batches.")
    return diag_embed(input, diagonal) if ndim == 1 else clone(_diagonal(input, diagonal))


_diagonal = diagonal  # in diag, that name is PyTorch's for the offset


# ---- windows and grids


@op(
    vjps=(lambda g, _out, input_shape, dimension, size, step: unfold_backward(g, input_shape, dimension, size, step),),
    view=True,
    cases=Cases(
        Case((Draw((5,)),), {"dimension": 0, "size": 2, "step": 1}),
        Case((Draw((2, 6)),), {"dimension": -1, "size": 3, "step": 2}),
        Case((Draw((4, 2)),), {"dimension": 0, "size": 2, "step": 3}),
        errors=[
            Error(
                (Draw((2, 3)),),
                {"dimension": 1, "size": 4, "step": 1},
                RuntimeError,
                "maximum size for tensor at dim",
            ),
            Error(
                (Draw((2, 3)),),
                {"dimension": 1, "size": 2, "step": 0},
                RuntimeError,
                "step is 0 but must be > 0",
            ),
        ],
        torch=lambda torch, inputs, params: inputs[0].unfold(**params),
    ),
    register=True,
)
def unfold(input: Array, dimension: int, size: int, step: int) -> Array:
    """View all windows of ``size`` entries of an axis, every ``step``, each as a new last axis."""
    axis = normalize_dim(dimension, input.ndim, "unfold")
    length = input.shape[axis] if input.ndim else 1
    if step < 1:
        raise RuntimeError(f"step is {step} but must be > 0 (unfold).")
    if not 0 <= size <= length:
        raise RuntimeError(f"maximum size for tensor at dimension {axis} is {length} but size is {size} (unfold).")
    values = input if input.ndim else input.reshape(1)
    windows = np.lib.stride_tricks.sliding_window_view(values, size, axis, writeable=values.flags.writeable)
    return windows[(slice(None),) * axis + (slice(None, None, step),)] if input.ndim else windows[0]


@op(
    vjps=(lambda g, _out, _input, _shape, dim, size, step: unfold(g, dim, size, step),),
    cases=Cases(
        Case((Draw((4, 2)),), {"shape": (5,), "dim": 0, "size": 2, "step": 1}),
        Case((Draw((2, 2, 3)),), {"shape": (2, 6), "dim": -1, "size": 3, "step": 2}),
        torch=lambda torch, inputs, params: torch.ops.aten.unfold_backward(
            inputs[0],
            params["shape"],
            params["dim"] % len(params["shape"]),
            params["size"],
            params["step"],
        ),
    ),
    register=True,
)
def unfold_backward(input: Array, shape: Shape, dim: int, size: int, step: int) -> Array:
    """Add every window's entries to the places they came from: the derivative of :func:`unfold`."""
    axis = normalize_dim(dim, len(shape), "unfold_backward")
    out = np.zeros(shape or (1,), input.dtype)
    windows = input if shape else input[None]
    count = windows.shape[axis]
    for k in range(size):  # entry k of all windows: places k, k + step, k + 2 step ...
        places = slice(k, k + step * (count - 1) + 1, step)
        out[(slice(None),) * axis + (places,)] += windows[..., k]
    return out.reshape(shape)


@composite(
    cases=Cases(
        *[Case((Draw((2,)), Draw((3,))), {"indexing": indexing}) for indexing in ("ij", "xy")],
        Case((Draw((2,)), Draw(()), Draw((3,))), {"indexing": "xy"}),
        Case((Draw((2,)),), {"indexing": "ij"}),
        errors=[
            Error((Draw((2, 2)), Draw((2,))), {}, RuntimeError, "Expected 0D or 1D tensor"),
            Error((Draw((2,)),), {"indexing": "yx"}, RuntimeError, "but received: yx"),
        ],
    )
)
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """Expand vectors to a grid: number ``i`` varies along axis ``i`` (0 and 1 swapped for "xy").

    Raises
    ------
    RuntimeError
        If a tensor has more than one axis, or ``indexing`` is another word.
    """
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for tensor in given:
        if len(tensor.shape) > 1:
            raise RuntimeError(f"meshgrid: Expected 0D or 1D tensor in the tensor list but got: {list(tensor.shape)}.")
    sizes = tuple([_size(tensor.shape) for tensor in given])
    grids = [
        broadcast_to(reshape(tensor, tuple([n if j == i else 1 for j, n in enumerate(sizes)])), sizes)
        for i, tensor in enumerate(given)
    ]
    return tuple([movedim(grid, 0, 1) for grid in grids] if indexing == "xy" and len(given) > 1 else grids)
