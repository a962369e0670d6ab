"""Dropout as functions: what is random about it. The multiplication by a mask is an op."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .. import random
from ..creation import from_numpy
from ..ops.dropout import masked_scale

__all__ = [
    "alpha_dropout",
    "dropout",
    "dropout1d",
    "dropout2d",
]


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Set each element to zero with probability ``p``, and scale the others by ``1 / (1 - p)``.

    Parameters
    ----------
    input : Tensor of shape (*)
        The values.
    p : float
        The probability of a zero, in [0, 1].
    training : bool
        When False, the input is returned as it is.
    inplace : bool
        Whether to write into the input.

    Raises
    ------
    ValueError
        If ``p`` is no probability.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: A Simple Way to Prevent
    Neural Networks from Overfitting", 2014.
    """
    _check_probability(p)
    if not training or p == 0.0:
        return input
    return _masked(input, input.shape, p, inplace)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Set whole channels of ``(N, C, L)`` or ``(C, L)`` to zero with probability ``p``."""
    _check_probability(p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. It sets "
            "channels of (N, C, L) or (C, L) to zero; use dropout for other inputs."
        )
    if not training or p == 0.0:
        return input
    return _masked(input, (*input.shape[:-1], 1), p, inplace)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Set whole channels of ``(N, C, H, W)`` to zero with probability ``p``."""
    _check_probability(p)
    if input.ndim != 4:
        warnings.warn(
            f"dropout2d: Received a {input.ndim}-D input to dropout2d; it sets channels of "
            "(N, C, H, W) to zero, and takes axes 0 and 1 as N and C. Use dropout or dropout1d.",
            stacklevel=2,
        )
    if not training or p == 0.0:
        return input
    return _masked(input, (*input.shape[:2], *(1,) * (input.ndim - 2)), p, inplace)


def _check_probability(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _masked(input: Any, shape: tuple[int, ...], p: float, inplace: bool) -> Any:
    """Multiply by a random mask of a shape that broadcasts against the input."""
    mask, scale = _draw(shape, 1.0 - p), 1.0 / (1.0 - p) if p < 1.0 else 0.0
    if inplace:
        return input.mul_(from_numpy(mask * input.dtype.type(scale)))
    return masked_scale(input, mask, scale)


def _draw(shape: tuple[int, ...], p: float) -> Any:
    """Draw True with probability ``p``, to the nearest multiple of 2**-32.

    A number of 64 bits decides two elements: that takes two thirds of the time of drawing floats to compare with ``p``.
    """
    count = math.prod(shape)
    words = random.default_generator.numpy.integers(0, 2**64, (count + 1) // 2, np.uint64)
    halves = words.astype("<u8", copy=False).view("<u4")  # the same ones whatever the machine's byte order
    return np.less(halves[:count].reshape(shape), min(round(p * 2**32), 2**32 - 1))


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout that keeps mean 0 and variance 1 of an input that has them.

    What is dropped becomes SELU's limit at minus infinity, and the result is scaled and shifted.

    References
    ----------
    Klambauer, Unterthiner, Mayr, Hochreiter, "Self-Normalizing Neural Networks", 2017.
    """
    _check_probability(p)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return input.mul_(0.0) if inplace else input * 0.0
    limit = -1.7580993408473766  # of SELU at minus infinity: -scale * alpha
    mask = _draw(input.shape, 1.0 - p)
    scale = 1.0 / math.sqrt((limit * limit * p + 1.0) * (1.0 - p))
    kind = input.dtype.type
    kept = from_numpy(mask * kind(scale))
    filled = from_numpy(~mask * kind(scale * limit) - kind(scale * limit * p))
    return input.mul_(kept).add_(filled) if inplace else input * kept + filled
