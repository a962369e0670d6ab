"""Softmax and its logarithm: scores to probabilities along one axis, without under- or overflow.

Each derivative exists twice: a kernel with few passes over memory for the ordinary backward pass,
and the formula, which is recorded and differentiated again under ``create_graph=True``.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..cases import Case, Cases, Draw, Error
from ..dtypes import type_name
from ..kernels import accelerated
from ..op import fused, op
from .blocks import cuts
from .dims import normalize_dim
from .powers import exp
from .reduction import sum
from .summation import add_up

__all__ = ["exponentials", "log_softmax", "require_float", "row_sums", "softmax"]

Array = np.ndarray[Any, Any]


def _cases() -> Cases:
    inf, nan = np.inf, np.nan
    rows = [
        [inf, 0, 1],
        [-inf, 0, 1],
        [-inf, -inf, -inf],
        [900, 0, -900],
        [nan, 0, 1],
        [50, 0, -50],
        [-90, -99, -95],
    ]
    shapes = [
        ((), 0),
        ((4,), -1),
        ((2, 3), 0),
        ((2, 3), 1),
        ((2, 1, 4), 1),
        ((2, 3, 2), 1),
        ((2, 0), 1),
        ((0, 3), 1),
    ]
    return Cases(
        *[Case((Draw(shape),), {"dim": dim}) for shape, dim in shapes],
        Case((Draw((2, 3), low=-60, high=60),), {"dim": 1}),
        Case((Draw((2, 70), low=-5, high=5),), {"dim": -1}, smooth=False),
        Case((np.array(rows),), {"dim": 1}, smooth=False),
        Case((np.array([1, 2, 4]),), {"dim": 0, "dtype": np.dtype("float32")}, parity=False),
        errors=[
            Error((Draw((2, 3)),), {"dim": 2}, IndexError, "Dimension out of range"),
            Error(
                (np.array([1, 2]),),
                {"dim": 0},
                NotImplementedError,
                "not implemented for 'Long'.*dtype=",
            ),
        ],
    )


@op(
    vjps=(lambda g, out, _x, dim, _dtype: _softmax_grad(g, out, _axis("softmax", dim, out.ndim)),),
    cases=_cases(),
    register=True,
)
def softmax(input: Array, dim: int | None = None, dtype: DTypeLike | None = None) -> Array:
    """Turn scores into probabilities along an axis: ``exp(x) / sum(exp(x))``.

    Parameters
    ----------
    input : (*,) floating
        The scores (logits), of any shape.
    dim : int
        The axis along which the result sums to 1. Leaving it out is PyTorch's old implicit choice,
        and warns.
    dtype : dtype, optional
        Cast the input to it before computing.

    Returns
    -------
    (*,)
        In the input's dtype (or ``dtype``).

    Raises
    ------
    IndexError
        If there is no such axis.
    NotImplementedError
        If the input is of integers or booleans.

    Notes
    -----
    The largest score of each row is subtracted first where exp could overflow or vanish. A row of only -inf
    gives nan.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.log([1.0, 3.0]), 0)
    array([0.25, 0.75])
    """
    x, axis = _prepare("softmax", input, dim, dtype)
    return _probabilities(x, axis).reshape(input.shape)  # type: ignore[no-any-return]


@np.errstate(all="ignore")
@accelerated
def _probabilities(x: Array, axis: int) -> Any:
    out = np.empty(x.shape, x.dtype)
    for cut in _pieces(x, axis):
        piece = np.exp(x[cut], out=out[cut])
        totals = row_sums(piece, axis)
        if not (x.dtype.itemsize >= 4 and _EASY[0] <= totals.min() and totals.max() <= _EASY[1]):
            np.exp(x[cut] - _top(x[cut], axis), out=piece)
            totals = row_sums(piece, axis)
        piece /= totals
    return out


@op(
    vjps=(lambda g, out, _x, dim, _dtype: _log_softmax_grad(g, out, _axis("log_softmax", dim, out.ndim)),),
    cases=_cases(),
    register=True,
)
def log_softmax(input: Array, dim: int | None = None, dtype: DTypeLike | None = None) -> Array:
    """Compute the logarithm of :func:`softmax` without under- or overflow: ``x - logsumexp(x)``.

    Parameters, result and errors are those of :func:`softmax`.

    Examples
    --------
    >>> import numpy as np
    >>> np.exp(log_softmax(np.log([1.0, 3.0]), 0))
    array([0.25, 0.75])
    """
    x, axis = _prepare("log_softmax", input, dim, dtype)
    return _log_probabilities(x, axis).reshape(input.shape)  # type: ignore[no-any-return]


@np.errstate(all="ignore")
@accelerated
def _log_probabilities(x: Array, axis: int) -> Any:
    out = np.empty(x.shape, x.dtype)
    for cut in _pieces(x, axis):
        piece = np.subtract(x[cut], _top(x[cut], axis), out=out[cut])
        piece -= np.log(row_sums(np.exp(piece), axis))
    return out


@accelerated
def _softmax_kernel(g: Array, out: Array, axis: int) -> Array:
    slope = np.empty(out.shape, out.dtype)
    for cut in _pieces(out, axis):
        if axis == out.ndim - 1:
            along = np.vecdot(g[cut], out[cut])[..., None]
        else:
            along = np.add.reduce(g[cut] * out[cut], axis=axis, keepdims=True)
        piece = np.subtract(g[cut], along, out=slope[cut])
        piece *= out[cut]
    return slope


@fused(_softmax_kernel)
def _softmax_rows_grad(g: Any, out: Any, axis: int) -> Any:
    return out * (g - sum(g * out, axis, True))


def _softmax_grad(g: Any, out: Any, axis: int) -> Any:
    return _softmax_rows_grad(g, out, axis) if out.ndim else g * 0.0


@accelerated
def _log_softmax_kernel(g: Array, out: Array, axis: int) -> Array:
    slope = np.empty(out.shape, out.dtype)
    for cut in _pieces(out, axis):
        piece = np.exp(out[cut], out=slope[cut])
        piece *= row_sums(g[cut], axis)
        np.subtract(g[cut], piece, out=piece)
    return slope


@fused(_log_softmax_kernel)
def _log_softmax_rows_grad(g: Any, out: Any, axis: int) -> Any:
    return g - exp(out) * sum(g, axis, True)


def _log_softmax_grad(g: Any, out: Any, axis: int) -> Any:
    return _log_softmax_rows_grad(g, out, axis) if out.ndim else g * 0.0


def _prepare(who: str, input: Array, dim: int | None, dtype: DTypeLike | None) -> tuple[Array, int]:
    """Give the scores as floats with at least one axis, and the axis counted from the front."""
    x = input if dtype is None else input.astype(dtype)
    require_float(who, x)
    if dim is None:
        warnings.warn(
            f"Implicit dimension choice for {who} has been deprecated. Change the call to include "
            "dim=X as an argument.",
            UserWarning,
            stacklevel=4,
        )
    axis = _axis(who, dim, x.ndim)
    return (x if x.ndim else x.reshape(1)), axis


def _axis(who: str, dim: int | None, ndim: int) -> int:
    """Give the axis; without one PyTorch takes the first of 0, 1 or 3 axes, else the second."""
    if dim is None:
        return 0 if ndim in (0, 1, 3) else 1
    return normalize_dim(dim, ndim, who)


def _pieces(x: Array, axis: int) -> list[slice]:
    """Cut the first axis, unless it is the one along which scores belong together."""
    if not x.size:
        return []
    return cuts(x) if axis else [slice(None)]


def require_float(who: str, x: Any) -> None:
    """Refuse integers and booleans."""
    if x.dtype.kind != "f":
        raise NotImplementedError(
            f"\"{who}\" not implemented for '{type_name(x.dtype)}': it takes floating point "
            "tensors; convert the tensor with .float(), or pass dtype= where the function has it."
        )


# Where the sum of a row's exponentials lies between these bounds, nothing has to be subtracted before: none overflows,
# and those that are lost or have few digits are less than 1e-33 of the sum.
_EASY = (1e-4, 1e30)


@accelerated
def exponentials(x: Array, axis: int) -> tuple[Array, Array, Array]:
    """Give ``exp(x - top)``, the sums of these along an axis, and the largest score of every row, top."""
    top = _top(x, axis)
    exps = np.asarray(x - top)
    np.exp(exps, out=exps)
    return exps, row_sums(exps, axis), top


def _top(x: Array, axis: int) -> Array:
    """Compute the maximum along an axis, which is kept."""
    if axis == x.ndim - 1 and x.shape[axis] <= 64:  # NumPy reduces many short rows faster when they stand
        rows = np.ascontiguousarray(x.reshape(-1, x.shape[axis]).T)
        return np.asarray(np.maximum.reduce(rows, axis=0)).reshape(*x.shape[:-1], 1)
    return np.asarray(np.maximum.reduce(x, axis=axis, keepdims=True))


def row_sums(x: Array, axis: int) -> Array:
    """Add up along an axis, which is kept; short rows too are fastest as a matrix product."""
    if axis < x.ndim - 1 or x.dtype.itemsize < 4 or not x.size:
        return np.asarray(add_up(x, (axis,), True))
    size = x.shape[axis]
    sums = x.reshape(-1, size) @ np.ones(size, x.dtype)
    return np.asarray(sums).reshape(*x.shape[:-1], 1)
