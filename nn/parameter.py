"""The tensors that a module registers when they are assigned to it: parameters and buffers."""

from __future__ import annotations

from typing import Any

from ..creation import empty, from_numpy
from ..tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A tensor that is a parameter of the module it is assigned to.

    It is a leaf of the graph on the memory of ``data``; it wants a gradient, also when it is made
    under ``no_grad``.

    Parameters
    ----------
    data : Tensor, optional
        The values, of any shape. Left out: an empty tensor.
    requires_grad : bool
        Whether a gradient is wanted.

    Raises
    ------
    RuntimeError
        If a gradient is wanted and ``data`` is not of floating point.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.nn.Parameter(tg.tensor([1.0, 2.0]))
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        """Make a parameter on the memory of ``data``."""
        made = Tensor._make_subclass(cls, empty(0) if data is None else data, requires_grad)
        assert isinstance(made, Parameter)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:  # without its gradient, as in PyTorch
            copied = type(self)(from_numpy(self.array.copy()), self.requires_grad)
            memo[id(self)] = copied
        made: Parameter = memo[id(self)]
        return made


class _BufferType(type):
    """Lets ``isinstance(x, Buffer)`` ask for the mark that :class:`Buffer` sets."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and "persistent" in instance.__dict__


class Buffer(Tensor, metaclass=_BufferType):
    """A tensor that becomes a buffer of the module it is assigned to: state that is not trained.

    Parameters
    ----------
    data : Tensor, optional
        The values. Left out: an empty tensor.
    persistent : bool
        Whether it is part of the module's ``state_dict``.

    Notes
    -----
    As in PyTorch the result is a plain tensor that carries a mark.
    """

    __slots__ = ()

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        """Make a marked tensor on the memory of ``data``."""
        data = empty(0) if data is None else data
        made = data.detach().requires_grad_(data.requires_grad)
        made.__dict__["persistent"] = persistent
        return made
