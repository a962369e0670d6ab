"""What a mask of booleans selects: filling, picking, scattering; and where a tensor is not zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import composite, op
from .indexing import check_number, getitem, index_put
from .positions import plain
from .selection import masked, where
from .shape import broadcast_tensors, reshape

__all__ = ["argwhere", "masked_fill", "masked_scatter", "masked_select", "nonzero"]

Array = np.ndarray[Any, Any]

_MASK = np.array([[True, False, True], [False, False, True]])


def _check_mask(who: str, mask: Any) -> None:
    dtype = getattr(mask, "dtype", None)
    if dtype != np.bool_:
        raise RuntimeError(
            f"{who} only supports boolean masks, but got mask with dtype "
            f"{dtype or type(mask).__name__}: compare (mask != 0), or convert it with .bool()."
        )


@op(
    vjps=(
        lambda g, _out, _input, mask, _value: masked(g, ~mask),
        None,
        lambda g, _out, _input, mask, _value: masked(g, mask),
    ),
    cases=Cases(
        Case((Draw((2, 3)), _MASK, -1.5)),
        Case((Draw((2, 3)), _MASK, Draw(()))),
        Case((Draw((2, 3)), np.array([True, False, False]), Draw(()))),
        Case((Draw((3,)), _MASK, Draw(()))),
        Case((Draw(()), np.array(True), 2)),
        Case((Draw((0, 3)), np.array([True, False, False]), 2.0)),
        Case((np.array([1, 2]), np.array([True, False]), 7)),
        Case((np.array([np.inf, np.nan, 1.0]), np.array([True, True, False]), 0.0), smooth=False),
        Case((np.zeros(2), np.array([True, False]), float("-inf")), smooth=False),
        errors=[
            Error((Draw((2, 3)), Draw((2, 3)), 0.0), {}, RuntimeError, "only supports boolean masks"),
            Error((Draw((2,)), np.array([True, False]), Draw((2,))), {}, RuntimeError, "0-dimension"),
            Error((Draw((2,)), _MASK, 0.0), {}, RuntimeError, r"size of tensor .* must match"),
        ],
    ),
    register=True,
)
def masked_fill(input: Array, mask: Array, value: Any) -> Array:
    """Put one value where the mask is true.

    Parameters
    ----------
    input : Tensor
        Broadcasts with the mask.
    mask : Tensor of bool
        Where to put the value.
    value : number or 0-d Tensor
        Converted to the input's dtype.

    Raises
    ------
    RuntimeError
        If the mask is not boolean, the value not a single one, or the shapes do not broadcast.
    """
    _check_mask("masked_fill", mask)
    check_number("masked_fill", value)
    result: Array = where.forward(~mask, input, np.asarray(value).astype(input.dtype))
    return result


@composite(
    cases=Cases(
        Case((Draw((2, 3)), _MASK)),
        Case((Draw((3,)), _MASK)),
        Case((Draw((2, 2, 3)), _MASK)),
        Case((Draw((2, 3)), np.zeros(3, np.bool_))),
        Case((Draw(()), np.array(True))),
        errors=[
            Error((Draw((3,)), Draw((3,))), {}, RuntimeError, "boolean masks"),
            Error((Draw((2,)), _MASK), {}, RuntimeError, "do not broadcast"),
        ],
    )
)
def masked_select(input: Any, mask: Any) -> Any:
    """Return the values where the mask is true, in one axis; input and mask broadcast."""
    _check_mask("masked_select", mask)
    whole, chosen = broadcast_tensors(input, plain(mask))
    return getitem(whole, chosen)


@composite(
    cases=Cases(
        Case((Draw((2, 3)), _MASK, Draw((2, 2)))),
        Case((Draw((2, 3)), np.array([True, False, True]), Draw((4,)))),
        errors=[Error((Draw((2, 3)), _MASK, Draw((2,))), {}, RuntimeError, "Number of elements of")],
    )
)
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """Put the first values of the source, in order, where the mask is true."""
    _check_mask("masked_scatter", mask)
    whole = np.broadcast_to(plain(mask), input.shape)
    n, given = int(np.count_nonzero(whole)), plain(source).size
    if given < n:
        raise RuntimeError(
            f"Number of elements of source < number of ones in mask: masked_scatter got {given} for {n}."
        )
    return index_put(input, (whole,), getitem(reshape(source, (-1,)), slice(n)))


@op(
    vjps=(None,),
    cases=Cases(
        Case((np.array([[0.0, 2.0], [-1.0, 0.0]]),)),
        Case((np.array([False, True, True]),)),
        Case((np.array(3),)),
        Case((np.array(0.0),)),
        Case((np.zeros((0, 2)),)),
    ),
    register=True,
)
def argwhere(input: Array) -> Array:
    """Return the positions of what is not zero, one row for each: (found, ndim) of int64."""
    return np.argwhere(input)


@composite(
    cases=Cases(
        Case((np.array([[0.0, 2.0], [-1.0, 0.0]]),)),
        Case((np.array([[0.0, 2.0], [-1.0, 0.0]]),), {"as_tuple": True}),
        Case((np.array(3),), {"as_tuple": True}),
        Case((np.zeros((0, 2)),), {"as_tuple": True}),
    )
)
def nonzero(input: Any, as_tuple: bool = False) -> Any:
    """Return the positions of what is not zero.

    Parameters
    ----------
    input : Tensor
        Any shape; NaN is not zero, True is not.
    as_tuple : bool
        Return one 1-d tensor for each axis, as an index takes them, instead of a matrix with one
        row for each position.
    """
    if not as_tuple:
        return argwhere(input)
    found = argwhere(reshape(input, (1,)) if not input.ndim else input)
    return tuple([getitem(found, (slice(None), axis)) for axis in range(input.ndim or 1)])
