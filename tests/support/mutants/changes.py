"""Ways in which a gradient comes out wrong, whatever the op: each takes one call of a derivative.

What these mistakes are called stands in ``mistakes``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.ops.axes import permute
from tinygrad_edu.ops.shape import broadcast_to, fit, reshape, sum_to, to

from .building import Change
from .derivative import Derivative, Remembered, array_of, is_broadcast, with_part

__all__ = [
    "along_last",
    "below_zero",
    "constant",
    "dropped",
    "far_out",
    "first_of_broadcast",
    "mean_of_broadcast",
    "noise",
    "one_entry",
    "other_for_input",
    "overwrites",
    "per_row",
    "proportional",
    "relative",
    "result_for_input",
    "rounded",
    "stale",
    "swapped_with",
    "times",
    "times_input",
    "transposed",
    "writes_g",
    "writes_input",
    "zero",
]

# ---- the whole gradient


def times(factor: float) -> Change:
    return lambda d: d.right() * factor


def per_row(d: Derivative) -> Any:
    """Divide by the size of the batch, which belongs into the loss."""
    shape = np.shape(array_of(d.x))
    return d.right() / (shape[0] if shape and shape[0] else 1)


def zero(d: Derivative) -> Any:
    return d.right() * 0.0


def transposed(d: Derivative) -> Any:
    right = d.right()
    shape = right.shape
    if len(shape) < 2:
        return right
    axes = tuple(range(len(shape)))
    if shape[-1] == shape[-2]:
        return permute(right, (*axes[:-2], axes[-1], axes[-2]))
    return reshape(permute(right, axes[::-1]), shape)


def along_last(move: Callable[[Any], Any]) -> Change:
    def change(d: Derivative) -> Any:
        right = d.right()
        return move(right) if right.shape else right

    return change


def swapped_with(other: int) -> Change:
    """Return what the other input, of the same shape, should get."""

    def change(d: Derivative) -> Any:
        shape = np.shape(array_of(d.x))
        value = array_of(d.inputs[other]) if other in d.others and other < len(d.inputs) else None
        if not isinstance(value, np.ndarray) or value.shape != shape:
            return d.right()
        return fit(d.others[other](d.g, d.inputs, d.out), shape)

    return change


def constant(d: Derivative) -> Any:
    return d.right() + 0.01


# ---- some entries


def one_entry(factor: float) -> Change:
    def change(d: Derivative) -> Any:
        right = d.right()
        mask = np.ones(right.shape)
        if mask.size:
            mask.reshape(-1)[mask.size // 2] = factor
        return right * mask

    return change


def below_zero(factor: float) -> Change:
    return lambda d: d.right() * np.where(np.asarray(array_of(d.x)) < 0, factor, 1.0)


def far_out(d: Derivative) -> Any:
    """Take the function to be flat where it is only saturated."""
    return d.right() * np.where(np.abs(np.asarray(array_of(d.x))) > 1, 0.0, 1.0)


# ---- sums and repeats


def first_of_broadcast(d: Derivative) -> Any:
    """Take the first of the places to which an entry was broadcast, and forget the rest."""
    full, shape = d.raw(), np.shape(array_of(d.x))
    if not is_broadcast(shape, full.shape):
        return d.right()
    missing = len(full.shape) - len(shape)
    first = [0] * missing + [
        slice(0, 1) if small != large else slice(None) for small, large in zip(shape, full.shape[missing:])
    ]
    return full[tuple(first)] if all(full.shape) else sum_to(full, shape)


def mean_of_broadcast(d: Derivative) -> Any:
    full, shape = d.raw(), np.shape(array_of(d.x))
    size = int(np.prod(shape))
    return d.right() * (size / max(int(np.prod(full.shape)), 1)) if is_broadcast(shape, full.shape) else d.right()


def overwrites(d: Derivative) -> Any:
    """Keep of every entry the last contribution only, as ``grad[index] = g`` does."""
    jacobian = d.jacobian()
    shape = np.shape(array_of(d.x))
    if not jacobian.size:
        return d.right()
    count = len(jacobian)
    last = count - 1 - np.argmax(jacobian[::-1] != 0, axis=0)
    parts = d.g if isinstance(d.g, tuple) else (d.g,)
    flat = [reshape(part, (-1,)) for part in parts]
    g = flat[0] if len(flat) == 1 else tg.cat(flat)
    return reshape(g[last] * jacobian[last, np.arange(len(last))], shape)


# ---- values that do not belong there


def proportional(d: Derivative) -> Any:
    """Add ``0.1 * g * x``: the derivative of a penalty that is not in the function."""
    g = d.g[0] if isinstance(d.g, tuple) else d.g
    x = array_of(d.x)
    shape = np.shape(x)
    if np.shape(array_of(g)) != shape and not is_broadcast(shape, np.shape(array_of(g))):
        g = g.sum()
        g = broadcast_to(g, shape) if shape else g
    return d.right() + fit(g * (0.1 * np.asarray(x)), shape)


def times_input(d: Derivative) -> Any:
    return d.right() * np.asarray(array_of(d.x))


def relative(d: Derivative) -> Any:
    return d.right() * (1 + 0.1 * np.asarray(array_of(d.x)))


def result_for_input(d: Derivative) -> Any:
    """Put the result where the formula has the input."""
    if d.out is None or np.shape(array_of(d.out)) != np.shape(array_of(d.x)):
        return d.right()
    return d.right(inputs=with_part(d.inputs, d.position, d.out))


def other_for_input(d: Derivative) -> Any:
    """Put another input of the same shape where the formula has this one."""
    shape = np.shape(array_of(d.x))
    for i in d.others:
        if i < len(d.inputs) and isinstance(array_of(d.inputs[i]), np.ndarray):
            other = d.inputs[i]
            if np.shape(array_of(other)) == shape:
                return d.right(inputs=with_part(d.inputs, d.position, other))
    return d.right()


def stale(which: str) -> Change:
    def change(d: Derivative) -> Any:
        call: Remembered | None = getattr(d.memory, which)
        now = [np.shape(array_of(v)) for v in (*d.inputs, *(() if d.out is None else (d.out,)))]
        if call is None or call.shapes != now:
            return d.right()
        shape = np.shape(array_of(d.x))
        return fit(call.formulas[d.position](d.g), shape)

    return change


# ---- what arrives


def rounded(d: Derivative) -> Any:
    return to(d.right(), np.dtype(np.float32))


def noise(d: Derivative) -> Any:
    right = d.right()
    return right * (1 + 1e-3 * d.memory.random.standard_normal(right.shape))


def dropped(d: Derivative) -> Any:
    """Draw a new mask in the backward pass, where that of the forward is due."""
    right = d.right()
    return right * (2.0 * d.memory.random.integers(0, 2, right.shape))


# ---- writing


def writes_g(d: Derivative) -> Any:
    """Compute the gradient in the buffer of ``g``, which others read after it."""
    right = d.right() * 1.0
    array_of(d.g[0] if isinstance(d.g, tuple) else d.g)[...] *= 0.5
    return right


def writes_input(d: Derivative) -> Any:
    right = d.right() * 1.0
    array_of(d.x)[...] *= 1.5
    return right
