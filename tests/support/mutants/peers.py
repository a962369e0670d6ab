"""The checkers that a mutant is given to, ours and others': each says whether it refuses a function at some inputs.

A mutant stays what it is, an op on NumPy arrays: PyTorch and JAX get a function of theirs whose forward and backward
call the mutant's. All are asked with their defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygrad_edu as tg
from support.calls import Call, as_tensors, each, flat, is_float, leaves, outputs

__all__ = ["CHECKERS", "PEERS", "jax_refuses", "ours", "torch_fast_refuses", "torch_refuses"]

Function = Callable[..., Any]


class Recording:
    """One run of a function on arrays, with the graph to go back through."""

    def __init__(self, function: Function, call: Call, arrays: Sequence[np.ndarray[Any, Any]]) -> None:
        rest = iter(arrays)
        inputs = each(lambda v: next(rest) if is_float(v) else v, call.inputs())
        self.tensors = as_tensors(inputs)
        found = outputs(function(*self.tensors, **call.case.params))
        self.results = [r for r in found if isinstance(r, tg.Tensor) and r.requires_grad]

    def backward(self, given: Sequence[np.ndarray[Any, Any]]) -> list[Any]:
        """Give the gradient of every floating input; None where there is none."""
        gradients = [tg.from_numpy(np.asarray(g)) for g in given]
        found = tg.autograd.grad(self.results, leaves(self.tensors), gradients, retain_graph=True, allow_unused=True)
        return [None if g is None else g.numpy() for g in found]


def ours(function: Function, call: Call, order: int = 1) -> Any:
    """Give our report."""
    from tinygrad_edu.testing import check_gradients

    return check_gradients(function, as_tensors(call.inputs()), kwargs=dict(call.case.params), order=order)


def torch_refuses(function: Function, call: Call, fast: bool = False) -> bool:
    """Tell whether ``torch.autograd.gradcheck`` refuses a function."""
    import torch

    class Bridge(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            ctx.recording = Recording(function, call, [x.detach().numpy() for x in inputs])
            return tuple(torch.from_numpy(np.array(r.array)) for r in ctx.recording.results)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, *grads: Any) -> Any:
            found = ctx.recording.backward([g.numpy() for g in grads])
            return tuple(None if g is None else torch.from_numpy(np.array(g)) for g in found)

    inputs = [torch.from_numpy(np.array(v)).requires_grad_() for v in flat(call.inputs()) if is_float(v)]
    return not torch.autograd.gradcheck(Bridge.apply, inputs, fast_mode=fast, raise_exception=False)


def torch_fast_refuses(function: Function, call: Call) -> bool:
    """Tell whether it does with ``fast_mode=True``."""
    return torch_refuses(function, call, fast=True)


def jax_refuses(function: Function, call: Call) -> bool:
    """Tell whether ``jax.test_util.check_grads`` refuses a function; in reverse mode, as it has no forward one."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]
    recordings: list[Recording] = []

    def record(*inputs: Any) -> tuple[Any, ...]:
        recordings.append(Recording(function, call, [np.array(x) for x in inputs]))
        return tuple(jax.numpy.asarray(np.array(r.array)) for r in recordings[-1].results)

    def forward(*inputs: Any) -> tuple[Any, Any]:
        return record(*inputs), len(recordings) - 1

    def backward(number: Any, grads: Any) -> Any:
        found = recordings[int(number)].backward([np.array(g) for g in grads])
        arrays = [v for v in flat(call.inputs()) if is_float(v)]
        return tuple(jax.numpy.asarray(np.zeros(v.shape) if g is None else g) for v, g in zip(arrays, found))

    bridge = jax.custom_vjp(record)
    bridge.defvjp(forward, backward)
    inputs = tuple(jax.numpy.asarray(v) for v in flat(call.inputs()) if is_float(v))
    try:
        check_grads(bridge, inputs, order=1, modes=["rev"])  # type: ignore[no-untyped-call]
    except AssertionError:
        return True
    return False


PEERS: dict[str, dict[str, Callable[[Function, Call], bool]]] = {
    "torch": {"torch slow": torch_refuses, "torch fast": torch_fast_refuses},
    "jax": {"jax": jax_refuses},
}
"""The names of what is measured, by the package that it belongs to."""

CHECKERS = {name: check for group in PEERS.values() for name, check in group.items()}
