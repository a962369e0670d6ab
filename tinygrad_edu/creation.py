"""New tensors from values, shapes and files' arrays; random ones stand in ``random``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .arguments import check_array, check_device, read_number, read_size, read_values
from .dtypes import get_default_dtype, int64, number_dtype
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


def tensor(data: Any, *, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None) -> Tensor:
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
    return wrap(np.array(read_values("tensor", data, dtype), order="C")).requires_grad_(requires_grad)  # type: ignore[no-any-return]


def as_tensor(data: Any, dtype: DTypeLike | None = None, device: Any = None) -> Tensor:
    """Make a tensor that shares memory with ``data`` where it can: a Tensor or array of that dtype."""
    check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype == dtype else data.to(dtype)
    return wrap(read_values("as_tensor", data, dtype))  # type: ignore[no-any-return]


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """Make a tensor on an array's memory.

    Raises
    ------
    TypeError
        If it is not an array, or its dtype is not one of the package's.
    ValueError
        If its bytes are in the order of another machine.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expected np.ndarray (got {type(array).__name__}); use tensor() for other values.")
    check_array("from_numpy", array)
    return wrap(array)  # type: ignore[no-any-return]


def make(array: Any, requires_grad: bool, device: Any) -> Tensor:
    """Make a tensor of a new array."""
    check_device(device)
    return wrap(array).requires_grad_(requires_grad)  # type: ignore[no-any-return]


def zeros(
    *sizes: Any, size: Any = None, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Make a tensor of zeros of the given shape, of the default dtype."""
    return make(np.zeros(read_size("zeros", sizes, size), dtype or get_default_dtype()), requires_grad, device)


def ones(
    *sizes: Any, size: Any = None, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Make a tensor of ones of the given shape, of the default dtype."""
    return make(np.ones(read_size("ones", sizes, size), dtype or get_default_dtype()), requires_grad, device)


def empty(
    *sizes: Any, size: Any = None, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Make a tensor of the given shape whose values are whatever the memory held."""
    return make(np.empty(read_size("empty", sizes, size), dtype or get_default_dtype()), requires_grad, device)


def full(
    size: Sequence[int],
    fill_value: Number | Tensor,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Make a tensor of one repeated number; its dtype follows the number."""
    value = _fill("full", fill_value, dtype or number_dtype(read_number(fill_value)))
    return make(np.full(read_size("full", (size,)), value), requires_grad, device)


def _fill(who: str, value: Any, dtype: DTypeLike) -> Any:
    """Read the number that fills a tensor."""
    number = read_number(value)
    if np.ndim(number) or isinstance(number, (list, tuple)):
        raise TypeError(f"{who}(): argument 'fill_value' must be Number, not {type(value).__name__}.")
    return read_values(who, number, dtype)


def zeros_like(
    input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Make zeros in the shape and dtype of ``input``."""
    return make(np.zeros(*_like("zeros_like", input, dtype)), requires_grad, device)


def ones_like(
    input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Make ones in the shape and dtype of ``input``."""
    return make(np.ones(*_like("ones_like", input, dtype)), requires_grad, device)


def empty_like(
    input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Make an uninitialised tensor in the shape and dtype of ``input``."""
    return make(np.empty(*_like("empty_like", input, dtype)), requires_grad, device)


def full_like(
    input: Tensor,
    fill_value: Number | Tensor,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Make one repeated number in the shape and dtype of ``input``."""
    shape, wanted = _like("full_like", input, dtype)
    return make(np.full(shape, _fill("full_like", fill_value, wanted)), requires_grad, device)


def _like(who: str, input: Tensor, dtype: DTypeLike | None) -> tuple[tuple[int, ...], Any]:
    """Give the shape and the dtype of a tensor to make in the image of another."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{who}(): argument 'input' must be Tensor, not {type(input).__name__}.")
    return input.shape, dtype or input.dtype


def arange(
    start: Number | Tensor = 0,
    end: Number | Tensor | None = None,
    step: Number | Tensor = 1,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Count from ``start`` up to, but not including, ``end``: int64 for integers, else the default dtype.

    There are ceil((end - start) / step) values; an integer ``dtype`` counts from the whole part of ``start`` in steps
    of the whole part of ``step``.

    Raises
    ------
    RuntimeError
        If the range is infinite, or ``step`` is 0 or leads away from ``end``.
    """
    first, last, by = map(read_number, (0, start, step) if end is None else (start, end, step))
    if not np.isfinite((first, last, by)).all():
        raise RuntimeError(f"arange: unsupported range: {first} -> {last} in steps of {by}")
    whole = all(isinstance(value, (int, np.integer)) for value in (first, last, by))
    wanted = np.dtype(dtype or (int64 if whole else get_default_dtype()))
    origin, stride = (int(first), int(by)) if wanted.kind in "iu" else (first, by)
    if stride == 0 or (last - first) * by < 0:
        rule = "upper bound and lower bound inconsistent with step sign" if stride else "step must be nonzero"
        raise RuntimeError(f"arange: {rule} (got start {first}, end {last}, step {by}, dtype {wanted})")
    count = -((first - last) // by) if whole else int(np.ceil((last - first) / by))
    return make((origin + stride * np.arange(count)).astype(wanted), requires_grad, device)


def linspace(
    start: Number,
    end: Number,
    steps: int,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Make ``steps`` equally spaced values from ``start`` to ``end``, both included."""
    values = np.linspace(*_ends("linspace", start, end, steps))
    return make(values.astype(dtype or get_default_dtype()), requires_grad, device)


def logspace(
    start: Number,
    end: Number,
    steps: int,
    base: float = 10.0,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Make ``base`` to the powers of :func:`linspace`."""
    values = np.logspace(*_ends("logspace", start, end, steps), base=base)
    return make(values.astype(dtype or get_default_dtype()), requires_grad, device)


def _ends(who: str, start: Any, end: Any, steps: int) -> tuple[Any, Any, int]:
    if steps < 0:
        raise RuntimeError(f"{who}: number of steps must be non-negative, got {steps}.")
    return read_number(start), read_number(end), steps


def eye(
    n: int, m: int | None = None, *, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Make an ``(n, m)`` matrix with ones on the diagonal."""
    for name, size in (("n", n), ("m", m)):
        if size is not None and size < 0:
            raise RuntimeError(f"eye: {name} must be greater or equal to 0, got {size}.")
    return make(np.eye(n, m, dtype=dtype or get_default_dtype()), requires_grad, device)


def is_tensor(obj: Any) -> bool:
    """Return True for a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Return True for a tensor of floating-point dtype."""
    return input.dtype.kind == "f"


def numel(input: Tensor) -> int:
    """Return the number of elements."""
    return int(input.array.size)
