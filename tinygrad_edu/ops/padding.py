"""Padding by a constant, by mirroring, by repeating the border, or around the corner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..cases import Case, Cases, Draw, Error
from ..op import composite
from .joining import cat
from .rearranging import flip
from .shape import broadcast_to
from .splitting import constant_pad_nd, narrow

__all__ = ["pad"]

_MODES = [
    Case((Draw(shape), widths), {"mode": mode})
    for mode in ("reflect", "replicate", "circular")
    for shape, widths in [
        ((2, 4), (1, 2)),
        ((2, 4), (0, 3)),
        ((1, 2, 3), (1, 0)),
        ((1, 3, 3), (1, 2, 2, 0)),
        ((1, 2, 4), (-1, 2)),
    ]
]


@composite(
    cases=Cases(
        Case((Draw((2, 3)), (1, 1))),
        Case((Draw((2, 3)), (1, 0, 0, 2)), {"value": 2.5}),
        Case((Draw((2, 3)), (-1, 1))),
        *_MODES,
        Case((Draw((1, 1, 2, 2, 2)), (1, 1, 0, 1, 1, 0)), {"mode": "reflect"}),
        errors=[
            Error((Draw((2, 3)), (1,)), {}, RuntimeError, "must be divisible by 2"),
            Error((Draw((3,)), (1, 1, 1, 1)), {}, RuntimeError, "less than or equal to two times"),
            Error(
                (Draw((2, 3)), (1, 1)),
                {"mode": "mirror"},
                NotImplementedError,
                "Unrecognised padding mode mirror",
            ),
            Error(
                (Draw((2, 3)), (1, 1)),
                {"mode": "reflect", "value": 1.0},
                RuntimeError,
                "doesn't take in value",
            ),
            Error(
                (Draw((2, 3)), (1, 1, 1, 1)),
                {"mode": "reflect"},
                NotImplementedError,
                "not supported for 2D input",
            ),
            Error(
                (Draw((2, 3)), (3, 1)),
                {"mode": "reflect"},
                RuntimeError,
                r"padding \(3, 1\) at dimension 1 of input",
            ),
            Error(
                (Draw((2, 3)), (4, 1)),
                {"mode": "circular"},
                RuntimeError,
                "wrapping around more than once",
            ),
            Error((Draw((2, 0)), (1, 1)), {"mode": "replicate"}, RuntimeError, "nothing to repeat"),
        ],
        torch="nn.functional.pad",
    )
)
def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Add entries around a tensor.

    Parameters
    ----------
    input : Tensor (..., D2, D1)
        Any shape for ``mode="constant"``; else one or two leading axes and up to three padded ones.
    pad : sequence of int
        ``(before, after)`` of the last axis, then of the one before it, and so on; negative widths
        cut off.
    mode : str
        "constant": ``value``. "reflect": mirrored at the border, without repeating it. "replicate":
        the border. "circular": the other end.
    value : float, optional
        For ``mode="constant"``; 0 when None.

    Returns
    -------
    Tensor
        A copy, of the input's dtype.

    Raises
    ------
    RuntimeError
        If ``pad`` has an odd length or is too long, or the tensor has too few entries to take from.
    NotImplementedError
        If the mode is unknown, or PyTorch does not define it for so many axes.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> pad(tg.tensor([[1, 2, 3]]), (1, 2), mode="reflect")
    tensor([[2, 1, 2, 3, 2, 1]])
    """
    ndim = len(input.shape)
    if len(pad) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, got {len(pad)} numbers: (before, after) pairs.")
    if len(pad) > 2 * ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pad)} and input of dimension {ndim}."
        )
    if mode == "constant":
        return constant_pad_nd(input, tuple(pad), value or 0)
    if value is not None:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument; leave it out.')
    if mode not in _BORDERS:
        raise NotImplementedError(f"Unrecognised padding mode {mode}: one of constant, reflect, replicate, circular.")
    padded = len(pad) // 2
    if padded not in (1, 2, 3) or ndim - padded not in (1, 2):
        raise NotImplementedError(
            f"Padding size {len(pad)} is not supported for {ndim}D input tensor (mode {mode!r}): "
            "one or two axes stay as they are, and up to three are padded."
        )
    if mode == "circular":  # PyTorch cuts off first and wraps what is left; the other modes take from the whole
        input, pad = (
            constant_pad_nd(input, tuple([min(n, 0) for n in pad])),
            [max(n, 0) for n in pad],
        )
    for i in range(padded):
        input = _pad_axis(input, ndim - 1 - i, max(pad[2 * i], 0), max(pad[2 * i + 1], 0), _BORDERS[mode])
    cuts = tuple([min(n, 0) for n in pad])
    return constant_pad_nd(input, cuts) if any(cuts) else input


Border = Callable[[Any, int, int, int], list[Any]]


def _pad_axis(input: Any, axis: int, before: int, after: int, border: Border) -> Any:
    """Join what stands before the axis, the axis, and what stands after it."""
    first, last = border(input, axis, before, after)
    return cat([first, input, last], axis)


def _reflect(input: Any, axis: int, before: int, after: int) -> list[Any]:
    size = input.shape[axis]
    if max(before, after) >= size:
        raise RuntimeError(
            "Padding size should be less than the corresponding input dimension, but got: padding "
            f"({before}, {after}) at dimension {axis} of input {list(input.shape)}."
        )
    mirrored = narrow(input, axis, 1, before), narrow(input, axis, size - 1 - after, after)
    return [flip(part, (axis,)) for part in mirrored]


def _replicate(input: Any, axis: int, before: int, after: int) -> list[Any]:
    shape = list(input.shape)
    if not shape[axis]:
        raise RuntimeError(f"pad: there is nothing to repeat in dimension {axis} of input {shape}, which is empty.")
    ends = (narrow(input, axis, 0, 1), before), (narrow(input, axis, shape[axis] - 1, 1), after)
    return [broadcast_to(end, (*shape[:axis], width, *shape[axis + 1 :])) for end, width in ends]


def _circular(input: Any, axis: int, before: int, after: int) -> list[Any]:
    size = input.shape[axis]
    if max(before, after) > size:
        raise RuntimeError(
            f"Padding value causes wrapping around more than once: pad got ({before}, {after}) for "
            f"dimension {axis} of size {size}."
        )
    return [narrow(input, axis, size - before, before), narrow(input, axis, 0, after)]


_BORDERS: dict[str, Border] = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}
