"""Use a model and leave no trace: mode, buffers and random numbers are put back, also after an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...creation import tensor
from ...dtypes import get_default_dtype
from ...nn import Module
from ...random import fork_rng
from ...tensor import Tensor
from .reading import read_array

__all__ = ["evaluating", "model_input"]


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Put a model into evaluation mode for a while; any other callable is taken as it is.

    Afterwards every module has the mode it had, every buffer the values it had, and the default random generator
    stands where it stood.
    """
    modules = list(model.modules()) if isinstance(model, Module) else []
    modes = [(module, module.training) for module in modules]
    buffers = [(m, name, b, b.array.copy()) for m in modules for name, b in m.named_buffers(recurse=False)]
    with fork_rng():
        try:
            if modules:
                model.eval()
            yield
        finally:
            for module, training in modes:
                module.training = training
            for module, name, buffer, values in buffers:
                _put_back(module, name, buffer, values)


def _put_back(module: Module, name: str, buffer: Tensor, values: Any) -> None:
    """Undo what a forward did to a buffer, by writing to it or by putting another in its place."""
    if getattr(module, name) is not buffer:
        setattr(module, name, buffer)
    if buffer.array.tobytes() != values.tobytes():  # as bytes: a NaN differs from itself
        buffer.array[...] = values


def model_input(model: Any, x: Any) -> Tensor:
    """Copy an input into a tensor of the dtype that the model computes in.

    Of a callable that is no Module this is not known: then arrays and tensors of floats keep their dtype, and all else
    becomes the default dtype.
    """
    parameters = model.parameters() if isinstance(model, Module) else ()
    dtype = next((p.dtype for p in parameters if p.dtype.kind == "f"), None)
    array = read_array(x)
    if dtype is None:
        has_own = isinstance(x, (Tensor, np.ndarray)) and array.dtype.kind == "f"
        dtype = array.dtype if has_own else np.dtype(get_default_dtype())
    return tensor(array, dtype=dtype)
