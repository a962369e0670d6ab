"""Ops on the axes themselves: their order, size-1 axes, one axis for several. All are views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import composite, op
from .dims import normalize_dim, normalize_dims
from .shape import reshape

__all__ = [
    "flatten",
    "moveaxis",
    "movedim",
    "permute",
    "ravel",
    "squeeze",
    "swapaxes",
    "swapdims",
    "t",
    "transpose",
    "unflatten",
    "unsqueeze",
]

Array = np.ndarray[Any, Any]


@op(
    vjps=(lambda g, _out, _input, dim0, dim1: transpose(g, dim0, dim1),),
    view=True,
    cases=Cases(
        Case((Draw((2, 3)),), {"dim0": 0, "dim1": 1}),
        Case((Draw((2, 3, 4)),), {"dim0": -1, "dim1": 0}),
        Case((Draw((2, 3)),), {"dim0": 1, "dim1": 1}),
        Case((Draw(()),), {"dim0": 0, "dim1": -1}),
        Case((Draw((0, 3)),), {"dim0": 0, "dim1": 1}),
        errors=[Error((Draw((2, 3)),), {"dim0": 0, "dim1": 2}, IndexError, "out of range")],
    ),
    register=True,
)
def transpose(input: Array, dim0: int, dim1: int) -> Array:
    """Swap two axes."""
    a, b = (
        normalize_dim(dim0, input.ndim, "transpose"),
        normalize_dim(dim1, input.ndim, "transpose"),
    )
    return input.swapaxes(a, b) if input.ndim else input


swapaxes = swapdims = transpose


@op(
    vjps=(lambda g, _out, _input, dims: permute(g, _inverse(dims)),),
    view=True,
    cases=Cases(
        Case((Draw((2, 3, 4)),), {"dims": (2, 0, 1)}),
        Case((Draw((2, 3, 4)),), {"dims": (-1, 0, -2)}),
        Case((Draw((2, 3)),), {"dims": (0, 1)}),
        Case((Draw(()),), {"dims": ()}),
        Case((Draw((0, 3)),), {"dims": (1, 0)}),
        errors=[
            Error(
                (Draw((2, 3)),),
                {"dims": (0,)},
                RuntimeError,
                r"input.dim\(\) = 2 is not equal to len\(dims\) = 1",
            ),
            Error((Draw((2, 3)),), {"dims": (0, -2)}, RuntimeError, "duplicate dims are not allowed"),
            Error((Draw((2, 3)),), {"dims": (0, 2)}, IndexError, "out of range"),
        ],
    ),
    register=True,
)
def permute(input: Array, dims: Sequence[int]) -> Array:
    """Put the axes in another order: axis ``i`` of the result is ``dims[i]`` of the input."""
    if len(dims) != input.ndim:
        raise RuntimeError(
            "permute(): number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to "
            f"len(dims) = {len(dims)}; name each once."
        )
    order = [normalize_dim(dim, input.ndim, "permute") for dim in dims]
    if len(set(order)) < len(order):
        raise RuntimeError(f"permute(): duplicate dims are not allowed. Got {tuple(dims)}; name each axis once.")
    return input.transpose(order)


def _inverse(dims: Sequence[int]) -> tuple[int, ...]:
    order = [dim % len(dims) for dim in dims]
    return tuple(sorted(range(len(order)), key=order.__getitem__))


@composite(
    cases=Cases(
        Case((Draw((2, 3, 4)),), {"source": 0, "destination": -1}),
        Case((Draw((2, 3, 4)),), {"source": (0, 1), "destination": (1, 2)}),
        Case((Draw(()),), {"source": 0, "destination": 0}),
        errors=[
            Error(
                (Draw((2, 3)),),
                {"source": (0, 0), "destination": (1, 0)},
                RuntimeError,
                "multiple times",
            ),
            Error(
                (Draw((2, 3)),),
                {"source": (0, 1), "destination": (1,)},
                RuntimeError,
                "same number of dimensions",
            ),
            Error((Draw((2, 3)),), {"source": 0, "destination": 3}, IndexError, "out of range"),
        ],
    )
)
def movedim(input: Any, source: Any, destination: Any) -> Any:
    """Move the axes ``source`` to the positions ``destination``; the others keep their order."""
    ndim = len(input.shape)
    moved = _named(source, ndim)
    places = _named(destination, ndim)
    if len(moved) != len(places):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({source} dims) should contain "
            f"the same number of dimensions as destination ({destination} dims)."
        )
    order = [dim for dim in range(ndim) if dim not in moved]
    for place, dim in sorted(zip(places, moved)):
        order.insert(place, dim)
    return permute(input, tuple(order))


def _named(dims: Any, ndim: int) -> tuple[int, ...]:
    """Normalise dims where none named means none."""
    return () if dims == () or dims == [] else normalize_dims(dims, ndim, "movedim")


moveaxis = movedim


@composite(
    cases=Cases(
        Case((Draw((2, 3)),)),
        Case((Draw((3,)),)),
        Case((Draw(()),)),
        errors=[
            Error(
                (Draw((2, 2, 2)),),
                {},
                RuntimeError,
                "expects a tensor with <= 2 dimensions, but self is 3D",
            )
        ],
    )
)
def t(input: Any) -> Any:
    """Transpose a matrix; vectors and numbers stay what they are."""
    ndim = len(input.shape)
    if ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {ndim}D; use .mT to transpose "
            "every matrix of a batch."
        )
    return transpose(input, 0, -1)


@op(
    vjps=(lambda g, _out, input_shape, _dim: reshape(g, input_shape),),
    view=True,
    cases=Cases(
        Case((Draw((1, 2, 1)),)),
        Case((Draw((1, 2, 1)),), {"dim": 0}),
        Case((Draw((1, 2, 1)),), {"dim": -1}),
        Case((Draw((1, 2, 1)),), {"dim": 1}),
        Case((Draw((1, 2, 1)),), {"dim": (0, 1)}),
        Case((Draw((2, 3)),), {"dim": ()}),
        Case((Draw(()),), {"dim": 0}),
        Case((Draw((1, 0)),)),
        errors=[Error((Draw((2, 1)),), {"dim": 2}, IndexError, "out of range")],
    ),
    register=True,
)
def squeeze(input: Array, dim: int | tuple[int, ...] | None = None) -> Array:
    """Remove axes of size 1: all of them, or those named by ``dim``; other axes stay."""
    if dim == ():
        return input
    named = normalize_dims(dim, input.ndim, "squeeze")
    return input.reshape([n for i, n in enumerate(input.shape) if n != 1 or i not in named])


@op(
    vjps=(lambda g, _out, input_shape, _dim: reshape(g, input_shape),),
    view=True,
    cases=Cases(
        *[Case((Draw((2, 3)),), {"dim": dim}) for dim in (0, 1, 2, -1, -3)],
        Case((Draw(()),), {"dim": -1}),
        Case((Draw((0,)),), {"dim": 0}),
        errors=[Error((Draw((2, 3)),), {"dim": 3}, IndexError, r"range of \[-3, 2\], but got 3")],
    ),
    register=True,
)
def unsqueeze(input: Array, dim: int) -> Array:
    """Add an axis of size 1 at position ``dim`` of the result."""
    at = normalize_dim(dim, input.ndim + 1, "unsqueeze")
    return input.reshape((*input.shape[:at], 1, *input.shape[at:]))


@composite(
    cases=Cases(
        *[
            Case((Draw((2, 3, 2)),), params)
            for params in ({}, {"start_dim": 1}, {"end_dim": -2}, {"start_dim": -2, "end_dim": 2})
        ],
        Case((Draw(()),)),
        Case((Draw((0, 2)),)),
        errors=[
            Error((Draw((2, 3)),), {"start_dim": 1, "end_dim": 0}, RuntimeError, "cannot come after"),
            Error((Draw((2, 3)),), {"start_dim": 2}, IndexError, "out of range"),
        ],
    )
)
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Make one axis of those from ``start_dim`` to ``end_dim``."""
    shape = input.shape
    start = normalize_dim(start_dim, len(shape), "flatten")
    stop = normalize_dim(end_dim, len(shape), "flatten")
    if start > stop:
        raise RuntimeError(
            f"flatten() has invalid args: start_dim cannot come after end_dim (got {start_dim} and "
            f"{end_dim} for a tensor of shape {list(shape)})."
        )
    if start == stop and shape:
        return input
    size = 1
    for n in shape[start : stop + 1]:
        size *= n
    return reshape(input, (*shape[:start], size, *shape[stop + 1 :]))


@composite(
    cases=Cases(
        Case((Draw((2, 6)),), {"dim": 1, "sizes": (3, 2)}),
        Case((Draw((6, 2)),), {"dim": -2, "sizes": (2, -1)}),
        errors=[
            Error(
                (Draw((2, 3)),),
                {"dim": 1, "sizes": (2, -1)},
                RuntimeError,
                "don't multiply up to the size of dim 1",
            ),
            Error((Draw((2, 3)),), {"dim": 1, "sizes": ()}, RuntimeError, "sizes must be non-empty"),
        ],
    )
)
def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """Make several axes of one; one size may be -1."""
    shape = input.shape
    at = normalize_dim(dim, len(shape), "unflatten")
    if not len(sizes):
        raise RuntimeError("unflatten: sizes must be non-empty; give the sizes of the new axes.")
    known = int(np.prod([n for n in sizes if n != -1]))
    inferred = -1 in sizes and not shape[at] % max(known, 1)
    if not inferred and known != shape[at]:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {at} "
            f"({shape[at]}) in the input tensor of shape {list(shape)}."
        )
    return reshape(input, (*shape[:at], *sizes, *shape[at + 1 :]))


@composite(cases=Cases(Case((Draw((2, 3)),)), Case((Draw(()),))))
def ravel(input: Any) -> Any:
    """Make one axis of all."""
    return reshape(input, (-1,)) if 0 not in input.shape else reshape(input, (0,))
