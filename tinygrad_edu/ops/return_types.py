"""What functions with several results return: named tuples, as PyTorch's ``return_types``."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

__all__ = ["aminmax", "max", "median", "min", "sort", "topk"]


class Named(tuple[Any, ...]):
    """A tuple whose elements have names; it prints them."""

    __slots__ = ()
    names: tuple[str, ...] = ()

    def __repr__(self) -> str:
        parts = ",\n".join(f"{name}={value!r}" for name, value in zip(self.names, self))
        return f"tinygrad_edu.return_types.{type(self).__name__}(\n{parts})"


class ValuesIndices(Named):
    """Values, and where in the input they stand."""

    __slots__ = ()
    names = ("values", "indices")
    values = property(itemgetter(0), doc="The values.")
    indices = property(itemgetter(1), doc="Their places along the axis, int64.")


class max(ValuesIndices):
    """The result of ``max(input, dim)``."""

    __slots__ = ()


class min(ValuesIndices):
    """The result of ``min(input, dim)``."""

    __slots__ = ()


class median(ValuesIndices):
    """The result of ``median(input, dim)``."""

    __slots__ = ()


class sort(ValuesIndices):
    """The result of ``sort(input)``."""

    __slots__ = ()


class topk(ValuesIndices):
    """The result of ``topk(input, k)``."""

    __slots__ = ()


class aminmax(Named):
    """The result of ``aminmax(input)``."""

    __slots__ = ()
    names = ("min", "max")
    min = property(itemgetter(0), doc="The smallest values.")
    max = property(itemgetter(1), doc="The largest values.")
