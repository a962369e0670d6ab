"""Counting the bytes that are allocated, and those that a graph keeps."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.autograd.graph import topological
from tinygrad_edu.record import OpNode


class Meter:
    """Bytes that Python and NumPy have allocated since it was made."""

    def __init__(self) -> None:
        gc.collect()
        tracemalloc.reset_peak()
        self.base = tracemalloc.get_traced_memory()[0]

    @property
    def now(self) -> int:
        return tracemalloc.get_traced_memory()[0] - self.base

    @property
    def peak(self) -> int:
        return tracemalloc.get_traced_memory()[1] - self.base


@contextmanager
def metered() -> Iterator[Meter]:
    tracemalloc.start()
    try:
        yield Meter()
    finally:
        tracemalloc.stop()


def normal(*shape: int, grad: bool = False) -> tg.Tensor:
    values = np.random.default_rng(sum(shape)).standard_normal(shape)
    return tg.tensor(values, dtype=np.float32, requires_grad=grad)


def arrays_in(value: Any) -> list[np.ndarray]:
    if isinstance(value, tg.Tensor):
        value = value.array
    if isinstance(value, np.ndarray):
        return [value]
    return [a for part in value for a in arrays_in(part)] if isinstance(value, (tuple, list)) else []


def kept_bytes(result: tg.Tensor, *known: tg.Tensor) -> int:
    """Count the memory that a graph keeps for its backward pass, each once; not that of ``known`` tensors."""
    owners = {}
    for node in topological([result.grad_fn]):
        if isinstance(node, OpNode):
            inputs, _, out, residual = node.saved
            for array in arrays_in((inputs, out[0] if out else (), residual)):
                owner = array if array.base is None else array.base
                owners[id(owner)] = owner
    for tensor in known:
        owners.pop(id(tensor.array if tensor.array.base is None else tensor.array.base), None)
    return sum(owner.nbytes for owner in owners.values())
