"""Keeping gradients small: all together by their norm, or each element by its value.

They are changed in place, outside the graph; their versions count.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...autograd.versions import increment_version
from ...creation import from_numpy
from ...creation import tensor as make_tensor
from ...tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Tensors = Tensor | Iterable[Tensor]


def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients alike, so that their norm together is at most ``max_norm``.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Whose ``.grad`` is scaled, where there is one.
    max_norm : float
        The norm that is allowed.
    norm_type : float
        Which p-norm; ``inf`` for the largest element.
    error_if_nonfinite : bool
        Whether a norm that is inf or nan raises, instead of spreading.
    foreach : optional
        Accepted for PyTorch programs; it changes nothing.

    Returns
    -------
    Tensor of shape ()
        The norm before.

    Raises
    ------
    RuntimeError
        If the norm is not finite and ``error_if_nonfinite`` is set.

    References
    ----------
    Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", 2013.
    """
    listed = _listed(parameters)
    if not listed and isinstance(parameters, types.GeneratorType):
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    grads = [p.grad for p in listed if p.grad is not None]
    total_norm = get_total_norm(grads, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(listed, max_norm, total_norm)
    return total_norm


def get_total_norm(
    tensors: Tensors,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Return the p-norm of all tensors together, as if they were one vector; a 0-d tensor.

    The parameters are those of :func:`clip_grad_norm_`.
    """
    arrays = [t.array for t in _listed(tensors)]
    if not arrays:
        return make_tensor(0.0)
    norms = np.stack([np.linalg.norm(a.ravel(), norm_type) for a in arrays])
    total = np.linalg.norm(norms, norm_type)
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients from `parameters` is "
            "non-finite, so it cannot be clipped. To disable this error and scale the gradients by "
            "the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return from_numpy(np.asarray(total))


def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients by ``max_norm / total_norm`` where that makes them smaller.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Whose ``.grad`` is scaled, where there is one.
    max_norm : float
        The norm that is allowed.
    total_norm : Tensor of shape ()
        The norm that they have, as :func:`get_total_norm` gives it.
    foreach : optional
        Accepted for PyTorch programs; it changes nothing.
    """
    grads = [p.grad for p in _listed(parameters) if p.grad is not None]
    factor = np.minimum(max_norm / (total_norm.array + 1e-6), 1.0)
    for grad in grads:
        grad.array *= grad.dtype.type(factor)
    increment_version(grads, "clip_grad_norm_")


def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Bring every element of the gradients into ``[-clip_value, clip_value]``.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Whose ``.grad`` is clipped, where there is one.
    clip_value : float
        The largest value that is allowed.
    foreach : optional
        Accepted for PyTorch programs; it changes nothing.
    """
    clip_value = float(clip_value)
    grads = [p.grad for p in _listed(parameters) if p.grad is not None]
    for grad in grads:
        np.clip(grad.array, -clip_value, clip_value, out=grad.array)
    increment_version(grads, "clip_grad_value_")


def _listed(tensors: Tensors) -> list[Any]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)
