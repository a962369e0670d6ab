"""Trading time for memory: parts of a model that are computed again in the backward pass."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from ..autograd import Function, enable_grad, grad, is_grad_enabled
from ..random import fork_rng, get_rng_state, set_rng_state
from ..tensor import Tensor

__all__ = ["checkpoint", "checkpoint_sequential", "noop_context_fn"]

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]


def noop_context_fn() -> Contexts:
    """Return two contexts that do nothing."""
    return nullcontext(), nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Call a function and keep nothing of what it computes on the way; backward calls it again.

    Parameters
    ----------
    function : callable
        A part of a model. It must compute the same when it is called again.
    *args, **kwargs
        What it is called with; tensors may stand inside lists, tuples and dicts. A computed tensor
        that it needs belongs here, not into its closure; parameters may be anywhere.
    use_reentrant : bool
        PyTorch's choice between two implementations; leaving it out causes PyTorch's warning. There
        is one here, and it can do what ``use_reentrant=False`` can; True refuses keyword arguments,
        as in PyTorch.
    preserve_rng_state : bool
        Draw the same random numbers (dropout) in both calls.
    context_fn : callable
        Returns two contexts: the first call runs in one, the call of the backward pass in the other.
        For a function that must know which call it is in; needs ``use_reentrant=False``.
    determinism_check : {"default", "none"}
        Whether the second call must return tensors of the same shapes and dtypes.
    debug, early_stop : bool
        Accepted for PyTorch programs. They change nothing: an error names its reason anyway, and the
        function is always called to its end.

    Returns
    -------
    What the function returns.

    Raises
    ------
    RuntimeError
        In the backward pass, if an argument was written to since, or the function returns something
        else.
    ValueError
        If an option needs ``use_reentrant=False``, or ``determinism_check`` is none of the two.

    References
    ----------
    T. Chen, B. Xu, C. Zhang, C. Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016.
    A. Griewank, A. Walther, "Algorithm 799: revolve", 2000.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> y = checkpoint(lambda x: x * x * x, x, use_reentrant=False)
    >>> y.sum().backward()
    >>> x.grad
    tensor([ 3., 12.])
    """
    _check_reentrant(use_reentrant, kwargs)
    if use_reentrant is not False and (context_fn is not noop_context_fn or debug):
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of 'default' and 'none', but got {determinism_check!r}.")
    first, second = context_fn()
    state = get_rng_state() if preserve_rng_state else None
    with first:
        result = function(*args, **kwargs)
    if not is_grad_enabled():
        return result
    call = _Call(function, args, kwargs, state, second, strict=determinism_check == "default")
    return _recorded(call, result)


def _recorded(call: _Call, result: Any) -> Any:
    """Give a result whose graph is one node, which holds the call and nothing that it computed."""
    inputs = list({id(t): t for t in _tensors((call.args, call.kwargs)) if t.requires_grad}.values())
    ends = {t.grad_fn for t in inputs}
    outputs = {i: t for i, t in enumerate(_tensors(result)) if t.grad_fn not in ends | {None}}
    if not outputs:
        return result
    inputs += _leaves(outputs.values(), inputs)
    # The node saves the inputs, and forgets them after backward; the call must not hold them too.
    places = {id(t): _Place(i) for i, t in enumerate(inputs)}
    call.args, call.kwargs = _swap(call.args, places), _swap(call.kwargs, places)
    call.expected = [(i, t.shape, t.dtype) for i, t in outputs.items()]
    values = [t.detach() for t in outputs.values()]
    made = _Recompute.apply(call, values, *inputs)
    return _swap(result, {id(old): new for old, new in zip(outputs.values(), made)})


def checkpoint_sequential(
    functions: Iterable[Callable[[Any], Any]],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """Call functions one after the other, in segments that are checkpointed; the last one is not.

    Parameters
    ----------
    functions : Sequential, or iterable of callables
        Each gets what the one before returned.
    segments : int
        Into how many parts of equal length they are cut. The square root of their number needs
        least memory.
    input : any
        What the first gets.
    use_reentrant, preserve_rng_state
        As for :func:`checkpoint`.

    Returns
    -------
    What the last function returns.
    """
    _check_reentrant(use_reentrant, {})
    chain = list(functions)
    size = len(chain) // segments
    cuts = [size * i for i in range(segments)]
    for start, end in itertools.pairwise(cuts):
        input = checkpoint(
            functools.partial(_in_turn, chain[start:end]),
            input,
            use_reentrant=bool(use_reentrant),
            preserve_rng_state=preserve_rng_state,
        )
    return _in_turn(chain[cuts[-1] :], input)


def _in_turn(functions: Sequence[Callable[[Any], Any]], value: Any) -> Any:
    for function in functions:
        value = function(value)
    return value


def _check_reentrant(use_reentrant: bool | None, kwargs: dict[str, Any]) -> None:
    if use_reentrant is None:
        warnings.warn(
            "checkpoint: the use_reentrant parameter should be passed explicitly. "
            "use_reentrant=False is recommended; PyTorch's default is True, and will be an error.",
            stacklevel=3,
        )
    if kwargs and use_reentrant is not False:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}; they need use_reentrant=False.")


@dataclass(frozen=True)
class _Place:
    """Stands in a call's arguments where an input belongs."""

    number: int


@dataclass
class _Call:
    """A call that can be made once more; it keeps the tensors that want no gradient, and places for the others."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    state: dict[str, Any] | None  # of the random numbers, as it was before
    context: AbstractContextManager[Any]
    strict: bool
    expected: list[tuple[int, tuple[int, ...], Any]] = field(default_factory=list)  # outputs: place, shape, dtype

    def again(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Call the function on these inputs; return the outputs that want a gradient."""

        def fill(value: Any) -> Any:
            return inputs[value.number] if isinstance(value, _Place) else value

        with nullcontext() if self.state is None else fork_rng(), self.context:
            if self.state is not None:
                set_rng_state(self.state)
            result = self.function(*_mapped(self.args, fill), **_mapped(self.kwargs, fill))
        found = dict(enumerate(_tensors(result)))
        for i, shape, dtype in self.expected:
            if i not in found or not found[i].requires_grad:
                raise RuntimeError(
                    "checkpoint: the function did not return the same when it was called again in the "
                    "backward pass; it must not depend on what changes in between."
                )
            if self.strict and (found[i].shape, found[i].dtype) != (shape, dtype):
                raise RuntimeError(
                    "checkpoint: Recomputed values have different metadata than during the forward pass: output "
                    f"{i} was {list(shape)} {dtype} and is {list(found[i].shape)} {found[i].dtype}. The function "
                    "must not depend on what changes in between."
                )
        return [found[i] for i, _, _ in self.expected]


class _Recompute(Function):
    """Hands out what was computed; calls the function again to differentiate it."""

    @staticmethod
    def forward(ctx: Any, call: _Call, values: list[Tensor], *inputs: Tensor) -> Any:
        ctx.call = call
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs)
        return tuple(values)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        inputs, recorded = ctx.saved_tensors, is_grad_enabled()
        # Cut off from the graph behind them, unless the gradients are to be differentiated again.
        starts = [t if recorded or t.is_leaf else t.detach().requires_grad_() for t in inputs]
        with enable_grad():
            outputs = ctx.call.again(starts)
        reached = [(out, g) for out, g in zip(outputs, grads) if g is not None]
        found = _differentiate(reached, starts, recorded)
        return None, None, *found


def _differentiate(reached: list[tuple[Tensor, Tensor]], starts: list[Tensor], recorded: bool) -> tuple[Any, ...]:
    try:
        return grad(
            [out for out, _ in reached],
            starts,
            [g for _, g in reached],
            retain_graph=True,  # what a closure brought in is not ours to release
            create_graph=recorded,
            allow_unused=True,
        )
    except RuntimeError as error:
        if "a second time" not in str(error):
            raise
        raise RuntimeError(
            "checkpoint: the function uses a tensor of its closure that was computed, and backward "
            "has already freed what led to it. Pass that tensor as an argument."
        ) from error


def _leaves(outputs: Iterable[Tensor], inputs: list[Tensor]) -> list[Tensor]:
    """Find the leaves that a result was computed from, parameters above all, that are no inputs."""
    known = {id(t) for t in inputs}
    seen = {t.grad_fn for t in inputs} | {t.grad_fn for t in outputs}
    stack: list[Any] = [t.grad_fn for t in outputs]
    found = []
    while stack:
        for node, _ in stack.pop().next_functions:
            if node is None or node in seen:
                continue
            seen.add(node)
            stack.append(node)
            leaf = getattr(node, "variable", None)
            if leaf is not None and id(leaf) not in known:
                found.append(leaf)
    return found


# ---- tensors inside lists, tuples and dicts


def _tensors(value: Any) -> list[Tensor]:
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    _mapped(value, note)
    return found


def _swap(value: Any, new: Mapping[int, Any]) -> Any:
    return _mapped(value, lambda tensor: new.get(id(tensor), tensor))


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, (Tensor, _Place)):
        return change(value)
    if type(value) in (dict, OrderedDict):
        return type(value)((key, _mapped(part, change)) for key, part in value.items())
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[_mapped(part, change) for part in value])
    if type(value) in (list, tuple):
        return type(value)([_mapped(part, change) for part in value])
    return value
