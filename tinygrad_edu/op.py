"""What an op is: the record, the decorator that makes one, the table of all of them, and the dispatch.

It does not know Tensors: the Tensor module announces itself in ``runtime``. It does not know graphs either.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from types import MethodType, SimpleNamespace
from typing import Any

__all__ = ["FUNCTIONS", "OPS", "Op", "composite", "fused", "op", "several"]

Vjp = Callable[..., Any]

OPS: dict[str, Op] = {}
"""Every primitive of the package by its name: the operations that carry their own derivative."""

FUNCTIONS: dict[str, Composite] = {}
"""Derived functions that are checked like ops: written with ops, so they need no derivative."""

# The Tensor module fills this in when it is imported; until then only arrays exist.
runtime = SimpleNamespace(Tensor=type("NoTensor", (), {}))


class Op:
    """One differentiable operation: a forward on arrays and one vector-Jacobian product per input.

    Attributes
    ----------
    forward : callable
        ``forward(*inputs, *params) -> array``. It sees arrays and plain Python values only.
    vjps : tuple of callable or None, or a callable
        ``vjp(g, out, *inputs, *params)`` for each input; None where no gradient flows. A single callable
        makes the op variadic: its one input is a sequence, and ``vjp(g, out, i, inputs, *params)`` is the
        gradient of element ``i``.
    keeps : list of Keep
        For each vjp, what it names: that is what the graph saves.
    joint : callable or None
        ``joint(needed, g, out, *inputs, *params) -> gradients``: all vjps in one go, on arrays.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        vjps: Sequence[Vjp | None] | Vjp,
        *,
        cases: Any = None,
        promote: Callable[[list[Any], int], None] | None = None,
        view: bool = False,
        residual: bool = False,
        inplace: Callable[..., None] | None = None,
        joint: Callable[..., Sequence[Any]] | None = None,
    ) -> None:
        self.forward, self.cases, self.promote = forward, cases, promote
        self.view, self.residual, self.inplace, self.joint = view, residual, inplace, joint
        self.variadic = callable(vjps)
        self.vjps: Any = vjps if callable(vjps) else tuple(vjps)
        self.n_inputs = 1 if callable(vjps) else len(vjps)
        signature = inspect.signature(forward)
        self.binary = self.n_inputs == 2 and not residual and joint is None
        self.__name__, self.__doc__ = forward.__name__, forward.__doc__
        self.__signature__, self.__wrapped__ = signature, forward
        self.names = tuple(signature.parameters)
        self.n_args = len(self.names)
        self.defaults = tuple(p.default for p in signature.parameters.values())
        self.keeps = [self._read(vjp) for vjp in ([vjps] if callable(vjps) else vjps)]
        self.unary = self.n_args == 1 and not (self.variadic or residual or view or self.keeps[0] is None)
        self.plans: dict[int, Keep] = {}

    def __repr__(self) -> str:
        return f"<op {self.__name__}{self.__signature__}>"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Make an op usable as a method: ``exp = ops.exp`` in a class body."""
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the op: arrays in, array out; a Tensor among the inputs, a Tensor out."""
        if kwargs or len(args) != self.n_args:
            args = self.bind(args, kwargs)
        tensor = runtime.Tensor
        if isinstance(args[0], tensor):  # nearly always
            return runtime.apply_unary(self, args[0]) if self.unary else runtime.apply(self, args)
        for value in args[0] if self.variadic else args[: self.n_inputs]:
            if isinstance(value, tensor):
                return runtime.apply(self, args)
        return self.forward(*args)[0] if self.residual else self.forward(*args)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Put keywords and defaults in their places, so that what follows is positional."""
        bound = list(args) + list(self.defaults[len(args) :])
        for name, value in kwargs.items():
            if name not in self.names or self.names.index(name) < len(args):
                problem = "got several values for" if name in self.names else "has no"
                raise TypeError(f"{self.__name__}() {problem} argument {name!r}; it takes {self.__signature__}.")
            bound[self.names.index(name)] = value
        if len(bound) > self.n_args or any(value is inspect.Parameter.empty for value in bound):
            raise TypeError(f"{self.__name__}() takes {self.__signature__}, got {len(args)} positional arguments.")
        return tuple(bound)

    def plan(self, needed: int) -> Keep:
        """Give what to keep when the inputs whose bits are set in ``needed`` want a gradient."""
        if needed not in self.plans:
            wanted = [k for i, k in enumerate(self.keeps) if k and (self.variadic or needed >> i & 1)]
            self.plans[needed] = Keep.union(self.__name__, wanted)
        return self.plans[needed]

    def _read(self, vjp: Vjp | None) -> Keep | None:
        """Read from a vjp's argument names what it needs: ``_x`` nothing, ``x_shape`` the shape, ``x`` the value."""
        if vjp is None:
            return None
        names = list(inspect.signature(vjp).parameters)[1:]
        leading = 1 + self.residual + self.variadic
        if len(names) != leading + self.n_args:
            raise TypeError(
                f"op {self.__name__}: a vjp takes {names}, but the rule is (g, out{', residual' * self.residual}"
                f"{', index' * self.variadic}, {', '.join(self.names)}); a leading underscore marks what it does "
                "not need."
            )
        kept = [not name.startswith("_") for name in names]
        values: list[int] = []
        shapes: list[int] = []
        for position, name in enumerate(names[leading : leading + self.n_inputs]):
            if kept[leading + position]:
                (shapes if name.endswith("_shape") else values).append(position)
        return Keep(kept[0], self.residual and kept[1], values, shapes)


class Keep:
    """Which values a derivative needs: the output, the residual, inputs by value, inputs by shape."""

    __slots__ = ("first", "out", "residual", "second", "shapes", "special", "values")

    def __init__(self, out: bool, residual: bool, values: Iterable[int], shapes: Iterable[int]) -> None:
        self.out, self.residual = out, residual
        self.values, self.shapes = tuple(values), tuple(shapes)
        # Precomputed for the short path of elementwise ops with two inputs.
        self.first, self.second = 0 in self.values, 1 in self.values
        self.special = bool(out or residual or self.shapes)

    @classmethod
    def union(cls, name: str, parts: list[Keep]) -> Keep:
        """Join what several vjps of one op need."""
        values = {p for part in parts for p in part.values}
        shapes = {p for part in parts for p in part.shapes}
        if values & shapes:
            raise TypeError(f"op {name}: one vjp names input {values & shapes} by value, another by shape; choose one.")
        return cls(any(p.out for p in parts), any(p.residual for p in parts), sorted(values), sorted(shapes))


class Composite:
    """A derived function together with the cases that it is checked on."""

    __slots__ = ("__name__", "__wrapped__", "cases")

    def __init__(self, function: Callable[..., Any], cases: Any) -> None:
        self.__name__, self.__wrapped__, self.cases = function.__name__, function, cases

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(*args, **kwargs)


def op(
    *,
    vjps: Sequence[Vjp | None] | Vjp,
    cases: Any = None,
    promote: Callable[[list[Any], int], None] | None = None,
    view: bool = False,
    residual: bool = False,
    inplace: Callable[..., None] | None = None,
    joint: Callable[..., Sequence[Any]] | None = None,
    register: bool = False,
) -> Callable[[Callable[..., Any]], Op]:
    """Make a differentiable op of a function of arrays.

    Parameters
    ----------
    vjps : sequence of callable or None, or one callable
        One vector-Jacobian product per input, in order: ``vjp(g, out, *inputs, *params)`` returns the gradient
        of that input. ``g`` has the shape of the output. Written with operators and ops, never with ``np.*``,
        so that it runs on arrays in the ordinary backward pass and on Tensors under ``create_graph=True``.
        An argument named ``_x`` is not kept for the backward pass; one named ``x_shape`` is given as the input's
        shape only. The result may still have broadcast axes or another dtype: the engine sums and casts.
        None: no gradient flows to this input. A single callable makes the op variadic.
    cases : Cases, optional
        On which inputs the op is exercised by the generated tests.
    promote : callable, optional
        ``promote(arrays, n)`` brings the first ``n`` to one dtype before the forward (see ``dtypes``). The single
        input of a differentiable op is not handed to it when it is of floats already.
    view : bool
        The result may share memory with the first input.
    residual : bool
        The forward returns ``(out, residual)``; a vjp then receives ``(g, out, residual, *inputs, *params)``.
        In the recorded (second order) pass the residual is a constant.
    inplace : callable, optional
        ``inplace(array, *rest)`` writes the result into the first array, for the in-place form.
    joint : callable, optional
        ``joint(needed, g, out, *inputs, *params)`` returns the gradients of all inputs, where they share work: in the
        ordinary backward pass, on arrays, in place of the vjps. It gets what they name, and returns None for an
        input ``i`` whose ``needed[i]`` is None. With ``residual=True`` that follows ``out``, as in a vjp.
    register : bool
        Put the op into the table ``OPS``; the package's own ops do.

    Returns
    -------
    callable
        A decorator that turns the forward function into an :class:`Op`.

    Examples
    --------
    >>> import numpy as np
    >>> @op(vjps=(lambda g, _out, x: g * 3 * x * x,))
    ... def cube(x):
    ...     return x * x * x
    >>> float(cube(np.float64(2.0)))
    8.0
    """

    def decorate(forward: Callable[..., Any]) -> Op:
        how = {"promote": promote, "view": view, "residual": residual, "inplace": inplace, "joint": joint}
        made = Op(forward, vjps, cases=cases, **how)  # type: ignore[arg-type]
        if register:
            OPS[made.__name__] = made
        return made

    return decorate


def composite(*, cases: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a derived function, so that the generated tests exercise it on these cases too."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS[function.__name__] = Composite(function, cases)
        return function

    return decorate


def several(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Mark the results of one call as views of one tensor: PyTorch refuses in-place writes to such."""
    if values and isinstance(values[0], runtime.Tensor):
        runtime.mark_several(values)
    return values


def fused(kernel: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run ``kernel`` when every argument is an array, and the decorated formula when one is a Tensor.

    For derivatives whose formula makes many passes over memory: the ordinary backward pass takes the kernel, the
    recorded one (``create_graph=True``) the formula, which is differentiable to any order.
    """

    def decorate(formula: Callable[..., Any]) -> Callable[..., Any]:
        def choose(*args: Any) -> Any:
            recorded = any(isinstance(value, runtime.Tensor) for value in args)
            return formula(*args) if recorded else kernel(*args)

        choose.__name__, choose.__doc__ = formula.__name__, formula.__doc__
        return choose

    return decorate
