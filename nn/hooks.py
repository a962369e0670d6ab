"""Functions that a module calls on the way: around its forward and around its part of backward.

It knows how a call with hooks runs; what a module holds stands in ``module``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..autograd import Function, is_grad_enabled
from ..autograd.hooks import RemovableHandle, add_hook
from ..creation import zeros
from ..tensor import Tensor

__all__ = ["HookMethods", "HookTables", "call_with_hooks"]


Watch = Callable[[tuple[Any, ...]], Any]


class ForwardHook(NamedTuple):
    """A forward or forward-pre hook and how it wants to be called."""

    function: Callable[..., Any]
    with_kwargs: bool
    always_call: bool = False


class HookTables:
    """All hooks of one module, by what they wait for; made when the first hook is registered."""

    def __init__(self) -> None:
        self.forward_pre: dict[int, ForwardHook] = {}
        self.forward: dict[int, ForwardHook] = {}
        self.backward_pre: dict[int, Callable[..., Any]] = {}
        self.backward: dict[int, Callable[..., Any]] = {}
        self.state_pre: dict[int, Callable[..., Any]] = {}
        self.state: dict[int, Callable[..., Any]] = {}
        self.load_pre: dict[int, Callable[..., Any]] = {}
        self.load: dict[int, Callable[..., Any]] = {}


class HookMethods:
    """The ``register_..._hook`` methods of a module."""

    _hooks: HookTables | None = None  # a class attribute: a module without hooks pays one comparison

    def _tables(self) -> HookTables:
        if self._hooks is None:
            self._hooks = HookTables()
        return self._hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before every forward.

        Parameters
        ----------
        hook : callable
            What it returns, if not None, replaces the positional arguments (a single value is
            wrapped in a tuple). With ``with_kwargs`` it is called as ``hook(module, args,
            kwargs)`` and may return ``(args, kwargs)``.
        prepend : bool
            Run before the hooks that are registered already, instead of after them.
        with_kwargs : bool
            Whether the hook receives the keyword arguments.

        Returns
        -------
        RemovableHandle
            ``handle.remove()`` takes the hook out.
        """
        return _put(self._tables().forward_pre, ForwardHook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after every forward.

        Parameters
        ----------
        hook : callable
            What it returns, if not None, replaces the output. With ``with_kwargs`` it is called as
            ``hook(module, args, kwargs, output)``.
        prepend : bool
            Run before the hooks that are registered already, instead of after them.
        with_kwargs : bool
            Whether the hook receives the keyword arguments.
        always_call : bool
            Call it also when forward raises.

        Returns
        -------
        RemovableHandle
            ``handle.remove()`` takes the hook out.
        """
        return _put(self._tables().forward, ForwardHook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs are known.

        What it returns, if not None, is the tuple of gradients that goes on.
        """
        return _put(self._tables().backward_pre, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the inputs' gradients are known.

        Both are tuples, with None for what is not a tensor or wants no gradient. What the hook
        returns, if not None, replaces ``grad_input``. Inputs given by keyword are not seen.
        """
        return _put(self._tables().backward, hook, prepend)


def _put(table: dict[int, Any], hook: Any, prepend: bool) -> RemovableHandle:
    """Register a hook, after the others or before them."""
    others = dict(table) if prepend else {}
    handle = add_hook(table, hook)
    for key, other in others.items():
        del table[key]
        table[key] = other
    return handle


def call_with_hooks(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run ``module.forward`` with everything that is registered around it."""
    tables: HookTables = module._hooks
    called: set[int] = set()
    try:
        args, kwargs = _before_forward(module, args, kwargs)
        passage = None
        if tables.backward or tables.backward_pre:
            passage = _Passage(module, tables)
            args = passage.enter(args)
        result = module.forward(*args, **kwargs)
        for key, hook in tuple(tables.forward.items()):
            called.add(key)
            replaced = _call_forward_hook(hook, module, args, kwargs, result)
            result = result if replaced is None else replaced
        return result if passage is None else passage.leave(result)
    except Exception:
        waiting = [h for k, h in tables.forward.items() if h.always_call and k not in called]
        _call_after_failure(waiting, module, args, kwargs)
        raise


def _before_forward(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    for hook in tuple(module._hooks.forward_pre.values()):
        if not hook.with_kwargs:
            result = hook.function(module, args)
            if result is not None:
                args = result if isinstance(result, tuple) else (result,)
            continue
        result = hook.function(module, args, kwargs)
        if result is None:
            continue
        if not (isinstance(result, tuple) and len(result) == 2):
            raise RuntimeError(
                f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {result}."
            )
        args, kwargs = result
    return args, kwargs


def _call_forward_hook(
    hook: ForwardHook, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> Any:
    if hook.with_kwargs:
        return hook.function(module, args, kwargs, result)
    return hook.function(module, args, result)


def _call_after_failure(
    hooks: Sequence[ForwardHook], module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Call the hooks that want it even when forward raised; what they raise becomes a warning."""
    result = None
    for hook in hooks:
        try:
            replaced = _call_forward_hook(hook, module, args, kwargs, result)
            result = result if replaced is None else replaced
        except Exception as error:
            warnings.warn(
                "module forward hook with ``always_call=True`` raised an exception that was "
                f"silenced as another error was raised in forward: {error}",
                stacklevel=4,
            )


class _Gate(Function):
    """Hands values through, and shows ``watch`` the gradients that come back; it may replace them.

    One node for all values, so that ``watch`` sees their gradients together; with ``fill`` it sees
    zeros where none came.
    """

    @staticmethod
    def forward(ctx: Any, watch: Watch, fill: bool, *values: Tensor) -> Any:
        ctx.watch, ctx.fill = watch, fill
        ctx.kinds = [(value.shape, value.dtype) for value in values]
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*[v for v in values if not v.requires_grad])
        return values

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if ctx.fill:
            kinds = ctx.kinds
            grads = tuple(zeros(s, dtype=d) if g is None else g for g, (s, d) in zip(grads, kinds))
        return None, None, *ctx.watch(grads)


class _Passage:
    """One call of a module with backward hooks: a gate behind its inputs, one behind its outputs.

    Backward reaches the outputs' gate first; it leaves its gradients here for when the inputs'
    gate is reached.
    """

    def __init__(self, module: Any, tables: HookTables) -> None:
        self.module = module
        self.hooks = tuple(tables.backward.values())
        self.pre_hooks = tuple(tables.backward_pre.values())
        self.n_inputs = 0
        self.inputs: list[int] | None = None  # where the tensors are among the arguments; None: no gate
        self.n_outputs = 0
        self.outputs: list[int] | None = None
        self.grad_output: tuple[Any, ...] | None = None

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Put a gate behind the inputs."""
        self.n_inputs = len(args)
        args, self.inputs = _through_gate(self._at_inputs, True, args)
        return args

    def leave(self, result: Any) -> Any:
        """Put a gate behind the outputs."""
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple "
                f"of Tensors but received {type(result)}",
                stacklevel=4,
            )
        outputs = result if isinstance(result, tuple) else (result,)
        self.n_outputs = len(outputs)
        outputs, self.outputs = _through_gate(self._at_outputs, False, outputs)
        return outputs if isinstance(result, tuple) else outputs[0]

    def _at_outputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        assert self.outputs is not None
        grad_output = _spread(self.outputs, grads, self.n_outputs)
        for hook in self.pre_hooks:
            replaced = hook(self.module, grad_output)
            if replaced is not None:
                _check_count("pre hook", "grad_output", replaced, grad_output)
                grad_output = replaced
        self.grad_output = grad_output
        if self.inputs is None:
            self._without_inputs()
        return tuple(grad_output[i] for i in self.outputs)

    def _at_inputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.grad_output is None or self.inputs is None:
            return grads  # the gradient came past the outputs: in a double backward
        grad_input = _spread(self.inputs, grads, self.n_inputs)
        for hook in self.hooks:
            replaced = hook(self.module, grad_input, self.grad_output)
            if replaced is not None:
                _check_count("hook", "grad_input", replaced, grad_input)
                grad_input = replaced
        self.grad_output = None
        return tuple(grad_input[i] for i in self.inputs)

    def _without_inputs(self) -> None:
        """Call the hooks at the outputs, as no input wants a gradient."""
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module "
            "outputs since no inputs require gradients.",
            stacklevel=2,
        )
        nothing = (None,) * self.n_inputs
        for hook in self.hooks:
            replaced = hook(self.module, nothing, self.grad_output)
            if replaced is not None and any(g is not None for g in replaced):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )
        self.grad_output = None


def _through_gate(watch: Watch, fill: bool, values: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int] | None]:
    """Send the tensors among the values through a gate; say where they are, None: no gate."""
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    if not (is_grad_enabled() and any(values[i].requires_grad for i in places)):
        return values, None
    passed = list(values)
    for i, value in zip(places, _Gate.apply(watch, fill, *[values[i] for i in places])):
        passed[i] = value
    return _like(values, passed), places


def _like(values: tuple[Any, ...], passed: list[Any]) -> tuple[Any, ...]:
    """Make a tuple, or a named tuple where it was one."""
    return tuple(passed) if type(values) is tuple else type(values)(*passed)


def _spread(places: list[int], grads: Sequence[Any], n: int) -> tuple[Any, ...]:
    """Put gradients in the places of their tensors, None elsewhere."""
    spread: list[Any] = [None] * n
    for place, g in zip(places, grads):
        spread[place] = g
    return tuple(spread)


def _check_count(kind: str, what: str, got: Any, expected: tuple[Any, ...]) -> None:
    if len(got) != len(expected):
        raise RuntimeError(
            f"Backward {kind} returned an invalid number of {what}, got {len(got)}, but expected {len(expected)}"
        )
