"""Other dtypes, sizes, and new tensors in the image of one: what a Tensor says of itself and makes without an op."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import dtypes
from .arguments import check_device, read_number, read_size, read_values
from .inplace import apply_inplace
from .ops import indexing, shape
from .record import is_tensor, wrap

__all__ = ["Conversions"]


class Conversions:
    """Dtypes, sizes and copies."""

    __slots__ = ()

    array: np.ndarray[Any, Any]
    requires_grad: bool

    # ---- dtypes

    def to(self, *args: Any, dtype: DTypeLike | None = None, device: Any = None, copy: bool = False, **_: Any) -> Any:
        """Return the tensor with another dtype: ``to(dtype)``, ``to(other)``, ``to("cpu")``; itself where it fits."""
        for arg in args:
            if is_tensor(arg):
                dtype = arg.dtype
            elif isinstance(arg, str) and _is_device(arg):
                device = arg
            elif not isinstance(arg, bool) and arg is not None:
                dtype = arg
        check_device(device)
        wanted = self.array.dtype if dtype is None else np.dtype(dtype)
        if wanted != self.array.dtype:
            return shape.to(self, wanted)
        return shape.clone(self) if copy else self

    def type(self, dtype: DTypeLike | None = None) -> Any:
        """Return the tensor with another dtype; without one, the name of its dtype."""
        return str(self.array.dtype) if dtype is None else self.to(dtype)

    def type_as(self, other: Any) -> Any:
        """Return the tensor with another tensor's dtype."""
        return self.to(other.dtype)

    def float(self) -> Any:
        """Return the tensor as float32."""
        return self.to(dtypes.float32)

    def double(self) -> Any:
        """Return the tensor as float64."""
        return self.to(dtypes.float64)

    def half(self) -> Any:
        """Return the tensor as float16."""
        return self.to(dtypes.float16)

    def long(self) -> Any:
        """Return the tensor as int64."""
        return self.to(dtypes.int64)

    def int(self) -> Any:
        """Return the tensor as int32."""
        return self.to(dtypes.int32)

    def short(self) -> Any:
        """Return the tensor as int16."""
        return self.to(dtypes.int16)

    def char(self) -> Any:
        """Return the tensor as int8."""
        return self.to(dtypes.int8)

    def byte(self) -> Any:
        """Return the tensor as uint8."""
        return self.to(dtypes.uint8)

    def bool(self) -> Any:
        """Return the tensor as booleans: False where it is 0."""
        return self.to(dtypes.bool_)

    def cpu(self) -> Any:
        """Return the tensor: it is on the CPU."""
        return self

    def cuda(self, *_: Any) -> Any:
        """Refuse: there is no other device."""
        check_device("cuda")

    def is_floating_point(self) -> Any:
        """Return True for a floating-point dtype."""
        return self.array.dtype.kind == "f"

    def is_complex(self) -> Any:
        """Return False: there are no complex tensors."""
        return False

    def is_signed(self) -> Any:
        """Return True when the dtype has negative numbers."""
        return self.array.dtype.kind in "fi"

    is_cuda = is_sparse = is_quantized = is_meta = False
    is_cpu = True

    def get_device(self) -> Any:
        """Return -1, PyTorch's number of the CPU."""
        return -1

    # ---- sizes and memory

    def size(self, dim: Any = None) -> Any:
        """Return the shape, or the size of one axis."""
        if dim is None:
            return self.array.shape
        if not -self.array.ndim <= dim < self.array.ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-self.array.ndim}, {self.array.ndim - 1}], but "
                f"got {dim}) in size."
            )
        return self.array.shape[dim]

    def dim(self) -> Any:
        """Return the number of axes."""
        return self.array.ndim

    ndimension = dim

    def numel(self) -> Any:
        """Return the number of elements."""
        return self.array.size

    nelement = numel

    def element_size(self) -> Any:
        """Return the bytes of one element."""
        return self.array.itemsize

    def data_ptr(self) -> Any:
        """Return the address of the first element."""
        return self.array.__array_interface__["data"][0]

    def stride(self, dim: Any = None) -> Any:
        """Return how many elements lie between neighbours along each axis, or one."""
        steps = tuple(step // self.array.itemsize for step in self.array.strides)
        return steps if dim is None else steps[dim]

    def storage_offset(self) -> Any:
        """Return how many elements lie in the memory before the first one of this view."""
        base = self.array
        while isinstance(base.base, np.ndarray):
            base = base.base
        distance = self.data_ptr() - base.__array_interface__["data"][0]
        return distance // self.array.itemsize

    def is_same_size(self, other: Any) -> Any:
        """Return True when the shapes are equal."""
        return self.array.shape == other.array.shape

    def is_nonzero(self) -> Any:
        """Return whether the only element is not 0."""
        return bool(self)

    def sum_to_size(self, *size: Any) -> Any:
        """Add up what broadcasting from ``size`` to this shape has repeated."""
        wanted = read_size("sum_to_size", size)
        try:
            return shape.sum_to(self, wanted)
        except ValueError:
            raise RuntimeError(
                f"size {list(wanted)} is not expandable to size {list(self.array.shape)}: sum_to_size undoes a "
                "broadcast; each size must be the tensor's own or 1."
            ) from None

    def is_contiguous(self) -> Any:
        """Return True when the elements lie in memory in the order of their indices."""
        return self.array.flags.c_contiguous

    # ---- new tensors of this dtype

    def new_tensor(
        self, data: Any, *, dtype: DTypeLike | None = None, requires_grad: Any = False, device: Any = None
    ) -> Any:
        """Make a tensor of a copy of values, with this tensor's dtype."""
        check_device(device)
        return wrap(np.array(read_values("new_tensor", data, self._or(dtype)))).requires_grad_(requires_grad)

    def new_empty(
        self, *size: Any, dtype: DTypeLike | None = None, requires_grad: Any = False, device: Any = None
    ) -> Any:
        """Make an uninitialised tensor, with this tensor's dtype."""
        check_device(device)
        return wrap(np.empty(read_size("new_empty", size), self._or(dtype))).requires_grad_(requires_grad)

    def new_zeros(
        self, *size: Any, dtype: DTypeLike | None = None, requires_grad: Any = False, device: Any = None
    ) -> Any:
        """Make zeros, with this tensor's dtype."""
        check_device(device)
        return wrap(np.zeros(read_size("new_zeros", size), self._or(dtype))).requires_grad_(requires_grad)

    def new_ones(
        self, *size: Any, dtype: DTypeLike | None = None, requires_grad: Any = False, device: Any = None
    ) -> Any:
        """Make ones, with this tensor's dtype."""
        check_device(device)
        return wrap(np.ones(read_size("new_ones", size), self._or(dtype))).requires_grad_(requires_grad)

    def new_full(
        self,
        size: Any,
        fill_value: Any,
        *,
        dtype: DTypeLike | None = None,
        requires_grad: Any = False,
        device: Any = None,
    ) -> Any:
        """Make one repeated value, with this tensor's dtype."""
        check_device(device)
        value = read_values("new_full", read_number(fill_value), self._or(dtype))
        return wrap(np.full(read_size("new_full", (size,)), value)).requires_grad_(requires_grad)

    def _or(self, dtype: DTypeLike | None) -> DTypeLike:
        return self.array.dtype if dtype is None else dtype

    # ---- random values in place

    def uniform_(self, low: Any = 0.0, high: Any = 1.0, *, generator: Any = None) -> Any:
        """Fill with uniform draws from [low, high)."""
        self._check_holds_fractions("uniform_")
        if low > high:
            raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
        return self._fill_drawn(low + (high - low) * _rng(generator).random(self.array.shape))

    def normal_(self, mean: Any = 0.0, std: Any = 1.0, *, generator: Any = None) -> Any:
        """Fill with normal draws."""
        self._check_holds_fractions("normal_")
        if std < 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
        return self._fill_drawn(mean + std * _rng(generator).standard_normal(self.array.shape))

    def bernoulli_(self, p: Any = 0.5, *, generator: Any = None) -> Any:
        """Fill with ones, each with probability ``p`` (a number, or a tensor of this shape), and zeros."""
        chances = np.asarray(p.array if is_tensor(p) else p)
        if not ((chances >= 0) & (chances <= 1)).all():
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        return self._fill_drawn(_rng(generator).random(self.array.shape) < chances)

    def random_(self, low: Any = None, high: Any = None, *, generator: Any = None) -> Any:
        """Fill with integers from [low, high): ``random_()``, ``random_(high)`` or ``random_(low, high)``.

        Without ``high`` up to the largest integer that the dtype holds exactly.
        """
        first, last = (0, low) if high is None else (low or 0, high)
        last = _largest_whole(self.array.dtype) + 1 if last is None else last
        if first >= last:
            raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={first} >= to={last}")
        if last - 1 > _largest_whole(self.array.dtype):
            raise RuntimeError(f"random_: to - 1 = {last - 1} is out of bounds for {self.array.dtype}")
        return self._fill_drawn(_rng(generator).integers(first, last, self.array.shape))

    def _check_holds_fractions(self, who: str) -> None:
        if self.array.dtype.kind != "f":
            raise NotImplementedError(f"{who} is not implemented for {self.array.dtype}; convert it with .float().")

    def _fill_drawn(self, values: Any) -> Any:
        return apply_inplace(indexing.copy, (self, wrap(np.asarray(values, self.array.dtype)), False))


def _largest_whole(dtype: Any) -> Any:
    """Give the largest integer up to which a dtype holds all of them."""
    if dtype.kind == "f":
        return 2 ** (np.finfo(dtype).nmant + 1)
    return 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)


def _rng(generator: Any) -> np.random.Generator:
    from .random import default_generator  # random makes tensors, so it comes after them

    rng: np.random.Generator = (generator or default_generator).numpy
    return rng


def _is_device(text: str) -> Any:
    return text.split(":")[0] in ("cpu", "cuda", "mps", "xpu", "meta")
