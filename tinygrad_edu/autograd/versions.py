"""Telling autograd that memory was written to by something other than an op."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..op import runtime

__all__ = ["increment_version"]


def increment_version(tensor: Any, writer: str = "increment_version") -> None:
    """Count a write to a tensor's memory, so that a graph that kept the old values says so.

    Ops do it themselves. Code that writes to ``tensor.array`` (an optimizer, a kernel of one's own)
    calls it.

    Parameters
    ----------
    tensor : Tensor or iterable of Tensor
        What was written to. Tensors made in inference mode have no version and are passed over.
    writer : str
        The name by which the error of a stale graph calls the writer.
    """
    tensors: Iterable[Any] = (tensor,) if isinstance(tensor, runtime.Tensor) else tensor
    for written in tensors:
        counter = written._counter
        if counter is not None:
            counter[0] += 1
            counter[1] = writer
