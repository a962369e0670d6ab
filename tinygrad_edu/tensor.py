"""The Tensor: an array, its gradient, its place in the graph.

What can be computed with it stands in ``ops`` and is bound in ``methods``.
The four fields that every tensor has are slots, set by ``record.wrap``; rare ones live in ``__dict__``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import formatting, protocols
from .autograd import differentiate, watching
from .autograd.graph import Node
from .autograd.hooks import RETAIN, RemovableHandle, add_hook
from .autograd.leaf import GradStore, Leaf, calibrate
from .autograd.modes import modes
from .autograd.tensor_hooks import on_values
from .conversions import Conversions
from .dtypes import get_default_dtype, type_name
from .inplace import apply_inplace
from .memory import keep_freed_memory
from .methods import OpMethods
from .ops import indexing
from .ops.shape import clone
from .record import connect, is_tensor, wrap

__all__ = ["Tensor"]

Array = np.ndarray[Any, Any]


class Tensor(OpMethods, Conversions):
    """A multi-dimensional array that remembers how it was computed.

    Parameters
    ----------
    *data : int or sequence
        Sizes, for a tensor of zeros of that shape, or one (nested) sequence of numbers. Always of the default
        dtype, as in PyTorch; :func:`tinygrad_edu.tensor` infers the dtype and is the usual way.

    Attributes
    ----------
    array : numpy.ndarray
        The values. Writing to it is not noticed by autograd.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__dict__", "__weakref__", "_counter", "_node", "_view", "array")

    array: Array
    _node: Node | None
    _view: Any
    _counter: list[Any] | None
    _store: GradStore | None = None
    _frozen: Leaf | None = None

    __array_priority__ = 1000
    __array_ufunc__ = protocols.array_ufunc
    __array_function__ = protocols.array_function

    def __new__(cls, *data: Any) -> Tensor:
        """Make a tensor of the default dtype."""
        if len(data) == 1 and not isinstance(data[0], int):
            values = data[0].array if isinstance(data[0], Tensor) else data[0]
            return cls._make_subclass(cls, wrap(np.array(values, get_default_dtype())), False)
        return cls._make_subclass(cls, wrap(np.zeros(data or (0,), get_default_dtype())), False)

    @staticmethod
    def _make_subclass(cls: type[Tensor], data: Tensor, require_grad: bool = False) -> Tensor:
        """Make an instance of a subclass on the memory of ``data``."""
        made = object.__new__(cls)
        made.array, made._node, made._view, made._counter = data.array, None, None, data._counter
        return made.requires_grad_() if require_grad else made

    # ---- the graph

    @property
    def _edge(self) -> Node | None:
        """The node that the graph's edges lead to: what made this tensor, or its leaf."""
        return self._node if self._view is None else self._view.node_of(self)

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded."""
        return self._edge is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and not self.is_leaf:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. This one was computed and requires grad "
                "already: retain_grad() keeps its gradient, detach() makes a leaf of it."
            )
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Switch the recording of operations on this tensor on or off; only for leaves."""
        if not self.is_leaf:
            if requires_grad:
                return self
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable "
                "in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        if not requires_grad:
            self._freeze()
        elif self._node is None:
            if self.array.dtype.kind != "f":
                raise RuntimeError(
                    f"only Tensors of floating point dtype can require gradients; this one is "
                    f"{type_name(self.array.dtype)} ({self.array.dtype}): convert it with .float()."
                )
            if self._counter is None and not modes.inference:
                raise RuntimeError(
                    "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed; clone() it."
                )
            self._thaw()
        return self

    def _freeze(self) -> None:
        """Stop wanting a gradient, also from graphs that were recorded before; the leaf waits for :meth:`_thaw`."""
        if isinstance(self._node, Leaf):
            self._node.frozen = True
            self._frozen = self._node
        self._node = None

    def _thaw(self) -> None:
        self._store = self._store or GradStore()
        if self._frozen is None:
            self._node = Leaf(self, self._store)
        else:
            self._node, self._frozen = self._frozen, None
            self._node.frozen = False

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user and not by a recorded operation."""
        edge = self._edge
        return edge is None or isinstance(edge, Leaf)

    @property
    def grad_fn(self) -> Node | None:
        """The node that made this tensor; None for a leaf."""
        return None if self.is_leaf else self._edge

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward has accumulated."""
        return None if self._store is None else self._store.grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is self:
            raise RuntimeError("can't assign Variable as its own grad: give it a tensor of its own, such as a clone().")
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(value).__name__}.")
        if value is not None and (value.shape, value.dtype) != (self.shape, self.dtype):
            raise RuntimeError(
                f"assigned grad has data of a different size or type: got {list(value.shape)} {value.dtype}, but the "
                f"tensor is {list(self.shape)} {self.dtype}."
            )
        self._store = self._store or GradStore()
        self._store.grad = value

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Differentiate this tensor; see :func:`tinygrad_edu.autograd.backward`."""
        differentiate.backward(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """Return a tensor on the same memory that is not part of the graph."""
        made: Tensor = wrap(self.array, None, self._counter)
        made._counter = self._counter  # a view of an inference tensor is one, wherever it is made
        if watching.state.on:
            watching.cut(self, made)
        return made

    def detach_(self) -> Tensor:
        """Take this tensor out of the graph that made it."""
        if self._view is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node = None
        return self

    @property
    def data(self) -> Tensor:
        """The same memory, outside the graph and unknown to the version counter."""
        made: Tensor = wrap(self.array)
        made._counter = None if self._counter is None else [0, None]
        if watching.state.on:
            watching.cut(self, made)
        return made

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}.")
        if self.requires_grad and value.array.dtype.kind != "f":
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point; this one is "
                f"{type_name(value.array.dtype)} ({value.array.dtype}): convert it with .float()."
            )
        self.array = value.array
        leaf = self._node or self._frozen
        if isinstance(leaf, Leaf):
            leaf.shape, leaf.dtype = value.array.shape, value.array.dtype

    @property
    def _version(self) -> int:
        """How often this memory was written to."""
        if self._counter is None:
            raise RuntimeError("Inference tensors do not track version counter.")
        version: int = self._counter[0]
        return version

    @property
    def _base(self) -> Tensor | None:
        """The tensor that this one is a view of."""
        return None if self._view is None else self._view.base

    def _is_view(self) -> bool:
        return self._view is not None

    def is_inference(self) -> bool:
        """Return True for a tensor made in inference mode."""
        return self._counter is None

    # ---- hooks

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook(grad)`` when this tensor's gradient is known; what it returns replaces the gradient."""
        edge = self._edge
        if edge is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        edge.hooks = {} if edge.hooks is None else edge.hooks
        retain = edge.hooks.pop(RETAIN, None)
        handle = add_hook(edge.hooks, on_values(hook))
        if retain is not None:
            edge.hooks[RETAIN] = retain
        return handle

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call ``hook(tensor)`` after backward has added to this leaf's ``.grad``."""
        if not isinstance(self._node, Leaf):
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
                if self.requires_grad
                else "cannot register a hook on a tensor that doesn't require gradient"
            )
        self._node.after = {} if self._node.after is None else self._node.after
        return add_hook(self._node.after, hook)

    def retain_grad(self) -> None:
        """Keep the gradient of this computed tensor in ``.grad``."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.is_leaf or self.retains_grad:
            return
        store = self._store = self._store or GradStore()
        edge = self._edge
        assert edge is not None
        edge.hooks = {} if edge.hooks is None else edge.hooks

        def keep(g: Any) -> Any:
            store.add(g if is_tensor(g) else np.array(g))
            return g

        edge.hooks[RETAIN] = keep

    @property
    def retains_grad(self) -> bool:
        """Whether this is a computed tensor whose ``.grad`` is kept."""
        edge = self._edge
        return edge is not None and edge.hooks is not None and RETAIN in edge.hooks

    def _move_to(self, node: Node) -> None:
        """Make ``node`` what made this tensor, after a write; a kept gradient moves with it."""
        before, self._node = self._node, node
        if before is not None and before.hooks and RETAIN in before.hooks:
            node.hooks = {RETAIN: before.hooks.pop(RETAIN)}

    # ---- shape and type

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        shape: tuple[int, ...] = self.array.shape
        return shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        dtype: np.dtype[Any] = self.array.dtype
        return dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.array.ndim

    @property
    def device(self) -> str:
        """Always the CPU."""
        return "cpu"

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.array.nbytes

    # ---- out of the graph: NumPy and Python values

    def numpy(self, *, force: bool = False) -> Array:
        """Return the values as an array on the same memory."""
        if self.requires_grad and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return self.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    def item(self) -> Any:
        """Return the only element as a Python number."""
        if self.array.size != 1:
            raise RuntimeError(f"a Tensor with {self.array.size} elements cannot be converted to Scalar")
        return self.array.item()

    def tolist(self) -> Any:
        """Return the values as (nested) lists of Python numbers."""
        return self.array.tolist()

    def __bool__(self) -> bool:
        if self.array.size != 1:
            kind = "no values" if self.array.size == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {kind} is ambiguous; use any(), all() or item().")
        return bool(self.array.item())

    def __float__(self) -> float:
        return float(self._only())

    def __int__(self) -> int:
        return int(self._only())

    def _only(self) -> Any:
        if self.array.size != 1:
            raise ValueError(
                f"only one element tensors can be converted to Python scalars; this one has shape {list(self.shape)}: "
                "reduce it (sum(), mean()) or use tolist()."
            )
        return self.array.item()

    def __index__(self) -> int:
        if self.array.size != 1 or self.array.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self._only())

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self.array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __reversed__(self) -> Tensor:
        reverse: Tensor = self.flip(0) if self.array.ndim else self
        return reverse

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, (Tensor, int, float, np.generic)):
            raise RuntimeError(
                f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(value)}."
            )
        return bool((self.array == getattr(value, "array", value)).any())

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return formatting.tensor_text(self)

    def __format__(self, spec: str) -> str:
        return (
            format(self.item(), spec) if type(self) is Tensor and not self.array.ndim else object.__format__(self, spec)
        )

    # ---- indexing and copies

    def __getitem__(self, index: Any) -> Tensor:
        result: Tensor = indexing.getitem(self, indexing.prepare_index(index, self.array.shape))
        return result

    def __setitem__(self, index: Any, value: Any) -> None:
        if value is None or isinstance(value, (str, bytes)):
            raise TypeError(
                f"can't assign a {type(value).__name__} to a {type_name(self.array.dtype)} tensor: give a number or a "
                "tensor."
            )
        prepared = indexing.prepare_index(index, self.array.shape)
        value = value if is_tensor(value) else wrap(np.asarray(value, self.array.dtype))
        value = indexing.assignable(value, indexing.result_ndim(self.array.ndim, prepared))
        if not indexing.is_basic(prepared):
            apply_inplace(indexing.index_put, (self, prepared, value, False))
            return
        region = indexing.getitem(self, prepared)
        if value.ndim == 0:
            apply_inplace(indexing.fill, (region, value))
        else:
            value = value if value.shape == region.shape else value.expand(region.shape)
            apply_inplace(indexing.copy, (region, value, False))

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol; "
                "detach() or clone() it first."
            )
        if id(self) not in memo:
            copied = type(self)._make_subclass(type(self), wrap(self.array.copy("K")), self.requires_grad)
            copied.__dict__.update(self._own_attributes())
            copied.grad = None if self.grad is None else clone(self.grad.detach())
            memo[id(self)] = copied
        made: Tensor = memo[id(self)]
        return made

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self.array, self.requires_grad, self._own_attributes())

    def _own_attributes(self) -> dict[str, Any]:
        """Return what the user has set on this tensor, and not what the engine and traces have."""
        ours = ("_store", "_frozen", "_outside")
        return {name: value for name, value in self.__dict__.items() if name not in ours}


def _rebuild(cls: type[Tensor], array: Array, requires_grad: bool, attributes: dict[str, Any]) -> Tensor:
    """Make a pickled tensor again: a leaf, without its gradient."""
    made = Tensor._make_subclass(cls, wrap(array), requires_grad)
    made.__dict__.update(attributes)
    return made


connect(Tensor)
calibrate()
keep_freed_memory()
