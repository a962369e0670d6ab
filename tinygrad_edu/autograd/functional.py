"""Derivatives of functions: products with the Jacobian and the Hessian, and these matrices themselves.

Everything is derived from ``grad``; a product with the Jacobian from the right is two products from the left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..op import runtime
from .differentiate import grad
from .modes import enable_grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Func = Callable[..., Any]


def vjp(func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """Return ``func(*inputs)`` and the product of ``v`` with its Jacobian, v J.

    Parameters
    ----------
    func : callable
        Takes Tensors, returns a Tensor or a tuple of them.
    inputs : Tensor or tuple of Tensor
        Where to differentiate.
    v : Tensor or tuple of Tensor, optional
        In the shape of the outputs; may be left out for one output with one element.
    create_graph : bool
        Record the result, so that it can be differentiated.
    strict : bool
        Raise when an output does not depend on an input, instead of returning zeros.

    Returns
    -------
    outputs, products
        In the forms of func's outputs and of ``inputs``.
    """
    with enable_grad():
        points = _points(inputs, create_graph)
        outputs = func(*points)
        found = _pull("vjp", outputs, points, _vectors(v, outputs), create_graph, strict)
    return _finish(outputs, create_graph), _like(inputs, found)


def jvp(func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """Return ``func(*inputs)`` and the product of its Jacobian with ``v`` (in the shape of the inputs), J v.

    u J is linear in u, and its derivative with respect to u in the direction v is J v.
    """
    with enable_grad():
        points = _points(inputs, create_graph)
        outputs = func(*points)
        v = _vectors(v, _like(inputs, points))
        dummies = [_zeros(out).requires_grad_() for out in _checked("outputs of the function", outputs)]
        pulled = _pull("jvp", outputs, points, dummies, True, strict)
        found = _pull("jvp", pulled, dummies, v, create_graph, False)
        found = _check(found, "jvp", strict, create_graph)
    return _finish(outputs, create_graph), _like(outputs, _cut(found, create_graph))


def jacobian(
    func: Func,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return the Jacobian: for one output and one input a Tensor of shape ``out.shape + in.shape``, else tuples.

    ``vectorize`` is PyTorch's hint for speed and changes nothing; the only ``strategy`` is "reverse-mode".
    """
    _check_strategy("jacobian", strategy)
    with enable_grad():
        points = _points(inputs, create_graph)
        outputs = func(*points)
        rows = [_rows(out, points, create_graph, strict) for out in _checked("outputs of the function", outputs)]
    return _like(outputs, [_like(inputs, row) for row in rows])


def hessian(
    func: Func,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the matrix of second derivatives of a function with one number as result; options as in jacobian."""
    _check_strategy("hessian", outer_jacobian_strategy)

    def first(*points: Any) -> tuple[Any, ...]:
        out = _scalar("hessian", func(*points))
        found = grad(out, points, create_graph=True, allow_unused=True, materialize_grads=not strict)
        return _check(found, "hessian", strict)

    result = jacobian(first, inputs, create_graph, strict)
    if isinstance(inputs, runtime.Tensor):
        return result[0]
    return result


def hvp(func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """Return ``func(*inputs)`` and the product of its Hessian with ``v``, H v.

    The Hessian is symmetric, so this is :func:`vhp`: one derivative of the product of gradient and v.
    """
    return vhp(func, inputs, v, create_graph, strict)


def vhp(func: Func, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """Return ``func(*inputs)`` and the product of ``v`` with its Hessian, v H."""
    with enable_grad():
        points = _points(inputs, create_graph)
        out = _scalar("vhp", func(*points))
        v = _vectors(v, _like(inputs, points))
        first = grad(out, points, create_graph=True, allow_unused=True, materialize_grads=not strict)
        first = _check(first, "vhp", strict)
        found = _pull("vhp", first, points, v, create_graph, strict)
    return _finish(out, create_graph), _like(inputs, found)


def _check_strategy(who: str, strategy: str) -> None:
    if strategy != "reverse-mode":
        raise NotImplementedError(f'{who}: strategy {strategy!r} is not offered; use "reverse-mode".')


def _points(inputs: Any, create_graph: bool) -> tuple[Any, ...]:
    """Make the inputs differentiable: views of them when the result is recorded, else leaves of their own."""
    tensors = _checked("inputs", inputs)
    if create_graph:
        return tuple(t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in tensors)
    return tuple(t.detach().requires_grad_() for t in tensors)


def _checked(what: str, values: Any) -> tuple[Any, ...]:
    """Return a tuple of Tensors."""
    for value in _tuple(values):
        if not isinstance(value, runtime.Tensor):
            raise TypeError(
                f"The {what} must be either a Tensor or a tuple of Tensors, but got {type(value).__name__}."
            )
    return _tuple(values)


def _pull(
    who: str, outputs: Any, points: Sequence[Any], v: Sequence[Any], create_graph: bool, strict: bool
) -> tuple[Any, ...]:
    """Return v J, zeros where an output does not depend on an input."""
    pairs = [(out, u) for out, u in zip(_tuple(outputs), v) if out.requires_grad]
    if len(pairs) < len(v) and strict:
        raise RuntimeError(f"{who}: an output is independent of the inputs; strict=True does not allow it.")
    if not pairs:
        return tuple(_zeros(p) for p in points)
    outs, us = zip(*pairs)
    found = grad(outs, points, us, create_graph=create_graph, allow_unused=True, materialize_grads=not strict)
    return _check(found, who, strict, create_graph)


def _check(found: tuple[Any, ...], who: str, strict: bool, create_graph: bool = False) -> tuple[Any, ...]:
    if strict and any(g is None for g in found):
        raise RuntimeError(f"{who}: the output is independent of one of the inputs; strict=True does not allow it.")
    if strict and create_graph and not all(g.requires_grad for g in found):
        raise RuntimeError(
            f"{who}: the derivative is independent of the inputs; strict=True with create_graph=True does not allow it."
        )
    return found


def _rows(out: Any, points: Sequence[Any], create_graph: bool, strict: bool) -> list[Any]:
    """Return the Jacobian of one output with respect to every input: one backward pass for each element."""
    rows = []
    for index in np.ndindex(out.shape):
        one_hot = np.zeros(out.shape, out.dtype)
        one_hot[index] = 1
        unit = [runtime.wrap(one_hot)]
        with_graph = create_graph or not out.requires_grad
        rows.append(_pull_one("jacobian", out, points, unit, with_graph and out.requires_grad, strict))
    result = []
    for i, point in enumerate(points):
        shape = (*out.shape, *point.shape)
        result.append(_stack([row[i] for row in rows], shape, create_graph) if rows else _zeros_of(shape, point))
    return result


def _pull_one(who: str, out: Any, points: Sequence[Any], v: Any, create_graph: bool, strict: bool) -> tuple[Any, ...]:
    if not out.requires_grad:
        return _pull(who, out, points, v, create_graph, strict)
    found = grad(
        out, points, v, retain_graph=True, create_graph=create_graph, allow_unused=True, materialize_grads=not strict
    )
    return _check(found, who, strict, create_graph)


def _stack(rows: list[Any], shape: tuple[int, ...], create_graph: bool) -> Any:
    if not create_graph:
        return runtime.wrap(np.stack([row.array for row in rows]).reshape(shape))
    from ..ops.joining import stack

    return stack(rows).reshape(shape)


def _zeros(tensor: Any) -> Any:
    return runtime.wrap(np.zeros_like(tensor.array))


def _zeros_of(shape: tuple[int, ...], like: Any) -> Any:
    return runtime.wrap(np.zeros(shape, like.dtype))


def _tuple(values: Any) -> tuple[Any, ...]:
    return values if isinstance(values, tuple) else (values,)


def _like(form: Any, values: Sequence[Any]) -> Any:
    """Return a tuple where the user gave a tuple, else the one value."""
    return tuple(values) if isinstance(form, tuple) else values[0]


def _vectors(v: Any, outputs: Any) -> list[Any]:
    """Check the vectors against what they are multiplied with; 1 where there is one element."""
    outs = _tuple(outputs)
    if v is None:
        if len(outs) != 1 or outs[0].array.size != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single Tensor with a single "
                "element; give one in the shape of the output."
            )
        return [runtime.wrap(np.ones_like(outs[0].array))]
    vectors = list(_tuple(v))
    if [u.shape for u in vectors] != [out.shape for out in outs]:
        raise RuntimeError(
            f"v has the shapes {[list(u.shape) for u in vectors]}, but should have {[list(o.shape) for o in outs]}."
        )
    return vectors


def _scalar(who: str, out: Any) -> Any:
    if not isinstance(out, runtime.Tensor) or out.array.size != 1:
        raise RuntimeError(f"The function given to {who} should return a single Tensor with a single element.")
    return out


def _finish(outputs: Any, create_graph: bool) -> Any:
    return _like(outputs, _cut(_tuple(outputs), create_graph))


def _cut(tensors: Sequence[Any], create_graph: bool) -> Sequence[Any]:
    return tensors if create_graph else [t.detach() for t in tensors]
