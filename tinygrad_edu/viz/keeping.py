"""What a node keeps for the backward pass, by name, in bytes, and on whose memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd.function import FunctionNode
from ..autograd.graph import Node
from ..autograd.leaf import Leaf
from ..nn import Parameter
from ..record import OpNode
from ..tensor import Tensor
from .items import Item, Kept

__all__ = ["kept_by", "kept_in_all"]


def kept_by(node: Node) -> list[Kept]:
    """List what a node keeps; nothing once it was released."""
    return [_kept(*found) for found in _values(node)]


def kept_in_all(items: list[Item]) -> int:
    """Add up the bytes that a graph keeps beside its leaves, each memory once."""
    memories = {kept.memory: kept.bytes for item in items for kept in item.kept if not kept.parameter}
    return sum(memories.values())


def _values(node: Node) -> Iterator[tuple[str, Any]]:
    """Go through what a node keeps: Tensors and arrays, with their names."""
    if isinstance(node, FunctionNode):
        yield from ((f"saved_tensors[{i}]", tensor) for i, (tensor, *_) in enumerate(node.saved) if tensor is not None)
    elif isinstance(node, OpNode) and node.saved is not None:
        inputs, _, out, residual = node.saved
        for name, value in zip(node.op.names, inputs):
            yield from _arrays(name, value)
        yield from _arrays("out", out[0] if out is not None else None)
        yield from _arrays("residual", residual)


def _arrays(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (Tensor, np.ndarray)):
        yield name, value
    elif isinstance(value, (tuple, list)):
        for i, part in enumerate(value):
            yield from _arrays(f"{name}[{i}]", part)


def _kept(name: str, value: Any) -> Kept:
    array = value.array if isinstance(value, Tensor) else value
    base = array
    while isinstance(base.base, np.ndarray):
        base = base.base
    is_leaf = isinstance(value, Tensor) and (isinstance(value._node, Leaf) or isinstance(value, Parameter))
    return Kept(name, array.nbytes if base is array else min(base.nbytes, array.nbytes), id(base), is_leaf)
