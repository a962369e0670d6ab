"""The Module: a tree of parameters, buffers and other modules, and a forward.

How a call runs its hooks stands in ``hooks``, how a tree is gone through in ``tree``, how state
is saved and loaded in ``state``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from ..autograd import no_grad
from ..autograd.versions import increment_version
from ..creation import empty
from ..tensor import Tensor
from .hooks import call_with_hooks
from .parameter import Buffer, Parameter
from .state import StateMethods
from .tree import TreeMethods

__all__ = ["Module"]

_TABLES = {"_parameters": "parameter", "_modules": "module", "_buffers": "buffer"}


class Module(TreeMethods, StateMethods):
    """Base class of all layers and models.

    A subclass calls ``super().__init__()``, assigns parameters and other modules to attributes,
    which registers them, and defines ``forward``. Calling the module calls ``forward`` and the
    hooks around it.

    Attributes
    ----------
    training : bool
        Whether it is in training mode; dropout and batch normalisation behave differently in
        evaluation.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> class Neuron(tg.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = tg.nn.Linear(2, 1)
    ...     def forward(self, x):
    ...         return self.layer(x).tanh()
    >>> neuron = Neuron()
    >>> neuron
    Neuron(
      (layer): Linear(in_features=2, out_features=1, bias=True)
    )
    >>> neuron(tg.zeros(5, 2)).shape
    (5, 1)
    """

    training: bool

    def __init__(self) -> None:
        own = self.__dict__  # straight into the dict: nothing of this is to be registered
        own["training"] = True
        own["_parameters"], own["_buffers"], own["_modules"] = {}, {}, {}
        own["_non_persistent_buffers_set"] = set()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward``, and the hooks around it."""
        if self._hooks is None:
            return self.forward(*args, **kwargs)
        return call_with_hooks(self, args, kwargs)

    # ---- attributes

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        if "_parameters" in own:  # __init__ has run
            for table in (own["_parameters"], own["_buffers"], own["_modules"]):
                if name in table:
                    return table[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        table = self._table_for(name, value)
        if table is None:
            object.__setattr__(self, name, value)
            return
        kind = _TABLES[table]
        if table not in self.__dict__:
            plural = "s" if kind == "parameter" else ""
            raise AttributeError(f"cannot assign {kind}{plural} before Module.__init__() call")
        _check_kind(kind, name, value)
        if name not in self.__dict__[table]:
            self._forget(name)
        if table == "_parameters":
            self.register_parameter(name, value)
        elif table == "_modules":
            self._modules[name] = value
        else:
            persistent = name not in self._non_persistent_buffers_set
            if isinstance(value, Buffer):
                persistent = value.persistent
            self.register_buffer(name, value, persistent)

    def _table_for(self, name: str, value: Any) -> str | None:
        """Say where an assigned value belongs: by its type, or by what had this name before."""
        kinds: tuple[Any, ...] = (Parameter, Module, Buffer)
        for table, kind in zip(_TABLES, kinds):
            if isinstance(value, kind) or name in self.__dict__.get(table, ()):
                return table
        return None

    def _forget(self, name: str) -> None:
        """Take a name out of every place that it may be in."""
        for table in _TABLES:
            self.__dict__[table].pop(name, None)
        self.__dict__.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        if any(name in self.__dict__[table] for table in _TABLES):
            self._forget(name)
        else:
            object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*super().__dir__(), *self._parameters, *self._modules, *self._buffers}
        return sorted(name for name in names if not name[0].isdigit())

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name; None keeps the name for one that may come.

        Raises
        ------
        AttributeError
            If ``Module.__init__`` was not called.
        KeyError
            If the name is empty, has a dot, or is an attribute already.
        TypeError
            If it is not a Parameter, or the name not a str.
        """
        self._check_name("_parameters", name)
        if param is not None:
            _check_kind("parameter", name, param, "nn.Parameter or None required")
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is state but not trained; it is saved unless ``persistent`` is False.

        Raises
        ------
        AttributeError
            If ``Module.__init__`` was not called.
        KeyError
            If the name is empty, has a dot, or is an attribute already.
        TypeError
            If it is not a Tensor, or the name not a str.
        """
        self._check_name("_buffers", name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' (Tensor or None required)")
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under a name.

        Raises
        ------
        KeyError
            If the name is empty, has a dot, or is an attribute already.
        TypeError
            If it is not a Module, or the name not a str.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_name("_modules", name)
        self._modules[name] = module

    def register_module(self, name: str, module: Module | None) -> None:
        """Do what :meth:`add_module` does."""
        self.add_module(name, module)

    def _check_name(self, table: str, name: str) -> None:
        kind = _TABLES[table]
        if table not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
        if name not in self.__dict__[table] and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')

    # ---- what is done to everything inside

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Call ``fn`` with every module below, deepest first, and with this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode (True) or evaluation mode (False), here and below."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, got {mode!r}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode, here and below."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say for all parameters whether they want a gradient; False freezes them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            grad = parameter.grad
            if set_to_none or grad is None:
                parameter.grad = None
            else:
                parameter.grad = grad.detach()
                parameter.grad.array[...] = 0
                increment_version(parameter.grad, "zero_grad")

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert the floating-point parameters and buffers: ``to(dtype)``, ``to(tensor)``.

        Raises
        ------
        RuntimeError
            If a device other than the CPU is asked for.
        TypeError
            If the dtype is not of floating point.
        """
        dtype = _wanted_dtype(*args, **kwargs)
        if dtype is None:
            return self
        if dtype.kind != "f":
            raise TypeError(f"nn.Module.to only accepts floating point dtypes, but got desired dtype={dtype}")
        return self._convert_floats(dtype)

    def float(self) -> Self:
        """Convert the floating-point parameters and buffers to float32."""
        return self._convert_floats(np.dtype("float32"))

    def double(self) -> Self:
        """Convert the floating-point parameters and buffers to float64."""
        return self._convert_floats(np.dtype("float64"))

    def half(self) -> Self:
        """Convert the floating-point parameters and buffers to float16."""
        return self._convert_floats(np.dtype("float16"))

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers to a dtype, integers too."""
        dtype = np.dtype(dst_type)
        return self._apply(lambda tensor: tensor.to(dtype))

    def cpu(self) -> Self:
        """Do nothing: everything is on the CPU."""
        return self

    def _convert_floats(self, dtype: np.dtype[Any]) -> Self:
        return self._apply(lambda t: t.to(dtype) if t.dtype.kind == "f" else t)

    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        """Replace the values of every parameter, gradient and buffer by ``fn`` of them."""
        for module in self.children() if recurse else ():
            module._apply(fn)
        with no_grad():
            for parameter in self._parameters.values():
                if parameter is None:
                    continue
                grad = parameter.grad
                parameter.data = fn(parameter.detach())
                if grad is not None:
                    grad.data = fn(grad.detach())
            for name, buffer in self._buffers.items():
                if buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    # ---- text

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """Return what stands between the parentheses of the ``repr``; a subclass may define it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {indented(repr(m))}" for name, m in self._modules.items()]
        if len(lines) <= 1 and not children:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"


def indented(text: str) -> str:
    """Move all lines but the first two columns to the right."""
    return text.replace("\n", "\n  ")


def _type_name(value: Any) -> str:
    """Return the name of a value's type, with its module unless it is built in."""
    kind = type(value)
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


_EXPECTED = {
    "parameter": (Parameter, "as parameter", "nn.Parameter or None expected"),
    "module": (Module, "as child module", "nn.Module or None expected"),
    "buffer": (Tensor, "as buffer", "nn.Buffer, Tensor or None expected"),
}


def _check_kind(kind: str, name: str, value: Any, rule: str = "") -> None:
    """Refuse a value that is not of the kind that belongs under this name."""
    expected, phrase, usual_rule = _EXPECTED[kind]
    if value is not None and not isinstance(value, expected):
        how = f"object to {kind}" if rule else phrase
        raise TypeError(f"cannot assign '{_type_name(value)}' {how} '{name}' ({rule or usual_rule})")


def _wanted_dtype(
    *args: Any,
    device: Any = None,
    dtype: Any = None,
    tensor: Any = None,
    non_blocking: bool = False,
) -> np.dtype[Any] | None:
    """Read the forms of ``Module.to``; a device is checked, and that is all there is to do."""
    wanted = None
    for value in (*args, device, dtype, tensor):
        if isinstance(value, str):
            empty(0, device=value)  # refuses what is not the CPU
        elif isinstance(value, Tensor):
            wanted = value.dtype
        elif value is not None and not isinstance(value, bool):
            wanted = np.dtype(value)
    return wanted
