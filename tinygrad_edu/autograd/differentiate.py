"""``backward`` and ``grad``: from tensors to nodes, and from what the walk returns to tensors again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..op import runtime
from .graph import Node, run
from .modes import modes

__all__ = ["backward", "grad", "walk"]


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradient of ``tensors`` to the ``.grad`` of the leaves that they were computed from.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
        Where to start.
    grad_tensors : Tensor, None, or sequence of these
        The gradient that arrives at each, in its shape. None stands for 1 where there is one element.
    retain_graph : bool, optional
        Keep what the graph saved, for another backward. Default: ``create_graph``.
    create_graph : bool
        Record the backward pass too, so that its result can be differentiated.
    inputs : Tensor or sequence of Tensor, optional
        Accumulate into these only.

    Raises
    ------
    RuntimeError
        If a tensor has several elements and no gradient was given, requires no grad, or the graph was freed.
    """
    roots = _roots("backward", _listed(tensors), _listed(grad_tensors), create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        walk(roots, None, retain, create_graph)
        return
    wanted = _listed(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `backward` cannot be empty; leave it out for all leaves.")
    nodes = _nodes(wanted)
    for tensor in wanted:
        tensor.retain_grad()  # a leaf keeps its gradient anyway
    walk(roots, nodes, retain, create_graph, accumulate=True)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of ``outputs`` with respect to ``inputs``, and leave every ``.grad`` as it is.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensor
        What to differentiate, and with respect to what.
    grad_outputs : Tensor, None, or sequence of these
        The gradient that arrives at each output.
    retain_graph, create_graph : bool
        As in :func:`backward`.
    allow_unused : bool, optional
        Return None for an input that the outputs do not depend on, instead of raising.
    materialize_grads : bool
        Return zeros instead of None.

    Returns
    -------
    tuple of Tensor or None
        One gradient for each input, in its shape and dtype.

    Raises
    ------
    RuntimeError
        If an input requires no grad, or was not used and ``allow_unused`` is not set.
    """
    if not only_inputs or is_grads_batched:
        option = "is_grads_batched=True" if is_grads_batched else "only_inputs=False"
        raise NotImplementedError(f"grad: {option} is not offered; call grad once for each gradient.")
    if allow_unused is False and materialize_grads:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True.")
    wanted = _listed(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad` cannot be empty; name what to differentiate with respect to.")
    roots = _roots("grad", _listed(outputs), _listed(grad_outputs), create_graph)
    nodes = _nodes(wanted)
    captured = walk(roots, nodes, create_graph if retain_graph is None else retain_graph, create_graph)
    found = [captured[node] for node in nodes]
    if not (allow_unused or materialize_grads):
        for i, g in enumerate(found):
            if g is None:
                raise RuntimeError(
                    f"One of the differentiated Tensors (inputs[{i}], shape {list(wanted[i].shape)}) appears to "
                    "not have been used in the graph. Set allow_unused=True if this is the desired behavior."
                )
    return tuple([_result(g, tensor, materialize_grads) for g, tensor in zip(found, wanted)])


def walk(
    roots: list[tuple[Node, Any]], targets: Any, retain: bool, create_graph: bool, accumulate: bool = False
) -> dict[Node, Any]:
    """Run the walk in the grad mode of a backward pass, and leave floating-point warnings to the numbers."""
    before, modes.grad = modes.grad, create_graph and not modes.inference
    try:
        with np.errstate(all="ignore"):
            return run(roots, targets=targets, accumulate=accumulate, retain_graph=retain, create_graph=create_graph)
    finally:
        modes.grad = before


def _listed(value: Any) -> list[Any]:
    if value is None or isinstance(value, runtime.Tensor):
        return [value]
    return list(value)


def _nodes(tensors: Sequence[Any]) -> list[Node]:
    """Return the node of each input."""
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, runtime.Tensor):
            raise RuntimeError(f"all inputs have to be Tensors, but inputs[{i}] is a {type(tensor).__name__}.")
        if not tensor.requires_grad:
            raise RuntimeError(
                f"One of the differentiated Tensors does not require grad: inputs[{i}] of shape "
                f"{list(tensor.shape)}; call requires_grad_() on it before it is used."
            )
    return [tensor._edge for tensor in tensors]


def _roots(who: str, outputs: list[Any], given: list[Any], create_graph: bool) -> list[tuple[Node, Any]]:
    """Pair every output's node with the gradient that arrives there."""
    if len(given) == 1 and given[0] is None:
        given = given * len(outputs)
    if len(given) != len(outputs):
        raise RuntimeError(f"{who}: got {len(outputs)} tensors and {len(given)} gradients; give one for each.")
    roots = []
    for i, (tensor, g) in enumerate(zip(outputs, given)):
        node = tensor._edge
        if node is None:
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn: it was not computed "
                "from a tensor with requires_grad=True, or was detached, or made under no_grad()."
            )
        g = _first_gradient(tensor, g)
        roots.append((node, g if create_graph else g.array))
    return roots


def _first_gradient(tensor: Any, g: Any) -> Any:
    """Check the gradient that arrives at an output; one where it may be left out."""
    if g is None:
        if tensor.array.size != 1:
            raise RuntimeError(
                f"grad can be implicitly created only for scalar outputs; this one has shape {list(tensor.shape)}. "
                "Reduce it (sum(), mean()) or pass gradient= in its shape."
            )
        return runtime.wrap(np.ones_like(tensor.array))
    if not isinstance(g, runtime.Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}.")
    if g.shape != tensor.shape:
        raise RuntimeError(
            f"Mismatch in shape: the gradient has a shape of {list(g.shape)} and the output has a shape of "
            f"{list(tensor.shape)}; they must be equal."
        )
    return g if g.dtype == tensor.dtype else g.to(tensor.dtype)


def _result(g: Any, tensor: Any, materialize: bool) -> Any:
    if g is None:
        return runtime.wrap(np.zeros_like(tensor.array)) if materialize else None
    if isinstance(g, runtime.Tensor):
        return g
    # A gradient that is shared or read-only (an expanded one) becomes an array of its own.
    return runtime.wrap(g if isinstance(g, np.ndarray) and g.base is None and g.flags.writeable else np.array(g))
