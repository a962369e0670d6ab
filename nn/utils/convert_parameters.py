"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...ops.joining import cat
from ...tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Any:
    """Join parameters into one vector; recorded, as any operation.

    Parameters
    ----------
    parameters : iterable of Tensor
        Of any shapes.

    Returns
    -------
    Tensor of shape (K,)
        With K the number of all their elements.
    """
    return cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Put the parts of a vector into parameters, one after the other.

    Parameters
    ----------
    vec : Tensor of shape (K,)
        Their values; the parameters share its memory afterwards.
    parameters : iterable of Tensor
        Of any shapes, with K elements together.

    Raises
    ------
    TypeError
        If ``vec`` is not a Tensor.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected Tensor, but got: {type(vec).__name__}")
    values, place = vec.detach(), 0
    for parameter in parameters:
        size = parameter.array.size
        parameter.data = values[place : place + size].reshape(parameter.shape)
        place += size
