"""Tables of vectors and classes: embedding, one-hot vectors, counts.

Selecting slices of any axis is ``slices``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import op
from .elements import read
from .indexing import place
from .positions import Index, check_integers, check_positions, plain
from .selection import masked

__all__ = ["bincount", "embedding", "one_hot"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def _rows(input: Any) -> Index:
    return Index((...,), (0,), plain(input))


def _grad_weight(g: Any, input: Any, padding_idx: int | None, shape: Shape) -> Any:
    """Add the gradient of each looked-up row to its row of the table; the padding row gets none."""
    if padding_idx is not None:
        g = masked(g, (plain(input) != padding_idx % shape[0])[..., None])
    return place(g, _rows(input), shape)


_ONE = (np.array([0]), Draw((3, 2)))


@op(
    vjps=(
        None,
        lambda g, _out, input, weight_shape, padding_idx, _norm, _p, _scale, _sparse: _grad_weight(
            g, input, padding_idx, weight_shape
        ),
    ),
    cases=Cases(
        Case((np.array([2, 0, 2]), Draw((3, 2)))),
        Case((np.array([[1, 0], [3, 3]], np.int32), Draw((4, 2)))),
        Case((np.array(1), Draw((3, 2)))),
        Case((np.array([1, 0, 1, 2]), Draw((3, 2))), {"padding_idx": 1}, smooth=False),
        Case((np.array([1, 0, 2, 2]), Draw((3, 2))), {"padding_idx": -1}, smooth=False),
        Case((np.zeros((0, 2), np.int64), Draw((3, 2)))),
        errors=[
            *[
                Error((index, Draw(shape)), {}, kind, match)
                for index, shape, kind, match in [
                    (np.array([3]), (3, 2), IndexError, "index out of range in self"),
                    (np.array([-1]), (3, 2), IndexError, "index out of range in self"),
                    (np.array([0.0]), (3, 2), RuntimeError, "scalar types: Long, Int; but got"),
                    (np.array([0]), (3,), RuntimeError, "'weight' must be 2-D"),
                ]
            ],
            Error(_ONE, {"padding_idx": 3}, AssertionError, "must be within num_embeddings"),
            Error(_ONE, {"max_norm": 1.0}, NotImplementedError, "max_norm=1.0"),
            Error(_ONE, {"sparse": True}, NotImplementedError, "sparse=True"),
        ],
        torch="nn.functional.embedding",
    ),
    register=True,
)
def embedding(
    input: Array,
    weight: Array,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Array:
    """Look up rows of a table: ``weight[input]``.

    Parameters
    ----------
    input : Tensor of int64 or int32
        The numbers of the rows, in any shape (*).
    weight : Tensor
        The table (V, D).
    padding_idx : int, optional
        A row whose look-ups send no gradient back; counted from the end if negative.
    max_norm, norm_type, scale_grad_by_freq, sparse
        PyTorch's options, which are not offered.

    Returns
    -------
    Tensor
        (*, D).

    Raises
    ------
    IndexError
        If the table has no such row.
    RuntimeError
        If the input is not of integers or the weight not 2-d.
    NotImplementedError
        If one of the options that are not offered is used.
    """
    if max_norm is not None or scale_grad_by_freq or sparse:
        raise NotImplementedError(
            f"embedding: max_norm={max_norm}, scale_grad_by_freq={scale_grad_by_freq}, sparse="
            f"{sparse} are not offered; renormalise the weight under no_grad, and expect dense "
            "gradients."
        )
    _check_table(input, weight, padding_idx)
    return read(weight, _rows(input))


def _check_table(input: Array, weight: Array, padding_idx: int | None) -> None:
    check_integers(
        "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
        "Long, Int; but got another (embedding takes the indices first, then the weight)",
        input,
    )
    if weight.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D: embedding got shape {list(weight.shape)}, not (V, D).")
    rows = weight.shape[0]
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise AssertionError(f"Padding_idx must be within num_embeddings: got {padding_idx} for {rows} rows.")
    check_positions(input, rows, IndexError, f"index out of range in self: embedding got {{0}} for {rows} rows.")


@op(
    vjps=(None,),
    cases=Cases(
        Case((np.array([0, 2]),)),
        Case((np.array([[0], [1]]),), {"num_classes": 3}),
        Case((np.array(1),)),
        Case((np.zeros(0, np.int64),), {"num_classes": 3}),
        errors=[
            Error((value,), params, RuntimeError, match)
            for value, params, match in [
                (np.array([0, 2]), {"num_classes": 2}, "must be smaller than num_classes"),
                (np.array([-1]), {}, "must be non-negative"),
                (np.array([0.0]), {}, "only applicable to index tensor of type LongTensor"),
                (np.zeros(0, np.int64), {}, "Can not infer total number of classes"),
            ]
        ],
    ),
    register=True,
)
def one_hot(tensor: Array, num_classes: int = -1) -> Array:
    """Turn class numbers (*) into vectors with a single 1, (*, C) of int64.

    Raises
    ------
    RuntimeError
        If the classes are not int64, not in ``range(num_classes)``, or there is nothing to infer
        their number from.
    """
    if tensor.dtype != np.int64:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor: got {tensor.dtype}; "
            "convert it with .long()."
        )
    if not tensor.size and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor; pass num_classes.")
    if tensor.size and tensor.min() < 0:
        raise RuntimeError(f"Class values must be non-negative: one_hot got {tensor.min()}.")
    classes = int(tensor.max()) + 1 if num_classes == -1 else num_classes
    if tensor.size and tensor.max() >= classes:
        raise RuntimeError(f"Class values must be smaller than num_classes: one_hot got {tensor.max()} for {classes}.")
    hot: Array = tensor[..., None] == np.arange(classes)
    return hot.astype(np.int64)


@op(
    vjps=(None, None),
    cases=Cases(
        Case((np.array([0, 2, 2]),)),
        Case((np.array([0, 2, 2]), None), {"minlength": 5}),
        Case((np.zeros(0, np.int64),)),
        errors=[
            Error((np.array([-1]),), {}, RuntimeError, "1-d non-negative integral inputs"),
            Error((np.array([[1]]),), {}, RuntimeError, "1-d non-negative integral inputs"),
            Error((np.array([1]), np.ones(2)), {}, RuntimeError, "same length"),
        ],
    ),
    register=True,
)
def bincount(input: Array, weights: Array | None = None, minlength: int = 0) -> Array:
    """Count how often each number occurs: int64, or the sums of weights in their dtype.

    Raises
    ------
    RuntimeError
        If the input is not a vector of non-negative integers, or the weights have another length.
    """
    if input.ndim != 1 or input.dtype.kind not in "iu" or (input.size and input.min() < 0):
        raise RuntimeError(
            f"bincount only supports 1-d non-negative integral inputs: got shape {list(input.shape)} of {input.dtype}."
        )
    if weights is not None and weights.shape != input.shape:
        raise RuntimeError(
            f"weights should be 1-d and have the same length as input: bincount got shapes "
            f"{list(weights.shape)} and {list(input.shape)}."
        )
    counts = np.bincount(input, weights, minlength)
    wide = weights is not None and weights.dtype != np.float32
    return counts.astype(np.int64 if weights is None else np.float64 if wide else np.float32)
