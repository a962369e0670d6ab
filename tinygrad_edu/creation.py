"""New tensors from values, shapes and files' arrays; random ones stand in ``random``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .dtypes import get_default_dtype, int64
from .record import wrap
from .tensor import Tensor

__all__ = [
    "arange",
    "as_tensor",
    "empty",
    "empty_like",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "is_floating_point",
    "is_tensor",
    "linspace",
    "logspace",
    "numel",
    "ones",
    "ones_like",
    "tensor",
    "zeros",
    "zeros_like",
]

Number = int | float | bool


def tensor(data: Any, *, dtype: DTypeLike = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Make a tensor of a copy of ``data``.

    Parameters
    ----------
    data : number, nested sequence, array or Tensor
        Python floats become the default dtype, integers int64, booleans bool; arrays keep their dtype.
    dtype : dtype, optional
        The dtype of the result.
    requires_grad : bool
        Whether operations on it are recorded; only for floating point.
    device : optional
        Accepted for PyTorch programs; only "cpu" exists.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a nested sequence is ragged.
    RuntimeError
        If ``requires_grad`` is set for a dtype that is not floating point.

    Examples
    --------
    >>> tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    check_device(device)
    return wrap(np.array(_values(data, dtype), order="C")).requires_grad_(requires_grad)  # type: ignore[no-any-return]


def _values(data: Any, dtype: DTypeLike) -> Any:
    """Read ``data`` as an array of the dtype that PyTorch would choose."""
    if isinstance(data, Tensor):
        return np.asarray(data.array, dtype)
    if isinstance(data, (np.ndarray, np.generic)):
        return np.asarray(data, dtype)
    data = _numbers(data)
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(
            f"tensor: expected a sequence whose parts have equal lengths, got a ragged one ({error})."
        ) from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"tensor: could not infer dtype of {type(data).__name__}; numbers or nested sequences of numbers.")
    if dtype is None and array.dtype.kind == "f":
        return array.astype(get_default_dtype()) if not _holds_arrays(data) else array
    if dtype is None and not array.size:
        return array.astype(get_default_dtype())
    return array.astype(dtype or array.dtype)


def _numbers(data: Any) -> Any:
    """Replace tensors inside nested sequences by their values."""
    if isinstance(data, Tensor):
        return data.array if data.ndim else data.item()
    return [_numbers(part) for part in data] if isinstance(data, (list, tuple)) else data


def _holds_arrays(data: Any) -> bool:
    while isinstance(data, list) and data:
        data = data[0]
    return isinstance(data, np.ndarray)


def check_device(device: Any) -> None:
    """Refuse any device but the CPU."""
    if device is not None and not str(device).startswith("cpu"):
        raise RuntimeError(f"device {str(device)!r} is not available: arrays live in NumPy, on the CPU; leave device out.")


def as_tensor(data: Any, dtype: DTypeLike = None, device: Any = None) -> Tensor:
    """Make a tensor that shares memory with ``data`` where it can: a Tensor or array of that dtype."""
    check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype == dtype else data.to(dtype)  # type: ignore[no-any-return]
    if isinstance(data, np.ndarray):
        return wrap(np.asarray(data, dtype))  # type: ignore[no-any-return]
    return tensor(data, dtype=dtype)


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """Make a tensor on an array's memory.

    Raises
    ------
    TypeError
        If it is not an array, or its dtype is not one of the package's.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expected np.ndarray (got {type(array).__name__}); use tensor() for other values.")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"from_numpy: can't convert np.ndarray of type {array.dtype}; use floats, integers or bool.")
    return wrap(array)  # type: ignore[no-any-return]


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    """Read ``zeros(2, 3)`` and ``zeros((2, 3))`` alike."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    if any(int(n) < 0 for n in size):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(size)}")
    return tuple(int(n) for n in size)


def _make(array: Any, requires_grad: bool, device: Any) -> Tensor:
    check_device(device)
    return wrap(array).requires_grad_(requires_grad)  # type: ignore[no-any-return]


def zeros(*size: Any, dtype: DTypeLike = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Make a tensor of zeros of the given shape, of the default dtype."""
    return _make(np.zeros(_shape(size), dtype or get_default_dtype()), requires_grad, device)


def ones(*size: Any, dtype: DTypeLike = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Make a tensor of ones of the given shape, of the default dtype."""
    return _make(np.ones(_shape(size), dtype or get_default_dtype()), requires_grad, device)


def empty(*size: Any, dtype: DTypeLike = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Make a tensor of the given shape whose values are whatever the memory held."""
    return _make(np.empty(_shape(size), dtype or get_default_dtype()), requires_grad, device)


def full(
    size: Sequence[int],
    fill_value: Number,
    *,
    dtype: DTypeLike = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Make a tensor of one repeated value; its dtype follows the value."""
    return _make(np.full(_shape((size,)), fill_value, dtype or _values(fill_value, None).dtype), requires_grad, device)


def zeros_like(input: Tensor, *, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Make zeros in the shape and dtype of ``input``."""
    return _make(np.zeros(input.shape, dtype or input.dtype), requires_grad, None)


def ones_like(input: Tensor, *, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Make ones in the shape and dtype of ``input``."""
    return _make(np.ones(input.shape, dtype or input.dtype), requires_grad, None)


def empty_like(input: Tensor, *, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Make an uninitialised tensor in the shape and dtype of ``input``."""
    return _make(np.empty(input.shape, dtype or input.dtype), requires_grad, None)


def full_like(
    input: Tensor, fill_value: Number, *, dtype: DTypeLike = None, requires_grad: bool = False
) -> Tensor:
    """Make one repeated value in the shape and dtype of ``input``."""
    return _make(np.full(input.shape, fill_value, dtype or input.dtype), requires_grad, None)


def arange(
    start: Number,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: DTypeLike = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Count from ``start`` up to, but not including, ``end``: int64 for integers, else the default dtype."""
    start, end = (0, start) if end is None else (start, end)
    if step == 0 or (end - start) * step < 0:
        rule = "step must be nonzero" if step == 0 else "upper bound and lower bound inconsistent with step sign"
        raise RuntimeError(f"arange: {rule} (got start {start}, end {end}, step {step})")
    whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
    return _make(np.arange(start, end, step).astype(dtype or (int64 if whole else get_default_dtype())), requires_grad, device)


def linspace(start: Number, end: Number, steps: int, *, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Make ``steps`` equally spaced values from ``start`` to ``end``, both included."""
    return _make(np.linspace(start, end, steps).astype(dtype or get_default_dtype()), requires_grad, None)


def logspace(
    start: Number, end: Number, steps: int, base: float = 10.0, *, dtype: DTypeLike = None, requires_grad: bool = False
) -> Tensor:
    """Make ``base`` to the powers of :func:`linspace`."""
    return _make(np.logspace(start, end, steps, base=base).astype(dtype or get_default_dtype()), requires_grad, None)


def eye(n: int, m: int | None = None, *, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Make an ``(n, m)`` matrix with ones on the diagonal."""
    return _make(np.eye(n, m, dtype=dtype or get_default_dtype()), requires_grad, None)


def is_tensor(obj: Any) -> bool:
    """Return True for a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Return True for a tensor of floating-point dtype."""
    return input.dtype.kind == "f"


def numel(input: Tensor) -> int:
    """Return the number of elements."""
    return int(input.array.size)
