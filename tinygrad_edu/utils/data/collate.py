"""Making one batch of a list of samples."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ...creation import from_numpy, tensor
from ...dtypes import float64
from ...ops.joining import stack
from ...tensor import Tensor

__all__ = ["default_collate", "default_convert"]


def default_collate(batch: Sequence[Any]) -> Any:
    """Put samples together, with a first axis for the batch.

    Parameters
    ----------
    batch : sequence
        The samples, all of the same structure. Tensors, arrays and numbers become one Tensor
        (Python floats float64, integers int64); strings and bytes stay as they are; dicts, named
        tuples, tuples and lists are followed inside, a tuple becoming a list.

    Returns
    -------
    Tensor, or a structure of Tensors

    Raises
    ------
    TypeError
        If a sample holds something else.
    RuntimeError
        If tensors have different shapes, or sequences different lengths.

    Examples
    --------
    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(batch)
    if isinstance(first, np.ndarray) and first.dtype.kind in "biuf":
        return from_numpy(stack(batch))
    if isinstance(first, np.generic) and first.dtype.kind in "biuf":
        return from_numpy(np.array(batch))
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _rebuilt(first, {key: default_collate([d[key] for d in batch]) for key in first})
    if isinstance(first, Sequence):
        _check_lengths(batch)
        return _rebuilt(first, [default_collate(part) for part in zip(*batch)])
    kind = f"array of {first.dtype}" if isinstance(first, np.ndarray) else type(first).__name__
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
        f"{kind}. Convert it in the dataset, or pass a collate_fn of your own."
    )


def default_convert(data: Any) -> Any:
    """Turn the arrays in one sample into Tensors, and leave the rest.

    Parameters
    ----------
    data : any
        Dicts, named tuples, tuples and lists are followed inside, a tuple becoming a list.

    Returns
    -------
    The same structure; Tensors lie on the arrays' memory.
    """
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind in "biuf":
        return from_numpy(np.asarray(data))
    if isinstance(data, Mapping):
        return _rebuilt(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _rebuilt(data, [default_convert(value) for value in data])
    return data


def _check_lengths(batch: Sequence[Any]) -> None:
    lengths = sorted({len(sample) for sample in batch})
    if len(lengths) > 1:
        raise RuntimeError(
            "each element in list of batch should be of equal size: default_collate got sequences "
            f"of lengths {lengths}; pad them, or pass a collate_fn of your own."
        )


def _rebuilt(like: Any, parts: Any) -> Any:
    """Give the parts the type of what they come from, where that type lets itself be made."""
    if isinstance(like, tuple):
        return type(like)(*parts) if hasattr(like, "_fields") else parts
    try:
        if isinstance(like, (MutableMapping, MutableSequence)):
            made: Any = copy.copy(like)  # it may have attributes of its own
            if isinstance(parts, dict):
                made.update(parts)
            else:
                made[:] = parts
            return made
        return type(like)(parts)
    except TypeError:
        return parts
