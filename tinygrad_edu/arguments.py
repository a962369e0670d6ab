"""Reading what callers pass to make a tensor: values, sizes, devices. It makes arrays; it makes no tensors."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .dtypes import get_default_dtype, number_dtype, promote_types
from .record import is_tensor

__all__ = ["check_array", "check_device", "read_number", "read_size", "read_values", "unpack"]

Array = np.ndarray[Any, Any]


def read_values(who: str, data: Any, dtype: DTypeLike | None = None) -> Array:
    """Read numbers, nested sequences, arrays and tensors as an array of the dtype that PyTorch would choose.

    Arrays and tensors keep their dtype and are not copied where they have it.
    """
    if is_tensor(data):
        return np.asarray(data.array, dtype)
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        check_array(who, array)
        return array if dtype is None else array.astype(dtype, copy=False)
    numbers, dtypes = _numbers(who, data)
    try:
        array = np.asarray(numbers)
    except ValueError as error:
        raise ValueError(
            f"{who}: expected a sequence whose parts have equal lengths, got a ragged one ({error})."
        ) from None
    wanted = np.dtype(dtype) if dtype is not None else reduce(promote_types, dtypes, None) or get_default_dtype()
    _check_range(who, array, wanted)
    with np.errstate(over="ignore"):  # what is too large for a float becomes infinite
        return array.astype(wanted, copy=False)


def _numbers(who: str, data: Any) -> tuple[Any, set[Any]]:
    """Replace what is no plain number inside nested sequences by its values, and collect the dtypes of all of it."""
    if isinstance(data, (list, tuple, range)):
        parts = [_numbers(who, part) for part in data]
        return [numbers for numbers, _ in parts], set().union(*(dtypes for _, dtypes in parts))
    if is_tensor(data):
        if data.array.size != 1:
            raise ValueError(
                f"{who}: only one element tensors can be converted to Python scalars, and the sequence holds one of "
                f"shape {data.shape}; stack() joins tensors."
            )
        return data.item(), {data.dtype}
    if isinstance(data, (np.ndarray, np.generic)):
        check_array(who, data)
        return data, {data.dtype}
    if isinstance(data, (bool, int, float)):
        return data, {number_dtype(data)}
    kind = TypeError if isinstance(data, (str, bytes)) else RuntimeError
    raise kind(f"{who}: Could not infer dtype of {type(data).__name__}; pass numbers, sequences of them, or arrays.")


def _check_range(who: str, array: Array, wanted: np.dtype[Any]) -> None:
    """Refuse numbers that an integer dtype cannot hold; an unsigned one wraps negative numbers, as in PyTorch."""
    if array.dtype.kind == "O" or array.dtype == np.uint64:
        raise ValueError(f"{who}: Overflow: an integer here is too large for int64.")
    if wanted.kind not in "iu" or not array.size:
        return
    limits = np.iinfo(wanted)
    lowest = limits.min or -limits.max
    if not (lowest <= array.min() and array.max() <= limits.max):  # not: NaN is refused too
        raise RuntimeError(f"{who}: value cannot be converted to type {wanted} without overflow; choose a wider dtype.")


def check_array(who: str, array: Any) -> None:
    """Refuse an array whose elements a tensor cannot hold."""
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(f"{who}: can't convert np.ndarray of type {array.dtype}; use floats, integers or bool.")
    if not array.dtype.isnative:
        raise ValueError(
            f"{who}: given numpy array has byte order different from the native byte order ({array.dtype}); convert it "
            f"with array.astype({array.dtype.newbyteorder('=').name!r})."
        )


def read_number(value: Any) -> Any:
    """Read a number, or a tensor that holds one."""
    return value.item() if is_tensor(value) else value


def unpack(size: tuple[Any, ...]) -> tuple[Any, ...]:
    """Read ``f(2, 3)`` and ``f((2, 3))`` alike."""
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size


def read_size(who: str, sizes: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """Read the sizes of the axes: ``zeros(2, 3)``, ``zeros((2, 3))`` and ``zeros(size=(2, 3))`` alike."""
    if size is not None:
        sizes = (size,)
    if not sizes:
        raise TypeError(f"{who}() missing the sizes of the axes: {who}(2, 3), or {who}(()) for a single number.")
    found = tuple(_whole_numbers(who, unpack(sizes)))
    if any(n < 0 for n in found):
        raise RuntimeError(f"{who}: Trying to create tensor with negative dimension: {list(found)}")
    return found


def _whole_numbers(who: str, sizes: tuple[Any, ...]) -> Iterator[int]:
    for n in sizes:
        try:
            yield operator.index(n)
        except TypeError:
            raise TypeError(f"{who}(): argument 'size' must be tuple of ints, not {type(n).__name__}.") from None


def check_device(device: Any) -> None:
    """Refuse any device but the CPU."""
    if device is not None and not str(device).startswith("cpu"):
        raise RuntimeError(
            f"device {str(device)!r} is not available: arrays live in NumPy, on the CPU; leave device out."
        )
