"""Ops that take tensors apart along an axis, as views.

A piece's derivative is its gradient padded with zeros, and the derivative of padding is cutting:
the two undo each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import composite, fused, op, several
from .axes import unsqueeze
from .dims import normalize_dim
from .part import Part

__all__ = ["chunk", "constant_pad_nd", "narrow", "select", "split", "tensor_split", "unbind"]

Array = np.ndarray[Any, Any]


@op(
    vjps=(lambda g, _out, _input, pad, _value: constant_pad_nd(g, tuple([-n for n in pad])),),
    cases=Cases(
        Case((Draw((2, 3)),), {"pad": (1, 2)}),
        Case((Draw((2, 3)),), {"pad": (0, 1, 2, 0), "value": 1.5}),
        Case((Draw((2, 3)),), {"pad": (-1, 2)}),
        Case((Draw((2, 3)),), {"pad": (-1, -1, 1, -1)}),
        Case((Draw((2, 3)),), {"pad": ()}),
        Case((Draw((0, 3)),), {"pad": (0, 0, 1, 1)}),
        Case((Draw(()),), {"pad": ()}),
        errors=[
            Error((Draw((2, 3)),), {"pad": (1,)}, RuntimeError, "Length of pad must be even"),
            Error(
                (Draw((3,)),),
                {"pad": (1, 1, 1, 1)},
                RuntimeError,
                "no more than twice the number of dimensions",
            ),
            Error(
                (Draw((2, 3)),),
                {"pad": (-2, -2)},
                RuntimeError,
                "resulted in a negative output size",
            ),
        ],
    ),
    register=True,
)
def constant_pad_nd(input: Array, pad: Sequence[int], value: float | None = 0) -> Array:
    """Add entries of one value around the tensor; a negative width cuts entries off.

    Parameters
    ----------
    input : Tensor
        Any shape and dtype.
    pad : sequence of int
        ``(before, after)`` of the last axis, then of the one before it, and so on.
    value : number
        What is added.
    """
    widths = _widths(pad, input.ndim)
    shape = [n + before + after for n, (before, after) in zip(input.shape, widths)]
    if any(n < 0 or n + min(before, 0) + min(after, 0) < 0 for n, (before, after) in zip(input.shape, widths)):
        raise RuntimeError(
            f"The input size {list(input.shape)}, plus negative padding {list(pad)}, resulted in a "
            "negative output size, which is invalid: pad cannot cut off more than there is."
        )
    out = np.full(shape, value, input.dtype) if value else np.zeros(shape, input.dtype)
    kept = [slice(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(input.shape, widths)]
    place = [slice(max(before, 0), n - max(after, 0)) for n, (before, after) in zip(shape, widths)]
    out[tuple(place)] = input[tuple(kept)]
    return out


def _widths(pad: Sequence[int], ndim: int) -> list[tuple[int, int]]:
    """Turn PyTorch's order, the last axis first, into one pair for every axis."""
    if len(pad) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(pad)}: give (before, after) pairs.")
    if len(pad) > 2 * ndim:
        raise RuntimeError(
            "Length of pad should be no more than twice the number of dimensions of the input. "
            f"Pad length is {len(pad)} while the input has {ndim} dimensions."
        )
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


@op(
    vjps=(lambda g, _out, input_shape, dim, start, _length: _place(g, input_shape, dim, start),),
    view=True,
    cases=Cases(
        Case((Draw((2, 4)),), {"dim": 1, "start": 1, "length": 2}),
        Case((Draw((2, 4)),), {"dim": -1, "start": -3, "length": 3}),
        Case((Draw((3, 2)),), {"dim": 0, "start": 0, "length": 3}),
        Case((Draw((3,)),), {"dim": 0, "start": 3, "length": 0}),
        errors=[
            Error(
                (Draw((2, 3)),),
                {"dim": 1, "start": 2, "length": 2},
                RuntimeError,
                r"start \(2\) \+ length \(2\) exceeds dimension size \(3\)",
            ),
            Error(
                (Draw((2, 3)),),
                {"dim": 1, "start": 0, "length": -1},
                RuntimeError,
                "length must be non-negative",
            ),
            Error(
                (Draw((2, 3)),),
                {"dim": 1, "start": 4, "length": 0},
                IndexError,
                "start out of range",
            ),
            Error(
                (Draw(()),),
                {"dim": 0, "start": 0, "length": 1},
                RuntimeError,
                "cannot be applied to a 0-dim",
            ),
        ],
    ),
    register=True,
)
def narrow(input: Array, dim: int, start: int, length: int) -> Array:
    """View ``length`` entries of one axis, from ``start`` on."""
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor; unsqueeze it first.")
    axis = normalize_dim(dim, input.ndim, "narrow")
    size = input.shape[axis]
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}.")
    if not -size <= start <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got {start}) in narrow."
        )
    first = start + size if start < 0 else start
    if first + length > size:
        raise RuntimeError(
            f"start ({first}) + length ({length}) exceeds dimension size ({size}). narrow got dim "
            f"{dim} of shape {list(input.shape)}."
        )
    return input[(slice(None),) * axis + (slice(first, first + length),)]


def _narrow_kernel(g: Array, shape: tuple[int, ...], dim: int, start: int) -> Any:
    axis = dim % len(shape)
    size, length = shape[axis], g.shape[axis]
    if length == size:
        return g
    first = start + size if start < 0 else start
    return Part(g, (slice(None),) * axis + (slice(first, first + length),), shape)


@fused(_narrow_kernel)
def _place(g: Any, shape: tuple[int, ...], dim: int, start: int) -> Any:
    """Pad ``g`` with zeros along ``dim`` to ``shape``: what narrow cut off on both sides."""
    axis = dim % len(shape)
    size, length = shape[axis], g.shape[axis]
    if length == size:
        return g
    first = start + size if start < 0 else start
    return constant_pad_nd(g, (0, 0) * (len(shape) - 1 - axis) + (first, size - length - first))


@fused(lambda g, shape, dim, index: Part(g, (slice(None),) * (dim % len(shape)) + (index, ...), shape))
def _place_entry(g: Any, shape: tuple[int, ...], dim: int, index: int) -> Any:
    """Pad ``g`` with zeros to ``shape``: the entries that select left."""
    return _place(unsqueeze(g, dim), shape, dim, index)


@op(
    vjps=(lambda g, _out, input_shape, dim, index: _place_entry(g, input_shape, dim, index),),
    view=True,
    cases=Cases(
        Case((Draw((2, 3)),), {"dim": 1, "index": 2}),
        Case((Draw((2, 3)),), {"dim": -2, "index": -1}),
        Case((Draw((3,)),), {"dim": 0, "index": 0}),
        Case((Draw((2, 0)),), {"dim": 0, "index": 1}),
        errors=[
            Error(
                (Draw((2, 3)),),
                {"dim": 1, "index": 3},
                IndexError,
                r"index 3 out of range for tensor of size \[2, 3\]",
            ),
            Error((Draw((2, 3)),), {"dim": 2, "index": 0}, IndexError, "out of range"),
            Error((Draw(()),), {"dim": 0, "index": 0}, IndexError, "cannot be applied to a 0-dim"),
        ],
    ),
    register=True,
)
def select(input: Array, dim: int, index: int) -> Array:
    """View one entry of one axis; that axis is gone."""
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor; unsqueeze it first.")
    axis = normalize_dim(dim, input.ndim, "select")
    if not -input.shape[axis] <= index < input.shape[axis]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at "
            f"dimension {axis}; the last is {input.shape[axis] - 1} or -1."
        )
    return input[(slice(None),) * axis + (index, ...)]


@composite(
    cases=Cases(
        Case((Draw((5, 2)), 2)),
        Case((Draw((2, 3)), 3), {"dim": 1}),
        Case((Draw((2, 3)), (1, 0, 2)), {"dim": -1}),
        Case((Draw((0, 3)), 2)),
        errors=[
            Error((Draw((3,)), 0), {}, RuntimeError, "split_size can only be 0 if dimension size is 0"),
            Error((Draw((3,)), -1), {}, RuntimeError, "split_size be non-negative"),
            Error(
                (Draw((3,)), (1, 1)),
                {},
                RuntimeError,
                r"to sum exactly to 3 .* split_sizes=\[1, 1\]",
            ),
            Error((Draw((3,)), (4, -1)), {}, RuntimeError, "only non-negative entries"),
            Error((Draw(()), 1), {}, RuntimeError, "at least a 1-dimensional"),
        ],
    )
)
def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """View consecutive pieces of one axis.

    Parameters
    ----------
    tensor : Tensor
        Any shape with an axis ``dim``.
    split_size_or_sections : int or sequence of int
        The size of every piece (the last may be smaller), or the sizes one by one.
    dim : int
        The axis.

    Returns
    -------
    tuple of Tensor
        Views.
    """
    axis, size = _axis_of(tensor, dim, "split")
    if isinstance(split_size_or_sections, Sequence):
        sizes = [int(n) for n in split_size_or_sections]
        if any(n < 0 for n in sizes):
            rule = "expects split_sizes have only non-negative entries, but got"
            raise RuntimeError(f"split_with_sizes {rule} split_sizes={sizes}.")
        if sum(sizes) != size:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's "
                f"size at dimension {axis}), but got split_sizes={sizes}."
            )
        return _pieces(tensor, axis, [0, *accumulate(sizes)])
    step = int(split_size_or_sections)
    if step < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={step}.")
    if not step and size:
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {size}.")
    return _pieces(tensor, axis, [*range(0, size, step or 1), size] if size else [0, 0])


@composite(
    cases=Cases(
        Case((Draw((5, 2)), 2)),
        Case((Draw((2, 6)), 4), {"dim": 1}),
        Case((Draw((3,)), 5)),
        Case((Draw((0, 3)), 2)),
        errors=[
            Error((Draw((3,)), 0), {}, RuntimeError, "`chunks` to be greater than 0, got: 0"),
            Error((Draw(()), 1), {}, RuntimeError, "at least a 1-dimensional"),
        ],
    )
)
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """View at most ``chunks`` pieces of equal size (the last may be smaller)."""
    axis, size = _axis_of(input, dim, "chunk")
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}.")
    if not size:
        return _pieces(input, axis, [0] * (chunks + 1))
    pieces: tuple[Any, ...] = split(input, -(-size // chunks), axis)
    return pieces


@composite(
    cases=Cases(
        Case((Draw((5, 2)), 3)),
        Case((Draw((2, 6)), (1, 4)), {"dim": 1}),
        Case((Draw((6,)), (4, 2, 9, -1))),
        errors=[Error((Draw((3,)), 0), {}, RuntimeError, "must be larger than 0")],
    )
)
def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """View pieces of one axis: so many of nearly equal size, or cut at the given positions."""
    axis, size = _axis_of(input, dim, "tensor_split")
    if isinstance(indices_or_sections, Sequence):
        cuts = [min(max(i + size if i < 0 else i, 0), size) for i in indices_or_sections]
        ends = zip([0, *cuts], [*cuts, size])
        return tuple([narrow(input, axis, start, max(stop - start, 0)) for start, stop in ends])
    n = int(indices_or_sections)
    if n < 1:
        raise RuntimeError(f"tensor_split: number of sections must be larger than 0, got {n}.")
    return _pieces(input, axis, [0, *accumulate(size // n + (i < size % n) for i in range(n))])


@composite(
    cases=Cases(
        Case((Draw((2, 3)),)),
        Case((Draw((2, 3)),), {"dim": -1}),
        Case((Draw((2,)),)),
        errors=[
            Error((Draw((2, 3)),), {"dim": 2}, IndexError, "out of range"),
            Error((Draw(()),), {}, IndexError, "tensor has no dimensions"),
        ],
    )
)
def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """View every entry of one axis."""
    if not len(input.shape):
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions: unbind takes an axis apart.")
    axis = normalize_dim(dim, len(input.shape), "unbind")
    return several(tuple([select(input, axis, i) for i in range(input.shape[axis])]))


def _axis_of(input: Any, dim: int, who: str) -> tuple[int, int]:
    """Return the axis and its size, of a tensor that has one."""
    if not len(input.shape):
        raise RuntimeError(f"{who} expects at least a 1-dimensional tensor; unsqueeze it first.")
    axis = normalize_dim(dim, len(input.shape), who)
    return axis, input.shape[axis]


def _pieces(input: Any, axis: int, offsets: Sequence[int]) -> tuple[Any, ...]:
    """View what lies between the offsets."""
    return several(tuple([narrow(input, axis, a, b - a) for a, b in pairwise(offsets)]))
