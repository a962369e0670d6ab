"""How a mistake is planted: an op copied with some of its derivatives replaced, a function wrapped as a ``Function``.

What the mistake is, it does not know.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.op import Keep, Op
from tinygrad_edu.ops.part import Part

from .derivative import Derivative, Formula, Memory, Remembered

__all__ = ["Change", "differentiable", "mutate_function", "mutate_op"]

Change = Callable[[Derivative], Any]
"""A mistake: takes one call of a derivative, returns a wrong gradient."""


def mutate_op(op: Op, changes: dict[int, Change]) -> Op:
    """Copy an op, with the derivatives at some positions changed; of a variadic op, those of some elements."""
    memory = Memory()
    mutated = copy.copy(op)
    mutated.forward = _remembering(op, memory)
    mutated.joint = None  # it would give the right gradients past the changed formulas
    if op.variadic:
        mutated.vjps = _variadic_vjp(op, changes, memory)
    else:
        mutated.vjps = tuple([_vjp(op, i, changes, memory) for i in range(op.n_inputs)])
    # Everything is kept by value: a mistake may look at what the right derivative has no need of.
    everything = Keep(True, op.residual, range(op.n_inputs), ())
    mutated.keeps = [keep and everything for keep in op.keeps]
    mutated.plans = {}
    return mutated


def _remembering(op: Op, memory: Memory) -> Callable[..., Any]:
    @functools.wraps(op.forward)
    def forward(*args: Any) -> Any:
        result = op.forward(*args)
        out, residual = result if op.residual else (result, None)
        inputs = list(args[0]) if op.variadic else list(args[: op.n_inputs])
        formulas = _formulas(op, [residual] if op.residual else [], args[op.n_inputs :], len(inputs))
        bound = {i: functools.partial(_bound, formula, inputs, out) for i, formula in formulas.items()}
        memory.note(Remembered([np.shape(v) for v in (*inputs, out)], bound))
        return result

    return forward


def _bound(formula: Formula, inputs: Sequence[Any], out: Any, g: Any) -> Any:
    return formula(g, inputs, out)


def _formulas(op: Op, residual: Sequence[Any], params: Sequence[Any], count: int) -> dict[int, Formula]:
    """Give the right derivative of every input as a function of ``(g, inputs, out)``."""
    if op.variadic:
        return {i: functools.partial(_one_of_many, op, residual, params, i) for i in range(count)}
    return {i: functools.partial(_one, op, residual, params, i) for i in range(op.n_inputs) if op.vjps[i] is not None}


def _one(
    op: Op, residual: Sequence[Any], params: Sequence[Any], i: int, g: Any, inputs: Sequence[Any], out: Any
) -> Any:
    keep = op.keeps[i]
    shapes = keep.shapes if keep else ()
    given = [_shape(v) if k in shapes else v for k, v in enumerate(inputs)]
    right = op.vjps[i](g, out, *residual, *given, *params)
    return right.padded() if isinstance(right, Part) else right


def _one_of_many(
    op: Op, residual: Sequence[Any], params: Sequence[Any], i: int, g: Any, inputs: Sequence[Any], out: Any
) -> Any:
    given = tuple([_shape(v) for v in inputs]) if op.keeps[0] and op.keeps[0].shapes else inputs
    return op.vjps(g, out, *residual, i, given, *params)


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))


def _vjp(op: Op, position: int, changes: dict[int, Change], memory: Memory) -> Callable[..., Any] | None:
    if op.vjps[position] is None:
        return None

    def vjp(g: Any, out: Any, *rest: Any) -> Any:
        at = int(op.residual)
        residual, inputs, params = rest[:at], rest[at : at + op.n_inputs], rest[at + op.n_inputs :]
        formulas = _formulas(op, residual, params, op.n_inputs)
        return _wrong(g, inputs, out, position, formulas, changes, memory, params, residual)

    return vjp


def _variadic_vjp(op: Op, changes: dict[int, Change], memory: Memory) -> Callable[..., Any]:
    def vjp(g: Any, out: Any, *rest: Any) -> Any:
        at = int(op.residual)
        residual, i, inputs, params = rest[:at], rest[at], rest[at + 1], rest[at + 2 :]
        formulas = _formulas(op, residual, params, len(inputs))
        return _wrong(g, inputs, out, i, formulas, changes, memory, params, residual)

    return vjp


def _wrong(
    g: Any,
    inputs: Sequence[Any],
    out: Any,
    position: int,
    formulas: dict[int, Formula],
    changes: dict[int, Change],
    memory: Memory,
    params: Sequence[Any] = (),
    residual: Sequence[Any] = (),
) -> Any:
    if position not in changes:
        return formulas[position](g, inputs, out)
    others = {i: formula for i, formula in formulas.items() if i != position}
    call = Derivative(g, inputs, out, position, formulas[position], others, memory, params, *residual)
    return changes[position](call)


def differentiable(values: Sequence[Any]) -> list[Any]:
    """List the Tensors of floating point among arguments, and inside the lists among them."""
    flat = [part for value in values for part in (value if isinstance(value, (list, tuple)) else [value])]
    return [v for v in flat if isinstance(v, tg.Tensor) and v.dtype.kind == "f"]


def mutate_function(function: Callable[..., Any], changes: dict[int, Change]) -> Callable[..., Any]:
    """Wrap a function as a ``Function`` whose backward runs it again and differentiates that; then change this."""
    memory = Memory()

    class Recomputed(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, call: Any, *tensors: Any) -> Any:
            ctx.save_for_backward(*tensors)
            ctx.call = call
            saved = [t.detach() for t in tensors]
            bound = {i: functools.partial(_recompute, call, i, saved) for i in range(len(saved))}
            memory.note(Remembered([t.shape for t in tensors], bound))
            result = call(tensors)
            return tuple(result) if isinstance(result, (list, tuple)) else result

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            tensors = ctx.saved_tensors
            g = grads if len(grads) > 1 else grads[0]
            formulas = _recomputing(ctx.call, len(tensors))
            return (None, *[_wrong(g, tensors, None, i, formulas, changes, memory) for i in range(len(tensors))])

    @functools.wraps(function)
    def mutant(*args: Any, **params: Any) -> Any:
        tensors = differentiable(args)

        def call(values: Sequence[Any]) -> Any:
            rest = iter(values)
            return function(*[_replaced(arg, rest) for arg in args], **params)

        return Recomputed.apply(call, *tensors)

    return mutant


def _replaced(arg: Any, rest: Any) -> Any:
    if isinstance(arg, (list, tuple)):
        return type(arg)([_replaced(part, rest) for part in arg])
    return next(rest) if isinstance(arg, tg.Tensor) and arg.dtype.kind == "f" else arg


def _recomputing(call: Callable[[Sequence[Any]], Any], count: int) -> dict[int, Formula]:
    return {i: lambda g, inputs, _out, i=i: _recompute(call, i, inputs, g) for i in range(count)}  # type: ignore[misc]


def _recompute(call: Callable[[Sequence[Any]], Any], position: int, inputs: Sequence[Any], g: Any) -> Any:
    """Run the function again, and differentiate it with respect to one input."""
    recorded = tg.is_grad_enabled()
    with tg.enable_grad():
        values = [tg.as_tensor(value) for value in inputs]
        # Under create_graph a clone, which leads to the input; else a value without history.
        sources = [v.clone() if recorded and v.requires_grad else v.detach().requires_grad_() for v in values]
        result = call(sources)
        outputs = result if isinstance(result, (list, tuple)) else [result]
        arrived = [tg.as_tensor(part) for part in (g if isinstance(g, tuple) else (g,))]
        pairs = [(o, a) for o, a in zip(outputs, arrived) if o.requires_grad]
        if not pairs:
            return tg.zeros_like(sources[position])
        found = tg.autograd.grad(
            [o for o, _ in pairs],
            sources[position],
            [a for _, a in pairs],
            create_graph=recorded,
            materialize_grads=True,
        )
    return found[0]
