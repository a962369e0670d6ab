"""dtypes, the default dtype, and PyTorch's promotion rules on NumPy arrays.

It does not know Tensors: a tensor is judged by the array it holds.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

__all__ = [
    "bool_",
    "double",
    "float16",
    "float32",
    "float64",
    "get_default_dtype",
    "half",
    "int8",
    "int16",
    "int32",
    "int64",
    "long",
    "result_type",
    "set_default_dtype",
    "short",
    "uint8",
]

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]

float16 = half = np.dtype("float16")
float32 = np.dtype("float32")
float64 = double = np.dtype("float64")
int8 = np.dtype("int8")
int16 = short = np.dtype("int16")
int32 = np.dtype("int32")
int64 = long = np.dtype("int64")
uint8 = np.dtype("uint8")
bool_ = np.dtype("bool")

_FLOATS = (float16, float32, float64)
# bool < integer < floating point: a Python number only matters when its category is higher than the tensor's.
_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
_NAMES = {"bool": "Bool", "float16": "Half", "float32": "Float", "float64": "Double", "uint8": "Byte"}
_NAMES |= {"int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long"}


class _Default:
    dtype: DType = float32


def get_default_dtype() -> DType:
    """Return the floating dtype of new tensors made from Python floats (float32 unless it was set)."""
    return _Default.dtype


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the floating dtype of new tensors made from Python floats.

    Raises
    ------
    TypeError
        If ``dtype`` is not a floating point dtype.
    """
    wanted = np.dtype(dtype)
    if wanted not in _FLOATS:
        raise TypeError(f"set_default_dtype: got {wanted}; only floating-point dtypes can be the default dtype.")
    _Default.dtype = wanted


def type_name(dtype: DType) -> str:
    """Return PyTorch's word for a dtype: Float, Double, Long, Bool ..."""
    return _NAMES.get(dtype.name, dtype.name)


def number_dtype(value: Any) -> DType:
    """Return the dtype that a Python (or NumPy) number would have as a tensor of its own."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    return int64 if isinstance(value, (int, np.integer)) else _Default.dtype


def result_type(*operands: Any) -> DType:
    """Return the dtype of an arithmetic result, by PyTorch's rules.

    Three ranks are looked at in turn: arrays with axes, 0-d arrays, Python numbers. A lower rank changes the
    result only when its category (bool < integer < floating point) is higher.

    Parameters
    ----------
    *operands : array or number
        Arrays of any shape; Python or NumPy numbers.

    Returns
    -------
    numpy.dtype

    Examples
    --------
    >>> import numpy as np
    >>> result_type(np.ones(2, np.int64), np.ones(2, np.float32))
    dtype('float32')
    >>> result_type(np.ones(2, np.float32), np.array(1.0), 2.5)
    dtype('float32')
    """
    ranks: tuple[list[DType], list[DType], list[DType]] = ([], [], [])
    for value in operands:
        value = getattr(value, "array", value)  # a Tensor
        if not isinstance(value, np.ndarray):
            ranks[2].append(number_dtype(value))
        else:
            ranks[0 if value.ndim else 1].append(value.dtype)
    result: DType | None = None
    for dtypes in ranks:
        if dtypes:
            result = _raise_to(result, reduce(promote_types, dtypes))
    return _Default.dtype if result is None else result


def promote_types(one: DType | None, other: DType) -> DType:
    """Join dtypes of one rank: any integer with a float gives that float (NumPy would widen)."""
    if one is None:
        return other
    if (one.kind == "f") != (other.kind == "f"):
        return one if one.kind == "f" else other
    return np.promote_types(one, other)


def _raise_to(result: DType | None, lower: DType) -> DType:
    """Let a lower rank lift the result only when its category is higher."""
    return lower if result is None or _CATEGORY[lower.kind] > _CATEGORY[result.kind] else result


def promote(operands: list[Any], n: int) -> None:
    """Bring the first ``n`` operands to PyTorch's common dtype, in place; what fits stays as it is."""
    first = operands[0]
    if n == 1:
        return
    if n == 2 and type(first) is np.ndarray:
        second = operands[1]
        kind = type(second)
        if kind is np.ndarray:
            if first.dtype is second.dtype:
                return
        # NumPy's Python numbers are weak too, so a float array stays what it is. A narrow integer array is not left
        # to NumPy, which refuses a number that does not fit; PyTorch wraps it.
        elif (kind is float or kind is int) and (first.dtype.kind == "f" or (kind is int and first.dtype is int64)):
            return
    _cast(operands, n, result_type(*operands[:n]))


def promote_to_float(operands: list[Any], n: int) -> None:
    """Like :func:`promote`, and integers and booleans become the default dtype (division, exp, sin ...)."""
    for value in operands[:n]:
        if isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f"):
            promote(operands, n)
            return
    # Not by way of a common integer dtype, in which a number might not fit.
    _cast(operands, n, _Default.dtype)


def _cast(operands: list[Any], n: int, dtype: DType) -> None:
    """Give arrays the dtype, and numbers too, so that NumPy cannot widen the result again."""
    for i, value in enumerate(operands[:n]):
        if value is not None:
            operands[i] = np.asarray(value).astype(dtype, copy=False)
